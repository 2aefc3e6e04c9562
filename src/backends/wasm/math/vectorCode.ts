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

/** Computes each step for `count` vectors in turn; `current` is the one whose turn it is. */
interface SideBySide {
  readonly count: number;
  current: number;
}

/**
 * Vector code being appended to one function, in one float format.
 *
 * It may compute several vectors side by side, step by step: what one step waits for, the next does not. A value then
 * stands for all of them.
 */
export class VectorCode implements LaneCode {
  readonly builder: FunctionBuilder;
  readonly type: VectorType;
  readonly library: Shared;
  private readonly sideBySide: SideBySide;

  constructor(
    builder: FunctionBuilder,
    type: VectorType,
    library: Shared,
    sideBySide: SideBySide = { count: 1, current: 0 },
  ) {
    this.builder = builder;
    this.type = type;
    this.library = library;
    this.sideBySide = sideBySide;
  }

  get format(): (typeof FORMAT)[VectorType] {
    return FORMAT[this.type];
  }

  /** The same function, continued in another float format. */
  as(type: VectorType): VectorCode {
    return new VectorCode(this.builder, type, this.library, this.sideBySide);
  }

  /** The value held by a local for each vector, parameters for instance. */
  local(...locals: readonly number[]): Lanes {
    return new Lanes(this, () => this.builder.get(locals[this.sideBySide.current]));
  }

  /** A new local holding what `push` leaves on the stack. */
  value(push: () => void): Lanes {
    return this.variable(push).lanes;
  }

  /** A local that a branch may assign again. */
  variable(push: () => void): Variable {
    const locals = Array.from({ length: this.sideBySide.count }, () => this.builder.local('v128'));
    this.set(locals, push);
    return { locals, lanes: this.local(...locals) };
  }

  assign(variable: Variable, value: Lanes): void {
    this.set(variable.locals, value.push);
  }

  private set(locals: readonly number[], push: () => void): void {
    locals.forEach((local, i) => {
      this.sideBySide.current = i;
      push();
      this.builder.set(local);
    });
  }

  constant(value: number): Lanes {
    return this.bitsOf(value);
  }

  /** The same integer, as wide as a lane, in all lanes. Several vectors share the one that is made here. */
  integer(value: bigint): Lanes {
    if (this.sideBySide.count === 1) return new Lanes(this, () => this.pushInteger(value));
    const local = this.builder.local('v128');
    this.pushInteger(value);
    this.builder.set(local);
    return new Lanes(this, () => this.builder.get(local));
  }

  private pushInteger(value: bigint): void {
    const { width } = this.format;
    const bits = BigInt.asUintN(width, value);
    const address = this.library.constants?.place(width, bits);
    if (address !== undefined) this.builder.i32(0).memory(`v128.load${width}_splat`, address);
    else if (width === 32) this.builder.i32x4(Number(BigInt.asIntN(32, bits)));
    else this.builder.i64x2(BigInt.asIntN(64, bits));
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
    for (let i = 0; i < this.sideBySide.count; i++) {
      this.sideBySide.current = i;
      mask.push();
      if (i > 0) this.builder.op('v128.or');
    }
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
  /** One for each vector. */
  readonly locals: readonly number[];
  readonly lanes: Lanes;
}
