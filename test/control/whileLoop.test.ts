/** `whileLoop` against JavaScript's own loops, closed forms and differences. */
import { describe, expect, test } from 'vitest';
import {
  abs,
  add,
  all,
  cast,
  compile,
  DTypeError,
  div,
  evaluate,
  gradients,
  greater,
  input,
  jvp,
  less,
  log,
  logicalAnd,
  matmul,
  mul,
  notEqual,
  ShapeError,
  scan,
  sub,
  sum,
  tensor,
  UndefinedGradientError,
  type Variable,
  vmap,
  whileLoop,
} from '../../src/index.ts';
import {
  allKernels,
  BACKENDS,
  countApplications,
  differencesOf,
  expectSame,
  f64,
  numbersOf,
  programOf,
} from './support.ts';

/** The square root of a, by Newton's iteration. */
function squareRoot(a: Variable, start: Parameters<typeof add>[0] = 1, options = {}): Variable {
  return whileLoop(
    (x: Variable) => greater(abs(sub(mul(x, x), a)), mul(1e-14, a)),
    (x: Variable) => div(add(x, div(a, x)), 2),
    start,
    options,
  );
}

describe('values', () => {
  test('of Newton iterations, as many as the numbers want', () => {
    for (const a of [2, 1e-6, 12345.678, 1]) {
      for (const backend of BACKENDS)
        expectSame(numbersOf([squareRoot(f64(a))], backend), [[Math.sqrt(a)]], 1e-14);
    }
  });

  test('of a loop that never runs, and of one that counts', () => {
    const count = (from: number): Variable[] => {
      const { n, total } = whileLoop(
        ({ n }: { n: Variable; total: Variable }) => less(n, 10),
        ({ n, total }) => ({ n: add(n, 1), total: add(total, mul(n, n)) }),
        { n: tensor(from, { dtype: 'int32' }), total: tensor(0, { dtype: 'int32' }) },
      );
      return [n, total];
    };
    for (const backend of BACKENDS) {
      expectSame(numbersOf(count(10), backend), [[10], [0]]);
      expectSame(numbersOf(count(1), backend), [[10], [285]]);
    }
  });

  test('of the greatest common divisor (Euclid), with carries that change places', () => {
    const gcd = (a: number, b: number): Variable =>
      whileLoop(
        ({ b }: { a: Variable; b: Variable }) => notEqual(b, 0),
        ({ a, b }) => ({ a: b, b: sub(a, mul(b, cast(div(a, b), 'int32'))) }),
        { a: tensor(a, { dtype: 'int32' }), b: tensor(b, { dtype: 'int32' }) },
      ).a;
    for (const backend of BACKENDS)
      expectSame(numbersOf([gcd(252, 105), gcd(17, 5), gcd(7, 0)], backend), [[21], [1], [7]]);
  });

  test('of power iteration: matrices from outside, a condition on all elements', () => {
    const A = f64([
      [2, 1],
      [1, 3],
    ]);
    const { v } = whileLoop(
      ({ v, before }: { v: Variable; before: Variable }) => greater(sum(abs(sub(v, before))), 1e-15),
      ({ v }) => {
        const next = matmul(A, v);
        return { v: div(next, sum(next)), before: v };
      },
      { v: f64([1, 0]), before: f64([0, 0]) },
    );
    const largest = (5 + Math.sqrt(5)) / 2;
    for (const backend of BACKENDS) {
      const [ratio] = numbersOf([div(matmul(A, v), v)], backend);
      expectSame([ratio], [[largest, largest]], 1e-14);
    }
  });

  test('inside compiled functions and scans', () => {
    const roots = compile(
      (a: Variable) =>
        scan(
          (last: Variable, each: Variable) => {
            const root = squareRoot(each, last);
            return [root, root];
          },
          f64(1),
          a,
        )[1],
    );
    const found = roots(tensor([4, 9, 2, 1e4], { dtype: 'float64' }));
    expectSame([[...found.data]], [[2, 3, Math.SQRT2, 100]], 1e-14);
  });
});

describe('derivatives', () => {
  test('forward: the tangent goes round as well', () => {
    const a = f64(2);
    const [root, tangent] = jvp((a: Variable) => squareRoot(a), [a], [f64(3)]);
    for (const backend of BACKENDS)
      expectSame(numbersOf([root, tangent], backend), [[Math.SQRT2], [1.5 / Math.SQRT2]], 1e-14);
  });

  test('reverse: refused, with what to do, unless there is a limit', () => {
    const a = f64(2);
    expect(() => gradients(squareRoot(a), [a])).toThrow(UndefinedGradientError);
    expect(() => gradients(squareRoot(a), [a])).toThrow(/maxIterations.*scan.* at whileLoop\.test\.ts:\d+$/);
    // What the result does not depend on is no reason to refuse.
    const tolerance = f64(1e-3);
    const halve = whileLoop(
      (x: Variable) => greater(x, tolerance),
      (x: Variable) => div(x, 2),
      tensor(8, { dtype: 'float64' }),
    );
    expectSame(numbersOf(gradients(add(halve, a), [a])), [[1]]);
    expectSame(numbersOf(gradients(halve, [tolerance], { disconnected: 'zero' })), [[0]]);
  });

  test('reverse, with a limit: first and second', () => {
    const a = f64(2);
    const root = squareRoot(a, 1, { maxIterations: 30 });
    const [slope] = gradients(root, [a]);
    const [bend] = gradients(slope, [a]);
    for (const backend of BACKENDS) {
      expectSame(
        numbersOf([root, slope, bend], backend),
        [[Math.SQRT2], [0.5 / Math.SQRT2], [-0.25 / Math.SQRT2 ** 3]],
        1e-13,
      );
    }
  });

  test('reverse: rounds after the end do nothing, be their numbers what they may', () => {
    // In the round that follows the last one, the logarithm would have no value.
    const x = f64(20);
    const y = whileLoop(
      (x: Variable) => greater(x, 0),
      (x: Variable) => log(x),
      x,
      { maxIterations: 50 },
    );
    const end = [20];
    const slope = [1];
    while (end[0] > 0) {
      slope[0] /= end[0];
      end[0] = Math.log(end[0]);
    }
    for (const backend of BACKENDS)
      expectSame(numbersOf([y, ...gradients(y, [x])], backend), [end, slope], 1e-13);
    expectSame(numbersOf(gradients(y, [x])), [differencesOf(y, x)], 1e-7);
  });

  test('a limit ends the loop, and 0 keeps it from starting', () => {
    const x = f64(1);
    const double = (maxIterations: number): Variable =>
      whileLoop(
        (x: Variable) => less(x, 100),
        (x: Variable) => mul(x, 2),
        x,
        { maxIterations },
      );
    const outputs = [double(3), double(0), double(100)];
    for (const backend of BACKENDS) {
      expectSame(numbersOf(outputs, backend), [[8], [1], [128]]);
      expectSame(
        numbersOf(
          outputs.flatMap((each) => gradients(each, [x])),
          backend,
        ),
        [[8], [1], [128]],
      );
    }
  });
});

describe('vmap', () => {
  test('goes on until every element is done, and keeps those that are', () => {
    const a = f64([2, 1e-6, 9, 1, 1e6]);
    const roots = vmap((a: Variable) => squareRoot(a))(a);
    const steps = vmap((a: Variable) =>
      whileLoop(
        ({ x }: { x: Variable; n: Variable }) => greater(x, a),
        ({ x, n }) => ({ x: div(x, 2), n: add(n, 1) }),
        { x: tensor(64, { dtype: 'float64' }), n: tensor(0, { dtype: 'int32' }) },
      ),
    )(f64([50, 64, 1, 7]));
    for (const backend of BACKENDS) {
      expectSame(numbersOf([roots], backend), [[...a.value.data].map(Math.sqrt)], 1e-14);
      expectSame(numbersOf([steps.x, steps.n], backend), [
        [32, 64, 1, 4],
        [1, 0, 6, 4],
      ]);
    }
  });

  test('over a part that the condition does not see needs no masks', () => {
    const run = (x: Variable): Variable =>
      whileLoop(
        ({ n }: { x: Variable; n: Variable }) => less(n, 5),
        ({ x, n }) => ({ x: mul(x, 2), n: add(n, 1) }),
        { x, n: tensor(0, { dtype: 'int32' }) },
      ).x;
    const many = vmap(run)(f64([1, 2, 3]));
    for (const backend of BACKENDS) expectSame(numbersOf([many], backend), [[32, 64, 96]]);
    const loops = allKernels(programOf([many])).filter((kernel) => kernel.kind === 'loop');
    expect(loops.flatMap(({ nodes }) => nodes).some(({ op }) => op === 'select')).toBe(false);
  });

  test('of gradients, with a limit', () => {
    const a = f64([2, 9, 3]);
    const slopes = vmap((a: Variable) => gradients(squareRoot(a, 1, { maxIterations: 12 }), [a])[0])(a);
    expectSame(numbersOf([slopes]), [[2, 9, 3].map((each) => 0.5 / Math.sqrt(each))], 1e-13);
  });
});

describe('errors and structure', () => {
  const x = input([2]);

  test.each([
    [
      () =>
        whileLoop(
          (x: Variable) => sum(x),
          (x: Variable) => x,
          x,
        ),
      DTypeError,
      'the condition is float32[], not a bool',
    ],
    [
      () =>
        whileLoop(
          (x: Variable) => greater(x, 0),
          (x: Variable) => x,
          x,
        ),
      ShapeError,
      'the condition is bool[2], not a scalar',
    ],
    [
      () =>
        whileLoop(
          (x: Variable) => greater(sum(x), 0),
          (x: Variable) => sum(x),
          x,
        ),
      ShapeError,
      'carry is float32[2] at the start and float32[] after a step',
    ],
    [
      () =>
        whileLoop(
          (x: Variable) => greater(sum(x), 0),
          (x: Variable) => x,
          x,
          { maxIterations: -1 },
        ),
      ShapeError,
      'maxIterations is -1',
    ],
  ] as const)('%#: say what is wrong, and where', (run, kind, message) => {
    expect(run).toThrow(kind);
    expect(run).toThrow(message);
    expect(run).toThrow(/ at whileLoop\.test\.ts:\d+$/);
  });

  test('what depends on no round is computed once', () => {
    const [A, v] = [
      f64([
        [0.5, 0],
        [0, 0.25],
      ]),
      f64([8, 8]),
    ];
    const last = whileLoop(
      (v: Variable) => logicalAnd(greater(sum(v), 1), all(greater(v, 0))),
      (v: Variable) => matmul(matmul(A, A), v),
      v,
    );
    expect(programOf([last]).kernels.filter(({ kind }) => kind === 'product')).toHaveLength(1);
    expectSame(numbersOf([last]), [[0.5, 8 / 256]]);
    expect(countApplications([last], 'whileLoop')).toBe(1);
    expect(evaluate(last).shape).toEqual([2]);
  });
});
