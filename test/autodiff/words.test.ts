/** Zero, disconnected and undefined are three answers, and none of them is passed off as another. */
import { describe, expect, test } from 'vitest';
import {
  add,
  apply,
  argmax,
  cast,
  ceil,
  DisconnectedError,
  DTypeError,
  disconnected,
  equal,
  floor,
  type Gradient,
  gather,
  gradients,
  greater,
  input,
  leaf,
  maxWithIndex,
  mul,
  type Operation,
  oneHot,
  parameter,
  relu,
  round,
  sign,
  square,
  stopGradient,
  sum,
  tensor,
  UndefinedGradientError,
  undefinedGradient,
  type Variable,
  valueOf,
  where,
  zero,
} from '../examples/support.ts';

const float = (x: Variable): Variable => cast(x, 'float64');

/** The numbers of dz/dx. */
function gradientOf(z: Variable, x: Variable): unknown {
  return valueOf(gradients(z, [x])[0]);
}

/** x or copies of it, whose bprop answers as it is told. */
function answering(answer: (g: Variable) => Gradient): (x: Variable) => Variable {
  const operation: Operation<Record<string, never>> = {
    name: 'custom',
    infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
    bprop: ({ g }) => answer(g),
    computation: { kind: 'view', view: (view) => view },
  };
  return (x) => apply(operation, [x], {});
}

describe('zero', () => {
  test.each([
    ['floor', floor],
    ['ceil', ceil],
    ['round', round],
    ['sign', sign],
    ['stopGradient', stopGradient],
    ['an operation of the user', answering(() => zero)],
  ])('is known of %s, and is a number', (_, operation) => {
    const x = leaf([0.3, -1.7]);
    expect(gradientOf(sum(operation(x) as Variable), x)).toEqual([0, 0]);
  });

  test('is what a condition is: a step has slope 0', () => {
    const x = leaf([1, 2]);
    const other = leaf([3, 4]);
    expect(gradientOf(sum(where(greater(x, 1), other, 0)), x)).toEqual([0, 0]);
    expect(gradientOf(sum(where(greater(x, 1), other, 0)), other)).toEqual([0, 1]);
    expect(gradientOf(sum(where(greater(x, 1), x, 0)), x)).toEqual([0, 1]);
  });

  test('is the second derivative of what is linear in pieces', () => {
    const x = leaf([1, -2]);
    const [slope] = gradients(sum(relu(x)), [x]);
    expect(gradientOf(sum(slope), x)).toEqual([0, 0]);
  });

  test('is what a cast to integers gives, with or without arithmetic on them', () => {
    const x = leaf([0.3, -1.7]);
    const whole = cast(x, 'int32');
    expect(gradientOf(sum(float(whole)), x)).toEqual([0, 0]);
    expect(gradientOf(sum(float(add(mul(whole, whole), 1))), x)).toEqual([0, 0]);
  });

  test('is what a comparison gives, as a factor too', () => {
    const x = leaf([0.3, -1.7]);
    const positive = float(greater(x, 0));
    expect(gradientOf(sum(positive), x)).toEqual([0, 0]);
    expect(gradientOf(sum(mul(positive, x)), x)).toEqual([1, 0]);
  });

  test('added to a derivative leaves it', () => {
    const x = leaf([0.5, -1.5]);
    expect(gradientOf(sum(add(square(x), floor(x))), x)).toEqual([1, -3]);
    expect(gradientOf(sum(add(floor(x), square(x))), x)).toEqual([1, -3]);
    expect(gradientOf(sum(mul(x, stopGradient(x))), x)).toEqual([0.5, -1.5]);
  });

  test('has the shape and dtype of the target', () => {
    const x = input([2, 3], { dtype: 'float32' });
    const [g] = gradients(float(sum(floor(x))), [x]);
    expect(g.type).toBe('float32[2, 3]');
  });
});

describe('disconnected', () => {
  const x = leaf([1, 2]);
  const other = leaf([3, 4]);

  test('is an error, which names both ends', () => {
    expect(() => gradients(sum(other), [x])).toThrow(DisconnectedError);
    expect(() => gradients(sum(other), [x])).toThrow(
      /^gradients: sum float64\[\] does not depend on parameter float64\[2\]; leave it out, or pass \{ disconnected: 'zero' \}/,
    );
    expect(() => gradients(sum(other), [other, x])).toThrow(DisconnectedError);
  });

  test('gives zeros of the target type on demand', () => {
    const [g, h] = gradients(sum(other), [x, other], { disconnected: 'zero' });
    expect(g.type).toBe('float64[2]');
    expect(valueOf(g)).toEqual([0, 0]);
    expect(valueOf(h)).toEqual([1, 1]);
  });

  test('is what indices are', () => {
    const index = cast(x, 'int32');
    const table = leaf([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    const z = sum(gather(table, index));
    expect(() => gradients(z, [x])).toThrow(DisconnectedError);
    expect(valueOf(gradients(z, [x], { disconnected: 'zero' })[0])).toEqual([0, 0]);
    expect(gradientOf(z, table)).toEqual([
      [0, 0],
      [1, 1],
      [1, 1],
    ]);
  });

  test('is what an operation says it is', () => {
    const cut = answering(() => disconnected);
    expect(() => gradients(sum(cut(x)), [x])).toThrow(DisconnectedError);
    expect(gradientOf(sum(add(cut(x), square(x))), x)).toEqual([2, 4]);
    expect(gradientOf(sum(add(square(x), cut(x))), x)).toEqual([2, 4]);
  });

  test('beside zero is zero', () => {
    const cut = answering(() => disconnected);
    expect(gradientOf(sum(add(cut(x), floor(x))), x)).toEqual([0, 0]);
    expect(gradientOf(sum(add(floor(x), cut(x))), x)).toEqual([0, 0]);
  });

  test('is a target that was made after z', () => {
    const z = sum(x);
    expect(() => gradients(z, [square(z)])).toThrow(DisconnectedError);
  });
});

describe('undefined', () => {
  const x = leaf([1, 3, 2]);

  test('is the derivative of an index, whatever is done with it', () => {
    const message =
      /because the second output of maxWithIndex is an index: it jumps from one integer to another and has no derivative/;
    for (const z of [
      sum(float(argmax(x))),
      float(maxWithIndex(x)[1]),
      float(add(argmax(x), 1)),
      float(sum(mul(argmax(x), 2))),
      mul(argmax(x), 0.5),
    ]) {
      expect(() => gradients(float(z), [x])).toThrow(UndefinedGradientError);
      expect(() => gradients(float(z), [x])).toThrow(message);
    }
  });

  test('is not turned into zeros', () => {
    const z = float(argmax(x));
    expect(() => gradients(z, [x], { disconnected: 'zero' })).toThrow(UndefinedGradientError);
  });

  test('stays undefined beside a derivative, in either order', () => {
    expect(() => gradients(add(float(argmax(x)), sum(x)), [x])).toThrow(UndefinedGradientError);
    expect(() => gradients(add(sum(x), float(argmax(x))), [x])).toThrow(UndefinedGradientError);
    expect(() => gradients(add(sum(floor(x)), float(argmax(x))), [x])).toThrow(UndefinedGradientError);
    expect(() => gradients(add(float(argmax(x)), sum(floor(x))), [x])).toThrow(UndefinedGradientError);
  });

  test('passes back through differentiable operations, to every target on the way', () => {
    const w = leaf([1, 1, 1]);
    const middle = mul(w, x);
    const z = add(float(argmax(middle)), sum(middle));
    for (const target of [w, x, middle]) {
      expect(() => gradients(z, [target])).toThrow(UndefinedGradientError);
    }
  });

  test('does not touch targets on other paths', () => {
    const b = leaf(2);
    const z = add(float(argmax(x)), square(b));
    expect(gradientOf(z, b)).toBe(4);
    expect(() => gradients(z, [b, x])).toThrow(UndefinedGradientError);
  });

  test('ends at stopGradient, on either side of the index', () => {
    expect(gradientOf(add(stopGradient(float(argmax(x))), sum(x)), x)).toEqual([1, 1, 1]);
    expect(gradientOf(add(float(argmax(stopGradient(x))), sum(x)), x)).toEqual([1, 1, 1]);
    expect(gradientOf(float(argmax(floor(x))), x)).toEqual([0, 0, 0]);
  });

  test('ends at a truth value: whether a prediction is right is piecewise constant', () => {
    expect(gradientOf(float(equal(argmax(x), 1)), x)).toEqual([0, 0, 0]);
  });

  test('does not come from an index that only selects', () => {
    expect(gradientOf(gather(x, argmax(x)), x)).toEqual([0, 1, 0]);
    expect(gradientOf(sum(mul(x, oneHot(stopGradient(argmax(x)), 3, 'float64'))), x)).toEqual([0, 1, 0]);
  });

  test('does not come from the value found beside the index', () => {
    const [value, index] = maxWithIndex(x);
    expect(gradientOf(value, x)).toEqual([0, 1, 0]);
    expect(gradientOf(add(value, stopGradient(float(index))), x)).toEqual([0, 1, 0]);
  });

  test('carries the reason that the operation gives', () => {
    const rough = answering(() => undefinedGradient('this surface has corners everywhere'));
    expect(() => gradients(sum(rough(x)), [x])).toThrow(UndefinedGradientError);
    expect(() => gradients(sum(rough(x)), [x])).toThrow(
      'gradients: sum float64[] has no derivative with respect to parameter float64[3], because this surface has ' +
        'corners everywhere; take another path, or stopGradient around it',
    );
  });
});

describe('integers have no tangent space', () => {
  test('so they are no targets', () => {
    const n = parameter([1, 2], { dtype: 'int32', name: 'n' });
    const z = sum(mul(n, 0.5));
    expect(() => gradients(z, [n])).toThrow(UndefinedGradientError);
    expect(() => gradients(z, [n])).toThrow(
      'gradients: no gradient with respect to parameter n int32[2]: int32 has no tangent space; cast it to a float dtype',
    );
    expect(() => gradients(z, [n], { disconnected: 'zero' })).toThrow(UndefinedGradientError);
    expect(() => gradients(sum(leaf([1])), [n], { disconnected: 'zero' })).toThrow(UndefinedGradientError);
  });

  test('but their floating-point image is one', () => {
    const n = float(parameter([1, 2], { dtype: 'int32' }));
    expect(gradientOf(sum(square(n)), n)).toEqual([2, 4]);
  });

  test('nor can they be differentiated', () => {
    const x = leaf([1.5]);
    expect(() => gradients(sum(cast(x, 'int32')), [x])).toThrow(DTypeError);
    expect(() => gradients(greater(sum(x), 0), [x])).toThrow(
      'gradients: greater bool[] is not floating point, so nothing can be differentiated',
    );
  });

  test('and they weigh like constants', () => {
    const x = leaf([1, 2]);
    const n = tensor([3, 4], { dtype: 'int32' });
    expect(gradientOf(sum(mul(x, n)), x)).toEqual([3, 4]);
  });
});
