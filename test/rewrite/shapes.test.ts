import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gradients, operationCount } from '../../src/autodiff/index.ts';
import { runReference } from '../../src/backends/reference/run.ts';
import { evaluate } from '../../src/engine/index.ts';
import {
  ancestors,
  constant,
  type DType,
  input,
  print,
  sizeOf,
  type Tensor,
  tensor,
  type Variable,
  validate,
} from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { withRewriting } from '../../src/rewrite/level.ts';
import { finalize } from '../../src/rewrite/passes.ts';
import { rangeOf } from '../../src/rewrite/range.ts';
import { ruleFamilies } from '../../src/rewrite/rules/index.ts';
import { simplify } from '../../src/rewrite/simplify.ts';

const r = registry;
const { add, argmax, broadcastTo, cast, clip, concat, exp, gather, iota, log, max, mean, mul, neg, oneHot } =
  r;
const { pad, reshape, slice, softmax, sub, sum, tanh, transpose } = r;

const namesIn = (...outputs: readonly Variable[]): string[] =>
  ancestors(outputs).applications.map(({ operation }) => operation.name);
const vector = (n: number, name = 'x'): Variable => input([n], { name, dtype: 'float64' });
const matrix = (n: number, m: number, name = 'x'): Variable => input([n, m], { name, dtype: 'float64' });

/** Whole numbers, so that sums are the same in every order. */
function wholeNumbers(variable: Variable, seed: number): Tensor {
  const data = Array.from({ length: sizeOf(variable.shape) }, (_, i) => ((i * 7 + seed * 5) % 11) - 5);
  const flat = constant(tensor(data, { dtype: variable.dtype }));
  return runReference([reshape(flat, variable.shape)])[0];
}

/** Zeros of both signs count as equal. */
const numbersOf = (values: readonly Tensor[]): number[][] =>
  values.map(({ data }) => Array.from(data, (each) => each + 0));

/** Rules about shapes alone: signs and numbers that move outwards may pass a step that shares them. */
const ownRules = ['broadcasting', 'movement', 'parts', 'reductions', 'known sums'].flatMap(
  (name) => ruleFamilies()[name],
);

/** One step on what was made before: a movement, a reduction, a broadcast or a loop, as `k` has it. */
const STEPS: readonly ((v: Variable, k: number, w: Variable) => Variable)[] = [
  (v) => reshape(v, [sizeOf(v.shape)]),
  (v) => reshape(v, [1, ...v.shape, 1]),
  (v, k) => reshape(v, [...v.shape.slice(k % (v.rank + 1)), ...v.shape.slice(0, k % (v.rank + 1))]),
  (v) => r.squeeze(v),
  (v) => reshape(v, [...v.shape.slice(0, -2), sizeOf(v.shape.slice(-2))]),
  (v, k) =>
    transpose(
      v,
      v.shape.map((_, axis) => (axis + k) % v.rank),
    ),
  (v) => transpose(v),
  (v, k) => (v.rank === 0 ? v : sum(v, k % v.rank, { keepDims: k % 2 === 0 })),
  (v, k) => (v.rank < 2 ? v : sum(v, [k % v.rank, (k + 1) % v.rank], { keepDims: k % 3 === 0 })),
  (v, k) => (v.rank === 0 ? v : max(v, k % v.rank, { keepDims: k % 2 === 1 })),
  (v, k) => (v.rank === 0 ? v : r.min(neg(v), k % v.rank, { keepDims: true })),
  (v, k) => broadcastTo(v, [1 + (k % 3), ...v.shape]),
  (v, k) =>
    broadcastTo(
      v,
      v.shape.map((extent) => (extent === 1 ? 1 + (k % 3) : extent)),
    ),
  (v, k) =>
    slice(
      v,
      v.shape.map((extent) => Math.min(k % 2, extent - 1)),
      [...v.shape],
      v.shape.map(() => 1 + (k % 2)),
    ),
  (v, k) =>
    pad(
      v,
      v.shape.map((_, axis) => (axis + k) % 2),
      v.shape.map(() => k % 3),
      { value: k % 4 === 3 ? 1 : 0 },
    ),
  (v, k) => (v.rank === 0 ? v : concat([v, neg(v), v].slice(0, 1 + (k % 3)), k % v.rank)),
  (v, k) => (v.rank === 0 ? v : r.flip(v, k % v.rank)),
  (v, k) => (v.rank === 0 ? v : gather(v, iota([Math.max(1, v.shape[k % v.rank] - (k % 2))]), k % v.rank)),
  (v) => neg(v),
  (v, k) => mul(v, 1 + (k % 3)),
  (v, k) => add(v, broadcastTo(reshape(sum(v), [1]), v.shape.length === 0 ? [1 + (k % 2)] : v.shape)),
  (v, _, w) => add(v, sum(w)),
  (v) => sub(v, max(v)),
];

describe('any composition of movements, reductions and broadcasts', () => {
  const recipe = fc.array(fc.record({ step: fc.nat(STEPS.length - 1), of: fc.nat(20), k: fc.nat(11) }), {
    minLength: 1,
    maxLength: 8,
  });
  const leaf = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 });

  const holds = fc.property(
    leaf,
    recipe,
    fc.constantFrom<DType>('float64', 'int32'),
    (shape, steps, dtype) => {
      const x = input(shape, { name: 'x', dtype });
      const made: Variable[] = [x];
      for (const { step, of, k } of steps) {
        // Mostly on what came last, so that chains are long.
        const v = made[Math.max(0, made.length - 1 - (of % 3 === 0 ? of : 0))];
        const next = STEPS[step](v, k, made[0]);
        if (sizeOf(next.shape) <= 400 && next.rank <= 6) made.push(next);
      }
      const last = made[made.length - 1];
      const wanted = [last, ...(steps.length % 2 === 0 ? made.slice(1, 2) : [])];
      const feeds = new Map([[x, wholeNumbers(x, steps.length)]]);
      const expected = runReference(wanted, feeds);
      for (const simple of [simplify(wanted), finalize(wanted)]) {
        validate(simple);
        expect(simple.map(({ type }) => type)).toEqual(wanted.map(({ type }) => type));
        expect(numbersOf(runReference(simple, feeds)), print(simple)).toEqual(numbersOf(expected));
      }
      expect(operationCount(simplify(wanted, { rules: ownRules }))).toBeLessThanOrEqual(
        operationCount(wanted),
      );
      // The compiled program too, whose reductions and views are other code.
      expect(numbersOf(evaluate(wanted, feeds))).toEqual(numbersOf(expected));
      if (dtype !== 'float64') return;
      const slopes = (level: 'none' | 'removesSingularity'): number[][] =>
        withRewriting(level, () => {
          const [dx] = gradients(sum(tanh(mul(0.01, last))), [x], { disconnected: 'zero' });
          return numbersOf(runReference([dx], feeds));
        });
      const [plain] = slopes('none');
      slopes('removesSingularity')[0].forEach((each, i) => expect(each).toBeCloseTo(plain[i], 10));
    },
  );

  test('gives the same numbers and gradients, and costs no more', () => {
    fc.assert(holds, { numRuns: 400, seed: 5 });
  }, 30_000);
});

describe('broadcasts', () => {
  test('that operands imply are dropped, for any pair of shapes', () => {
    const shapes = [[], [1], [3], [2, 1], [1, 3], [2, 3], [4, 1, 1], [4, 2, 3]];
    for (const left of shapes)
      for (const right of shapes) {
        const [a, b] = [left, right].map((shape) => input(shape, { dtype: 'float64' }));
        const whole = add(a, b).shape;
        const [y] = simplify([mul(broadcastTo(a, whole), broadcastTo(b, whole))]);
        expect(namesIn(y)).toEqual(['mul']);
        expect(y.shape).toEqual(whole);
      }
  });

  test('of everything come after the computing', () => {
    const x = vector(5);
    const y = exp(add(broadcastTo(x, [100, 5]), broadcastTo(mul(x, 3), [100, 5])));
    expect(operationCount(y)).toBeGreaterThan(1000);
    expect(operationCount(simplify(y))).toBeLessThanOrEqual(20);
  });
});

describe('reductions', () => {
  test('of a broadcast count how often each element came', () => {
    const x = matrix(3, 1);
    const y = simplify(sum(broadcastTo(x, [50, 3, 40])));
    expect(operationCount(y)).toBeLessThan(10);
    const [value] = runReference([y], new Map([[x, tensor([[1], [2], [3]], { dtype: 'float64' })]]));
    expect(value.item()).toBe(6 * 2000);
  });

  test('of nothing stay 0, whatever would have been counted', () => {
    const x = vector(1);
    const y = simplify(sum(broadcastTo(x, [0, 1])));
    const [value] = runReference([y], new Map([[x, tensor([Infinity], { dtype: 'float64' })]]));
    expect(value.item()).toBe(0);
  });

  test('stay two where the inner one is needed anyway', () => {
    const x = matrix(3, 4);
    const rows = sum(x, 1);
    expect(namesIn(...simplify([rows, sum(rows)])).filter((name) => name === 'sum').length).toBe(2);
    expect(operationCount(simplify([rows, sum(rows)]))).toBe(12 + 3);
  });

  test('restore their axes by themselves', () => {
    const x = matrix(3, 4);
    const y = simplify(sub(x, reshape(max(x, 1), [3, 1])));
    expect(namesIn(y)).toEqual(['max', 'sub']);
  });

  test('the largest of the largest is merged last of all: where elements tie its derivative is another', () => {
    const x = matrix(2, 2);
    const y = max(max(x, 1));
    expect(namesIn(simplify(y))).toEqual(['max', 'max']);
    expect(namesIn(...finalize([y]))).toEqual(['max']);
    const [dx] = gradients(y, [x]);
    const [value] = evaluate(
      [dx],
      new Map([
        [
          x,
          tensor(
            [
              [5, 5],
              [5, 1],
            ],
            { dtype: 'float64' },
          ),
        ],
      ]),
    );
    expect(value.toArray()).toEqual([
      [0.25, 0.25],
      [0.5, 0],
    ]);
  });

  test('a sum of sums of its own is not taken apart, and no term is moved', () => {
    const [x, y] = [vector(4, 'x'), vector(4, 'y')];
    expect(namesIn(simplify(sum(add(x, y))))).toEqual(['add', 'sum']);
  });
});

describe('parts', () => {
  test('gradients of the parts of a tensor are joined, not padded and added', () => {
    const x = matrix(6, 8);
    const parts = r.split(x, 4, 1);
    const J = sum(parts.map((each, i) => tanh(mul(each, i + 1))).reduce((a, b) => add(a, b)));
    const [dx] = gradients(J, [x]);
    const simple = simplify(dx);
    expect(namesIn(simple)).not.toContain('pad');
    const feeds = new Map([[x, wholeNumbers(x, 1)]]);
    const [expected, found] = runReference(
      [withRewriting('none', () => gradients(J, [x])[0]), simple],
      feeds,
    );
    expected.data.forEach((each, i) => expect(found.data[i]).toBeCloseTo(each, 14));
  });

  test('a slice of padding stays', () => {
    const x = vector(3);
    expect(namesIn(simplify(slice(pad(x, [2], [0]), [1], [4])))).toEqual(['pad', 'slice']);
  });
});

describe('known factors', () => {
  test('stay within a sum that could overflow without them', () => {
    const x = vector(3);
    const names = namesIn(simplify(sum(mul(0.1, x))));
    expect(names).toEqual(['mul', 'sum']);
    const huge = tensor([1.5e308, 1.5e308, 1.5e308], { dtype: 'float64' });
    const [value] = evaluate([sum(mul(0.1, x))], new Map([[x, huge]]));
    expect(value.item() / 4.5e307).toBeCloseTo(1, 14);
  });

  test('leave it where they are not small, or its terms are bounded', () => {
    const x = vector(3);
    expect(namesIn(simplify(sum(mul(3, x))))).toEqual(['sum', 'mul']);
    expect(namesIn(simplify(sum(mul(0.1, tanh(x)))))).toEqual(['tanh', 'sum', 'mul']);
    expect(namesIn(simplify(mean(mean(matrix(3, 4), 1)), { level: 'fastMath' })).length).toBeLessThanOrEqual(
      3,
    );
  });

  test('of huge terms overflow no earlier: (c x) + (c y) with x + y infinite', () => {
    const [x, y] = [vector(1, 'x'), vector(1, 'y')];
    const z = sub(mul(0.1, x), mul(0.1, y));
    const feeds = new Map([
      [x, tensor([1.5e308], { dtype: 'float64' })],
      [y, tensor([-1.5e308], { dtype: 'float64' })],
    ]);
    expect(evaluate([z], feeds)[0].data[0] / 3e307).toBeCloseTo(1, 14);
  });
});

describe('known sums', () => {
  const constantLabels = (labels: readonly number[]): Variable =>
    constant(tensor([...labels], { dtype: 'int32' }));

  test.each<[string, number[]]>([
    ['in range', [0, 2, 1]],
    ['beyond the classes', [0, 3, 7]],
    ['negative', [-1, 0, 2]],
  ])('one-hot rows of labels %s', (_, labels) => {
    const classes = input([3], { name: 'labels', dtype: 'int32' });
    const rows = sum(oneHot(classes, 3), -1);
    expect(namesIn(simplify(rows))).not.toContain('sum');
    const feeds = new Map([[classes, tensor(labels, { dtype: 'int32' })]]);
    const expected = labels.map((label): number => (label >= 0 && label < 3 ? 1 : 0));
    expect(evaluate([rows], feeds)[0].toArray()).toEqual(expected);
    expect(evaluate([simplify(rows)], feeds)[0].toArray()).toEqual(expected);
    expect(evaluate([sum(oneHot(classes, 3))], feeds)[0].item()).toBe(expected.reduce((a, b) => a + b, 0));
  });

  test('are 1 where labels are known to name a class', () => {
    const logits = matrix(4, 3);
    const wild = input([4], { name: 'labels', dtype: 'int32' });
    const small = input([4], { name: 'bytes', dtype: 'uint8' });
    for (const labels of [argmax(logits), clip(wild, 0, 2), cast(sub(logits, 1), 'bool'), iota([3])]) {
      const places = labels.dtype === 'bool' ? cast(labels, 'int32') : labels;
      expect(namesIn(simplify(sum(oneHot(places, 3), -1))).sort()).toEqual(['broadcastTo']);
    }
    expect(namesIn(simplify(sum(oneHot(small, 256), -1)))).toEqual(['broadcastTo']);
    for (const [labels, classes] of [
      [argmax(logits), 2],
      [clip(wild, 0, 3), 3],
      [clip(wild, -1, 2), 3],
      [small, 255],
    ] as const)
      expect(namesIn(simplify(sum(oneHot(labels, classes), -1)))).toContain('logicalAnd');
  });

  test('of constants: two graphs that differ in nothing but their numbers share no answer', () => {
    const x = vector(3);
    const graph = (labels: readonly number[]): Variable =>
      add(sum(oneHot(constantLabels(labels), 3, 'float64'), -1), x);
    const feeds = new Map([[x, tensor([0, 0, 0], { dtype: 'float64' })]]);
    for (const labels of [
      [0, 1, 2],
      [0, 1, 3],
      [5, -1, 0],
      [2, 2, 2],
    ]) {
      const expected = labels.map((label): number => (label >= 0 && label < 3 ? 1 : 0));
      expect(evaluate([graph(labels)], feeds)[0].toArray()).toEqual(expected);
      expect(evaluate([simplify(graph(labels))], feeds)[0].toArray()).toEqual(expected);
    }
    const rows = (p: readonly (readonly number[])[]): Variable =>
      mul(
        sum(
          constant(
            tensor(
              p.map((each) => [...each]),
              { dtype: 'float64' },
            ),
          ),
          1,
        ),
        x,
      );
    const ones = new Map([[x, tensor([1, 1, 1], { dtype: 'float64' })]]);
    const all = [
      [0.5, 0.5],
      [0.25, 0.75],
      [1, 0],
    ];
    expect(evaluate([rows(all)], ones)[0].toArray()).toEqual([1, 1, 1]);
    expect(evaluate([rows([...all.slice(0, 2), [1, 2]])], ones)[0].toArray()).toEqual([1, 1, 3]);
    expect(namesIn(simplify(rows(all)))).not.toContain('sum');
    expect(namesIn(simplify(rows([...all.slice(0, 2), [1, 2]])))).toContain('sum');
  });

  test('a final pass, whose programs are kept, never looks at numbers', () => {
    const p = constant(
      tensor(
        [
          [0.5, 0.5],
          [0.25, 0.75],
        ],
        { dtype: 'float64' },
      ),
    );
    expect(namesIn(...finalize([sum(p, 1)]))).toEqual(['sum']);
    expect(namesIn(...finalize([sum(oneHot(constantLabels([0, 1]), 2), -1)]))).toContain('logicalAnd');
  });

  test('rows that add to 1 only nearly are not taken to', () => {
    const p = constant(
      tensor(
        [
          [0.1, 0.2, 0.3, 0.4],
          [0.7, 0.1, 0.1, 0.1],
        ],
        { dtype: 'float64' },
      ),
    );
    const [value] = runReference([simplify(sum(p, 1))]);
    const [expected] = runReference([sum(p, 1)]);
    expect(value.toArray()).toEqual(expected.toArray());
  });

  test('the mean cross-entropy of a batch, as the textbook writes it, has the gradient (q - p) / n', () => {
    const [n, classes] = [4, 3];
    const logits = matrix(n, classes);
    const p = constant(
      tensor(
        [
          [1, 0, 0],
          [0, 1, 0],
          [0, 0, 1],
          [0.5, 0.25, 0.25],
        ],
        { dtype: 'float64' },
      ),
    );
    const J = mean(neg(sum(mul(p, log(softmax(logits))), -1)));
    const [dx] = gradients(J, [logits]);
    const simple = simplify(dx);
    expect(
      namesIn(simple)
        .sort()
        .filter((name) => name !== 'broadcastTo'),
    ).toEqual(expect.arrayContaining(['softmax', 'sub']));
    expect(namesIn(simple)).not.toContain('sum');
    const at = tensor(
      [
        [0, 200, -3],
        [1, 2, 3],
        [-1000, 0, 1000],
        [0.1, 0.2, 0.3],
      ],
      { dtype: 'float64' },
    );
    const [q, found] = runReference([softmax(logits), simple], new Map([[logits, at]]));
    const target = (p.source as { tensor: Tensor }).tensor.data;
    found.data.forEach((each, i) => expect(each).toBeCloseTo((q.data[i] - target[i]) / n, 14));
  });
});

describe('ranges hold for all numbers', () => {
  const operations: Record<string, (a: Variable, b: Variable) => Variable> = {
    add,
    sub,
    mul,
    div: (a, b) => r.div(a, add(2, r.square(b))),
    maximum: r.maximum,
    minimum: r.minimum,
    clip: (a) => clip(a, -0.5, 0.75),
    where: (a, b) => r.where(r.greater(a, b), a, b),
    matmul: (a, b) => r.matmul(a, b),
    sum: (a) => broadcastTo(sum(a), [3, 3]),
    prod: (a) => broadcastTo(r.prod(a, 0), [3, 3]),
    exp: (a) => exp(a),
    abs: (a) => r.abs(a),
    square: (a) => r.square(a),
    neg: (a) => neg(a),
    relu: (a) => r.relu(a),
    pad: (a) => pad(slice(a, [0, 0], [2, 3]), [1, 0], [0, 0], { value: 4 }),
    cast: (a) => cast(cast(mul(a, 3), 'int32'), 'float64'),
    tanh: (a) => tanh(a),
    argmax: (a) => cast(broadcastTo(argmax(a), [3, 3]), 'float64'),
  };
  const names = Object.keys(operations);
  const property = fc.property(
    fc.array(fc.tuple(fc.constantFrom(...names), fc.nat(9), fc.nat(9)), { minLength: 1, maxLength: 5 }),
    fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 9, maxLength: 9 }),
    (steps, numbers) => {
      const x = matrix(3, 3);
      const known = constant(tensor(numbers, { dtype: 'float64' }));
      const made: Variable[] = [r.sin(x), reshape(known, [3, 3]), broadcastTo(r.sigmoid(x), [3, 3])];
      for (const [name, a, b] of steps)
        made.push(operations[name](made[made.length - 1 - (a % 2)], made[b % made.length]));
      const feeds = new Map([[x, reshapeTensor(numbers.map((each) => each * 3))]]);
      runReference(made, feeds).forEach(({ data }, i) => {
        const { low, high } = rangeOf(made[i], { numbers: true });
        const slack = 1e-12 * Math.max(1, Math.abs(low), Math.abs(high));
        for (const each of data) {
          expect(each).toBeGreaterThanOrEqual(Number.isFinite(low) ? low - slack : low);
          expect(each).toBeLessThanOrEqual(Number.isFinite(high) ? high + slack : high);
        }
      });
    },
  );
  const reshapeTensor = (numbers: readonly number[]): Tensor =>
    runReference([reshape(constant(tensor([...numbers], { dtype: 'float64' })), [3, 3])])[0];

  test('that a graph may compute', () => {
    fc.assert(property, { numRuns: 300, seed: 2 });
  });

  test('integers that may wrap have the range of their type', () => {
    const x = input([3], { dtype: 'int32' });
    expect(rangeOf(add(x, 1))).toEqual({ low: -(2 ** 31), high: 2 ** 31 - 1 });
    expect(rangeOf(mul(clip(x, 0, 10), 3))).toEqual({ low: 0, high: 30 });
  });
});
