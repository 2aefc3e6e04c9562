/** `checkGradients`: right derivatives pass, wrong ones are found and named, corners are told apart from errors. */
import { describe, expect, test } from 'vitest';
import { type Edge, type Operation, zero } from '../../src/graph/index.ts';
import {
  abs,
  add,
  apply,
  argmax,
  cast,
  checkGradients,
  crossEntropy,
  DTypeError,
  div,
  exp,
  floor,
  gather,
  input,
  linearize,
  log,
  matmul,
  mul,
  NumericalError,
  parameter,
  relu,
  sin,
  sqrt,
  square,
  stopGradient,
  sub,
  sum,
  tanh,
  tensor,
  UndefinedGradientError,
  type Variable,
  where,
} from '../examples/support.ts';

/** x^2, with a rule and perhaps others that are told. */
function squareWith(rules: Partial<Operation<Record<string, never>>>): (x: Variable) => Variable {
  const operation: Operation<Record<string, never>> = {
    name: 'rough',
    infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
    bprop: ({ inputs: [x], g }: Edge<unknown>) => mul(g, mul(2, x)),
    computation: { kind: 'elementwise', formula: (k, [x]) => k.mul(x, x) },
    ...rules,
  };
  return (x) => apply(operation, [x], {});
}

const failures = (f: (x: Variable) => unknown, x: unknown): string[] =>
  checkGradients(f as (x: any) => unknown, [x as never], { throw: false })
    .comparisons.filter(({ ok }) => !ok)
    .map(({ identity }) => identity);

describe('right derivatives', () => {
  test('of several arguments pass, to an error near what differences can resolve', () => {
    const report = checkGradients(
      (x: Variable, w: Variable) => tanh(matmul(x, w)),
      [
        [
          [1, 2, -1],
          [0.3, -0.4, 2],
        ],
        [[0.1], [0.2], [-0.3]],
      ],
    );
    expect(report.ok).toBe(true);
    expect(report.order).toBe(2);
    expect(report.kinks).toEqual([]);
    expect(report.comparisons.map(({ identity }) => identity)).toEqual([
      'reverse',
      'forward',
      'transpose',
      'second',
      'mixed',
    ]);
    for (const { identity, error } of report.comparisons) expect(error, identity).toBeLessThan(1e-10);
  });

  test('of nested arguments, integers beside them, and nested results pass', () => {
    const labels = tensor([1, 0], { dtype: 'int32' });
    const report = checkGradients(
      ({ w, b }: { w: Variable; b: Variable }, x: Variable, y: Variable) => {
        const logits = add(matmul(x, w), b);
        return { loss: crossEntropy(logits, y), best: argmax(logits), parts: [sin(b)] };
      },
      [{ w: [[1, -1, 0.5]], b: tensor([0.1, 0.2, 0.3]) }, [[0.5], [2]], labels],
    );
    expect(report.ok).toBe(true);
  });

  test('of parameters and other Variables as arguments, and with some in the closure, pass', () => {
    const w = parameter([1, 2, 3], { dtype: 'float64' });
    expect(checkGradients((x: Variable) => sum(mul(exp(x), w)), [sub(w, 2)]).ok).toBe(true);
    expect(w.value.toArray()).toEqual([1, 2, 3]);
  });

  test('of functions of functions pass', () => {
    const f = (x: Variable): Variable => mul(x, sin(x));
    const derivativeOf = (x: Variable, v: Variable): Variable => linearize(f, [x])[1]([v]);
    expect(
      checkGradients(derivativeOf, [
        [0.5, 2],
        [1, -1],
      ]).ok,
    ).toBe(true);
  });

  test('pass whatever the scale of arguments and results', () => {
    for (const scale of [1e-12, 1e-6, 1, 1e6, 1e12]) {
      expect(checkGradients((x: Variable) => mul(scale, exp(x)), [[0.3, -2]]).ok, `${scale} f(x)`).toBe(true);
      const narrow = (x: Variable): Variable => tanh(div(x, scale));
      expect(checkGradients(narrow, [[0.3 * scale, -scale]]).ok, `f(x / ${scale})`).toBe(true);
    }
  });

  test('beside a border of the domain, or a corner, pass without being taken for points on it', () => {
    expect(checkGradients((x: Variable) => log(x), [[1e-6, 1, 1e6]])).toMatchObject({ ok: true, kinks: [] });
    expect(checkGradients((x: Variable) => abs(x), [[1e-4, -1e-3, 2]])).toMatchObject({
      ok: true,
      kinks: [],
    });
    expect(
      failures((x) => squareWith({ bprop: ({ g, inputs: [y] }) => mul(g, y) })(sqrt(x)), [1e-4]),
    ).toContain('reverse');
  });

  test('can be checked to first order only, where the second is not wanted', () => {
    const once = squareWith({ bprop: ({ inputs: [x], g }) => mul(g, stopGradient(mul(2, x))) });
    expect(failures(once, [1, 2])).toEqual(['second']);
    const report = checkGradients(once, [[1, 2]], { order: 1 });
    expect(report).toMatchObject({ ok: true, order: 1 });
    expect(report.comparisons.length).toBe(3);
  });
});

describe('wrong derivatives', () => {
  test('are thrown, with the element, what was expected and what was found', () => {
    const wrong = squareWith({
      bprop: ({ inputs: [x], g }) => mul(g, where([true, true, false], mul(2, x), mul(2.5, x))),
    });
    const check = (): unknown => checkGradients(({ x }: { x: Variable }) => wrong(x), [{ x: [1, 2, 3] }]);
    expect(check).toThrow(NumericalError);
    expect(check).toThrow(/^checkGradients: a derivative is wrong \(order 2\)\n/);
    expect(check).toThrow(
      /FAILED reverse mode against differences: relative error 2\.0e-1, at most 1\.0e-7 is allowed/,
    );
    expect(check).toThrow(
      /expected \S+, found \S+ at argument 0\.x\[2\] \(relative error 2\.0e-1, differences with step 1\.8e-2\)/,
    );
    expect(check).toThrow(/\n {2}checked at gradients\.test\.ts:\d+$/);
  });

  test('are in the report, if it is not to throw', () => {
    const wrong = squareWith({ bprop: ({ inputs: [x], g }) => mul(g, mul(3, x)) });
    const report = checkGradients(wrong, [[[1, 2]]], { throw: false });
    expect(report.ok).toBe(false);
    expect(report.worst).toMatchObject({ where: expect.stringMatching(/^(argument 0|result)\[0, [01]\]$/) });
    expect(report.worst!.found / report.worst!.expected).toBeCloseTo(1.5, 10);
    expect(report.worst!.error).toBeCloseTo(1 / 3, 10);
    expect(report.toString()).toContain('FAILED');
  });

  test('of one small element beside large ones are found', () => {
    const wrong = squareWith({
      bprop: ({ inputs: [x], g }) => mul(g, where([true, false], mul(2, x), mul(2.01, x))),
    });
    expect(failures(wrong, [1e6, 1e-3])).toContain('reverse');
  });

  test('of one mode only are found by that mode, and by its transpose', () => {
    const forward = squareWith({ jvp: ({ inputs: [x], tangents: [t] }) => [mul(t as Variable, x)] });
    expect(failures(forward, [1, 2])).toEqual(['forward', 'transpose']);
    expect(failures(squareWith({ linear: true }), [1, 2])).toEqual(['forward', 'transpose']);
    const cube = (x: Variable): Variable => mul(x, forward(x));
    expect(failures(cube, [1, 2])).toEqual(['forward', 'transpose', 'mixed']);
  });

  test('are found where they are zero, missing or NaN', () => {
    expect(failures(squareWith({ bprop: () => zero }), [1, 2])).toContain('reverse');
    const missing = squareWith({ bprop: ({ inputs: [x], g }) => mul(g, div(mul(0, x), 0)) });
    expect(failures(missing, [1, 2])).toContain('reverse');
  });

  test('of second order alone are found', () => {
    const lost = squareWith({ bprop: ({ inputs: [x], g }) => mul(g, stopGradient(mul(2, x))) });
    expect(failures(lost, [1, 2])).toEqual(['second']);
  });

  test('that make no symmetric Hessian are found', () => {
    const field = squareWith({
      bprop: ({ inputs: [x], g }) => mul(g, mul(x, sum(mul(x, [1, 2, 3])))),
    });
    expect(failures(field, [1, 2, 3])).toEqual(expect.arrayContaining(['reverse', 'second', 'mixed']));
  });

  test('do not hide behind a corner: what is answered there lies between the two slopes', () => {
    const sloped = (slope: number) => (x: Variable) =>
      apply(
        {
          name: 'corner',
          infer: ([y]: readonly Variable[]) => [{ shape: y.shape, dtype: y.dtype }],
          bprop: ({ g }: Edge<unknown>) => mul(g, slope),
          computation: { kind: 'elementwise', formula: (k, [y]) => k.abs(y) },
        } satisfies Operation<Record<string, never>>,
        [x],
        {},
      );
    expect(failures(sloped(0.3), [0])).toEqual([]);
    expect(failures(sloped(-1), [0])).toEqual([]);
    expect(failures(sloped(1.1), [0])).toEqual(['reverse', 'forward']);
  });
});

describe('points without a derivative', () => {
  const kindsOf = (f: (x: Variable) => Variable, x: number[]): string[] =>
    checkGradients(f, [x], { order: 1 }).kinks.map(({ kind, where: place }) => `${kind} ${place}`);

  test('are reported and not compared', () => {
    expect(kindsOf(relu, [1, 0, -1])).toEqual(['corner argument 0[1]', 'corner result[1]']);
    expect(kindsOf(abs, [0])).toEqual(['corner argument 0[0]', 'corner result[0]']);
    expect(kindsOf(floor, [2, 2.5])).toEqual(['jump argument 0[0]', 'jump result[0]']);
    expect(kindsOf(sqrt, [1, 0])).toEqual(['border argument 0[1]', 'border result[1]']);
    expect(kindsOf((x) => sqrt(abs(x)), [1, 1e-24])).toEqual(['jump argument 0[1]', 'jump result[1]']);
  });

  test('with infinite derivatives do not hide what is wrong beside them', () => {
    const f = (wrong: (x: Variable) => Variable) => (x: Variable) => add(sqrt(gather(x, 0)), sum(wrong(x)));
    expect(checkGradients(f(square), [[0, 2]], { order: 1 }).ok).toBe(true);
    const third = squareWith({ bprop: ({ inputs: [x], g }) => mul(g, mul(3, x)) });
    const report = checkGradients(f(third), [[0, 2]], { order: 1, throw: false });
    expect(report).toMatchObject({ ok: false, worst: { where: 'argument 0[1]' } });
  });

  test('are told with the slopes on both sides', () => {
    const report = checkGradients((x: Variable) => sum(relu(x)), [[0, 2]]);
    expect(report.ok).toBe(true);
    expect(report.kinks[0]).toMatchObject({ kind: 'corner', where: 'argument 0[0]', found: 0 });
    const { left, right } = report.kinks[0];
    expect([left, right].map(Math.abs).toSorted()[0]).toBeCloseTo(0, 6);
    expect(report.toString()).toMatch(
      /corner at argument 0\[0\]: slope \S+ on the left, \S+ on the right; the derivative answered is 0/,
    );
  });
});

describe('what cannot be checked says why', () => {
  test('no floating-point argument, or result', () => {
    const n = tensor([1, 2], { dtype: 'int32' });
    expect(() => checkGradients((x: Variable) => mul(x, 0.5), [n])).toThrow(DTypeError);
    expect(() => checkGradients((x: Variable) => mul(x, 0.5), [n])).toThrow(/no argument is floating point/);
    expect(() => checkGradients((x: Variable) => argmax(x), [[1, 2]])).toThrow(
      /returns nothing that is floating point/,
    );
  });

  test('a function that leaves float64', () => {
    expect(() => checkGradients((x: Variable) => cast(x, 'float32'), [[1, 2]])).toThrow(
      /result is cast float32\[2\] for arguments of float64: something in the function casts to float32/,
    );
  });

  test('a point where the function is not finite', () => {
    expect(() => checkGradients((x: Variable) => [log(x)], [[1, 0]])).toThrow(
      /result\[0\] holds -Infinity at this point/,
    );
  });

  test('a derivative that does not exist', () => {
    expect(() => checkGradients((x: Variable) => cast(argmax(x), 'float64'), [[1, 2]])).toThrow(
      UndefinedGradientError,
    );
  });
});

describe('options', () => {
  test('elements bounds the work: a wrong derivative of one of many is found by the direction along all', () => {
    const size = 200;
    const mask = Array.from({ length: size }, (_, i) => i !== 77);
    const wrong = squareWith({ bprop: ({ inputs: [x], g }) => mul(g, where(mask, mul(2, x), x)) });
    const x = Array.from({ length: size }, (_, i) => 0.5 + i / size);
    const report = checkGradients(wrong, [x], { elements: 3, throw: false });
    expect(report.ok).toBe(false);
    expect(report.comparisons.find(({ identity }) => identity === 'forward')).toMatchObject({
      ok: false,
      worst: { where: 'result[77]' },
    });
  });

  test('tolerance and seed', () => {
    const nearly = squareWith({ bprop: ({ inputs: [x], g }) => mul(g, mul(2.0002, x)) });
    expect(checkGradients(nearly, [[1, 2]], { tolerance: 1e-3 }).ok).toBe(true);
    expect(checkGradients(nearly, [[1, 2]], { tolerance: 1e-5, throw: false }).ok).toBe(false);
    const [one, same, other] = [1, 1, 2].map((seed) =>
      checkGradients((x: Variable) => square(x), [[1, 2]], { seed }),
    );
    expect(one.toString()).toBe(same.toString());
    expect(one.worst).not.toEqual(other.worst);
  });
});

test('a placeholder of somebody else, which has no value, is an error that says so', () => {
  const other = input([2], { name: 'other', dtype: 'float64' });
  expect(() => checkGradients((x: Variable) => mul(x, other), [[1, 2]])).toThrow(/other/);
  expect(() => checkGradients((x: Variable) => gather(x, 7), [[1, 2]])).toThrow(NumericalError);
});
