import { describe, expect, test } from 'vitest';
import {
  add,
  ancestors,
  cast,
  getOperation,
  gradients,
  leaf,
  maxWithIndex,
  mul,
  sum,
  tensor,
  UndefinedGradientError,
  valueOf,
} from './support.ts';

describe('E20: the maximum and its place, found by one operation', () => {
  const x = leaf([
    [3, 9, 2],
    [8, 1, 4],
  ]);
  const [value, index] = maxWithIndex(x);

  test('is one application with two outputs', () => {
    expect(getOperation(value)).toBe(getOperation(index));
    expect(ancestors([value, index]).applications).toHaveLength(1);
    expect(valueOf(value)).toEqual([9, 8]);
    expect(valueOf(index)).toEqual([1, 0]);
    expect([value.dtype, index.dtype]).toEqual(['float64', 'int32']);
  });

  test('the gradient of the value goes to the place where it stands', () => {
    const [dx] = gradients(sum(mul(value, tensor([10, 100], { dtype: 'float64' }))), [x]);
    expect(valueOf(dx)).toEqual([
      [0, 10, 0],
      [100, 0, 0],
    ]);
  });

  test('the gradient of the index is undefined, and the error names the operation', () => {
    const z = sum(cast(index, 'float64'));
    expect(() => gradients(z, [x])).toThrow(UndefinedGradientError);
    expect(() => gradients(z, [x])).toThrow(
      /^gradients: sum float64\[\] has no derivative .* maxWithIndex is an index/,
    );
  });

  test('using both outputs does not hide that', () => {
    const z = add(sum(value), sum(cast(index, 'float64')));
    expect(() => gradients(z, [x])).toThrow(UndefinedGradientError);
    expect(() => gradients(z, [x], { disconnected: 'zero' })).toThrow(UndefinedGradientError);
  });
});
