/** Where vector code goes: constants, variables, rare branches and conversions between the formats. */
import type { FunctionBuilder, ValueType } from '../encoder.ts';
import type { ConstantPool } from './constantPool.ts';
import { FORMAT, floatBits, type VectorType } from './format.ts';
import { type LaneCode, Lanes, type Operand } from './lanes.ts';

/** What the functions of one module share. */
export interface Shared {
  /** Where constants are loaded from; without it they are part of the code. */
  readonly constants: ConstantPool | undefined;
  /** Emits a helper function into the module on first use, and finds it again later. */
  shared(
    name: string,
    parameters: readonly ValueType[],
    results: readonly ValueType[],
    build: (code: FunctionBuilder) => void,
  ): FunctionBuilder;
}

/** Vector code being appended to one function, in one float format. */
export class VectorCode implements LaneCode {
  readonly builder: FunctionBuilder;
  readonly type: VectorType;
  readonly library: Shared;

  constructor(builder: FunctionBuilder, type: VectorType, library: Shared) {
    this.builder = builder;
    this.type = type;
    this.library = library;
  }

  get format(): (typeof FORMAT)[VectorType] {
    return FORMAT[this.type];
  }

  /** The same function, continued in another float format. */
  as(type: VectorType): VectorCode {
    return new VectorCode(this.builder, type, this.library);
  }

  /** The value held by a local, a parameter for instance. */
  local(local: number): Lanes {
    return new Lanes(this, () => this.builder.get(local));
  }

  /** A new local holding what `push` leaves on the stack. */
  value(push: () => void): Lanes {
    return this.variable(push).lanes;
  }

  /** A local that a branch may assign again. */
  variable(push: () => void): Variable {
    const local = this.builder.local('v128');
    push();
    this.builder.set(local);
    return { local, lanes: this.local(local) };
  }

  assign(variable: Variable, value: Lanes): void {
    value.push();
    this.builder.set(variable.local);
  }

  constant(value: number): Lanes {
    return this.bitsOf(value);
  }

  /** The same integer, as wide as a lane, in all lanes. */
  integer(value: bigint): Lanes {
    return new Lanes(this, () => {
      const { width } = this.format;
      const bits = BigInt.asUintN(width, value);
      const address = this.library.constants?.place(width, bits);
      if (address !== undefined) this.builder.i32(0).memory(`v128.load${width}_splat`, address);
      else if (width === 32) this.builder.i32x4(Number(BigInt.asIntN(32, bits)));
      else this.builder.i64x2(BigInt.asIntN(64, bits));
    });
  }

  /** The bits of a float, as an integer in all lanes. */
  bitsOf(value: number): Lanes {
    return this.integer(floatBits(this.type, value));
  }

  lift(operand: Operand): Lanes {
    return typeof operand === 'number' ? this.constant(operand) : operand;
  }

  /** `body` runs only if some lane of `mask` is set; it may `assign`, but only in the lanes of the mask. */
  rarely(mask: Lanes, body: () => void): void {
    mask.push();
    this.builder.op('v128.any_true').if(body);
  }

  /** Four floats as two pairs of doubles (exact). */
  widen(x: Lanes): [low: Lanes, high: Lanes] {
    const wide = this.as('f64x2');
    return [
      wide.value(() => {
        x.push();
        this.builder.op('f64x2.promote_low_f32x4');
      }),
      wide.value(() => {
        x.push();
        x.push();
        this.builder.shuffle([8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]);
        this.builder.op('f64x2.promote_low_f32x4');
      }),
    ];
  }

  /** Two pairs of doubles, each rounded to float. */
  narrow(low: Lanes, high: Lanes): Lanes {
    return this.as('f32x4').value(() => {
      for (const half of [low, high]) {
        half.push();
        this.builder.op('f32x4.demote_f64x2_zero');
      }
      this.builder.shuffle([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
    });
  }

  /** The low 32 bits of four 64-bit lanes. */
  narrowIntegers(low: Lanes, high: Lanes): Lanes {
    return this.as('f32x4').value(() => {
      low.push();
      high.push();
      this.builder.shuffle([0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27]);
    });
  }
}

export interface Variable {
  readonly local: number;
  readonly lanes: Lanes;
}
