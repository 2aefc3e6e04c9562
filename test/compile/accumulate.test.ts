import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/backprop.ts';
import { compileGraph } from '../../src/compile/compile.ts';
import { blocksOf, type Kernel, type ProductKernel, type Program } from '../../src/compile/program.ts';
import { scan } from '../../src/control/index.ts';
import { compile, setBackend, withUpdates } from '../../src/engine/index.ts';
import {
  input,
  type Parameter,
  parameter,
  type Shape,
  Tensor,
  type Variable,
} from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { adam, type Optimizer, sgd } from '../../src/optim/index.ts';
import { uniform } from '../support/random.ts';
import { kindsOf, perceptron, productsOf, programOf, randomTensor } from './support.ts';
import { type Case, type Pairs, runEverywhere } from './updateCase.ts';

const { slice, flip, add, sub, mul, div, neg, sum, matmul, transpose, square, tanh, relu, reshape } =
  registry;

afterEach(() => setBackend('wasm'));

/** Products that add to what is there. */
const adding = (program: Program): ProductKernel[] =>
  productsOf(program).filter(({ beta }) => beta.scale !== 0);

/** What a product writes: the number of a parameter, or the kind of another place. */
const targetOf = ({ buffers }: Program, { c }: ProductKernel): number | string => {
  const { place } = buffers[c.buffer];
  return place.kind === 'parameter' ? place.index : place.kind;
};

const random = uniform(11);
const matrix = (...shape: number[]): Parameter => parameter(randomTensor(shape, 'float64', random));
const X = randomTensor([6, 5], 'float64', random);

/** The program of a step, which is also run everywhere. */
function programOfStep({ parameters, build }: Case): Program {
  runEverywhere({ parameters, build }, X);
  const x = input(X.shape, { dtype: X.dtype });
  const { outputs, updates } = build(x);
  return compileGraph({ outputs, inputs: [x], updates: new Map(updates) }).program;
}

const updating = (parameters: Parameter[], build: (x: Variable) => Pairs): Program =>
  programOfStep({ parameters, build: (x) => ({ outputs: [], updates: build(x) }) });

describe('a product onto its parameter', () => {
  test.each<[string, (w: Variable, g: Variable) => Variable, number, number]>([
    ['w - 0.1 g', (w, g) => sub(w, mul(0.1, g)), -0.1, 1],
    ['w + g', (w, g) => add(w, g), 1, 1],
    ['g - w', (w, g) => sub(g, w), 1, -1],
    ['0.9 w + g / 4', (w, g) => add(mul(w, 0.9), div(g, 4)), 0.25, 0.9],
    ['-(w + 2 g)', (w, g) => neg(add(w, mul(g, 2))), -2, -1],
    ['3 g', (_, g) => mul(3, g), 3, 0],
    ['g', (_, g) => g, 1, 0],
  ])('%s', (_, formula, alpha, beta) => {
    const [w, a] = [matrix(5, 4), matrix(6, 4)];
    const program = updating([w, a], (x) => [[w, formula(w, matmul(transpose(x), a))]]);
    expect(kindsOf(program)).toEqual(['product']);
    const [product] = productsOf(program);
    expect(product.alpha).toEqual({ scale: alpha });
    expect(product.beta).toEqual({ scale: beta });
    expect(targetOf(program, product)).toBe(program.parameters.findIndex(({ written }) => written));
    expect(program.arenaBytes).toBe(6 * 5 * 8 + 16);
  });

  test('a rate that is read at run time', () => {
    const [w, a, rate] = [matrix(5, 4), matrix(6, 4), parameter(0.3, { dtype: 'float64' })];
    const program = updating([w, a, rate], (x) => [
      [w, sub(w, mul(rate, matmul(transpose(x), a)))],
      [rate, mul(rate, 0.5)],
    ]);
    expect(kindsOf(program)).toEqual(['product', 'loop']);
    expect(adding(program)[0].alpha).toMatchObject({ scale: -1, by: { offset: 0, strides: [] } });
  });

  test('a factor that is computed from numbers read at run time', () => {
    const [w, a] = [matrix(5, 4), matrix(6, 4)];
    const [rate, decay] = [parameter(0.3, { dtype: 'float64' }), parameter(0.1, { dtype: 'float64' })];
    const program = updating([w, a, rate, decay], (x) => [
      [w, sub(mul(0.9, w), mul(mul(0.5, mul(rate, decay)), matmul(transpose(x), a)))],
    ]);
    expect(kindsOf(program)).toEqual(['loop', 'product']);
    expect(adding(program)).toHaveLength(1);
  });

  test('no factor that only the numbers tell hides what is not a number', () => {
    for (const size of [5, 64]) {
      const [w, a] = [matrix(size, 40), matrix(40, 40)];
      const factor = parameter(0, { dtype: 'float64' });
      const x = matrix(size, 40);
      const run = (value: (p: Variable) => Variable): Float64Array => {
        const step = compile(() => withUpdates([], new Map([[w, value(matmul(x, a))]])));
        step();
        return w.value.data as Float64Array;
      };
      const numbers = w.value.data.slice() as Float64Array;
      w.set(numbers.with(3, Number.NaN));
      expect(run((p) => add(mul(factor, w), p))[3]).toBeNaN();
      w.set(numbers);
      x.set((x.value.data as Float64Array).with(0, Number.NaN));
      expect(run((p) => sub(w, mul(factor, p)))[0]).toBeNaN();
    }
  });

  test('factors keep their order where their product might vanish or overflow', () => {
    const [w, a] = [matrix(5, 4), matrix(6, 4)];
    const [tiny, large] = [parameter(1e-200, { dtype: 'float64' }), parameter(1e200, { dtype: 'float64' })];
    updating([w, a, tiny, large], (x) => [
      [w, add(w, mul(tiny, mul(tiny, mul(large, mul(large, matmul(transpose(x), a))))))],
    ]);
  });

  test('a weight stored as the transpose of its gradient', () => {
    const [w, a] = [matrix(4, 5), matrix(6, 4)];
    const program = updating([w, a], (x) => [[w, sub(w, mul(0.1, transpose(matmul(transpose(x), a))))]]);
    expect(kindsOf(program)).toEqual(['product']);
    expect(productsOf(program)[0]).toMatchObject({ n: 4, k: 6, m: 5, c: { rows: 5, columns: 1 } });
  });

  test('a stack of matrices, and a vector', () => {
    const [w, v, a] = [matrix(3, 5, 4), matrix(5), matrix(3, 6, 4)];
    const program = updating([w, v, a], (x) => [
      [w, sub(w, mul(0.1, matmul(transpose(x), a)))],
      [v, add(v, matmul(transpose(x), reshape(sum(a, [0, 2]), [6])))],
    ]);
    expect(adding(program).map(({ batch }) => batch)).toEqual([[3], []]);
    expect(productsOf(program)).toHaveLength(2);
  });

  test('a sum of products that is no longer than the operands', () => {
    const [w, a, b] = [matrix(5, 5), matrix(5, 2), matrix(2, 5)];
    const program = updating([w, a, b], (x) => [
      [w, sub(w, mul(0.1, add(matmul(a, b), matmul(transpose(x), x))))],
    ]);
    expect(kindsOf(program)).toEqual(['product', 'product']);
    expect(adding(program)).toHaveLength(2);
  });

  test('the carry of a scan', () => {
    const [w, a] = [matrix(5, 4), matrix(6, 4)];
    type Row = { x: Variable; a: Variable };
    const step = (c: Variable, row: Row): [Variable, null] => [
      sub(c, mul(0.1, matmul(transpose(row.x), row.a))),
      null,
    ];
    const rows = (x: Variable): Row => ({ x: reshape(x, [6, 1, 5]), a: reshape(a, [6, 1, 4]) });
    const program = programOfStep({
      parameters: [w, a],
      build: (x) => ({ outputs: [scan(step, w as Variable, rows(x))[0]], updates: [] }),
    });
    const inside = program.kernels.flatMap(blocksOf).flatMap(({ kernels }) => kernels);
    expect(inside.map(({ kind }) => kind)).toEqual(['product']);
  });
});

describe('a sum of products in one place', () => {
  test('that a loop reads', () => {
    const [a, b, c] = [matrix(5, 4), matrix(6, 3), matrix(3, 4)];
    const program = programOfStep({
      parameters: [a, b, c],
      build: (x) => ({ outputs: [tanh(sub(matmul(x, a), mul(2, matmul(b, c))))], updates: [] }),
    });
    expect(kindsOf(program)).toEqual(['product', 'product', 'loop']);
    expect(adding(program)).toMatchObject([{ alpha: { scale: -2 }, beta: { scale: 1 } }]);
  });

  test('that is a result', () => {
    const [a, b, c] = [matrix(5, 4), matrix(6, 3), matrix(3, 4)];
    const program = programOfStep({
      parameters: [a, b, c],
      build: (x) => ({ outputs: [add(matmul(x, a), matmul(b, c))], updates: [] }),
    });
    expect(kindsOf(program)).toEqual(['product', 'product']);
  });

  test('one of them transposed', () => {
    const [a, b, c] = [matrix(5, 4), matrix(4, 3), matrix(3, 6)];
    const program = programOfStep({
      parameters: [a, b, c],
      build: (x) => ({ outputs: [sum(tanh(add(matmul(x, a), transpose(matmul(b, c)))))], updates: [] }),
    });
    expect(kindsOf(program)).toEqual(['product', 'product', 'loop']);
  });

  test('added to what is not needed any more', () => {
    const [a, b] = [matrix(5, 4), matrix(6, 4)];
    const program = programOfStep({
      parameters: [a, b],
      build: (x) => ({ outputs: [add(mul(2, matmul(x, a)), registry.cumsum(b, 0))], updates: [] }),
    });
    // The running sum is the result's memory.
    expect(kindsOf(program)).toEqual(['routine', 'product']);
    expect(adding(program)).toMatchObject([{ alpha: { scale: 2 }, beta: { scale: 1 } }]);
  });

  test('more than one loop can add', () => {
    const w = matrix(5, 5);
    const { program, terms } = unrolled(w, 30);
    expect(terms).toBe(30);
    // All terms but the first one add to it.
    expect(adding(program)).toHaveLength(29);
    expect(new Set(adding(program).map(({ c }) => c.buffer)).size).toBe(1);
  });

  test('of gradients of a weight that is used twice', () => {
    const w = matrix(5, 5);
    const J = (x: Variable): Variable => sum(square(matmul(tanh(matmul(x, w)), w)));
    const program = programOfStep({
      parameters: [w],
      build: (x) => ({ outputs: [J(x), ...gradients(J(x), [w])], updates: [] }),
    });
    expect(adding(program)).toHaveLength(1);
    expect(kindsOf(program).filter((kind) => kind === 'product')).toHaveLength(5);
  });
});

describe('left to the loop', () => {
  const shapes: Shape[] = [
    [5, 4],
    [6, 4],
  ];
  type Build = (w: Variable, g: Variable, x: Variable) => { outputs: Variable[]; value: Variable };
  test.each<[string, Build]>([
    ['a gradient that is returned', (w, g) => ({ outputs: [g], value: sub(w, g) })],
    ['one that is read for its norm', (w, g) => ({ outputs: [], value: sub(w, div(g, sum(square(g)))) })],
    ['one that is read twice', (w, g) => ({ outputs: [], value: add(sub(w, g), square(g)) })],
    ['one that is read by another loop', (w, g) => ({ outputs: [sum(tanh(g), 0)], value: sub(w, g) })],
    ['one that is not just scaled', (w, g) => ({ outputs: [], value: sub(w, tanh(g)) })],
    ['two old values', (w, g, x) => ({ outputs: [], value: add(add(w, g), slice(x, [0, 0], [5, 4])) })],
    ['old values elsewhere', (w, g) => ({ outputs: [], value: add(flip(w, 0), g) })],
    ['an old value twice', (w, g) => ({ outputs: [], value: add(sub(w, g), mul(0.1, w)) })],
    ['a vector for all rows', (w, g) => ({ outputs: [], value: add(sum(w, 0), g) })],
    ['a factor of 0', (w, g) => ({ outputs: [], value: add(mul(0, w), g) })],
    ['a factor for each column', (w, g) => ({ outputs: [], value: add(w, mul(sum(w, 0), g)) })],
  ])('%s', (_, build) => {
    const [w, a] = shapes.map((shape) => matrix(...shape));
    const program = programOfStep({
      parameters: [w, a],
      build: (x) => {
        const { outputs, value } = build(w, matmul(transpose(x), a), x);
        return { outputs, updates: [[w, value]] };
      },
    });
    expect(adding(program)).toEqual([]);
  });

  test('a product of the old value', () => {
    const w = matrix(5, 5);
    const program = updating([w], (x) => [[w, sub(w, mul(0.1, matmul(w, matmul(transpose(x), x))))]]);
    expect(adding(program)).toEqual([]);
  });

  test('a parameter that is read after its new value', () => {
    const w = matrix(5, 5);
    const program = programOfStep({
      parameters: [w],
      build: (x) => {
        const value = sub(w, mul(0.1, matmul(transpose(x), x)));
        return { outputs: [matmul(value, w)], updates: [[w, value]] };
      },
    });
    expect(adding(program)).toEqual([]);
  });

  test('the second of two that read each other', () => {
    const [v, w] = [matrix(5, 5), matrix(5, 5)];
    const program = updating([v, w], (x) => {
      const squares = matmul(transpose(x), x);
      return [
        [v, sub(v, mul(0.1, matmul(w, squares)))],
        [w, sub(w, mul(0.1, matmul(v, squares)))],
      ];
    });
    expect(adding(program)).toHaveLength(1);
    expect(kindsOf(program).filter((kind) => kind === 'loop')).toHaveLength(1);
  });

  test('terms that would wait with large operands for the last use of a weight', () => {
    const w = matrix(5, 5);
    const bytes = (steps: number): number => {
      const { program } = unrolled(w, steps, sgd({ learningRate: 0.1 }));
      expect(adding(program).filter((each) => targetOf(program, each) !== 'arena')).toEqual([]);
      return program.arenaBytes;
    };
    // Each step keeps its state (320 bytes), and neither a term nor an incoming gradient.
    expect(bytes(32) - bytes(16)).toBe(16 * 320);
  });
});

/** A recurrent network's gradient, or its step; and how many terms the gradient has. */
function unrolled(w: Parameter, steps: number, optimizer?: Optimizer): { program: Program; terms: number } {
  const x = input([8, 5], { dtype: 'float64' });
  let h: Variable = x;
  for (let t = 0; t < steps; t++) h = tanh(matmul(h, w));
  const J = sum(square(h));
  const program =
    optimizer === undefined ? programOf([J, ...gradients(J, [w])]) : programOf([J], optimizer.minimize(J));
  return { program, terms: productsOf(program).filter(({ n, k }) => n === 5 && k === 8).length };
}

describe('training steps', () => {
  const sizes = [5, 9, 9, 3];
  /** Two steps of training, from the same start on both backends. */
  const step = (optimizer: () => Optimizer): Program => {
    const { weights, biases } = perceptron(sizes, 'float64');
    const build: Case['build'] = (x) => {
      let h = x;
      weights.forEach((weight, i) => {
        h = add(matmul(h, weight), biases[i]);
        if (i + 1 < weights.length) h = relu(h);
      });
      const J = mul(sum(square(h)), 1 / 6);
      return { outputs: [J], updates: [...optimizer().minimize(J)] };
    };
    return programOfStep({ parameters: [...weights, ...biases], build });
  };
  /** The loops over all of a weight. */
  const overWeights = ({ kernels }: Program): Kernel[] =>
    kernels.filter(
      (kernel) =>
        kernel.kind === 'loop' &&
        kernel.reduced === 0 &&
        ['5,9', '9,9', '9,3'].includes(kernel.extents.join()),
    );

  test('sgd: no loop over a weight, no memory for a gradient', () => {
    const program = step(() => sgd({ learningRate: 0.1 }));
    expect(overWeights(program)).toEqual([]);
    expect(adding(program)).toHaveLength(3);
    const places = productsOf(program).map((product) => targetOf(program, product));
    expect(places.filter((place) => place === 'arena')).toHaveLength(5);
  });

  test('sgd with momentum: the product makes the velocity, a loop the weight', () => {
    const program = step(() => sgd({ learningRate: 0.1, momentum: 0.9 }));
    expect(overWeights(program)).toHaveLength(3);
    expect(adding(program).map(({ beta }) => beta)).toEqual([0.9, 0.9, 0.9].map((scale) => ({ scale })));
  });

  test.each<[string, () => Optimizer]>([
    ['Nesterov momentum', () => sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true })],
    ['a penalty in the gradient', () => sgd({ learningRate: 0.1, weightDecay: 0.01 })],
    ['adam', () => adam({ learningRate: 0.1 })],
  ])('%s: as it was', (_, optimizer) => {
    const program = step(optimizer);
    expect(overWeights(program)).toHaveLength(3);
    expect(adding(program)).toEqual([]);
  });

  test('784-128-10: no memory of the size of a weight', () => {
    const { weights, biases } = perceptron([784, 128, 10]);
    const [x, y] = [input([50, 784]), input([50], { dtype: 'int32' })];
    const h = relu(add(matmul(x, weights[0]), biases[0]));
    const J = registry.crossEntropy(add(matmul(h, weights[1]), biases[1]), y);
    const program = programOf([J], sgd({ learningRate: 0.1 }).minimize(J));
    expect(adding(program)).toHaveLength(2);
    // The images, and a few arrays of the hidden layer.
    expect(program.arenaBytes).toBeLessThan(50 * 784 * 4 + 4 * 50 * 128 * 4);
  });
});

describe('random steps', () => {
  const N = 4;
  const MAKE: ((a: Variable, b: Variable) => Variable)[] = [
    (a, b) => matmul(a, b),
    (a, b) => matmul(transpose(a), b),
    (a, b) => transpose(matmul(a, b)),
    (a, b) => add(a, b),
    (a, b) => sub(a, mul(0.25, b)),
    (a, b) => sub(mul(0.5, a), b),
    (a) => mul(-0.5, a),
    (a) => tanh(a),
    (a, b) => mul(a, mul(1 / 16, sum(tanh(b)))),
    (a, b) => add(matmul(a, b), matmul(tanh(b), a)),
  ];
  const recipe = fc.record({ make: fc.nat(MAKE.length - 1), a: fc.nat(6), b: fc.nat(20) });

  test('agree with the reference, and by the book', () => {
    let fused = 0;
    fc.assert(
      fc.property(
        fc.array(recipe, { minLength: 2, maxLength: 12 }),
        fc.array(fc.nat(5), { maxLength: 4 }),
        fc.array(fc.nat(20), { maxLength: 2 }),
        (recipes, targets, results) => {
          const draw = uniform(5);
          // Small numbers: products of products of them stay small, and their errors too.
          const small = (): Tensor => {
            const { shape, dtype, data } = randomTensor([N, N], 'float64', draw);
            return new Tensor(
              shape,
              dtype,
              data.map((each) => each / 8),
            );
          };
          const weights = [0, 1, 2, 3].map(() => parameter(small()));
          const build: Case['build'] = (x) => {
            const nodes: Variable[] = [...weights, x];
            const pick = (i: number): Variable => nodes[nodes.length - 1 - (i % nodes.length)];
            for (const { make, a, b } of recipes) nodes.push(MAKE[make](pick(a), pick(b)));
            return {
              outputs: results.map(pick),
              updates: targets.map((target, i) => [weights[i], sub(weights[i], mul(0.1, pick(target)))]),
            };
          };
          const x = small();
          runEverywhere({ parameters: weights, build }, x);
          const given = input(x.shape, { dtype: x.dtype });
          const { outputs, updates } = build(given);
          fused += adding(
            compileGraph({ outputs, inputs: [given], updates: new Map(updates) }).program,
          ).length;
        },
      ),
      { numRuns: 200, seed: 3 },
    );
    expect(fused).toBeGreaterThan(100);
  });
});
