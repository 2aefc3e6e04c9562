/** The two vector formats, and what the code generators need to know about them. */
export type VectorType = 'f32x4' | 'f64x2';

/** What the code generators need to know about the two float formats. */
export const FORMAT = {
  f32x4: {
    integers: 'i32x4',
    lanes: 4,
    width: 32,
    mantissaBits: 23,
    bias: 127,
    smallestNormal: 2 ** -126,
    /** 1.5 * 2^mantissaBits: adding it rounds to an integer, left in the low bits (ties to even). */
    roundingConstant: 1.5 * 2 ** 23,
  },
  f64x2: {
    integers: 'i64x2',
    lanes: 2,
    width: 64,
    mantissaBits: 52,
    bias: 1023,
    smallestNormal: 2 ** -1022,
    roundingConstant: 1.5 * 2 ** 52,
  },
} as const;

/** The IEEE bits of a value in the format of `type`. */
export function floatBits(type: VectorType, value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  if (type === 'f32x4') {
    view.setFloat32(0, value);
    return BigInt(view.getUint32(0));
  }
  view.setFloat64(0, value);
  return view.getBigUint64(0);
}
