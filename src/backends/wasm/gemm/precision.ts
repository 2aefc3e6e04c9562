/** What differs between float32 and float64 in the generated code: sizes and the names of instructions. */
import type { FunctionBuilder, ValueType } from '../encoder.ts';

/** Types of the parameters of a product: twelve integers, and its two factors. */
export function gemmParameters(name: 'f32' | 'f64'): ValueType[] {
  return [...new Array<'i32'>(12).fill('i32'), name, name];
}

export interface Precision {
  readonly name: 'f32' | 'f64';
  /** Whether multiplication and addition are one instruction. */
  readonly fused: boolean;
  /** Bytes in one element. */
  readonly bytes: number;
  /** Elements in one vector of 128 bits. */
  readonly lanes: number;
  /** One element into all lanes. */
  readonly splat: 'v128.load32_splat' | 'v128.load64_splat';
  /** One element into lane 0, zeros elsewhere. */
  readonly loadFirst: 'v128.load32_zero' | 'v128.load64_zero';
  readonly loadLane: 'v128.load32_lane' | 'v128.load64_lane';
  readonly storeLane: 'v128.store32_lane' | 'v128.store64_lane';
  /** A number on the stack into all lanes. */
  readonly spread: 'f32x4.splat' | 'f64x2.splat';
  readonly add: 'f32x4.add' | 'f64x2.add';
  readonly mul: 'f32x4.mul' | 'f64x2.mul';
  /** Appends `sum = sum + a * b` on vector locals. All products of this folder are made here. */
  multiplyAdd(f: FunctionBuilder, sum: number, a: number, b: number): void;
}

/** @param fused one instruction for the multiplication and the addition: one rounding on most machines, two on others. */
export function precision(name: 'f32' | 'f64', fused: boolean): Precision {
  const simd = name === 'f32' ? 'f32x4' : 'f64x2';
  const bits = name === 'f32' ? 32 : 64;
  return {
    name,
    fused,
    bytes: bits / 8,
    lanes: 128 / bits,
    splat: `v128.load${bits}_splat`,
    loadFirst: `v128.load${bits}_zero`,
    loadLane: `v128.load${bits}_lane`,
    storeLane: `v128.store${bits}_lane`,
    spread: `${simd}.splat`,
    add: `${simd}.add`,
    mul: `${simd}.mul`,
    multiplyAdd(f, sum, a, b) {
      if (fused) f.get(a).get(b).get(sum).op(`${simd}.relaxed_madd`).set(sum);
      else f.get(sum).get(a).get(b).op(`${simd}.mul`, `${simd}.add`).set(sum);
    },
  };
}

/** Pushes whether a number is other than zero: as the factor of a matrix, whether that is read at all. */
export function pushNonzero(f: FunctionBuilder, p: Precision, factor: number): FunctionBuilder {
  return f.get(factor)[p.name](0).op(`${p.name}.ne`);
}
