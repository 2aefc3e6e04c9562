/** What changes between float32 and float64 in the generated code: element size, lanes and instruction names. */
import type { FunctionBuilder } from '../encoder.ts';

export interface Precision {
  readonly name: 'f32' | 'f64';
  /** Bytes in one element, and its base-2 logarithm. */
  readonly bytes: number;
  readonly shift: number;
  /** Elements in one 128-bit vector. */
  readonly lanes: number;
  readonly splat: 'v128.load32_splat' | 'v128.load64_splat';
  /** One element into lane 0, zeros elsewhere. */
  readonly loadFirst: 'v128.load32_zero' | 'v128.load64_zero';
  readonly loadLane: 'v128.load32_lane' | 'v128.load64_lane';
  readonly storeLane: 'v128.store32_lane' | 'v128.store64_lane';
  readonly add: 'f32x4.add' | 'f64x2.add';
  /** Appends `acc = acc + a * b`, where `a()` and `b()` push the factors. */
  multiplyAdd(f: FunctionBuilder, acc: number, a: () => void, b: () => void): void;
}

/** @param relaxed fuse multiplication and addition (one rounding on most hardware; results vary by machine). */
export function precision(name: 'f32' | 'f64', relaxed: boolean): Precision {
  const simd = name === 'f32' ? 'f32x4' : 'f64x2';
  const common = {
    add: `${simd}.add`,
    multiplyAdd(f: FunctionBuilder, acc: number, a: () => void, b: () => void): void {
      if (!relaxed) f.get(acc);
      a();
      b();
      if (relaxed) f.get(acc).op(`${simd}.relaxed_madd`).set(acc);
      else f.op(`${simd}.mul`, `${simd}.add`).set(acc);
    },
  } as const;
  if (name === 'f32') {
    return {
      ...common,
      name,
      bytes: 4,
      shift: 2,
      lanes: 4,
      splat: 'v128.load32_splat',
      loadFirst: 'v128.load32_zero',
      loadLane: 'v128.load32_lane',
      storeLane: 'v128.store32_lane',
    };
  }
  return {
    ...common,
    name,
    bytes: 8,
    shift: 3,
    lanes: 2,
    splat: 'v128.load64_splat',
    loadFirst: 'v128.load64_zero',
    loadLane: 'v128.load64_lane',
    storeLane: 'v128.store64_lane',
  };
}
