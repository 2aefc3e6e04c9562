/** Copies of numbers for the caller, who keeps them. */
import { type DType, type TypedArray, viewBuffer } from '../../graph/index.ts';

/** From so many bytes on, memory that is not cleared first is worth asking for. */
const LARGE = 16384;

interface Uninitialized {
  allocUnsafeSlow(bytes: number): Uint8Array<ArrayBuffer>;
}

/**
 * The numbers of a view in memory of their own. A new array is cleared before it is written, which takes as long as the writing;
 * Node has arrays that are not.
 */
export function copyOut(view: TypedArray, dtype: DType): TypedArray {
  const { Buffer } = globalThis as { Buffer?: Uninitialized };
  if (Buffer === undefined || view.byteLength < LARGE) return view.slice();
  const { buffer, byteOffset } = Buffer.allocUnsafeSlow(view.byteLength);
  const copy = viewBuffer(dtype, buffer, byteOffset, view.length);
  copy.set(view);
  return copy;
}
