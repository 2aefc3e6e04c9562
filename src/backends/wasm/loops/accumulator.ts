/**
 * What a reduction gathers, one total per lane. Sums of float32 are gathered in float64 and rounded once: with millions
 * of terms, a float32 total would stop growing long before the last of them.
 */
import type { DType, Monoid } from '../../../graph/index.ts';
import { monoid } from '../../../operations/scalar.ts';
import { type LaneCode, pushConstant, type Width } from './lanes.ts';

function isWide(monoid: Monoid, dtype: DType): boolean {
  return monoid === 'sum' && dtype === 'float32';
}

/** Vectors that hold the totals of one vector of terms. */
export function vectorsOf(monoid: Monoid, dtype: DType, width: Width): number {
  return isWide(monoid, dtype) && width === 4 ? 2 : 1;
}

export class Accumulator {
  private readonly code: LaneCode;
  private readonly name: Monoid;
  private readonly dtype: DType;
  /** The dtype of the totals. */
  private readonly total: DType;
  /** The totals; four float32 lanes take two vectors of float64, the low lanes first. */
  private readonly locals: readonly number[];

  constructor(code: LaneCode, name: Monoid, dtype: DType) {
    this.code = code;
    this.name = name;
    this.dtype = dtype;
    this.total = isWide(name, dtype) ? 'float64' : dtype;
    this.locals = Array.from({ length: vectorsOf(name, dtype, code.width) }, () => code.f.local('v128'));
  }

  private get neutral(): number {
    return monoid(this.name, this.dtype).neutral;
  }

  /** Sets the totals to the neutral element. */
  start(): void {
    for (const local of this.locals) {
      pushConstant(this.code.f, this.total, this.neutral);
      this.code.f.set(local);
    }
  }

  /** Takes the totals from memory, where {@link save} has left them. */
  restore(address: number, offset: number): void {
    this.locals.forEach((local, i) => {
      this.code.f
        .get(address)
        .memory('v128.load', offset + 16 * i)
        .set(local);
    });
  }

  /** Writes the totals to memory. */
  save(address: number, offset: number): void {
    this.locals.forEach((local, i) => {
      this.code.f
        .get(address)
        .get(local)
        .memory('v128.store', offset + 16 * i);
    });
  }

  /** Bytes that {@link save} writes. */
  get bytes(): number {
    return 16 * this.locals.length;
  }

  /** Adds the vector that `push` leaves on the stack, of which the first `lanes` lanes count. */
  add(push: () => void, lanes: number): void {
    const { f } = this.code;
    push();
    if (lanes < this.code.width) this.code.onlyFirst(lanes, this.dtype, this.neutral);
    if (this.total === this.dtype) {
      f.get(this.locals[0]);
      this.code.combine(this.name, this.dtype);
      f.set(this.locals[0]);
      return;
    }
    const value = f.local('v128');
    f.set(value);
    this.locals.forEach((local, half) => {
      f.get(local).get(value);
      if (half === 1) f.get(value).shuffle(HIGH_HALF);
      f.op('f64x2.promote_low_f32x4', 'f64x2.add').set(local);
    });
  }

  /** Adds the full vector at local `address`, `ahead` bytes on. */
  addLoaded(address: number, ahead: number): void {
    const { code } = this;
    const { f } = code;
    if (this.locals.length === 1) {
      this.add(() => code.load(this.dtype, code.width, 1, address, ahead), code.width);
      return;
    }
    // Each half is read and widened by one instruction, without a shuffle.
    this.locals.forEach((local, half) => {
      f.get(local);
      const offset = code.locate(address, ahead + 8 * half);
      f.memory('v128.load64_zero', offset).op('f64x2.promote_low_f32x4', 'f64x2.add').set(local);
    });
  }

  /** Adds the totals of another accumulator of the same kind. */
  merge(other: Accumulator): void {
    this.locals.forEach((local, i) => {
      this.code.f.get(local).get(other.locals[i]);
      this.code.combine(this.name, this.total);
      this.code.f.set(local);
    });
  }

  /**
   * A local with the result in the reduction's dtype.
   * @param acrossLanes whether all lanes are one result (then in lane 0), or each lane one of its own
   * @param rounded whether the result has the dtype of the terms; otherwise (only across lanes) it is the total itself
   */
  finish(acrossLanes: boolean, rounded = true): number {
    const { code, locals } = this;
    const { f } = code;
    const result = f.local('v128');
    if (acrossLanes) {
      f.get(locals[0]);
      if (locals.length === 2) f.get(locals[1]).op('f64x2.add');
      code.combineLanes(this.name, this.total);
      if (rounded) code.cast(this.total, this.dtype);
    } else {
      for (const local of locals) {
        f.get(local);
        code.cast(this.total, this.dtype);
      }
      if (locals.length === 2) f.shuffle(BOTH_LOW_HALVES);
    }
    f.set(result);
    return result;
  }
}

const bytes = (from: number): number[] => Array.from({ length: 8 }, (_, i) => from + i);

/** The high half of a vector, in both halves. */
const HIGH_HALF = [...bytes(8), ...bytes(8)];
/** The low halves of two vectors. */
const BOTH_LOW_HALVES = [...bytes(0), ...bytes(16)];
