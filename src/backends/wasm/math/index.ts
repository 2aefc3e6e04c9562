/**
 * Transcendental functions on vectors of floats, as WebAssembly functions of the module under construction.
 *
 * At most 2 ulp wrong in float32 and 4 ulp in float64, over the whole domain; special values as in C99 Annex F. Only
 * IEEE operations and no fused or relaxed ones: results are the same on every machine.
 *
 * "Worst error measured", in the files of the families: float32 over every fifth or seventh of all floats against
 * float64 (pow: ten million random pairs), float64 over millions of random arguments, hard ones among them, against
 * 113-bit arithmetic.
 */
import type { FunctionBuilder, ModuleBuilder, ValueType } from '../encoder.ts';
import type { ConstantPool } from './constantPool.ts';
import { erf } from './errorFunction.ts';
import { cosh, exp, expm1, sigmoid, sinh, tanh } from './exponential.ts';
import type { VectorType } from './format.ts';
import { acos, asin, atan } from './inverseTrigonometric.ts';
import type { Lanes } from './lanes.ts';
import { log, log1p } from './logarithm.ts';
import { pow } from './power.ts';
import { cos, sin, tan } from './trigonometric.ts';
import { type Shared, VectorCode } from './vectorCode.ts';

export { ConstantPool } from './constantPool.ts';
export type { VectorType } from './format.ts';

const UNARY = { exp, expm1, log, log1p, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, sigmoid, erf };
const BINARY = { pow };

/** Their huge arguments are reduced lane by lane. */
const ONE_BY_ONE: ReadonlySet<MathName> = new Set<MathName>(['sin', 'cos', 'tan']);

export type MathName = keyof typeof UNARY | keyof typeof BINARY;

export function isMathName(name: string): name is MathName {
  return name in UNARY || name in BINARY;
}

/** Emits each needed function once into one module, on first use. */
export class MathLibrary implements Shared {
  readonly constants: ConstantPool | undefined;
  private readonly module: ModuleBuilder;
  private readonly emitted = new Map<string, FunctionBuilder>();

  /**
   * @param constants where the functions find their constants. Without it they are part of the code, which is slower:
   *   engines build a vector constant in three instructions, anew wherever it is used.
   */
  constructor(module: ModuleBuilder, constants?: ConstantPool) {
    this.module = module;
    this.constants = constants;
  }

  /** The function (v128) -> v128, for pow (v128, v128) -> v128, that applies `name` to each lane. */
  function(name: MathName, type: VectorType): FunctionBuilder {
    const parameters: ValueType[] = name in BINARY ? ['v128', 'v128'] : ['v128'];
    return this.shared(`${name} ${type}`, parameters, ['v128'], (builder) => {
      const code = new VectorCode(builder, type, this);
      this.apply(code, name, code.local(0), code.local(1)).push();
    });
  }

  /**
   * Appends the function's code itself to `builder`, for several vectors side by side: what one step waits for, the same
   * step for the next vector does not. That is about half as fast again as a call for each.
   * @param operands for each vector, the locals with its operands
   * @returns the local with each result; undefined if the function takes single lanes aside, one vector at a time
   */
  together(
    name: MathName,
    type: VectorType,
    builder: FunctionBuilder,
    operands: readonly (readonly number[])[],
  ): readonly number[] | undefined {
    if (ONE_BY_ONE.has(name)) return undefined;
    const code = new VectorCode(builder, type, this, { count: operands.length, current: 0 });
    const [x, y] = [0, 1].map((i) => code.local(...operands.map((each) => each[i])));
    return code.variable(this.apply(code, name, x, y).push).locals;
  }

  private apply(code: VectorCode, name: MathName, x: Lanes, y?: Lanes): Lanes {
    return name in BINARY ? pow(code, x, y!) : UNARY[name as keyof typeof UNARY](code, x);
  }

  shared(
    name: string,
    parameters: readonly ValueType[],
    results: readonly ValueType[],
    build: (code: FunctionBuilder) => void,
  ): FunctionBuilder {
    let found = this.emitted.get(name);
    if (found === undefined) {
      found = this.module.func(name, parameters, results);
      this.emitted.set(name, found);
      build(found);
    }
    return found;
  }
}
