/** `grad` and `valueAndGrad`: functions to functions, over nested arguments, without confusing perturbations. */
import { describe, expect, test } from 'vitest';
import {
  add,
  DTypeError,
  exp,
  expectClose,
  grad,
  gradients,
  hessian,
  input,
  jacobian,
  leaf,
  matmul,
  mul,
  numberOf,
  ShapeError,
  sin,
  square,
  squaredError,
  sub,
  sum,
  tensor,
  UndefinedGradientError,
  Variable,
  valueAndGrad,
  valueOf,
  vmap,
} from '../examples/support.ts';

type Scalar = (x: Variable) => Variable;

/** x as float64, for tests to many digits. */
const at = (x: number): Variable => leaf(x);

describe('grad', () => {
  test('differentiates with respect to the first argument', () => {
    const f = (x: Variable, y: Variable): Variable => sum(mul(square(x), y));
    expect(valueOf(grad(f)([1, 2], [3, 4]))).toEqual([6, 16]);
  });

  test('or to the one it is told', () => {
    const f = (x: Variable, y: Variable): Variable => sum(mul(square(x), y));
    expect(valueOf(grad(f, { argument: 1 })([1, 2], [3, 4]))).toEqual([1, 4]);
  });

  test('takes Variables, Tensors, numbers, nested and typed arrays', () => {
    const f: Scalar = (x) => sum(square(x));
    expect(valueOf(grad(f)(3))).toBe(6);
    expect(valueOf(grad(f)([[1], [2]]))).toEqual([[2], [4]]);
    expect(valueOf(grad(f)(tensor([1, 2], { dtype: 'float64' })))).toEqual([2, 4]);
    expect(valueOf(grad(f)(new Float64Array([0.1])))).toEqual([0.2]);
    expect(valueOf(grad(f)(leaf([5])))).toEqual([10]);
    const x = input([2]);
    expect(valueOf(grad(f)(x), new Map([[x, [7, 8]]]))).toEqual([14, 16]);
  });

  test('gives a Variable, so that it nests and mixes with other operations', () => {
    const derivative = grad((x: Variable) => sin(x))(at(1));
    expect(derivative).toBeInstanceOf(Variable);
    expectClose(numberOf(add(square(derivative), square(sin(at(1))))), 1);
  });

  test('gives zeros for an argument that f ignores', () => {
    expect(valueOf(grad((_: Variable, y: Variable) => sum(y))([1, 2], [3]))).toEqual([0, 0]);
  });

  test('gives zeros for a constant function', () => {
    expect(valueOf(grad((_: Variable) => at(3))([1, 2]))).toEqual([0, 0]);
  });

  test('differentiates only the uses inside f of a variable that is also seen from outside', () => {
    const x = at(3);
    const outer = square(x);
    expect(numberOf(grad((y: Variable) => mul(y, outer))(x))).toBe(9);
    expect(numberOf(gradients(grad((y: Variable) => mul(y, outer))(x), [x])[0])).toBe(6);
  });
});

describe('valueAndGrad', () => {
  test('gives both', () => {
    const [value, gradient] = valueAndGrad((x: Variable) => sum(square(x)))([1, 2, 3]);
    expect(valueOf(value)).toBe(14);
    expect(valueOf(gradient)).toEqual([2, 4, 6]);
  });

  test('keeps the structure of nested objects and arrays', () => {
    interface Layer {
      weights: Variable;
      bias: Variable;
    }
    const loss = (layers: Layer[], x: Variable): Variable => {
      let h = x;
      for (const { weights, bias } of layers) h = add(matmul(h, weights), bias);
      return sum(h);
    };
    const layers = [
      {
        weights: leaf([
          [1, 2],
          [3, 4],
        ]),
        bias: leaf([10, 20]),
      },
      { weights: leaf([[1], [-1]]), bias: leaf([5]) },
    ];
    const [value, gradient] = valueAndGrad(loss)(layers, leaf([[1, 1]]));
    expect(valueOf(value)).toBe(1 + 3 + 10 - (2 + 4 + 20) + 5);
    expect(gradient.map((each) => Object.keys(each))).toEqual([
      ['weights', 'bias'],
      ['weights', 'bias'],
    ]);
    expect(valueOf(gradient[0].weights)).toEqual([
      [1, -1],
      [1, -1],
    ]);
    expect(valueOf(gradient[0].bias)).toEqual([1, -1]);
    expect(valueOf(gradient[1].weights)).toEqual([[14], [26]]);
    expect(valueOf(gradient[1].bias)).toEqual([1]);
  });

  test('takes plain numbers and tensors inside the structure', () => {
    const f = ({ a, b }: { a: Variable; b: { c: Variable } }): Variable => mul(a, sum(b.c));
    const gradient = grad(f)({ a: 3, b: { c: [1, 2] } });
    expect(valueOf(gradient.a)).toBe(3);
    expect(valueOf(gradient.b.c)).toEqual([3, 3]);
  });

  test('gives zeros for the parts that f ignores', () => {
    const f = ({ used }: { used: Variable; idle: Variable }): Variable => sum(used);
    const { used, idle } = grad(f)({ used: [1, 2], idle: [[3]] });
    expect(valueOf(used)).toEqual([1, 1]);
    expect(valueOf(idle)).toEqual([[0]]);
  });

  test('differentiates a tied parameter in each of its places', () => {
    const w = at(3);
    const [, [first, second]] = valueAndGrad(([a, b]: [Variable, Variable]) => mul(square(a), b))([w, w]);
    expect([numberOf(first), numberOf(second)]).toEqual([18, 9]);
  });

  test('refuses what is no tensor, no scalar or no argument', () => {
    expect(() => grad((x: Variable) => square(x))([1, 2])).toThrow(ShapeError);
    expect(() => grad((x: Variable) => x, { argument: 1 })(1)).toThrow(ShapeError);
    expect(() => grad((x: Variable) => x, { argument: -1 })(1)).toThrow(ShapeError);
    expect(() => grad((({ x }: { x: Variable }) => x) as any)({ x: 'one' } as any)).toThrow(DTypeError);
    expect(() => grad((({ x }: { x: Variable }) => x) as any)({ x: 'one' } as any)).toThrow(
      'expected tensors in nested arrays or objects, got string at .x',
    );
    expect(() => grad((x: Variable) => mul(sum(x), 0.5))(tensor([1], { dtype: 'int32' }))).toThrow(
      UndefinedGradientError,
    );
  });

  test('refuses options and arguments that it would have to ignore', () => {
    const f: any = (x: Variable) => sum(square(x));
    const [g, both, j, h, v]: any[] = [grad, valueAndGrad, jacobian, hessian, vmap];
    expect(() => g(f, 1)).toThrow('grad: the options are 1; give them by name, in an object: argument');
    expect(() => both(f, { argnums: 1 })).toThrow('grad: there is no option argnums; use argument');
    expect(() => j(f, { argnums: 1 })).toThrow('jacobian: there is no option argnums; use argument, mode');
    expect(() => h(f, 1)).toThrow('hessian: the options are 1');
    expect(() => v(f, { in_axes: 0 })).toThrow('vmap: there is no option in_axes; use inAxes, outAxis');
    for (const argument of [[0], 0.5, Number.NaN])
      expect(() => g(f, { argument })(1)).toThrow(/^grad: argument .* of a call with 1 arguments/);
    expect(() => g(() => tensor(3))(1)).toThrow('grad: the function must return a Variable, not Tensor');
  });

  test('trains a line by gradient descent', () => {
    let model = { slope: at(0) as Variable, offset: at(0) as Variable };
    const x = leaf([-1, 0, 1, 2]);
    const y = leaf([-1, 1, 3, 5]);
    const step = grad((m: typeof model) => squaredError(add(mul(x, m.slope), m.offset), y));
    for (let i = 0; i < 200; i++) {
      const { slope, offset } = step(model);
      model = {
        slope: at(numberOf(sub(model.slope, mul(0.2, slope)))),
        offset: at(numberOf(sub(model.offset, mul(0.2, offset)))),
      };
    }
    expectClose([numberOf(model.slope), numberOf(model.offset)], [2, 1], 1e-9);
  });
});

describe('perturbations are not confused', () => {
  const derivative = (f: Scalar, x: number): number => numberOf(grad(f)(at(x)));

  test.each([0, 1, 2.5, -3])('d/dx x (d/dy (x + y) at y = x) is 1 at %d', (x) => {
    expect(derivative((x) => mul(x, grad((y: Variable) => add(x, y))(x)), x)).toBe(1);
  });

  test.each([0, 1, 2.5, -3])('d/dx x (d/dy x y at y = 2) is 2x at %d', (x) => {
    expect(derivative((x) => mul(x, grad((y: Variable) => mul(x, y))(2)), x)).toBe(2 * x);
  });

  test('d/dx of the derivative of x y^2 at y = x: d/dx 2x^2 = 4x', () => {
    expect(derivative((x) => grad((y: Variable) => mul(x, square(y)))(x), 3)).toBe(12);
  });

  test('three levels: d/dx d/dy d/dz x y z at z = y, y = x', () => {
    const f: Scalar = (x) => grad((y: Variable) => grad((z: Variable) => mul(mul(x, y), z))(y))(x);
    expect(derivative(f, 3)).toBe(1);
  });

  test('the inner function may ignore its own argument', () => {
    expect(derivative((x) => add(x, grad((_: Variable) => mul(x, x))(x)), 3)).toBe(1);
  });

  test('an inner derivative may stand beside a use of the same variable', () => {
    expectClose(
      derivative((x) => mul(grad((y: Variable) => sin(y))(x), x), 0.8),
      Math.cos(0.8) - 0.8 * Math.sin(0.8),
    );
  });

  test('a derivative of functions: D f = x -> d/du f(x + u) at 0, twice', () => {
    const D =
      (f: Scalar): Scalar =>
      (x) =>
        grad((u: Variable) => f(add(x, u)))(at(0));
    expectClose(numberOf(D(D(exp as Scalar))(at(1))), Math.E);
    expectClose(numberOf(D(D(D(sin as Scalar)))(at(1))), -Math.cos(1));
  });

  test('saved inner variables do not leak into later derivatives', () => {
    const saved: Variable[] = [];
    const g = grad((x: Variable) => {
      saved.push(x);
      return square(x);
    });
    g(at(1));
    expect(numberOf(grad((x: Variable) => mul(x, saved[0]))(at(5)))).toBe(1);
  });
});
