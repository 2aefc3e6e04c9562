/**
 * How elements stand in vectors. A kernel without float64 works on 4 lanes of 32 bits; one with float64 on 2 lanes:
 * float64 fills the vector, 32-bit values stand in its low half. A bool is a mask as wide as a lane of the kernel.
 * uint8 is computed in 32 bits and cut to 8 after each operation.
 */
import { isWideTotal, type LoopKernel } from '../../../compile/program.ts';
import { BYTES, type DType, isFloat, type Monoid, type ScalarFunction } from '../../../graph/index.ts';
import type { FunctionBuilder } from '../encoder.ts';
import { isMathName, type MathLibrary, type MathName } from '../math/index.ts';
import type { PlainInstruction } from '../opcodes.ts';

export type Width = 2 | 4;

/** How many lanes the vectors of a kernel have; `dtypes` are those of its accesses. */
export function widthOf(kernel: LoopKernel, dtypes: readonly DType[]): Width {
  // Wide totals do not make their terms wide.
  const totals = new Set(kernel.nodes.flatMap((node, i) => (isWideTotal(kernel, node) ? [i] : [])));
  const stored = new Set(kernel.stores.flatMap(({ access, node }) => (totals.has(node) ? [access] : [])));
  const isWide = (dtype: DType, i: number, apart: ReadonlySet<number>): boolean =>
    dtype === 'float64' && !apart.has(i);
  const wide =
    dtypes.some((dtype, i) => isWide(dtype, i, stored)) ||
    kernel.nodes.some(({ dtype }, i) => isWide(dtype, i, totals));
  return wide ? 2 : 4;
}

const MASK_LANES: Record<Width, number> = { 2: 8, 4: 4 };

/** The instruction prefix for arithmetic in a dtype. */
function shapeOf(dtype: DType): 'f32x4' | 'f64x2' | 'i32x4' {
  return dtype === 'float32' ? 'f32x4' : dtype === 'float64' ? 'f64x2' : 'i32x4';
}

/** Pushes the constant `value` in every lane. */
export function pushConstant(f: FunctionBuilder, dtype: DType, value: number): void {
  if (dtype === 'float32') f.f32x4(value);
  else if (dtype === 'float64') f.f64x2(value);
  else if (dtype === 'bool') f.i32x4(value !== 0 ? -1 : 0);
  else f.i32x4(value);
}

/** The mask of 64-bit lanes on the stack becomes one of 32-bit lanes (in the low half). */
function narrowMask(f: FunctionBuilder, scratch: number): void {
  f.tee(scratch).get(scratch).shuffle([0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11]);
}

/** A mask of 32-bit lanes on the stack becomes a bool of the kernel's width. */
function widenMask(f: FunctionBuilder, width: Width): void {
  if (width === 2) f.op('i64x2.extend_low_i32x4_s');
}

/** Emits operations on vectors. */
export class LaneCode {
  readonly f: FunctionBuilder;
  readonly width: Width;
  private readonly library: MathLibrary;
  private readonly scratch: number;
  private readonly second: number;

  constructor(f: FunctionBuilder, width: Width, library: MathLibrary) {
    this.f = f;
    this.width = width;
    this.library = library;
    this.scratch = f.local('v128');
    this.second = f.local('v128');
  }

  /** One function, its operands of `operand` on the stack. */
  apply(op: ScalarFunction, operand: DType): void {
    const { f } = this;
    const shape = shapeOf(operand);
    switch (op) {
      case 'add':
      case 'sub':
      case 'mul':
      case 'neg':
        f.op(`${shape}.${op}`);
        this.cut(operand);
        return;
      case 'abs':
      case 'div':
      case 'sqrt':
      case 'floor':
      case 'ceil':
        f.op(`${shape}.${op}` as PlainInstruction);
        return;
      case 'round':
        f.op(`${shape}.nearest` as PlainInstruction);
        return;
      case 'min':
      case 'max':
        f.op(isFloat(operand) ? (`${shape}.${op}` as PlainInstruction) : `i32x4.${op}_s`);
        return;
      case 'eq':
      case 'ne':
      case 'lt':
      case 'le': {
        if (operand === 'bool') return this.compareMasks(op);
        const ordered = (op === 'lt' || op === 'le') && !isFloat(operand);
        f.op(ordered ? `i32x4.${op}_s` : (`${shape}.${op}` as PlainInstruction));
        if (operand !== 'float64') widenMask(f, this.width);
        return;
      }
      case 'and':
        f.op('v128.and');
        return;
      case 'or':
        f.op('v128.or');
        return;
      case 'not':
        f.op('v128.not');
        return;
      case 'select':
        this.select(operand);
        return;
      default:
        f.call(this.library.function(op as MathName, shape as 'f32x4' | 'f64x2'));
    }
  }

  /** The larger or smaller of the value and the constant on the stack: a NaN stays, and 0 is larger than -0. */
  limit(op: 'max' | 'min', dtype: DType, constant: number): void {
    const { f } = this;
    const isNegativeZero = Object.is(constant, -0);
    if (!isFloat(dtype) || Number.isNaN(constant) || (op === 'min' && isNegativeZero))
      return this.apply(op, dtype);
    // One instruction, where `max` takes eight. Of equal operands the first stays, which is wrong for max(-0, 0) alone.
    f.op(`${shapeOf(dtype) as 'f32x4' | 'f64x2'}.p${op}`);
    if (op === 'min' || constant !== 0 || isNegativeZero) return;
    pushConstant(f, dtype, 0);
    this.apply('add', dtype);
  }

  /**
   * A function of real numbers at several vectors at once, from locals to locals; undefined if `op` is none, or cannot.
   * @param operands for each vector, the locals with its operands
   */
  applyTogether(
    op: string,
    operand: DType,
    operands: readonly (readonly number[])[],
  ): readonly number[] | undefined {
    if (!isMathName(op)) return undefined;
    return this.library.together(op, operand === 'float32' ? 'f32x4' : 'f64x2', this.f, operands);
  }

  /** Compares two bools: masks are not numbers, true is all ones. */
  private compareMasks(op: 'eq' | 'ne' | 'lt' | 'le'): void {
    const { f, scratch } = this;
    if (op === 'eq') f.op('v128.xor', 'v128.not');
    else if (op === 'ne') f.op('v128.xor');
    else
      f.set(scratch)
        .op('v128.not')
        .get(scratch)
        .op(op === 'lt' ? 'v128.and' : 'v128.or');
  }

  /** Keeps the low 8 bits of a uint8. */
  private cut(dtype: DType): void {
    if (dtype === 'uint8') this.f.i32x4(255).op('v128.and');
  }

  /** (condition, a, b) -> a where the condition holds, else b. */
  private select(operand: DType): void {
    const { f } = this;
    const wide = operand === 'float64' || operand === 'bool' || this.width === 4;
    if (wide) {
      // bitselect takes the mask last.
      f.set(this.scratch).set(this.second);
      const mask = this.second;
      const condition = this.scratchMask();
      f.set(condition).get(mask).get(this.scratch).get(condition).op('v128.bitselect');
      return;
    }
    f.set(this.scratch).set(this.second);
    const condition = this.scratchMask();
    narrowMask(f, condition);
    f.set(condition).get(this.second).get(this.scratch).get(condition).op('v128.bitselect');
  }

  private maskLocal: number | undefined;

  private scratchMask(): number {
    this.maskLocal ??= this.f.local('v128');
    return this.maskLocal;
  }

  /** Converts the vector on the stack. */
  cast(from: DType, to: DType): void {
    const { f, width } = this;
    if (from === to) return;
    if (to === 'bool') {
      pushConstant(f, from, 0);
      f.op(`${shapeOf(from)}.ne`);
      if (from !== 'float64') widenMask(f, width);
      return;
    }
    if (from === 'bool') {
      if (to !== 'float64' && width === 2) narrowMask(f, this.scratch);
      pushConstant(f, to, 1);
      f.op('v128.and');
      return;
    }
    if (to === 'float32') f.op(from === 'float64' ? 'f32x4.demote_f64x2_zero' : 'f32x4.convert_i32x4_s');
    else if (to === 'float64')
      f.op(from === 'float32' ? 'f64x2.promote_low_f32x4' : 'f64x2.convert_low_i32x4_s');
    else {
      if (isFloat(from))
        f.op(from === 'float32' ? 'i32x4.trunc_sat_f32x4_s' : 'i32x4.trunc_sat_f64x2_s_zero');
      this.cut(to);
    }
  }

  /** Combines two vectors on the stack by a monoid. */
  combine(monoid: Monoid, dtype: DType): void {
    const op = ({ sum: 'add', prod: 'mul', max: 'max', min: 'min', any: 'or', all: 'and' } as const)[monoid];
    this.apply(op, dtype);
  }

  /** Combines all lanes of the vector on the stack into lane 0. */
  combineLanes(monoid: Monoid, dtype: DType): void {
    const { f, scratch } = this;
    const bytes = dtype === 'bool' ? MASK_LANES[this.width] : BYTES[dtype] === 8 ? 8 : 4;
    for (let lanes = Math.min(this.width, 16 / bytes); lanes > 1; lanes /= 2) {
      const shift = (lanes / 2) * bytes;
      f.set(scratch).get(scratch).get(scratch).get(scratch);
      f.shuffle(Array.from({ length: 16 }, (_, i) => (i + shift) % 32));
      this.combine(monoid, dtype);
    }
  }

  /** Replaces all lanes but the first `count` by the constant `neutral`. */
  onlyFirst(count: number, dtype: DType, neutral: number): void {
    const { f, width } = this;
    const bytes = width === 2 && (dtype === 'bool' || dtype === 'float64') ? 8 : 4;
    pushConstant(f, dtype, neutral);
    f.v128(Array.from({ length: 16 }, (_, i) => (i < count * bytes ? 255 : 0))).op('v128.bitselect');
  }

  /** Pushes an address for an instruction whose own offset is returned: local `address` plus `ahead` bytes. */
  locate(address: number, ahead: number): number {
    this.f.get(address);
    if (ahead >= 0) return ahead;
    this.f.i32(ahead).op('i32.add');
    return 0;
  }

  /**
   * Loads elements `stride` apart into the first `lanes` lanes, the first from `ahead` bytes beyond local `address`. What is
   * in the other lanes does not matter.
   */
  load(dtype: DType, lanes: number, stride: number, address: number, ahead: number): void {
    const { f, width } = this;
    if (stride === 0) return this.loadOne(dtype, 'splat', address, ahead);
    if (lanes === 1) return this.loadOne(dtype, 'zero', address, ahead);
    if (stride !== 1 || lanes < width) return this.loadEach(dtype, lanes, stride, address, ahead);
    const offset = this.locate(address, ahead);
    if (BYTES[dtype] === 8 || (BYTES[dtype] === 4 && width === 4)) f.memory('v128.load', offset);
    else if (BYTES[dtype] === 4) f.memory('v128.load64_zero', offset);
    else {
      if (width === 4) f.memory('v128.load32_zero', offset);
      else {
        // Two bytes into the low lanes of a zero vector; load16_lane takes (address, vector).
        f.i32x4(0).memory('v128.load16_lane', offset, 0);
      }
      f.op('i16x8.extend_low_i8x16_u', 'i32x4.extend_low_i16x8_u');
      if (dtype === 'bool') this.bytesToMask();
    }
  }

  private loadOne(dtype: DType, fill: 'zero' | 'splat', address: number, ahead: number): void {
    const { f } = this;
    const offset = this.locate(address, ahead);
    if (BYTES[dtype] === 8) f.memory(fill === 'zero' ? 'v128.load64_zero' : 'v128.load64_splat', offset);
    else if (BYTES[dtype] === 4) f.memory(fill === 'zero' ? 'v128.load32_zero' : 'v128.load32_splat', offset);
    else {
      f.memory('i32.load8_u', offset).op('i32x4.splat');
      if (dtype === 'bool') this.bytesToMask();
    }
  }

  /** One load for each lane. */
  private loadEach(dtype: DType, lanes: number, stride: number, address: number, ahead: number): void {
    const { f, scratch } = this;
    const bytes = BYTES[dtype];
    const from = (lane: number): number => this.locate(address, ahead + lane * stride * bytes);
    if (bytes === 1) {
      for (let lane = 0; lane < lanes; lane++) {
        f.memory('i32.load8_u', from(lane));
        if (lane === 0) f.op('i32x4.splat');
        else f.lane('i32x4.replace_lane', lane);
      }
      if (dtype === 'bool') this.bytesToMask();
      return;
    }
    f.memory(bytes === 8 ? 'v128.load64_zero' : 'v128.load32_zero', from(0));
    for (let lane = 1; lane < lanes; lane++) {
      f.set(scratch);
      const offset = from(lane);
      f.get(scratch).memory(bytes === 8 ? 'v128.load64_lane' : 'v128.load32_lane', offset, lane);
    }
  }

  /** 0 and 1 in 32-bit lanes become a mask. */
  private bytesToMask(): void {
    this.f.i32x4(0).op('i32x4.ne');
    widenMask(this.f, this.width);
  }

  /**
   * Stores the first `lanes` lanes of the vector in local `value` to elements `stride` apart. Of float64 it has two, however many
   * the kernel's vectors have.
   */
  store(dtype: DType, lanes: number, stride: number, address: number, ahead: number, value: number): void {
    const { f, width } = this;
    const bytes = BYTES[dtype];
    let source = value;
    if (bytes === 1) {
      f.get(value);
      if (dtype === 'bool') {
        if (width === 2) narrowMask(f, this.scratch);
        f.i32x4(1).op('v128.and');
      }
      f.set(this.scratch).get(this.scratch).get(this.scratch).op('i16x8.narrow_i32x4_u');
      f.set(this.scratch).get(this.scratch).get(this.scratch).op('i8x16.narrow_i16x8_u').set(this.scratch);
      source = this.scratch;
    }
    const inVector = Math.min(width, 16 / bytes);
    if (stride === 1 && lanes === inVector) {
      const whole = bytes * inVector;
      const offset = this.locate(address, ahead);
      f.get(source);
      if (whole === 16) f.memory('v128.store', offset);
      else
        f.memory(
          whole === 8 ? 'v128.store64_lane' : whole === 4 ? 'v128.store32_lane' : 'v128.store16_lane',
          offset,
          0,
        );
      return;
    }
    const one = bytes === 1 ? 'v128.store8_lane' : bytes === 4 ? 'v128.store32_lane' : 'v128.store64_lane';
    for (let lane = 0; lane < lanes; lane++) {
      const offset = this.locate(address, ahead + lane * stride * bytes);
      f.get(source).memory(one, offset, lane);
    }
  }
}
