/** What Lanes are for vectors, for single i64 and f64 values: every result goes to a local of its own. */
import type { FunctionBuilder } from '../encoder.ts';
import type { PlainInstruction } from '../opcodes.ts';

/** A bigint is an i64 constant, a number an f64 constant. */
type Operand = Scalar | bigint | number;

export class Scalar {
  private readonly builder: FunctionBuilder;
  private readonly type: 'i64' | 'f64';
  /** Leaves the value on the stack. */
  readonly push: () => void;

  private constructor(builder: FunctionBuilder, type: 'i64' | 'f64', push: () => void) {
    this.builder = builder;
    this.type = type;
    this.push = push;
  }

  static local(builder: FunctionBuilder, type: 'i64' | 'f64', local: number): Scalar {
    return new Scalar(builder, type, () => builder.get(local));
  }

  static i64(builder: FunctionBuilder, value: bigint): Scalar {
    return new Scalar(builder, 'i64', () => builder.i64(value));
  }

  private store(type: 'i64' | 'f64', push: () => void): Scalar {
    const local = this.builder.local(type);
    push();
    this.builder.set(local);
    return Scalar.local(this.builder, type, local);
  }

  private apply(
    type: 'i64' | 'f64',
    instructions: readonly PlainInstruction[],
    ...operands: Operand[]
  ): Scalar {
    return this.store(type, () => {
      this.push();
      for (const operand of operands) {
        if (typeof operand === 'bigint') this.builder.i64(operand);
        else if (typeof operand === 'number') this.builder.f64(operand);
        else operand.push();
      }
      this.builder.op(...instructions);
    });
  }

  /** The result of a function i64, i64, ... -> i64. */
  call(target: FunctionBuilder, ...others: Scalar[]): Scalar {
    return this.store('i64', () => {
      for (const argument of [this, ...others]) argument.push();
      this.builder.call(target);
    });
  }

  add(other: Operand): Scalar {
    return this.apply(this.type, [`${this.type}.add`], other);
  }

  sub(other: Operand): Scalar {
    return this.apply(this.type, [`${this.type}.sub`], other);
  }

  mul(other: Operand): Scalar {
    return this.apply(this.type, [`${this.type}.mul`], other);
  }

  and(other: Operand): Scalar {
    return this.apply('i64', ['i64.and'], other);
  }

  or(other: Operand): Scalar {
    return this.apply('i64', ['i64.or'], other);
  }

  xor(other: Operand): Scalar {
    return this.apply('i64', ['i64.xor'], other);
  }

  shiftLeft(bits: Operand): Scalar {
    return this.apply('i64', ['i64.shl'], bits);
  }

  /** Zeros come in from the left. */
  shiftRight(bits: Operand): Scalar {
    return this.apply('i64', ['i64.shr_u'], bits);
  }

  /** -1 for negative numbers, otherwise 0. */
  signMask(): Scalar {
    return this.apply('i64', ['i64.shr_s'], 63n);
  }

  leadingZeros(): Scalar {
    return this.apply('i64', ['i64.clz']);
  }

  /** 1 or 0. */
  isZero(): Scalar {
    return this.apply('i64', ['i64.eqz', 'i64.extend_i32_u']);
  }

  /** 1 or 0, comparing without signs. */
  isBelow(other: Operand): Scalar {
    return this.apply('i64', ['i64.lt_u', 'i64.extend_i32_u'], other);
  }

  bitsOfFloat(): Scalar {
    return this.apply('i64', ['i64.reinterpret_f64']);
  }

  floatOfBits(): Scalar {
    return this.apply('f64', ['f64.reinterpret_i64']);
  }

  /** An unsigned integer as a float. */
  toFloat(): Scalar {
    return this.apply('f64', ['f64.convert_i64_u']);
  }
}
