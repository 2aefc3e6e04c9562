/**
 * The safetensors format (huggingface/safetensors): named tensors in one file that can be read without running any
 * code. Eight bytes give the length of a JSON header; the header gives each tensor's dtype, shape and place; the rest
 * is the elements, little-endian, without holes.
 */
import {
  BYTES,
  ChainruleError,
  DataError,
  type DType,
  formatShape,
  type Shape,
  sizeOf,
  Tensor,
  viewBuffer,
} from '../graph/index.ts';

/** The format's dtype names, largest elements first: tensors are stored in this order, so that they stay aligned. */
const NAMES = { float64: 'F64', float32: 'F32', int32: 'I32', uint8: 'U8', bool: 'BOOL' } as const;

const ORDER = Object.keys(NAMES) as DType[];

const METADATA = '__metadata__';

/** The largest header that readers accept: 100 MB. */
const HEADER_LIMIT = 100_000_000;

/** Free text about the file: names to values. */
export type SafetensorsMetadata = { readonly [name: string]: string };

/** What a safetensors file holds. */
export interface SafetensorsFile {
  readonly tensors: Map<string, Tensor>;
  readonly metadata: SafetensorsMetadata;
}

/**
 * The bytes of a safetensors file. The same tensors give the same bytes, whatever their order in the map.
 * @param tensors by name
 * @param metadata texts to keep with them
 * @throws ChainruleError for the reserved name `__metadata__`
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: SafetensorsMetadata = {},
): Uint8Array {
  const ordered = [...tensors].sort(
    ([a, { dtype: left }], [b, { dtype: right }]) =>
      ORDER.indexOf(left) - ORDER.indexOf(right) || compareText(a, b),
  );
  const entries: [string, unknown][] = [];
  if (Object.keys(metadata).length > 0) entries.push([METADATA, metadata]);
  let end = 0;
  for (const [name, { dtype, shape, data }] of ordered) {
    if (name === METADATA) {
      throw new ChainruleError(`writeSafetensors: a tensor may not be called ${METADATA}; rename it`);
    }
    const start = end;
    end += data.length * BYTES[dtype];
    entries.push([name, { dtype: NAMES[dtype], shape, data_offsets: [start, end] }]);
  }
  // Written by hand: an object would move keys like "0" to the front.
  const json = `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
  const text = new TextEncoder().encode(json);
  const headerLength = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerLength + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.fill(0x20, 8, 8 + headerLength);
  bytes.set(text, 8);
  let offset = 8 + headerLength;
  for (const [, { data }] of ordered) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return bytes;
}

/** By code point, as the format's other writers sort. */
function compareText(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = left[i].codePointAt(0)! - right[i].codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/**
 * Reads a safetensors file; every tensor gets memory of its own.
 * @throws DataError where anything departs from the format: a header too long or not JSON, an unknown dtype, offsets
 * out of range, holes or overlaps, bytes left over
 */
export function readSafetensors(bytes: Uint8Array): SafetensorsFile {
  const { header, body } = splitFile(bytes);
  const { [METADATA]: metadata = {}, ...entries } = header;
  if (!isRecord(metadata) || Object.values(metadata).some((value) => typeof value !== 'string')) {
    throw fail(`${METADATA} is not an object of texts`);
  }
  const placed = Object.entries(entries).map(([name, entry]) => parseEntry(name, entry));
  placed.sort((a, b) => a.start - b.start || a.end - b.end);
  const tensors = new Map<string, Tensor>();
  let end = 0;
  for (const { name, dtype, shape, start, end: next } of placed) {
    if (start !== end) {
      const what = start < end ? 'overlaps the tensor before it' : 'leaves a hole before it';
      throw fail(`${name} starts at byte ${start}, but ${end} was expected: it ${what}`);
    }
    if (next > body.length) {
      throw fail(`truncated: ${name} ends at byte ${next} of the data, but there are ${body.length}`);
    }
    tensors.set(name, readTensor(name, dtype, shape, body.slice(start, next)));
    end = next;
  }
  if (end !== body.length) throw fail(`${body.length - end} bytes follow the last tensor; there may be none`);
  return { tensors, metadata: metadata as SafetensorsMetadata };
}

function fail(what: string): DataError {
  return new DataError(`readSafetensors: ${what}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function splitFile(bytes: Uint8Array): { header: Record<string, unknown>; body: Uint8Array } {
  if (bytes.length < 8) {
    throw fail(`truncated: expected a header length of 8 bytes, got ${bytes.length} bytes in all`);
  }
  const declared = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (declared > BigInt(HEADER_LIMIT)) {
    throw fail(`the header claims ${declared} bytes; at most ${HEADER_LIMIT} are allowed`);
  }
  const end = 8 + Number(declared);
  if (end > bytes.length)
    throw fail(`truncated: the header ends at byte ${end}, but there are ${bytes.length}`);
  if (bytes[8] !== 0x7b || end === 8) throw fail('the header does not begin with {');
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, end)));
  } catch (cause) {
    throw fail(`the header is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  // A text that begins with { parses to an object.
  return { header: header as Record<string, unknown>, body: bytes.subarray(end) };
}

interface Entry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly start: number;
  readonly end: number;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function parseEntry(name: string, entry: unknown): Entry {
  if (!isRecord(entry)) throw fail(`the entry of ${name} is not an object`);
  const { dtype: code, shape, data_offsets: offsets } = entry;
  const dtype = ORDER.find((each) => NAMES[each] === code);
  if (dtype === undefined) {
    throw fail(
      `${name} has dtype ${JSON.stringify(code)}; chainrule reads ${Object.values(NAMES).join(', ')}`,
    );
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    throw fail(`${name} has shape ${JSON.stringify(shape)}, which is not a list of extents`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw fail(`${name} has data_offsets ${JSON.stringify(offsets)}, which are not [start, end]`);
  }
  const [start, end] = offsets;
  const expected = sizeOf(shape) * BYTES[dtype];
  if (end - start !== expected) {
    throw fail(
      `${name} takes ${expected} bytes (${code} ${formatShape(shape)}), but its offsets span ${end - start}`,
    );
  }
  return { name, dtype, shape, start, end };
}

function readTensor(name: string, dtype: DType, shape: Shape, bytes: Uint8Array): Tensor {
  if (dtype === 'bool') {
    const wrong = bytes.findIndex((byte) => byte > 1);
    if (wrong >= 0) throw fail(`${name} is BOOL, but element ${wrong} is ${bytes[wrong]}; expected 0 or 1`);
  }
  return new Tensor(shape, dtype, viewBuffer(dtype, bytes.buffer, bytes.byteOffset, sizeOf(shape)));
}
