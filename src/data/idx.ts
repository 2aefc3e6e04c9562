/** The IDX format of the MNIST files: a type code, a rank, big-endian extents, then the elements in row-major order. */
import { allocate, DataError, type DType, formatShape, sizeOf, Tensor } from '../graph/index.ts';
import { inflate, readFirst } from './bytes.ts';
import { type ImageDataset, toImageDataset } from './dataset.ts';

interface Code {
  readonly bytes: number;
  readonly dtype: DType;
  read(view: DataView, offset: number): number;
}

/** The third byte of the magic number. Signed bytes and shorts have no dtype of their own and widen to int32. */
const CODES: { readonly [code: number]: Code } = {
  8: { bytes: 1, dtype: 'uint8', read: (view, offset) => view.getUint8(offset) },
  9: { bytes: 1, dtype: 'int32', read: (view, offset) => view.getInt8(offset) },
  11: { bytes: 2, dtype: 'int32', read: (view, offset) => view.getInt16(offset) },
  12: { bytes: 4, dtype: 'int32', read: (view, offset) => view.getInt32(offset) },
  13: { bytes: 4, dtype: 'float32', read: (view, offset) => view.getFloat32(offset) },
  14: { bytes: 8, dtype: 'float64', read: (view, offset) => view.getFloat64(offset) },
};

const hex = (byte: number): string => `0x${byte.toString(16).padStart(2, '0')}`;

/**
 * Reads an IDX file, gzipped or not.
 * @param bytes the file's contents
 * @param name what to call it in messages
 * @throws DataError for an empty or truncated file, trailing bytes, a wrong magic number or an unknown type code
 */
export async function readIDX(bytes: Uint8Array, name = 'readIDX'): Promise<Tensor> {
  if (bytes.length === 0) throw new DataError(`${name}: the file is empty (0 bytes)`);
  return parseIDX(await inflate(bytes, name), name);
}

function parseIDX(bytes: Uint8Array, name: string): Tensor {
  if (bytes.length < 4) {
    throw new DataError(`${name}: truncated: expected a magic number of 4 bytes, got ${bytes.length}`);
  }
  const [zero, alsoZero, typeCode, rank] = bytes;
  if (zero !== 0 || alsoZero !== 0) {
    const magic = [...bytes.subarray(0, 4)].map(hex).join(' ');
    throw new DataError(`${name}: wrong magic number ${magic}; an IDX file begins with 0x00 0x00`);
  }
  const code = CODES[typeCode];
  if (code === undefined) {
    const known = Object.keys(CODES).map((each) => hex(Number(each)));
    throw new DataError(`${name}: unknown type code ${hex(typeCode)}; IDX has ${known.join(', ')}`);
  }
  const start = 4 + 4 * rank;
  if (bytes.length < start) {
    throw new DataError(
      `${name}: truncated: expected a header of ${start} bytes for rank ${rank}, got ${bytes.length}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const expected = start + sizeOf(shape) * code.bytes;
  if (bytes.length !== expected) {
    const what = bytes.length < expected ? 'truncated' : 'too long';
    throw new DataError(
      `${name}: ${what}: expected ${expected} bytes for shape ${formatShape(shape)}, got ${bytes.length}`,
    );
  }
  if (code.dtype === 'uint8') return new Tensor(shape, 'uint8', bytes.slice(start));
  const data = allocate(code.dtype, sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = code.read(view, start + i * code.bytes);
  return new Tensor(shape, code.dtype, data);
}

/**
 * Loads MNIST, Fashion-MNIST or another dataset with the same four files from a directory (Node only):
 * `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, each
 * with or without `.gz`.
 * @throws DataError where a file is missing, damaged, or its images and labels differ in number
 */
export async function loadIDX(directory: string): Promise<{ train: ImageDataset; test: ImageDataset }> {
  const load = async (stem: string, rank: number): Promise<Tensor> => {
    const names = [`${stem}-idx${rank}-ubyte`, `${stem}.idx${rank}-ubyte`].flatMap((n) => [n, `${n}.gz`]);
    const { path, bytes } = await readFirst('loadIDX', directory, names);
    const read = await readIDX(bytes, path);
    if (read.shape.length !== rank) {
      throw new DataError(`${path}: expected rank ${rank}, got shape ${formatShape(read.shape)}`);
    }
    return read;
  };
  const part = async (prefix: string): Promise<ImageDataset> =>
    toImageDataset(await load(`${prefix}-images`, 3), await load(`${prefix}-labels`, 1));
  return { train: await part('train'), test: await part('t10k') };
}
