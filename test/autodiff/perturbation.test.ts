/**
 * Nested derivatives must not confuse their perturbations: each derivative sees only the variable that it was asked about,
 * whichever mode it runs in and whatever functions are handed about in between.
 *
 * Sources: Siskind and Pearlmutter, "Perturbation Confusion and Referential Transparency" (2005); Manzyuk, Pearlmutter,
 * Radul, Rush and Siskind, "Perturbation Confusion in Forward Automatic Differentiation of Higher-Order Functions" (2019).
 */
import { describe, expect, test } from 'vitest';
import {
  add,
  constant,
  cos,
  exp,
  expectClose,
  grad,
  jvp,
  linearize,
  mul,
  numberOf,
  sin,
  square,
  stopGradient,
  sub,
  sum,
  tensor,
  type Variable,
  valueOf,
  vjp,
  vmap,
} from '../examples/support.ts';

const float = (data: Parameters<typeof tensor>[0]): Variable => constant(tensor(data, { dtype: 'float64' }));

type Scalar = (x: Variable) => Variable;
/** f to f', by one of the four doors. */
type Operator = (f: Scalar) => Scalar;

const one = float(1);
const operators: Record<string, Operator> = {
  grad: (f) => grad(f),
  jvp: (f) => (x) => jvp(f, [x], [one])[1],
  vjp: (f) => (x) => vjp(f, [x])[1](one)[0],
  linearize: (f) => (x) => linearize(f, [x])[1]([one]),
};

const names = Object.keys(operators);
const pairs = names.flatMap((a) => names.map((b) => [a, b] as const));
const triples = pairs.flatMap(([a, b]) => names.map((c) => [a, b, c] as const));

/** The number that f gives at x. */
const at = (f: Scalar, x: number): number => numberOf(f(float(x)));

describe.each(pairs)('%s of %s', (outer, inner) => {
  const [D, d] = [operators[outer], operators[inner]];

  test('of x times the slope of x + y is 1 (Siskind and Pearlmutter)', () => {
    for (const x of [0, 1, 5]) {
      expect(
        at(
          D((u) => mul(u, d((y) => add(u, y))(float(1)))),
          x,
        ),
      ).toBe(1);
      expect(
        at(
          D((u) => mul(u, d((y) => add(u, y))(u))),
          x,
        ),
      ).toBe(1);
    }
  });

  test('of x times the slope of x y is 2 x', () => {
    expect(
      at(
        D((x) => mul(x, d((y) => mul(x, y))(float(2)))),
        3,
      ),
    ).toBe(6);
    expect(
      at(
        D((x) => mul(x, d((y) => mul(x, y))(x))),
        3,
      ),
    ).toBe(6);
  });

  test('keeps the outer variable where the inner derivative is taken at it', () => {
    // d/dx of x cos(x y) at y = x is cos(x^2) - 2 x^2 sin(x^2).
    const x = 0.7;
    const expected = Math.cos(x * x) - 2 * x * x * Math.sin(x * x);
    expectClose(
      at(
        D((u) => d((y) => sin(mul(u, y)))(u)),
        x,
      ),
      expected,
    );
  });

  test('is 0 where the inner function ignores its argument', () => {
    expect(
      at(
        D((x) => d(() => mul(x, 2))(x)),
        3,
      ),
    ).toBe(0);
    expect(
      at(
        D((x) => add(x, d(() => square(x))(x))),
        3,
      ),
    ).toBe(1);
  });

  test('holds what stopGradient holds, and no more', () => {
    // x y at y = 4 with the inner slope x held: the outer slope is that of x alone.
    expect(
      at(
        D((x) => mul(x, stopGradient(d((y) => mul(x, y))(float(4))))),
        3,
      ),
    ).toBe(3);
    expect(
      at(
        D((x) => d((y) => mul(stopGradient(x), mul(x, y)))(x)),
        3,
      ),
    ).toBe(3);
  });

  test('is the second derivative if nothing lies between', () => {
    expectClose(at(D(d(sin)), 0.4), -Math.sin(0.4));
    expectClose(at(D(d((x) => mul(x, mul(x, x)))), 2), 12);
  });

  test('through a function that returns functions', () => {
    const adder =
      (x: Variable): Scalar =>
      (y) =>
        add(x, y);
    const scaler =
      (x: Variable): Scalar =>
      (y) =>
        mul(adder(x)(y), y);
    // x d/dy (x + y) y = x (x + 2 y); its slope at y = 2 is 2 x + 4.
    expect(
      at(
        D((x) => mul(x, d(scaler(x))(float(2)))),
        3,
      ),
    ).toBe(10);
    // The same function under both derivatives.
    const f = scaler(float(5));
    expect(
      at(
        D((x) => mul(d(f)(x), f(x))),
        1,
      ),
    ).toBe(2 * 6 + 7 * 7);
  });

  test('of a function of shifted functions is the second derivative (Manzyuk et al., section 4)', () => {
    // s u f x = f (x + u); its slope at u = 0 is the derivative as an operator on functions.
    const shift =
      (D0: Operator, f: Scalar): Scalar =>
      (x) =>
        D0((u) => f(add(x, u)))(float(0));
    expectClose(at(shift(D, shift(d, exp)), 1), Math.E);
    expectClose(at(shift(D, shift(d, sin)), 0.3), -Math.sin(0.3));
  });

  test('with a batch in between, or around', () => {
    const ys = [1, 2, 5];
    // Sum over y of d/dz (x y z) at z = y is x sum y.
    const between: Scalar = (x) => sum(vmap((y: Variable) => d((z) => mul(x, mul(y, z)))(y))(float(ys)));
    expect(at(D(between), 3)).toBe(8);
    // x cos(x y) again, one x for each of a batch.
    const around = vmap((x: Variable) => D((u) => d((y) => sin(mul(u, y)))(u))(x))(float([0.2, 0.7]));
    expectClose(
      valueOf(around),
      [0.2, 0.7].map((x) => Math.cos(x * x) - 2 * x * x * Math.sin(x * x)),
    );
    // Batches inside and outside at once, the inner one closing over both outer variables.
    const table = vmap((a: Variable) =>
      D((x) => sum(vmap((y: Variable) => mul(a, d((z) => mul(square(x), mul(y, z)))(y)))(float(ys))))(a),
    )(float([1, 2]));
    expect(valueOf(table)).toEqual([1, 2].map((a) => a * 2 * a * 8));
  });
});

describe.each(triples)('%s of %s of %s', (a, b, c) => {
  const [D1, D2, D3] = [operators[a], operators[b], operators[c]];

  test('keeps three variables apart', () => {
    // y d/dz (x y z) = x y^2; its slope in y, at y = x, is 2 x^2; x times that has the slope 6 x^2.
    const f: Scalar = (x) => mul(x, D2((y) => mul(y, D3((z) => mul(x, mul(y, z)))(y)))(x));
    expect(at(D1(f), 2)).toBe(24);
  });

  test('is the third derivative if nothing lies between', () => {
    expectClose(at(D1(D2(D3(sin))), 0.4), -Math.cos(0.4));
  });
});

describe('what derivatives hand out', () => {
  test('a pullback made outside is differentiated inside', () => {
    // The pullback of sin at x, applied to y: y cos x; its slope in y is cos x, and in x -y sin x.
    const f: Scalar = (x) => {
      const [, pull] = vjp(sin, [x]);
      return grad((y: Variable) => pull(y)[0] as Variable)(float(3));
    };
    expectClose(at(f, 0.5), Math.cos(0.5));
    expectClose(at(grad(f), 0.5), -Math.sin(0.5));
    expectClose(
      at((x) => jvp(f, [x], [one])[1], 0.5),
      -Math.sin(0.5),
    );
  });

  test('a tangent may be an outer variable', () => {
    // The slope of x^2 along x is 2 x^2, and that of it is 4 x.
    const along: Scalar = (x) => jvp(square as Scalar, [x], [x])[1];
    expect(at(along, 3)).toBe(18);
    expect(at(grad(along), 3)).toBe(12);
    expect(at((x) => jvp(along, [x], [one])[1], 3)).toBe(12);
  });

  test('one linearisation serves several tangents, inside another derivative', () => {
    const f: Scalar = (x) => {
      const [, push] = linearize((y: Variable) => mul(x, square(y)), [float(2)]);
      return sub(push([x]), push([one])); // 4 x^2 - 4 x
    };
    expect(at(f, 3)).toBe(24);
    expect(at(grad(f), 3)).toBe(20);
  });

  test('a function that escapes from a derivative keeps the value that its variable had', () => {
    let escaped: Scalar = (x) => x;
    const slope = at(
      grad((u: Variable) => {
        escaped = (x) => mul(u, x);
        return square(u);
      }),
      3,
    );
    expect(slope).toBe(6);
    expect(at(escaped, 5)).toBe(15);
    expect(at(grad(escaped), 5)).toBe(3);
  });

  test('operators may be iterated as functions of functions', () => {
    const twice =
      <T>(f: (x: T) => T) =>
      (x: T): T =>
        f(f(x));
    for (const D of Object.values(operators)) {
      expectClose(at(twice(twice(D))(sin), 0.3), Math.sin(0.3)); // four derivatives
      expectClose(at(D(twice(sin as Scalar)), 0.3), Math.cos(Math.sin(0.3)) * Math.cos(0.3));
    }
  });

  test('several variables, several derivatives, one expression', () => {
    // d/dx [ x * d/dy ( sin(x) y^2 + y * d/dz (x y z^2) ) ] at z = x, y = x, against the closed form.
    // d/dz (x y z^2) = 2 x y z; the y-part is sin(x) y^2 + 2 x y^2 z with z held at x: slope 2 sin(x) y + 4 x^2 y.
    // At y = x, times x: 2 x^2 sin x + 4 x^4; its slope: 4 x sin x + 2 x^2 cos x + 16 x^3.
    const closed = (x: number): number => 4 * x * Math.sin(x) + 2 * x * x * Math.cos(x) + 16 * x ** 3;
    for (const [outer, inner] of pairs) {
      const [D, d] = [operators[outer], operators[inner]];
      const f: Scalar = (x) =>
        mul(x, d((y) => add(mul(sin(x), square(y)), mul(y, D((z) => mul(x, mul(y, square(z))))(x))))(x));
      expectClose(at(D(f), 0.8), closed(0.8));
    }
  });

  test('the gradient with respect to a structure does not touch what its parts close over', () => {
    const f = (x: Variable): Variable => {
      const inner = grad(({ a, b }: { a: Variable; b: Variable }) => mul(mul(a, b), add(a, x)));
      const { a, b } = inner({ a: x, b: cos(x) }); // (2 a + x) b, a (a + x)
      return add(a, b);
    };
    const x = 0.6;
    // 3 x cos x + 2 x^2
    expectClose(at(f, x), 3 * x * Math.cos(x) + 2 * x * x);
    expectClose(at(grad(f), x), 3 * Math.cos(x) - 3 * x * Math.sin(x) + 4 * x);
  });
});
