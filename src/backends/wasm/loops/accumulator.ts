/** What a reduction gathers, one total per lane. */
import { type DType, isFloat, type Monoid } from '../../../graph/index.ts';
import { monoid } from '../../../operations/scalar.ts';
import { type LaneCode, pushConstant, type Width } from './lanes.ts';

/** Starts with nothing in it. */
export abstract class Accumulator {
  protected readonly code: LaneCode;
  protected readonly name: Monoid;
  /** That of the terms, and of the result. */
  protected readonly dtype: DType;
  /** All that has been gathered. */
  readonly locals: readonly number[];

  constructor(code: LaneCode, name: Monoid, dtype: DType, vectors: number) {
    this.code = code;
    this.name = name;
    this.dtype = dtype;
    this.locals = Array.from({ length: vectors }, () => code.f.local('v128'));
  }

  /** Pushes what each local holds before the first term. */
  protected abstract pushStarts(): readonly (() => void)[];

  /** Adds the vector on the stack. */
  protected abstract addVector(): void;

  /** Adds what another accumulator of the same kind has gathered. */
  abstract merge(other: Accumulator): void;

  /**
   * A local with the result in the reduction's dtype.
   * @param acrossLanes whether all lanes are one result (then in lane 0), or each lane one of its own
   * @param rounded whether the result has the dtype of the terms; otherwise (only across lanes) it is the total itself
   */
  abstract finish(acrossLanes: boolean, rounded?: boolean): number;

  protected get neutral(): number {
    return monoid(this.name, this.dtype).neutral;
  }

  start(): void {
    this.pushStarts().forEach((push, i) => {
      push();
      this.code.f.set(this.locals[i]);
    });
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
    push();
    if (lanes < this.code.width) this.code.onlyFirst(lanes, this.dtype, this.neutral);
    this.addVector();
  }

  /** Adds the full vector at local `address`, `ahead` bytes on. */
  addLoaded(address: number, ahead: number): void {
    const { code } = this;
    this.add(() => code.load(this.dtype, code.width, 1, address, ahead), code.width);
  }
}

/** One vector that takes every term. */
class Plain extends Accumulator {
  constructor(code: LaneCode, name: Monoid, dtype: DType) {
    super(code, name, dtype, 1);
  }

  protected pushStarts(): readonly (() => void)[] {
    return [() => pushConstant(this.code.f, this.dtype, this.neutral)];
  }

  protected addVector(): void {
    const [total] = this.locals;
    this.code.f.get(total);
    this.code.combine(this.name, this.dtype);
    this.code.f.set(total);
  }

  merge(other: Plain): void {
    this.code.f.get(other.locals[0]);
    this.addVector();
  }

  finish(acrossLanes: boolean): number {
    const { code, locals } = this;
    if (!acrossLanes) return locals[0];
    const result = code.f.local('v128');
    code.f.get(locals[0]);
    code.combineLanes(this.name, this.dtype);
    code.f.set(result);
    return result;
  }
}

/**
 * A sum of float32, gathered in float64 and rounded once: with millions of terms, a float32 total would stop growing long
 * before the last of them. Four lanes take two vectors, the low lanes first.
 */
class WideSum extends Accumulator {
  constructor(code: LaneCode) {
    super(code, 'sum', 'float32', code.width === 4 ? 2 : 1);
  }

  protected pushStarts(): readonly (() => void)[] {
    return this.locals.map(() => () => pushConstant(this.code.f, 'float64', 0));
  }

  protected addVector(): void {
    const { f } = this.code;
    const value = f.local('v128');
    f.set(value);
    this.locals.forEach((local, half) => {
      f.get(local).get(value);
      if (half === 1) f.get(value).shuffle(HIGH_HALF);
      f.op('f64x2.promote_low_f32x4', 'f64x2.add').set(local);
    });
  }

  override addLoaded(address: number, ahead: number): void {
    if (this.locals.length === 1) return super.addLoaded(address, ahead);
    // Each half is read and widened by one instruction, without a shuffle.
    const { f } = this.code;
    this.locals.forEach((local, half) => {
      f.get(local);
      const offset = this.code.locate(address, ahead + 8 * half);
      f.memory('v128.load64_zero', offset).op('f64x2.promote_low_f32x4', 'f64x2.add').set(local);
    });
  }

  merge(other: WideSum): void {
    this.locals.forEach((local, i) => {
      this.code.f.get(local).get(other.locals[i]).op('f64x2.add').set(local);
    });
  }

  finish(acrossLanes: boolean, rounded = true): number {
    const { code, locals } = this;
    const { f } = code;
    const result = f.local('v128');
    if (acrossLanes) {
      f.get(locals[0]);
      if (locals.length === 2) f.get(locals[1]).op('f64x2.add');
      code.combineLanes('sum', 'float64');
      if (rounded) code.cast('float64', 'float32');
    } else {
      for (const local of locals) {
        f.get(local);
        code.cast('float64', 'float32');
      }
      if (locals.length === 2) f.shuffle(BOTH_LOW_HALVES);
    }
    f.set(result);
    return result;
  }
}

/**
 * The largest or smallest of floats. WebAssembly's own `max` gives a NaN if either operand is one, and tells 0 from -0, which
 * takes processors eight dependent instructions. Here `pmax` finds the largest number, which is one; whether there was a
 * NaN, and which sign zeros had, is noted beside it and told at the end.
 */
class Extreme extends Accumulator {
  declare readonly name: 'max' | 'min';

  constructor(code: LaneCode, name: 'max' | 'min', dtype: DType) {
    super(code, name, dtype, VECTORS_OF_EXTREME);
  }

  private get shape(): 'f32x4' | 'f64x2' {
    return this.dtype === 'float32' ? 'f32x4' : 'f64x2';
  }

  protected pushStarts(): readonly (() => void)[] {
    const { f } = this.code;
    const bits = (every: 0 | -1) => (): void => {
      f.i32x4(every);
    };
    return [
      () => pushConstant(f, this.dtype, this.neutral),
      bits(0),
      // A largest 0 is negative only if every sign is, a smallest one if any is.
      bits(this.name === 'max' ? -1 : 0),
    ];
  }

  protected addVector(): void {
    const { f } = this.code;
    const [extreme, isNaN, signs] = this.locals;
    const value = f.local('v128');
    f.set(value);
    // What stays is the first operand, unless the second is larger: never a NaN.
    f.get(extreme).get(value).op(`${this.shape}.p${this.name}`).set(extreme);
    f.get(value).get(value).op(`${this.shape}.ne`).get(isNaN).op('v128.or').set(isNaN);
    f.get(value).get(signs).op(this.withSigns).set(signs);
  }

  private get withSigns(): 'v128.and' | 'v128.or' {
    return this.name === 'max' ? 'v128.and' : 'v128.or';
  }

  merge(other: Extreme): void {
    const { f } = this.code;
    const join = (i: number, op: `f${'32x4' | '64x2'}.p${'max' | 'min'}` | 'v128.and' | 'v128.or'): void => {
      f.get(this.locals[i]).get(other.locals[i]).op(op).set(this.locals[i]);
    };
    join(0, `${this.shape}.p${this.name}`);
    join(1, 'v128.or');
    join(2, this.withSigns);
  }

  finish(acrossLanes: boolean): number {
    const { code, dtype } = this;
    const { f } = code;
    const [extreme, isNaN, signs] = this.locals;
    const result = f.local('v128');
    pushConstant(f, dtype, Number.NaN);
    f.get(signs);
    pushConstant(f, dtype, -0);
    f.op('v128.and').get(extreme).get(extreme);
    pushConstant(f, dtype, 0);
    f.op(`${this.shape}.eq`, 'v128.bitselect').get(isNaN).op('v128.bitselect');
    if (acrossLanes) code.combineLanes(this.name, dtype);
    f.set(result);
    return result;
  }
}

const VECTORS_OF_EXTREME = 3;

const isWide = (name: Monoid, dtype: DType): boolean => name === 'sum' && dtype === 'float32';

const isExtreme = (name: Monoid, dtype: DType): name is 'max' | 'min' =>
  (name === 'max' || name === 'min') && isFloat(dtype);

export function accumulator(code: LaneCode, name: Monoid, dtype: DType): Accumulator {
  if (isWide(name, dtype)) return new WideSum(code);
  if (isExtreme(name, dtype)) return new Extreme(code, name, dtype);
  return new Plain(code, name, dtype);
}

/** Vectors that hold what is gathered of one vector of terms. */
export function vectorsOf(name: Monoid, dtype: DType, width: Width): number {
  if (isWide(name, dtype)) return width === 4 ? 2 : 1;
  return isExtreme(name, dtype) ? VECTORS_OF_EXTREME : 1;
}

const bytes = (from: number): number[] => Array.from({ length: 8 }, (_, i) => from + i);

/** The high half of a vector, in both halves. */
const HIGH_HALF = [...bytes(8), ...bytes(8)];
/** The low halves of two vectors. */
const BOTH_LOW_HALVES = [...bytes(0), ...bytes(16)];
