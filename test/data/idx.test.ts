import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadIDX, readIDX } from '../../src/data/index.ts';
import { DataError } from '../../src/graph/index.ts';

/** An IDX file: type code, extents, and the bytes of the elements. */
function idx(code: number, extents: number[], elements: number[]): Uint8Array {
  const header = [0, 0, code, extents.length];
  for (const extent of extents)
    header.push(extent >>> 24, (extent >>> 16) & 255, (extent >>> 8) & 255, extent & 255);
  return Uint8Array.from([...header, ...elements]);
}

describe('readIDX', () => {
  it('reads bytes', async () => {
    const read = await readIDX(idx(8, [2, 3], [0, 1, 2, 253, 254, 255]));
    expect(read.dtype).toBe('uint8');
    expect(read.toArray()).toEqual([
      [0, 1, 2],
      [253, 254, 255],
    ]);
  });

  it('reads the other element types, big-endian', async () => {
    expect((await readIDX(idx(9, [2], [0xff, 0x7f]))).toArray()).toEqual([-1, 127]);
    expect((await readIDX(idx(11, [2], [0xff, 0xfe, 0x01, 0x00]))).toArray()).toEqual([-2, 256]);
    expect((await readIDX(idx(12, [1], [0xff, 0xff, 0xff, 0xfd]))).toArray()).toEqual([-3]);
    const float = await readIDX(idx(13, [1], [0xc0, 0x20, 0, 0]));
    expect([float.dtype, float.data[0]]).toEqual(['float32', -2.5]);
    const double = await readIDX(idx(14, [1], [0x3f, 0xf8, 0, 0, 0, 0, 0, 0]));
    expect([double.dtype, double.data[0]]).toEqual(['float64', 1.5]);
  });

  it('reads a window on a larger buffer, a scalar and no elements', async () => {
    const file = idx(12, [1], [0, 0, 1, 2]);
    const larger = new Uint8Array(file.length + 3);
    larger.set(file, 3);
    expect((await readIDX(larger.subarray(3))).toArray()).toEqual([258]);
    expect((await readIDX(idx(8, [], [9]))).item()).toBe(9);
    expect((await readIDX(idx(8, [0, 28], []))).shape).toEqual([0, 28]);
  });

  it('inflates gzip', async () => {
    const read = await readIDX(gzipSync(idx(8, [3], [7, 8, 9])));
    expect(read.toArray()).toEqual([7, 8, 9]);
  });

  it('rejects every truncation', async () => {
    const file = idx(8, [2, 3], [0, 1, 2, 3, 4, 5]);
    const zipped = gzipSync(file);
    for (const whole of [file, zipped]) {
      for (let length = 0; length < whole.length; length++) {
        await expect(readIDX(whole.subarray(0, length))).rejects.toBeInstanceOf(DataError);
      }
    }
  });

  it.each([
    ['an empty file', new Uint8Array(0), /the file is empty \(0 bytes\)/],
    ['less than a magic number', Uint8Array.of(0, 0, 8), /expected a magic number of 4 bytes, got 3/],
    ['a wrong magic number', Uint8Array.of(0x89, 0x50, 0x4e, 0x47), /wrong magic number 0x89 0x50 0x4e 0x47/],
    ['an unknown type code', idx(10, [1], [0]), /unknown type code 0x0a; IDX has 0x08, 0x09/],
    [
      'a truncated header',
      idx(8, [2, 2], []).subarray(0, 9),
      /expected a header of 12 bytes for rank 2, got 9/,
    ],
    [
      'truncated elements',
      idx(8, [2, 3], [1, 2, 3]),
      /truncated: expected 18 bytes for shape \[2, 3\], got 15/,
    ],
    ['trailing bytes', idx(8, [2], [1, 2, 3]), /too long: expected 10 bytes for shape \[2\], got 11/],
    ['truncated gzip', gzipSync(idx(8, [3], [7, 8, 9])).subarray(0, 20), /gzip data is damaged or truncated/],
    ['damaged gzip', gzipSync(idx(8, [3], [7, 8, 9])).fill(0, 12, 16), /gzip data is damaged or truncated/],
    ['extents beyond any file', idx(8, [2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1], [1]), /truncated: expected/],
  ])('rejects %s', async (_, bytes, message) => {
    const read = readIDX(bytes, 'digits.idx');
    await expect(read).rejects.toThrow(message);
    await expect(read).rejects.toBeInstanceOf(DataError);
    await expect(read).rejects.toThrow(/^digits\.idx: /);
  });
});

describe('loadIDX', () => {
  let directory: string;
  const images = idx(8, [3, 2, 2], [0, 51, 102, 255, 1, 2, 3, 4, 5, 6, 7, 8]);
  const labels = idx(8, [3], [9, 0, 4]);

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'idx-'));
    await writeFile(join(directory, 'train-images-idx3-ubyte'), images);
    await writeFile(join(directory, 'train-labels-idx1-ubyte.gz'), gzipSync(labels));
    await writeFile(join(directory, 't10k-images-idx3-ubyte.gz'), gzipSync(images));
  });
  afterAll(() => rm(directory, { recursive: true }));

  it('says which file is missing', async () => {
    await expect(loadIDX(directory)).rejects.toThrow(
      /holds none of t10k-labels-idx1-ubyte, t10k-labels-idx1-ubyte\.gz/,
    );
    await expect(loadIDX(join(directory, 'nowhere'))).rejects.toThrow(/train-images-idx3-ubyte/);
  });

  it('loads four files, gzipped or not', async () => {
    await writeFile(join(directory, 't10k-labels.idx1-ubyte'), labels);
    const { train, test } = await loadIDX(directory);
    expect(train.images.dtype).toBe('float32');
    expect(train.images.shape).toEqual([3, 4]);
    expect([...train.images.data.subarray(0, 4)]).toEqual([0, 51 / 255, 102 / 255, 1].map(Math.fround));
    expect(train.labels.dtype).toBe('int32');
    expect(train.labels.toArray()).toEqual([9, 0, 4]);
    expect(test).toEqual(train);
  });

  it('rejects images and labels that do not belong together', async () => {
    await writeFile(join(directory, 't10k-labels.idx1-ubyte'), idx(8, [2], [1, 2]));
    await expect(loadIDX(directory)).rejects.toThrow('images has 3 examples but labels has 2');
    await writeFile(join(directory, 't10k-labels.idx1-ubyte'), images);
    await expect(loadIDX(directory)).rejects.toThrow(/expected rank 1, got shape \[3, 2, 2\]/);
  });
});
