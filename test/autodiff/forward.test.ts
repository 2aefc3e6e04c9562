/** Forward mode: tangents of structured functions, of every dtype, of all that has none, and of deep graphs. */
import { describe, expect, test } from 'vitest';
import { pushForward } from '../../src/autodiff/forward.ts';
import { runReference } from '../../src/backends/reference/run.ts';
import type { Edge, Gradient, Operation } from '../../src/graph/index.ts';
import {
  add,
  ancestors,
  apply,
  applyOperation,
  argmax,
  cast,
  concat,
  constant,
  cos,
  countApplications,
  DTypeError,
  div,
  equal,
  exp,
  expectClose,
  floor,
  gather,
  getOperation,
  grad,
  greater,
  input,
  jvp,
  leaf,
  linearize,
  log,
  matmul,
  max,
  maxWithIndex,
  mul,
  pow,
  prod,
  ShapeError,
  scatterAdd,
  sin,
  softmax,
  sqrt,
  square,
  stopGradient,
  sub,
  sum,
  tanh,
  tensor,
  UndefinedGradientError,
  undefinedGradient,
  type Variable,
  valueOf,
  vjp,
  vmap,
  where,
  withSite,
  zero,
} from '../examples/support.ts';

const float = (data: Parameters<typeof tensor>[0]): Variable => constant(tensor(data, { dtype: 'float64' }));

/** The tangents of `outputs` where x moves along v. */
function tangentsOf(outputs: readonly Variable[], x: Variable, v: Variable): Gradient[] {
  const table = pushForward(outputs, new Map([[x, v]]));
  return outputs.map((each) => table.get(each) ?? zero);
}

/** An operation with the given rules; y = x or whatever `formula` says. */
function operationWith(
  rules: Partial<Operation<Record<string, never>>>,
): (...inputs: Variable[]) => Variable {
  const operation: Operation<Record<string, never>> = {
    name: 'custom',
    infer: (inputs) => [{ shape: inputs[inputs.length - 1].shape, dtype: inputs[0].dtype }],
    bprop: ({ g }) => g,
    computation: { kind: 'elementwise', formula: (k, list) => list.reduce((a, b) => k.add(a, b)) },
    ...rules,
  };
  return (...inputs) => apply(operation, inputs, {});
}

describe('jvp', () => {
  test('takes and gives nested structures', () => {
    type Model = { layers: { w: Variable; b: Variable }[]; scale: Variable };
    const f = ({ layers: [{ w, b }], scale }: Model, x: Variable) => ({
      y: mul(scale, add(matmul(x, w), b)),
      parts: [square(x), { b }] as const,
    });
    const at = { layers: [{ w: [[2], [3]], b: [1] }], scale: 10 };
    const along = { layers: [{ w: [[1], [0]], b: [5] }], scale: 1 };
    const [value, tangent] = jvp(f, [at, [[1, -1]]], [along, [[0, 2]]]);
    expect(valueOf(value.y)).toEqual([[0]]);
    // d(s (x w + b)) = ds (x w + b) + s (dx w + x dw + db)
    expect(valueOf(tangent.y)).toEqual([[1 * 0 + 10 * (6 + 1 + 5)]]);
    expect(valueOf(tangent.parts[0])).toEqual([[0, -4]]);
    expect(valueOf(tangent.parts[1].b)).toEqual([5]);
  });

  test('of a function that returns its argument, twice, or a constant', () => {
    const [value, tangent] = jvp((x: Variable) => [x, x, constant(tensor(7))], [3], [2]);
    expect(value.map((each) => valueOf(each))).toEqual([3, 3, 7]);
    expect(tangent.map((each) => valueOf(each))).toEqual([2, 2, 0]);
  });

  test('takes the same variable as two arguments for two arguments', () => {
    const x = float(3);
    expect(valueOf(jvp((a: Variable, b: Variable) => mul(a, square(b)), [x, x], [1, 10])[1])).toBe(9 + 180);
    expect(valueOf(jvp((a: Variable) => mul(a, x), [x], [1])[1])).toBe(3);
  });

  test('of scalars, vectors without elements, and sums over nothing', () => {
    expect(valueOf(jvp((x: Variable) => sin(x), [float(0)], [2])[1])).toBe(2);
    const [value, tangent] = jvp((x: Variable) => [exp(x), sum(x)], [[]], [[]]);
    expect(value.map((each) => valueOf(each))).toEqual([[], 0]);
    expect(tangent.map((each) => valueOf(each))).toEqual([[], 0]);
  });

  test('refuses vectors that do not fit', () => {
    const f = (x: Variable, y: Variable): Variable => mul(x, y);
    expect(() => jvp(f, [[1, 2], 3], [[1, 2, 3], 1])).toThrow(ShapeError);
    expect(() => jvp(f, [[1, 2], 3], [[1, 2, 3], 1])).toThrow(/^jvp: a vector of shape \[3\] for/);
    expect(() => jvp(f, [[1, 2], 3], [[1, 2]] as never)).toThrow(
      /^jvp: the vectors are not of the structure/,
    );
    const pair = (x: Variable): Variable[] => [sum(x), prod(x)];
    expect(
      vjp(pair, [[2, 3]])[1]([1, 10])[0]
        .evaluate()
        .toArray(),
    ).toEqual([31, 21]);
    expect(() => vjp(pair, [[2, 3]])[1]([1])).toThrow(/^vjp: the vectors are not of the structure/);
  });

  test('linearize traces once, for all tangents', () => {
    let calls = 0;
    const f = (x: Variable): Variable => {
      calls++;
      return mul(x, sin(x));
    };
    const [y, push] = linearize(f, [float([1, 2])]);
    const slope = (x: number): number => Math.sin(x) + x * Math.cos(x);
    expectClose(valueOf(y), [Math.sin(1), 2 * Math.sin(2)]);
    expectClose(valueOf(push([[1, 0]])), [slope(1), 0]);
    expectClose(valueOf(push([[3, 4]])), [3 * slope(1), 4 * slope(2)]);
    expect(calls).toBe(1);
  });
});

describe('nesting', () => {
  test('never confuses perturbations', () => {
    const inner = (x: Variable): Variable => jvp((y: Variable) => add(x, y), [1], [1])[1];
    expect(valueOf(jvp((x: Variable) => mul(x, inner(x)), [2], [1])[1])).toBe(1);
    expect(valueOf(grad((x: Variable) => mul(x, inner(x)))(2))).toBe(1);
    const product = (x: Variable): Variable => jvp((y: Variable) => mul(x, y), [1], [1])[1];
    expect(valueOf(jvp((x: Variable) => mul(x, product(x)), [3], [1])[1])).toBe(6);
  });

  test('gives derivatives of every order', () => {
    let f = (x: Variable): Variable => exp(mul(2, x));
    for (let order = 1; order <= 5; order++) {
      const before = f;
      f = (x) => jvp(before, [x], [1])[1];
      expectClose(valueOf(f(float(0.3))), 2 ** order * Math.exp(0.6));
    }
  });

  test('over and under reverse mode and vmap gives the Hessian', () => {
    // f = x^2 y + sin y: H = [[2y, 2x], [2x, -sin y]]
    const f = (z: Variable): Variable => {
      const [x, y] = [gather(z, 0), gather(z, 1)];
      return add(mul(square(x), y), sin(y));
    };
    const at = float([3, 2]);
    const expected = [
      [4, 6],
      [6, -Math.sin(2)],
    ];
    const unit = [
      [1, 0],
      [0, 1],
    ];
    const forwardOverReverse = unit.map((v) => valueOf(jvp(grad(f), [at], [v])[1]));
    expectClose(forwardOverReverse, expected);
    const reverseOverForward = unit.map((v) => valueOf(grad((z: Variable) => jvp(f, [z], [v])[1])(at)));
    expectClose(reverseOverForward, expected);
    const forwardOverForward = unit.map((v) =>
      unit.map((u) => valueOf(jvp((z: Variable) => jvp(f, [z], [v])[1], [at], [u])[1])),
    );
    expectClose(forwardOverForward, expected);
    const all = vmap((v: Variable) => jvp(grad(f), [at], [v])[1])(float(unit));
    expectClose(valueOf(all), expected);
  });
});

describe('dtypes', () => {
  test('of tangents are those of their outputs, whatever is cast on the way', () => {
    const f = (x: Variable): Variable[] => [
      x,
      cast(x, 'float64'),
      cast(square(cast(x, 'float64')), 'float32'),
      mul(x, float(2)),
      softmax(cast(x, 'float64')),
    ];
    for (const dtype of ['float32', 'float64'] as const) {
      const [value, tangent] = jvp(f, [tensor([1, 2], { dtype })], [tensor([1, 0.5], { dtype })]);
      expect(tangent.map((each) => each.type)).toEqual(value.map((each) => each.type));
      expect(valueOf(tangent[1])).toEqual([1, 0.5]);
      expect(valueOf(tangent[2])).toEqual([2, 2]);
    }
  });

  test('float64 is float64 all the way', () => {
    const third = 1 / 3;
    const [, tangent] = jvp((x: Variable) => mul(x, third), [float(1)], [float(third)]);
    expect(valueOf(tangent)).toBe(third * third);
  });

  test('a rule that gives another dtype, or shape, is an error that names the operation', () => {
    const rough = operationWith({ jvp: ({ tangents: [t] }) => [cast(t!, 'float32')] });
    expect(() => jvp((x: Variable) => rough(x), [float([1])], [[1]])).toThrow(DTypeError);
    expect(() => jvp((x: Variable) => rough(x), [float([1])], [[1]])).toThrow(
      /^custom: its jvp gives float32\[1\] for an output of type float64\[1\] at forward\.test\.ts:/,
    );
    const long = operationWith({ jvp: ({ tangents: [t] }) => [concat([t!, t!])] });
    expect(() => jvp((x: Variable) => long(x), [float([1])], [[1]])).toThrow(ShapeError);
    expect(() => jvp((x: Variable) => long(x), [float([1])], [[1]])).toThrow(
      /float64\[2\] for an output of type float64\[1\]/,
    );
  });
});

describe('integers', () => {
  test('as arguments stand still: their vector is zeros', () => {
    const n = tensor([1, 0], { dtype: 'int32' });
    const f = (x: Variable, k: Variable): Variable => mul(gather(x, k), k);
    expect(
      valueOf(
        jvp(
          f,
          [float([5, 7]), n],
          [
            [1, 10],
            [0, 0],
          ],
        )[1],
      ),
    ).toEqual([10, 0]);
    expect(() =>
      jvp(
        f,
        [float([5, 7]), n],
        [
          [1, 10],
          [1, 0],
        ],
      ),
    ).toThrow(UndefinedGradientError);
    expect(() =>
      jvp(
        f,
        [float([5, 7]), n],
        [
          [1, 10],
          [1, 0],
        ],
      ),
    ).toThrow(/int32 has no tangent space; give zeros/);
  });

  test('get zeros from vjp, whose vector for integer results is zeros', () => {
    const n = tensor([1, 0], { dtype: 'int32' });
    const [, pullback] = vjp((x: Variable, k: Variable) => gather(x, k), [float([5, 7]), n]);
    const [dx, dn] = pullback([1, 10]);
    expect(valueOf(dx)).toEqual([10, 1]);
    expect(dn.type).toBe('int32[2]');
    expect(valueOf(dn)).toEqual([0, 0]);
    const [, both] = vjp((x: Variable) => maxWithIndex(x), [float([5, 7])]);
    expect(valueOf(both([float(3), 0])[0])).toEqual([0, 3]);
    expect(() => both([float(3), 1])).toThrow(UndefinedGradientError);
  });

  test('as results have a tangent of zeros where they are piecewise constant', () => {
    const [value, tangent] = jvp((x: Variable) => sum(greater(x, 0)), [[1, -1, 2]], [[1, 1, 1]]);
    expect(value.type).toBe('int32[]');
    expect([valueOf(value), valueOf(tangent), tangent.type]).toEqual([2, 0, 'int32[]']);
  });
});

describe('derivatives that are not there', () => {
  const x = float([1, 3, 2]);
  const v = float([1, 1, 1]);
  const asFloat = (y: Variable): Variable => cast(y, 'float64');

  test('are undefined for indices, whatever is done with them', () => {
    const reason = /because the second output of maxWithIndex is an index: it jumps/;
    for (const f of [
      (z: Variable) => argmax(z),
      (z: Variable) => asFloat(argmax(z)),
      (z: Variable) => asFloat(add(argmax(z), 1)),
      (z: Variable) => mul(argmax(z), 0.5),
      (z: Variable) => add(asFloat(argmax(z)), sum(z)),
      (z: Variable) => add(sum(z), asFloat(argmax(z))),
      (z: Variable) => exp(mul(sum(z), asFloat(maxWithIndex(z)[1]))),
    ]) {
      expect(() => jvp(f, [x], [v])).toThrow(UndefinedGradientError);
      expect(() => jvp(f, [x], [v])).toThrow(reason);
    }
  });

  test('agree with what reverse mode says', () => {
    const functions: ((z: Variable) => Variable)[] = [
      (z) => asFloat(argmax(z)),
      (z) => add(stopGradient(asFloat(argmax(z))), sum(z)),
      (z) => add(asFloat(argmax(stopGradient(z))), sum(z)),
      (z) => asFloat(argmax(floor(z))),
      (z) => asFloat(equal(argmax(z), 1)),
      (z) => gather(z, argmax(z)),
      (z) => maxWithIndex(z)[0],
      (z) => add(maxWithIndex(z)[0], stopGradient(asFloat(maxWithIndex(z)[1]))),
      (z) => sum(cast(cast(z, 'int32'), 'float64')),
      (z) => sum(floor(z)),
    ];
    const outcome = (f: () => unknown): unknown => {
      try {
        return f();
      } catch (error) {
        return (error as Error).constructor.name;
      }
    };
    for (const f of functions) {
      const forward = outcome(() => valueOf(jvp(f, [x], [v])[1]));
      const reverse = outcome(() => valueOf(sum(vjp(f, [x])[1](1)[0])));
      expect(forward, f.toString()).toEqual(reverse);
    }
  });

  test('stay undefined beside others that exist, in an elementwise rule and in one that is transposed', () => {
    const rough = ({ index, g }: Edge<unknown>): Gradient =>
      index === 0 ? undefinedGradient('it has corners everywhere') : g;
    const kinds: Operation['computation'][] = [
      { kind: 'elementwise', formula: (k, [a, b]) => k.add(a, b) },
      { kind: 'composition', expand: ([a, b]) => add(a as Variable, b as Variable) },
    ];
    for (const computation of kinds) {
      const f = operationWith({ bprop: rough, computation });
      expect(() => jvp((a: Variable, b: Variable) => f(a, b), [x, x], [v, v])).toThrow(
        /custom float64\[3\] has no derivative, because it has corners everywhere/,
      );
      expect(valueOf(jvp((b: Variable) => f(x, b), [x], [v])[1])).toEqual([1, 1, 1]);
    }
  });

  test('are zero where they are known to be', () => {
    const [y] = tangentsOf([floor(x)], x, v);
    expect(y).toBe(zero);
    expect(tangentsOf([stopGradient(x)], x, v)).toEqual([zero]);
    expect(tangentsOf([sin(float(2))], x, v)).toEqual([zero]);
    expect(valueOf(jvp((z: Variable) => mul(3, floor(z)), [x], [v])[1])).toEqual([0, 0, 0]);
  });

  test('of a branch that is not taken do no harm', () => {
    const f = (z: Variable): Variable => where(greater(z, 0), sqrt(z), 0);
    expect(valueOf(jvp(f, [float([0, 4])], [[1, 1]])[1])).toEqual([0, 0.25]);
  });
});

describe('rules', () => {
  test('of ties are the exact transpose: the mean of the tangents of those that tie', () => {
    const x = float([1, 5, 5, 2]);
    expect(valueOf(jvp((z: Variable) => max(z), [x], [[7, 2, 4, 8]])[1])).toBe(3);
    expect(valueOf(jvp((z: Variable) => maxWithIndex(z)[0], [x], [[7, 2, 4, 8]])[1])).toBe(3);
  });

  test('that are derived do without: elementwise by the diagonal, others by transposition, several outputs each', () => {
    const twoParts: Operation<Record<string, never>> = {
      name: 'twoParts',
      infer: ([x]) => [
        { shape: [], dtype: x.dtype },
        { shape: [1], dtype: 'int32' },
        { shape: x.shape, dtype: x.dtype },
      ],
      // y0 = sum x^2, y1 = 0, y2 = reversed 3 x
      bprop({ inputs: [x], gradients: [g0, , g2] }) {
        const parts = [
          ...('gradient' in g0 ? [] : [mul(g0, mul(2, x))]),
          ...('gradient' in g2 ? [] : [mul(3, gather(g2, [2, 1, 0]))]),
        ];
        return parts.length === 0 ? zero : parts.reduce((a, b) => add(a, b));
      },
      computation: {
        kind: 'routine',
        run([x], [y0, , y2]) {
          for (let i = 0; i < x.data.length; i++) {
            y0.data[0] += x.data[i] ** 2;
            y2.data[i] = 3 * x.data[x.data.length - 1 - i];
          }
        },
      },
    };
    const f = (x: Variable): Variable[] => applyOperation(twoParts, [x], {});
    const [, tangent] = jvp((x: Variable) => [f(x)[0], f(x)[2]], [float([1, 2, 3])], [[1, 10, 100]]);
    expect(tangent.map((each) => valueOf(each))).toEqual([2 * 321, [300, 30, 3]]);
    const scaled = operationWith({
      bprop: ({ inputs: [a, b], g, index }) =>
        index === 0 ? sum(mul(g, b), 0, { keepDims: true }) : mul(g, a),
      computation: { kind: 'elementwise', formula: (k, [a, b]) => k.mul(a, b) },
    });
    // Its bprop sums over the axis that was broadcast, which is allowed: it is no diagonal then.
    const [, product] = jvp((a: Variable) => scaled(a, float([1, 2, 3])), [float([5])], [[1]]);
    expect(valueOf(product)).toEqual([1, 2, 3]);
  });

  test('make nothing of what does not move', () => {
    const [x, y, v] = [input([4, 4]), input([4, 4]), input([4, 4])];
    const count = (z: Variable): number => {
      const [t] = tangentsOf([z], x, v);
      const before = new Set(ancestors([z]).applications);
      return ancestors([t as Variable]).applications.filter((each) => !before.has(each)).length;
    };
    expect(count(matmul(y, x))).toBe(1);
    expect(count(add(x, y))).toBe(0);
    expect(count(scatterAdd(x, [0, 1], gather(y, [0, 1])))).toBe(0);
    expect(count(mul(sin(y), x))).toBe(1);
    expect(tangentsOf([concat([x, y])], y, v).every((each) => !('gradient' in each))).toBe(true);
  });

  test('cost about as much as the function itself', () => {
    const weights = [0, 1, 2].map(() => input([8, 8]));
    const f = (x: Variable): Variable => weights.reduce((h, w) => tanh(matmul(h, w)), x);
    const [value, tangent] = jvp(f, [input([2, 8])], [input([2, 8])]);
    expect(countApplications([value, tangent], 'matmul')).toBe(6);
    expect(countApplications([value, tangent], 'tanh')).toBe(3);
  });
});

describe('deep graphs', () => {
  const DEPTH = 100_000;
  const NOWHERE = { location: () => undefined, toString: () => '' };

  test('100,000 operations deep are pushed through in linear space, without recursion', () => {
    const x = leaf(0.5);
    let y: Variable = x;
    withSite(NOWHERE, () => {
      for (let i = 0; i < DEPTH; i++) y = i % 2 === 0 ? mul(y, 1.00001) : sub(y, 1e-6);
    });
    const [t] = tangentsOf([y], x, float(1)) as Variable[];
    expect(ancestors([t]).applications.length).toBeLessThanOrEqual(DEPTH);
    const [{ data }] = runReference([t]);
    expect(data[0] / 1.00001 ** (DEPTH / 2)).toBeCloseTo(1, 9);
  });

  test('a ladder of 2^60 paths grows by a few nodes a rung', () => {
    const x = leaf(1.1);
    let y: Variable = x;
    for (let i = 0; i < 60; i++) y = div(add(sin(y), cos(y)), 2);
    const [t] = tangentsOf([y], x, float(1)) as Variable[];
    expect(ancestors([t]).applications.length).toBeLessThan(60 * 12);
    const [derivative] = runReference([
      grad((z: Variable) => {
        let w = z;
        for (let i = 0; i < 60; i++) w = div(add(sin(w), cos(w)), 2);
        return w;
      })(x),
    ]);
    expectClose(runReference([t])[0].item(), derivative.item());
  });
});

test('tangents stand where the operation stands that they differentiate', () => {
  const [, t] = jvp((x: Variable) => log(pow(x, 2)), [float(2)], [1]);
  expect(getOperation(t)!.site.toString()).toMatch(/^forward\.test\.ts:\d+$/);
});
