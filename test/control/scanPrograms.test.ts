/** What a scan costs: memory, kernels, and what is left out because nobody reads it. */
import { describe, expect, test } from 'vitest';
import {
  add,
  ancestors,
  checkpoint,
  evaluate,
  full,
  gather,
  gradients,
  input,
  jvp,
  matmul,
  mul,
  print,
  type ScanOptions,
  scan,
  sigmoid,
  square,
  sum,
  tanh,
  tensor,
  transpose,
  type Variable,
  validate,
  vmap,
} from '../../src/index.ts';
import { inputsOf, runByTheBook } from '../compile/support.ts';
import {
  allKernels,
  cell,
  countApplications,
  element,
  expectEqualGraphs,
  expectSame,
  f64,
  numbersOf,
  programOf,
  randomParameters,
  recurrent,
} from './support.ts';

/** The loss of a recurrent network and its gradients with respect to everything. */
function lossAndGradients(length: number, options: ScanOptions = {}): Variable[] {
  const { step, h, c, x, all } = recurrent(length);
  const [last, { y, size }] = scan(step, { h, c }, x, options);
  const J = add(add(sum(square(last.h)), sum(mul(y, y))), sum(size));
  return [J, ...gradients(J, all)];
}

describe('segments', () => {
  test.each([1, 2, 3, 7, 13, 20, 'sqrt'] as const)('of %s rounds change no number', (segment) => {
    expectEqualGraphs(lossAndGradients(20, { segment }), lossAndGradients(20));
    expectEqualGraphs(
      lossAndGradients(20, { segment, reverse: true }),
      lossAndGradients(20, { reverse: true }),
    );
  });

  test('leave second derivatives and tangents as they are', () => {
    const second = (segment?: number): Variable[] => {
      const [, ...found] = lossAndGradients(7, { segment });
      const size = found.map((each) => sum(square(each))).reduce((a, b) => add(a, b));
      return gradients(
        size,
        ancestors([size]).leaves.filter(({ source }) => source.kind === 'parameter'),
      );
    };
    const sizes = (outputs: readonly Variable[]): number[] =>
      numbersOf(outputs)
        .map((each) => each.reduce((total, value) => total + value * value, 0))
        .sort((a, b) => a - b);
    expectSame([sizes(second(3))], [sizes(second())], 1e-10);
    const { W, U, b, h, c, x } = recurrent(7);
    const last = (segment?: number) => (U: Variable) => scan(cell(W, U, b), { h, c }, x, { segment })[0].h;
    const push = (segment?: number): Variable => jvp(last(segment), [U], [U])[1];
    expectEqualGraphs([push(3)], [push()]);
  });

  test('take memory for some rounds instead of all', () => {
    const h0 = input([32], { dtype: 'float64' });
    const w = input([32, 32], { dtype: 'float64' });
    const memory = (options: ScanOptions): number => {
      const [h] = scan((h: Variable) => [tanh(sigmoid(matmul(h, w))), null], h0, null, {
        length: 400,
        ...options,
      });
      return programOf(gradients(sum(h), [h0, w])).arenaBytes;
    };
    const bytes = 32 * 8;
    const [all, root, wide] = [memory({}), memory({ segment: 'sqrt' }), memory({ segment: 100 })];
    // Without segments, a carry and what sigmoid gave are kept of each round.
    expect(all).toBeGreaterThan(2 * 400 * bytes);
    const rest = 6 * 32 * bytes;
    expect(root).toBeLessThan((20 + 3 * 20) * bytes + rest);
    expect(wide).toBeLessThan((4 + 3 * 100) * bytes + rest);
  });
});

describe('what nobody reads', () => {
  const T = 1000;

  test('takes no memory: only the last carry is kept of a scan without a gradient', () => {
    const h0 = input([8]);
    const [last] = scan((h: Variable) => [tanh(mul(h, 2)), square(h)], h0, null, { length: T });
    expect(programOf([last]).arenaBytes).toBeLessThan(1024);
  });

  test('is not computed: carries and results go when their readers do', () => {
    const h0 = input([8]);
    const k0 = input([8]);
    const [last] = scan(
      ({ h, k }: { h: Variable; k: Variable }) => [{ h: tanh(h), k: sigmoid(add(k, h)) }, sigmoid(h)],
      { h: h0, k: k0 },
      null,
      { length: T },
    );
    const loops = allKernels(programOf([last.h])).filter((kernel) => kernel.kind === 'loop');
    expect(loops.flatMap(({ nodes }) => nodes).filter(({ op }) => op === 'sigmoid')).toEqual([]);
  });

  test('is not stored: a stacked carry and the history for the gradient are the same memory', () => {
    const h0 = input([64]);
    const [, ys] = scan(
      (h: Variable) => {
        const next = tanh(h);
        return [next, next];
      },
      h0,
      null,
      { length: T },
    );
    const bytes = 4 * 64 * T;
    const forward = programOf([sum(square(ys))]).arenaBytes;
    const both = programOf(gradients(sum(square(ys)), [h0])).arenaBytes;
    expect(forward).toBeLessThan(1.1 * bytes);
    // Back-propagation reads the results, and makes as many gradients with respect to them.
    expect(both).toBeLessThan(2.1 * bytes);
  });

  test('is not printed', () => {
    const a = f64(0.5);
    const [last] = scan(
      (h: Variable, x: Variable) => [tanh(add(mul(h, a), x)), square(h)],
      f64(1),
      f64([1, 2]),
    );
    expect(print(last)).toBe(
      [
        '%0 = parameter : float64[]',
        '%1 = parameter : float64[2]',
        '%2 = parameter : float64[]',
        '%3 = scan(%0, %1, %2, length=2) : float64[]',
        '  each (%0 : float64[], %1 : float64[], %2 : float64[])',
        '    %3 = mul(%0, %2) : float64[]',
        '    %4 = add(%3, %1) : float64[]',
        '    %5 = tanh(%4) : float64[]',
        '    return %5',
        'return %3',
      ].join('\n'),
    );
  });
});

describe('programs', () => {
  test('back-propagate without computing an expensive function twice', () => {
    const { x, W, U, b, h, c } = recurrent(9);
    const [last] = scan(cell(W, U, b), { h, c }, x);
    const found = gradients(sum(last.h), [W, U, b, h, c, x]);
    const count = (outputs: readonly Variable[], op: string): number =>
      allKernels(programOf(outputs))
        .flatMap((kernel) => (kernel.kind === 'loop' ? kernel.nodes : []))
        .filter((node) => node.op === op).length;
    for (const op of ['sigmoid', 'tanh']) expect(count([last.h, ...found], op)).toBe(count([last.h], op));
    const products = (outputs: readonly Variable[]): number =>
      allKernels(programOf(outputs)).filter(({ kind }) => kind === 'product').length;
    // Two products forward; two for each of them backward.
    expect([products([last.h]), products([last.h, ...found])]).toEqual([2, 6]);
  });

  test('read weights and sequences where they lie: transposes, slices and flips are index maps', () => {
    const random = randomParameters(20);
    const [x, W] = [random([3, 8, 4]), random([5, 4])];
    // Batch first, every second step, the last feature first.
    const sequence = transpose(x, [1, 0, 2]);
    const step = (h: Variable, each: Variable): readonly [Variable, null] => [
      tanh(add(h, matmul(each, transpose(W)))),
      null,
    ];
    const h0 = full([3, 5], 0, 'float64');
    const [last] = scan(step, h0, sequence);
    let plain: Variable = h0;
    for (let t = 0; t < 8; t++) [plain] = step(plain, element(sequence, t));
    expectEqualGraphs([last, ...gradients(sum(last), [x, W])], [plain, ...gradients(sum(plain), [x, W])]);
    expect(programOf([last]).kernels.map(({ kind }) => kind)).toEqual(['loop', 'repeat']);
  });

  test('are plain data, and do by the book what the backends do', () => {
    const { step, h, c, x } = recurrent(6);
    const random = randomParameters(21);
    const feeds = [x, h, c].map(({ shape, value }) => [input(shape, { dtype: 'float64' }), value] as const);
    const [[xs], [h0], [c0]] = feeds;
    for (const options of [{}, { reverse: true }, { segment: 4 }]) {
      const [last, ys] = scan(step, { h: h0, c: c0 }, xs, options);
      const J = add(sum(mul(last.h, random([2, 3]))), sum(ys.y));
      const outputs = [last.c, ys.y, ...gradients(J, [xs, h0, c0])];
      const source = { outputs, inputs: inputsOf(outputs) };
      const { outputs: found, program } = runByTheBook(source, new Map(feeds));
      expect(structuredClone(program)).toEqual(program);
      const expected = evaluate(outputs, new Map(feeds));
      expectSame(
        found.map(({ data }) => [...data]),
        expected.map(({ data }) => [...data]),
      );
    }
  });

  test('carries that change places do so at once', () => {
    const [a, b] = [f64([1, 2]), f64([3, 4])];
    const swap = (length: number) =>
      scan(({ a, b }: Record<string, Variable>) => [{ a: b, b: a, c: a }, { a }], { a, b, c: b }, null, {
        length,
      });
    const [odd, { a: history }] = swap(3);
    expectSame(numbersOf([odd.a, odd.b, odd.c]), [
      [3, 4],
      [1, 2],
      [1, 2],
    ]);
    expectSame(numbersOf([history]), [[1, 2, 3, 4, 1, 2]]);
    const [even] = swap(4);
    expectSame(numbersOf([even.a, even.b, even.c]), [
      [1, 2],
      [3, 4],
      [3, 4],
    ]);
  });

  test('call routines inside loops, on the elements of the round', () => {
    const table = randomParameters(22)([5, 2]);
    const places = tensor(
      [
        [0, 4],
        [2, 2],
        [1, 3],
      ],
      { dtype: 'int32' },
    );
    const [last, ys] = scan(
      (h: Variable, i: Variable) => {
        const rows = gather(transpose(table), i, 1);
        return [add(h, transpose(rows)), rows];
      },
      full([2, 2], 0, 'float64'),
      places,
    );
    const rows = [0, 1, 2].map((t) =>
      gather(transpose(table), tensor([...places.data].slice(2 * t, 2 * t + 2), { dtype: 'int32' }), 1),
    );
    const plain = rows.map((each) => transpose(each)).reduce((p, q) => add(p, q));
    expectEqualGraphs([last, ...[0, 1, 2].map((t) => element(ys, t))], [plain, ...rows]);
  });
});

describe('checkpoints', () => {
  const random = randomParameters(23);
  const [h, W] = [random([2, 3]), random([3, 3])];
  const body = (h: Variable, W: Variable): Variable => tanh(matmul(sigmoid(matmul(h, W)), W));

  function derivatives(inside: boolean, outside: boolean): Variable[] {
    const step = inside ? checkpoint(body) : body;
    const loop = (h: Variable, W: Variable): Variable =>
      scan((h: Variable) => [step(h, W), null], h, null, { length: 5 })[0];
    const whole = outside ? checkpoint(loop) : loop;
    const J = sum(square(whole(h, W)));
    const first = gradients(J, [h, W]);
    const [, tangent] = jvp((h: Variable) => whole(h, W), [h], [h]);
    return [J, ...first, ...gradients(sum(square(first[1])), [h, W]), tangent];
  }

  test('in loops and around them change no number', () => {
    const plain = derivatives(false, false);
    for (const [inside, outside] of [
      [true, false],
      [false, true],
      [true, true],
    ] as const)
      expectEqualGraphs(derivatives(inside, outside), plain, 1e-11);
  });

  test('have the inside run again', () => {
    const products = (inside: boolean, outside: boolean): number =>
      allKernels(programOf(derivatives(inside, outside).slice(0, 3))).filter(({ kind }) => kind === 'product')
        .length;
    // Two forward, two for each of them backward; and the two again.
    expect([products(false, false), products(true, false), products(false, true)]).toEqual([6, 8, 8]);
  });
});

describe('operations', () => {
  test('of equal bodies are one, whoever built them: equal scans are computed once', () => {
    const build = (): Variable[] => lossAndGradients(5);
    const [first, second] = [build(), build()];
    const scansOf = (outputs: readonly Variable[]) =>
      ancestors(outputs)
        .applications.map(({ operation }) => operation)
        .filter(({ name }) => name === 'scan');
    expect(scansOf(second)).toEqual(scansOf(first));
    expect(scansOf(second).every((each, i) => each === scansOf(first)[i])).toBe(true);

    const x = input([3]);
    const run = (): Variable => scan((h: Variable) => [tanh(mul(h, 2)), null], x, null, { length: 4 })[0];
    const loops = (outputs: readonly Variable[]): number =>
      programOf(outputs).kernels.filter(({ kind }) => kind === 'repeat').length;
    expect([loops([run()]), loops([add(run(), run())])]).toEqual([1, 1]);
  });

  test('of different bodies are different', () => {
    const x = f64(1);
    const run = (f: (h: Variable) => Variable): Variable =>
      scan((h: Variable) => [f(h), null], x, null, { length: 3 })[0];
    const outputs = [
      run((h) => mul(h, 2)),
      run((h) => mul(h, 3)),
      run((h) => add(h, 2)),
      run((h) => mul(2, h)),
    ];
    expectSame(numbersOf(outputs), [[8], [27], [7], [8]]);
  });

  test('are valid, with their derivatives', () => {
    const outputs = lossAndGradients(4);
    validate(outputs);
    validate(
      gradients(
        sum(outputs[2]),
        ancestors(outputs).leaves.filter(({ source }) => source.kind === 'parameter'),
        { disconnected: 'zero' },
      ),
    );
    validate([
      vmap((h: Variable) => scan((h: Variable) => [tanh(h), h], h, null, { length: 3 })[1])(f64([[1], [2]])),
    ]);
    expect(countApplications(outputs, 'scan')).toBe(2);
  });
});
