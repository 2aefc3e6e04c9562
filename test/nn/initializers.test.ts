import { describe, expect, it } from 'vitest';
import { Random } from '../../src/data/index.ts';
import { type Tensor, tensor } from '../../src/graph/index.ts';
import {
  constantInitializer,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  type Initializer,
  normalInitializer,
  ones,
  uniformInitializer,
  zeros,
} from '../../src/nn/index.ts';

const [inputs, outputs] = [300, 200];

function moments({ data }: Tensor): { mean: number; variance: number; largest: number } {
  let [total, squares, largest] = [0, 0, 0];
  for (const each of data) {
    total += each;
    squares += each * each;
    largest = Math.max(largest, Math.abs(each));
  }
  const mean = total / data.length;
  return { mean, variance: squares / data.length - mean ** 2, largest };
}

describe('initializers', () => {
  it.each<[string, Initializer, number, number | undefined]>([
    ['glorotUniform', glorotUniform, 2 / (inputs + outputs), Math.sqrt(6 / (inputs + outputs))],
    ['glorotNormal', glorotNormal, 2 / (inputs + outputs), undefined],
    ['heUniform', heUniform, 2 / inputs, Math.sqrt(6 / inputs)],
    ['heNormal', heNormal, 2 / inputs, undefined],
    ['uniformInitializer', uniformInitializer(-0.5, 0.5), 1 / 12, 0.5],
    ['normalInitializer', normalInitializer(0, 0.3), 0.09, undefined],
  ])('%s has the variance of its paper', (_, initializer, variance, bound) => {
    const found = moments(initializer([inputs, outputs], new Random(1), 'float64'));
    expect(found.variance / variance).toBeGreaterThan(0.97);
    expect(found.variance / variance).toBeLessThan(1.03);
    expect(Math.abs(found.mean)).toBeLessThan(5 * Math.sqrt(variance / (inputs * outputs)));
    if (bound !== undefined) {
      expect(found.largest).toBeLessThanOrEqual(bound);
      expect(found.largest).toBeGreaterThan(0.999 * bound);
    } else expect(found.largest).toBeGreaterThan(3 * Math.sqrt(variance));
  });

  it('fills with constants', () => {
    const random = new Random(1);
    expect(zeros([2], random)).toEqual(tensor([0, 0]));
    expect(ones([2, 1], random, 'float64')).toEqual(tensor([[1], [1]], { dtype: 'float64' }));
    expect(constantInitializer(0.1)([1], random)).toEqual(tensor([0.1]));
    expect(normalInitializer(3, 0)([], random)).toEqual(tensor(3));
  });

  it('draws the same numbers in float32 as in float64, rounded', () => {
    const wide = heNormal([4, 5], new Random(2), 'float64');
    const narrow = heNormal([4, 5], new Random(2));
    expect(narrow.data).toEqual(Float32Array.from(wide.data));
  });

  it('refuses shapes that have no inputs and outputs', () => {
    for (const initializer of [glorotUniform, glorotNormal, heUniform, heNormal]) {
      expect(() => initializer([3], new Random(1))).toThrow(/\[3\] is not the shape of a weight matrix/);
    }
  });
});
