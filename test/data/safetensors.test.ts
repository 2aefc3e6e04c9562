import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readSafetensors, writeSafetensors } from '../../src/data/index.ts';
import { DataError, Tensor, tensor } from '../../src/graph/index.ts';

/** Written by the format's own Python library (pythonSafetensors.py). */
const python = new Uint8Array(readFileSync(new URL('python.safetensors', import.meta.url)));

const expected = new Map<string, Tensor>([
  ['Zoë', tensor([1], { dtype: 'uint8' })],
  [
    'layers.0.weight',
    tensor([
      [1.5, -2.25, 3.0],
      [0.1, 1e-40, Infinity],
    ]),
  ],
  ['layers.0.bias', tensor([Number.NaN, -0], { dtype: 'float64' })],
  ['mask', tensor([true, false, true])],
  [
    'pixels',
    tensor(
      [
        [0, 255],
        [7, 9],
      ],
      { dtype: 'uint8' },
    ),
  ],
  ['labels', tensor([-1, 2147483647], { dtype: 'int32' })],
  ['scalar', tensor(4.5)],
  ['empty', new Tensor([0, 3], 'float32', new Float32Array(0))],
  ['7', tensor([1], { dtype: 'int32' })],
]);

/** A file with the given header text (padded) and data bytes. */
function file(header: string, data: number[] = []): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

const entry = (dtype: string, shape: unknown, offsets: unknown): unknown => ({
  dtype,
  shape,
  data_offsets: offsets,
});

const broken = (entries: Record<string, unknown>, data: number[] = []): Uint8Array =>
  file(JSON.stringify(entries), data);

describe('safetensors', () => {
  it("reads what the format's own library wrote", () => {
    const { tensors, metadata } = readSafetensors(python);
    expect(metadata).toEqual({ format: 'chainrule' });
    expect(new Map([...tensors].sort())).toEqual(new Map([...expected].sort()));
    expect(Object.is(tensors.get('layers.0.bias')!.data[1], -0)).toBe(true);
  });

  it("writes the bytes that the format's own library writes", () => {
    expect(writeSafetensors(expected, { format: 'chainrule' })).toEqual(python);
  });

  it('writes the layout by hand: length, header padded to 8, data', () => {
    const bytes = writeSafetensors(new Map([['w', tensor([1, -2])]]));
    const text = '{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
    expect(bytes.length).toBe(8 + 56 + 8);
    expect([...bytes.subarray(0, 8)]).toEqual([56, 0, 0, 0, 0, 0, 0, 0]);
    expect(new TextDecoder().decode(bytes.subarray(8, 64))).toBe(`${text}  `);
    expect([...bytes.subarray(64)]).toEqual([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
  });

  it('round-trips a window on a larger buffer, unaligned bytes and no tensors', () => {
    const window = new Tensor([2], 'float32', new Float32Array([9, 1, 2, 9]).subarray(1, 3));
    const bytes = writeSafetensors(new Map([['w', window]]), { note: 'a "quoted" é' });
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    const { tensors, metadata } = readSafetensors(shifted.subarray(1));
    expect(tensors.get('w')!.toArray()).toEqual([1, 2]);
    expect(metadata).toEqual({ note: 'a "quoted" é' });
    expect(readSafetensors(writeSafetensors(new Map())).tensors.size).toBe(0);
  });

  it('writes the same bytes whatever the order of the map', () => {
    const names = ['w10', 'w1', 'w', 'v', 'w2', '\u{1F600}', '\uFF5E'];
    const entries = names.map((name, i): [string, Tensor] => [name, tensor([i])]);
    const bytes = writeSafetensors(new Map(entries));
    expect(writeSafetensors(new Map([...entries].reverse()))).toEqual(bytes);
    const header = new TextDecoder().decode(bytes.subarray(8));
    const places = ['v', 'w', 'w1', 'w10', 'w2', '\uFF5E', '\u{1F600}'].map((name) =>
      header.indexOf(`"${name}"`),
    );
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });

  it('keeps names that mean something to JavaScript', () => {
    const names = ['__proto__', 'constructor', '10', '9'];
    const tensors = new Map(names.map((name, i) => [name, tensor([i])]));
    const read = readSafetensors(writeSafetensors(tensors)).tensors;
    expect([...read.keys()].sort()).toEqual([...names].sort());
    for (const name of names) expect(read.get(name)).toEqual(tensors.get(name));
  });

  it('refuses the reserved name', () => {
    expect(() => writeSafetensors(new Map([['__metadata__', tensor([1])]]))).toThrow(/may not be called/);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(0), /expected a header length of 8 bytes, got 0/],
    [
      'a header of 2^40 bytes',
      Uint8Array.of(0, 0, 0, 0, 0, 1, 0, 0),
      /claims 1099511627776 bytes; at most 100000000/,
    ],
    [
      'a truncated header',
      Uint8Array.of(64, 0, 0, 0, 0, 0, 0, 0, 0x7b),
      /the header ends at byte 72, but there are 9/,
    ],
    ['no header', file(''), /does not begin with \{/],
    ['a list', file('[]'), /does not begin with \{/],
    ['leading space', file(' {}'), /does not begin with \{/],
    ['broken JSON', file('{"w":'), /the header is not JSON/],
    ['text that is not UTF-8', Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x22, 0xff, 0x7d), /not JSON/],
    ['metadata that is no text', broken({ __metadata__: { a: 1 } }), /not an object of texts/],
    ['an entry that is no object', broken({ w: 3 }), /the entry of w is not an object/],
    [
      'an unknown dtype',
      broken({ w: entry('BF16', [1], [0, 2]) }, [0, 0]),
      /w has dtype "BF16"; chainrule reads F64/,
    ],
    [
      'a negative extent',
      broken({ w: entry('U8', [-1], [0, 0]) }),
      /shape \[-1\], which is not a list of extents/,
    ],
    ['a fractional extent', broken({ w: entry('U8', [0.5], [0, 0]) }), /shape \[0.5\]/],
    ['no shape', broken({ w: entry('U8', undefined, [0, 0]) }), /shape undefined/],
    ['one offset', broken({ w: entry('U8', [1], [0]) }, [1]), /data_offsets \[0\]/],
    [
      'offsets backwards',
      broken({ w: entry('U8', [1], [1, 0]) }, [1]),
      /takes 1 bytes \(U8 \[1\]\), but its offsets span -1/,
    ],
    ['a wrong span', broken({ w: entry('F32', [2], [0, 4]) }, [0, 0, 0, 0]), /takes 8 bytes .* span 4/],
    [
      'truncated data',
      broken({ w: entry('U8', [4], [0, 4]) }, [1, 2]),
      /w ends at byte 4 of the data, but there are 2/,
    ],
    ['bytes left over', broken({ w: entry('U8', [1], [0, 1]) }, [1, 2]), /1 bytes follow the last tensor/],
    [
      'a hole',
      broken({ a: entry('U8', [1], [0, 1]), b: entry('U8', [1], [2, 3]) }, [1, 2, 3]),
      /b starts at byte 2, but 1 was expected: it leaves a hole/,
    ],
    [
      'an overlap',
      broken({ a: entry('U8', [2], [0, 2]), b: entry('U8', [2], [1, 3]) }, [1, 2, 3]),
      /b starts at byte 1, but 2 was expected: it overlaps/,
    ],
    ['a BOOL of 2', broken({ m: entry('BOOL', [2], [0, 2]) }, [1, 2]), /m is BOOL, but element 1 is 2/],
  ])('rejects %s', (_, bytes, message) => {
    expect(() => readSafetensors(bytes)).toThrow(message);
    expect(() => readSafetensors(bytes)).toThrow(DataError);
  });

  it('rejects every truncation', () => {
    for (let length = 0; length < python.length; length++) {
      expect(() => readSafetensors(python.subarray(0, length))).toThrow(DataError);
    }
  });
});
