/**
 * A tiny expression layer over FunctionBuilder: `x.mul(x).add(1)` appends the instructions that compute it.
 *
 * Every result goes to a local of its own. The optimising compilers of WebAssembly engines turn locals into
 * registers, so this costs nothing, and a value can be used many times or inside a branch without ceremony.
 */

import type { FunctionBuilder } from '../encoder.ts';
import type { PlainInstruction } from '../opcodes.ts';
import type { FORMAT, VectorType } from './format.ts';

/** A number stands for the same float in all lanes. */
export type Operand = Lanes | number;

/** What a value needs of the code it is part of (see `vectorCode.ts`). */
export interface LaneCode {
  readonly builder: FunctionBuilder;
  readonly type: VectorType;
  readonly format: (typeof FORMAT)[VectorType];
  /** A new local holding what `push` leaves on the stack. */
  value(push: () => void): Lanes;
  lift(operand: Operand): Lanes;
  constant(value: number): Lanes;
  integer(value: bigint): Lanes;
  bitsOf(value: number): Lanes;
}

/** A vector value: floats, integers of the same width, or a mask (all bits of a lane set, or none). */
export class Lanes {
  readonly code: LaneCode;
  /** Leaves the value on the stack. */
  readonly push: () => void;

  constructor(code: LaneCode, push: () => void) {
    this.code = code;
    this.push = push;
  }

  private apply(instruction: PlainInstruction, ...operands: Operand[]): Lanes {
    const others = operands.map((operand) => this.code.lift(operand));
    return this.code.value(() => {
      this.push();
      for (const other of others) other.push();
      this.code.builder.op(instruction);
    });
  }

  add(other: Operand): Lanes {
    return this.apply(`${this.code.type}.add`, other);
  }

  sub(other: Operand): Lanes {
    return this.apply(`${this.code.type}.sub`, other);
  }

  mul(other: Operand): Lanes {
    return this.apply(`${this.code.type}.mul`, other);
  }

  div(other: Operand): Lanes {
    return this.apply(`${this.code.type}.div`, other);
  }

  neg(): Lanes {
    return this.apply(`${this.code.type}.neg`);
  }

  abs(): Lanes {
    return this.apply(`${this.code.type}.abs`);
  }

  sqrt(): Lanes {
    return this.apply(`${this.code.type}.sqrt`);
  }

  nearest(): Lanes {
    return this.apply(`${this.code.type}.nearest`);
  }

  square(): Lanes {
    return this.mul(this);
  }

  /** The smaller of both; a NaN stays (`pmin` is one machine instruction, `min` many). */
  atMost(limit: Operand): Lanes {
    return this.apply(`${this.code.type}.pmin`, limit);
  }

  /** The larger of both; a NaN stays. */
  atLeast(limit: Operand): Lanes {
    return this.apply(`${this.code.type}.pmax`, limit);
  }

  eq(other: Operand): Lanes {
    return this.apply(`${this.code.type}.eq`, other);
  }

  ne(other: Operand): Lanes {
    return this.apply(`${this.code.type}.ne`, other);
  }

  lt(other: Operand): Lanes {
    return this.apply(`${this.code.type}.lt`, other);
  }

  le(other: Operand): Lanes {
    return this.apply(`${this.code.type}.le`, other);
  }

  gt(other: Operand): Lanes {
    return this.apply(`${this.code.type}.gt`, other);
  }

  ge(other: Operand): Lanes {
    return this.apply(`${this.code.type}.ge`, other);
  }

  not(): Lanes {
    return this.apply('v128.not');
  }

  and(other: Lanes): Lanes {
    return this.apply('v128.and', other);
  }

  andNot(other: Lanes): Lanes {
    return this.apply('v128.andnot', other);
  }

  or(other: Lanes): Lanes {
    return this.apply('v128.or', other);
  }

  xor(other: Lanes): Lanes {
    return this.apply('v128.xor', other);
  }

  /** Of a mask: `chosen` where it is set, `otherwise` elsewhere. */
  select(chosen: Operand, otherwise: Operand): Lanes {
    const values = [this.code.lift(chosen), this.code.lift(otherwise)];
    return this.code.value(() => {
      for (const value of values) value.push();
      this.push();
      this.code.builder.op('v128.bitselect');
    });
  }

  integerAdd(other: Lanes): Lanes {
    return this.apply(`${this.code.format.integers}.add`, other);
  }

  integerSub(other: Lanes): Lanes {
    return this.apply(`${this.code.format.integers}.sub`, other);
  }

  integerEq(other: Lanes): Lanes {
    return this.apply(`${this.code.format.integers}.eq`, other);
  }

  shiftLeft(bits: number): Lanes {
    return this.shift('shl', bits);
  }

  /** Zeros come in from the left. */
  shiftRight(bits: number): Lanes {
    return this.shift('shr_u', bits);
  }

  private shift(direction: 'shl' | 'shr_u', bits: number): Lanes {
    return this.code.value(() => {
      this.push();
      this.code.builder.i32(bits).op(`${this.code.format.integers}.${direction}`);
    });
  }

  /** The sign bit alone. */
  sign(): Lanes {
    return this.and(this.code.bitsOf(-0));
  }

  /** The leading half of the significand, the rest cleared: products of two such values are exact. */
  leading(): Lanes {
    return this.and(this.code.integer(-1n << 32n));
  }
}

/**
 * c[0] + c[1] x + c[2] x^2 + ...: even and odd terms apart, recursively (Estrin's scheme), so that the
 * chain of dependent operations is short.
 */
export function polynomial(x: Lanes, coefficients: readonly number[]): Lanes {
  const powers = [x]; // x, x^2, x^4, ...
  while (2 ** powers.length < coefficients.length) powers.push(powers[powers.length - 1].square());
  const evaluate = (terms: readonly number[], level: number): Lanes => {
    if (terms.length === 1) return x.code.constant(terms[0]);
    const even = terms.filter((_, i) => i % 2 === 0);
    const odd = terms.filter((_, i) => i % 2 === 1);
    const upper = evaluate(odd, level + 1).mul(powers[level]);
    return upper.add(evaluate(even, level + 1));
  };
  return evaluate(coefficients, 0);
}
