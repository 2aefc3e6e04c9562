/** Functions whose gradient is stated: in both modes, to second order, batched, compiled, closed over outer variables. */
import { describe, expect, test } from 'vitest';
import { customGradient } from '../../src/control/customGradient.ts';
import {
  add,
  ancestors,
  cast,
  clip,
  compile,
  constant,
  cos,
  countApplications,
  DisconnectedError,
  DTypeError,
  disconnected,
  div,
  exp,
  expectClose,
  gather,
  grad,
  gradients,
  input,
  jvp,
  leaf,
  log,
  mul,
  neg,
  numberOf,
  ShapeError,
  sigmoid,
  sin,
  square,
  stopGradient,
  sub,
  sum,
  tanh,
  tensor,
  UndefinedGradientError,
  undefinedGradient,
  type Variable,
  validate,
  valueOf,
  vjp,
  vmap,
  withRewriting,
  zero,
} from '../examples/support.ts';

const float = (data: Parameters<typeof tensor>[0]): Variable => constant(tensor(data, { dtype: 'float64' }));

/** log(1 + e^x), whose derived gradient e^x / (1 + e^x) overflows. */
const log1pexp = customGradient(
  (x: Variable) => log(add(1, exp(x))),
  ({ inputs: [x], gradients: g }) => [mul(g, sigmoid(x))],
);

const s = (x: number): number => 1 / (1 + Math.exp(-x));

describe('a stated gradient', () => {
  test('takes the place of the derived one', () => {
    const x = float([-2, 0.5, 1000]);
    expectClose(valueOf(grad((v: Variable) => sum(log1pexp(v)))(x)), [s(-2), s(0.5), 1]);
    const derived = withRewriting('none', () => valueOf(grad((v: Variable) => sum(log(add(1, exp(v)))))(x)));
    expect(derived).toEqual([expect.any(Number), expect.any(Number), NaN]);
  });

  test('leaves the value as it is', () => {
    expectClose(valueOf(log1pexp([-2, 0.5])), [Math.log1p(Math.exp(-2)), Math.log1p(Math.exp(0.5))], 1e-6);
  });

  test('has the derivatives of the rule as its higher derivatives', () => {
    const f = (x: Variable): Variable => log1pexp(x);
    const [second, third] = [grad(grad(f)), grad(grad(grad(f)))].map((d) => numberOf(d(float(0.7))));
    const y = s(0.7);
    expectClose([second, third], [y * (1 - y), y * (1 - y) * (1 - 2 * y)]);
  });

  test('may be written in terms of the output', () => {
    const halfTanh = customGradient(
      (x: Variable) => tanh(x),
      ({ outputs: y, gradients: g }) => [mul(g, sub(1, square(y)))],
    );
    const t = Math.tanh(0.3);
    expectClose(numberOf(grad(halfTanh)(float(0.3))), 1 - t * t);
    expectClose(numberOf(grad(grad(halfTanh))(float(0.3))), -2 * t * (1 - t * t));
  });

  test('need not be the true one: a gradient reversed', () => {
    const reversed = customGradient(
      (x: Variable) => mul(x, 1),
      ({ gradients: g }) => [neg(g)],
    );
    expect(valueOf(grad((x: Variable) => sum(square(reversed(x))))(float([1, 2])))).toEqual([-2, -4]);
  });
});

describe('forward mode', () => {
  test('transposes the rule', () => {
    const [value, tangent] = jvp(log1pexp, [float([0.5, 1000])], [float([2, 3])]);
    expectClose(valueOf(tangent), [2 * s(0.5), 3]);
    expectClose((valueOf(value) as number[])[0], Math.log1p(Math.exp(0.5)));
  });

  test('over reverse, reverse over forward and forward over forward agree with the closed form', () => {
    const x = float(0.7);
    const one = float(1);
    const slope = (v: Variable): Variable => jvp(log1pexp, [v], [one])[1];
    const expected = s(0.7) * (1 - s(0.7));
    for (const second of [jvp(grad(log1pexp), [x], [one])[1], grad(slope)(x), jvp(slope, [x], [one])[1]]) {
      expectClose(numberOf(second), expected);
    }
  });

  test('of a rule that is not linear says so, and reverse mode works', () => {
    const clipped = customGradient(
      (x: Variable) => mul(x, 1),
      ({ gradients: g }) => [clip(g, -1, 1)],
    );
    expect(valueOf(grad((x: Variable) => sum(mul(clipped(x), [3, 0.5])))(float([1, 1])))).toEqual([1, 0.5]);
    expect(() => jvp(clipped, [float(1)], [float(1)])).toThrow(UndefinedGradientError);
    expect(() => jvp(clipped, [float(1)], [float(1)])).toThrow(
      'the rule of a customGradient is not linear in the gradient, so forward mode cannot transpose it (use reverse mode)',
    );
  });

  test('satisfies <u, J v> = <J^T u, v> with several arguments and results', () => {
    const f = customGradient(
      (a: Variable, b: Variable) => ({ product: mul(a, b), sine: sin(a) }),
      ({ inputs: [a, b], gradients }) => [
        add(mul(gradients.product, b), mul(gradients.sine, cos(a))),
        mul(gradients.product, a),
      ],
    );
    const [a, b] = [float([0.3, -1.2]), float([2, 0.7])];
    const [va, vb] = [float([0.5, -0.25]), float([1.5, 3])];
    const u = { product: float([0.7, -2]), sine: float([1.1, 0.4]) };
    const [, tangent] = jvp(f, [a, b], [va, vb]);
    const [, pullback] = vjp(f, [a, b]);
    const [ga, gb] = pullback(u);
    const left = add(sum(mul(u.product, tangent.product)), sum(mul(u.sine, tangent.sine)));
    const right = add(sum(mul(ga, va)), sum(mul(gb, vb)));
    expectClose(numberOf(left), numberOf(right));
    expectClose(valueOf(tangent.product), [0.5 * 2 + 0.3 * 1.5, -0.25 * 0.7 + -1.2 * 3]);
  });
});

describe('batched', () => {
  const x = float([
    [1, 2],
    [3, -4],
    [0.5, 0],
  ]);

  test('gives what each element gives', () => {
    const rows = valueOf(vmap(grad((v: Variable) => sum(log1pexp(v))))(x));
    expectClose(
      rows,
      (valueOf(x) as number[][]).map((row) => row.map(s)),
    );
    const outer = grad((v: Variable) => sum(vmap(log1pexp)(v)))(x);
    expectClose(valueOf(outer), rows);
  });

  test('is one operation, whatever the size', () => {
    expect(countApplications([vmap(log1pexp)(x)], 'customGradient')).toBe(1);
    expect(countApplications([vmap(vmap(log1pexp))(x)], 'customGradient')).toBe(1);
  });

  test('adds up the gradients of an argument that is the same for all', () => {
    const f = customGradient(
      (a: Variable, b: Variable) => mul(a, b),
      ({ inputs: [a, b], gradients: g }) => [mul(g, mul(2, b)), mul(g, a)],
    );
    const shared = (w: Variable): Variable => sum(vmap((row: Variable) => f(w, row))(x));
    expectClose(valueOf(grad(shared)(float([1, 1]))), [9, -4]);
    const [, tangent] = jvp(shared, [float([1, 1])], [float([1, 0])]);
    expectClose(numberOf(tangent), 9);
  });

  test('twice, over different axes', () => {
    const f = customGradient(
      (a: Variable, b: Variable) => mul(a, b),
      ({ inputs: [a, b], gradients: g }) => [mul(g, b), mul(g, a)],
    );
    const table = vmap((a: Variable) => vmap((b: Variable) => grad(f)(a, b))(float([4, 5, 6])))(
      float([1, 2]),
    );
    expect(valueOf(table)).toEqual([
      [4, 5, 6],
      [4, 5, 6],
    ]);
  });
});

describe('outer variables', () => {
  const w = leaf([2, 3]);
  const scaled = customGradient(
    (x: Variable) => mul(w, square(x)),
    ({ inputs: [x], gradients: g }) => [mul(g, mul(mul(2, w), x))],
  );

  test('are read', () => {
    const x = leaf([1, -1]);
    expect(valueOf(scaled(x))).toEqual([2, 3]);
    expect(valueOf(gradients(sum(scaled(x)), [x])[0])).toEqual([4, -6]);
  });

  test('have no gradient, and it is an error to ask for one', () => {
    const z = sum(scaled(leaf([1, -1])));
    expect(() => gradients(z, [w])).toThrow(UndefinedGradientError);
    expect(() => gradients(z, [w])).toThrow(
      'the rule of a customGradient gives none for what its function reads from outside its arguments (make that an argument)',
    );
    expect(() =>
      jvp(
        (v: Variable) =>
          customGradient(
            (x: Variable) => mul(x, v),
            () => [zero],
          )(1),
        [float(1)],
        [float(1)],
      ),
    ).toThrow(UndefinedGradientError);
  });

  test('count as constant behind stopGradient', () => {
    const held = customGradient(
      (x: Variable) => mul(stopGradient(w), x),
      ({ gradients: g }) => [mul(g, w)],
    );
    expect(valueOf(gradients(sum(held(leaf([1, 1]))), [w])[0])).toEqual([0, 0]);
  });

  test('that only the rule reads do not enter the value, but do enter the gradient', () => {
    const x = leaf([1, 1]);
    const weighted = customGradient(
      (v: Variable) => square(v),
      ({ inputs: [v], gradients: g }) => [mul(mul(g, square(w)), v)],
    );
    const z = sum(weighted(x));
    expect(() => gradients(z, [w])).toThrow(DisconnectedError);
    const [dx] = gradients(z, [x]);
    expect(valueOf(dx)).toEqual([4, 9]);
    expect(valueOf(gradients(sum(dx), [w])[0])).toEqual([4, 6]);
  });

  test('may be those of a batch, in function and rule', () => {
    const scale = (factor: Variable): ((x: Variable) => Variable) =>
      customGradient(
        (x: Variable) => mul(factor, x),
        ({ gradients: g }) => [mul(g, mul(10, factor))],
      ) as (x: Variable) => Variable;
    const both = vmap((factor: Variable, x: Variable) => [scale(factor)(x), grad(scale(factor))(x)]);
    const [value, slope] = both(float([1, 2, 3]), float([5, 6, 7]));
    expect(valueOf(value)).toEqual([5, 12, 21]);
    expect(valueOf(slope)).toEqual([10, 20, 30]);
    const total = (x: Variable): Variable =>
      sum(vmap((factor: Variable, each: Variable) => scale(factor)(each))(float([1, 2, 3]), x));
    expect(valueOf(grad(total)(float([5, 6, 7])))).toEqual([10, 20, 30]);
  });

  test('do not confuse nested derivatives', () => {
    // d/dx of x * d/dy (x + y) is 1, with the inner sum given its own rule.
    const outer = (x: Variable): Variable =>
      mul(
        x,
        grad((y: Variable) =>
          customGradient(
            (a: Variable, b: Variable) => add(a, b),
            ({ gradients: g }) => [g, g],
          )(x, y),
        )(x),
      );
    expect(numberOf(grad(outer)(float(5)))).toBe(1);
  });
});

describe('arguments and results', () => {
  test('may be nested', () => {
    const f = customGradient(
      ({ w, b }: { w: Variable; b: Variable }, xs: Variable[]) => [add(mul(w, xs[0]), b), xs[1]],
      ({ inputs: [{ w }, [x]], gradients: [g, h] }) => [{ w: mul(g, x), b: g }, [mul(g, w), h]],
    );
    const loss = (p: { w: Variable; b: Variable }, xs: Variable[]): Variable => {
      const [y, rest] = f(p, xs);
      return add(square(y), rest);
    };
    const p = { w: float(3), b: float(1) };
    const xs = [float(2), float(10)];
    const dp = grad(loss)(p, xs);
    expect([numberOf(dp.w), numberOf(dp.b)]).toEqual([2 * 7 * 2, 2 * 7]);
    const dx = grad(loss, { argument: 1 })(p, xs);
    expect(dx.map((each) => numberOf(each))).toEqual([2 * 7 * 3, 1]);
  });

  test('may be answered with a word', () => {
    const pick = customGradient(
      (x: Variable, index: Variable, scale: Variable, rough: Variable) =>
        add(mul(gather(x, index), scale), mul(0, rough)),
      ({ inputs: [x], gradients: g }) => [
        mul(g, mul(0, x)),
        disconnected,
        zero,
        undefinedGradient('this surface has corners everywhere'),
      ],
    );
    const [x, scale, rough] = [leaf([1, 2, 3]), leaf(2), leaf(0)];
    const index = tensor(1, { dtype: 'int32' });
    const z = pick(x, index, scale, rough);
    expect(numberOf(z)).toBe(4);
    expect(valueOf(gradients(z, [x])[0])).toEqual([0, 0, 0]);
    expect(numberOf(gradients(z, [scale])[0])).toBe(0);
    expect(() => gradients(z, [rough])).toThrow('because this surface has corners everywhere');
    expect(() => jvp((r: Variable) => pick(x, index, scale, r), [1], [1])).toThrow(UndefinedGradientError);
    expect(numberOf(jvp((v: Variable) => pick(x, index, v, rough), [float(2)], [float(1)])[1])).toBe(0);
  });

  test('that do not enter the gradient get zeros', () => {
    const first = customGradient(
      (x: Variable) => [mul(x, 2), mul(x, 3)],
      ({ gradients: [g, h] }) => [add(mul(g, 2), mul(h, 3))],
    );
    const x = leaf(1);
    expect(numberOf(gradients(first(x)[0], [x])[0])).toBe(2);
    expect(numberOf(gradients(first(x)[1], [x])[0])).toBe(3);
  });

  test('of integers have no derivative, and their rule is not taken for one', () => {
    const f = customGradient(
      (x: Variable) => [mul(x, 2), cast(x, 'int32')],
      ({ gradients: [g] }) => [mul(g, 2)],
    );
    const x = leaf(1.5);
    expect(numberOf(gradients(f(x)[0], [x])[0])).toBe(2);
    const z = cast(f(x)[1], 'float64');
    const reason = 'output 1 of customGradient is int32, which has no derivative';
    expect(() => gradients(z, [x])).toThrow(reason);
    expect(() => gradients(add(f(x)[0], z), [x])).toThrow(reason);
    expect(() => jvp((v: Variable) => cast(f(v)[1], 'float64'), [x], [1])).toThrow(reason);
    expect(numberOf(jvp((v: Variable) => f(v)[0], [x], [1])[1])).toBe(2);
  });

  test('may be passed on as they are', () => {
    const same = customGradient(
      (x: Variable) => x,
      ({ gradients: g }) => [mul(g, 5)],
    );
    const x = leaf([1, 2]);
    expect(valueOf(same(x))).toEqual([1, 2]);
    expect(valueOf(gradients(sum(same(x)), [x])[0])).toEqual([5, 5]);
    expect(compile((v: Variable) => grad((u: Variable) => sum(same(same(u))))(v))([1, 2]).toArray()).toEqual([
      25, 25,
    ]);
  });
});

describe('one operation', () => {
  test('for equal calls, which merge and share their programs', () => {
    const make = (): Variable => {
      const x = input([2], { name: 'x' });
      return log1pexp(x);
    };
    const operations = [make(), make()].map((y) => ancestors([y]).applications.at(-1)?.operation);
    expect(operations[0]).toBe(operations[1]);
    const other = ancestors([log1pexp(input([3]))]).applications.at(-1)?.operation;
    expect(other).not.toBe(operations[0]);
  });

  test('is compiled like any other, and sound in structure', () => {
    const step = compile((x: Variable) => [log1pexp(x), grad((v: Variable) => sum(log1pexp(v)))(x)]);
    const [value, slope] = step(tensor([0.5, 100], { dtype: 'float64' }));
    expectClose(value.toArray(), [Math.log1p(Math.exp(0.5)), 100]);
    expectClose(slope.toArray(), [s(0.5), 1]);
    const x = leaf([0.5]);
    const [dx] = gradients(sum(log1pexp(x)), [x]);
    validate([dx, ...gradients(sum(dx), [x])]);
  });

  test('may stand inside another', () => {
    const twice = customGradient(
      (x: Variable) => log1pexp(log1pexp(x)),
      ({ inputs: [x], gradients: g }) => [mul(g, grad((v: Variable) => log1pexp(log1pexp(v)))(x))],
    );
    const inner = Math.log1p(Math.exp(0.3));
    expectClose(numberOf(grad(twice)(float(0.3))), s(inner) * s(0.3));
  });

  test('can solve an equation, with the gradient of the implicit function theorem', () => {
    // y^2 = x by Newton's iteration; dy/dx = 1 / (2 y) whatever the iteration did.
    const root = customGradient(
      (x: Variable) => {
        let y: Variable = x;
        for (let i = 0; i < 8; i++) y = mul(0.5, add(y, div(x, y)));
        return y;
      },
      ({ outputs: y, gradients: g }) => [div(g, mul(2, y))],
    );
    const x = float(2);
    expectClose(numberOf(root(x)), Math.SQRT2);
    expectClose(numberOf(grad(root)(x)), 0.5 / Math.SQRT2);
    expectClose(numberOf(grad(grad(root))(x)), -0.25 * 2 ** -1.5);
    const [dx] = [grad(root)(x)];
    expect(countApplications([dx], 'customGradient')).toBe(1);
  });
});

describe('errors', () => {
  const rule = (answers: unknown): (() => unknown) => {
    const f = customGradient((x: Variable) => square(x), (() => answers) as never) as (x: unknown) => unknown;
    return () => f([1, 2]);
  };

  test('name what the rule gives and what it should', () => {
    expect(rule(undefined)).toThrow(
      'customGradient: the rule gives undefined for 1 argument; give a list with one gradient',
    );
    expect(rule([])).toThrow('the rule gives 0 answers for 1 argument');
    expect(rule([float([1, 2])])).toThrow(DTypeError);
    expect(rule([float([1, 2])])).toThrow(
      'the rule gives a gradient float64[2] for argument 0, a float32[2]; they must be equal',
    );
    expect(rule([constant(tensor([1, 2, 3]))])).toThrow(ShapeError);
    expect(rule([[zero, zero]])).toThrow('the rule gives 2 gradients for the 1 tensors of argument 0');
    expect(rule([null])).toThrow('the rule gives null for argument 0; give a gradient, or the word zero');
  });

  test('refuse a gradient of integers', () => {
    const f = customGradient(
      (x: Variable) => cast(x, 'float32'),
      ({ gradients: g }) => [g],
    );
    expect(() => f(tensor([1], { dtype: 'int32' }))).toThrow(
      'the rule gives a gradient for argument 0, a int32[1], which has no tangent space; answer disconnected',
    );
  });

  test('refuse a call without a tensor', () => {
    expect(() => customGradient(() => float(1), (() => []) as never)()).toThrow('called without a tensor');
  });
});
