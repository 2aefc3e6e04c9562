/**
 * What an operation says of itself, beside its rules: enough to document it and to test it.
 *
 * A declaration is attached to the public function, so the function, its fluent method, its row in
 * `docs/operations.md` and its generated tests all come from one place.
 */
import type { DType, Operation, Variable } from '../graph/index.ts';

/** Values to test with: drawn from `low` to `high`, at least `margin` away from every point of `avoid`. */
export interface Domain {
  readonly low: number;
  readonly high: number;
  /** Points where no derivative exists, which finite differences must not straddle. */
  readonly avoid?: readonly number[];
  /** `float` stands for float32 and float64 in turn. Default `float`. */
  readonly dtype?: 'float' | Exclude<DType, 'float32' | 'float64'>;
  /** All values at least 0.05 apart, so that no two tie. */
  readonly distinct?: boolean;
}

/** Real numbers between `low` and `high`. */
export function real(low: number, high: number, options: Omit<Domain, 'low' | 'high'> = {}): Domain {
  return { low, high, ...options };
}

/** Whole numbers from `low` to `high`, as int32. */
export function whole(low: number, high: number): Domain {
  return { low, high, dtype: 'int32' };
}

/** Booleans. */
export const truth: Domain = { low: 0, high: 1, dtype: 'bool' };

/** One example call, with inputs to be drawn. */
export interface Sample {
  readonly inputs: readonly { readonly shape: readonly number[]; readonly domain: Domain }[];
  call(...inputs: Variable[]): Variable | readonly Variable[];
  /** The same call as a PyTorch expression in `x`, `y`, `z` (inputs in order): the conformance fixtures' oracle. */
  readonly torch?: string;
}

export interface Declaration {
  readonly name: string;
  /** One sentence and the equation. */
  readonly doc: string;
  /** What it does to dtypes, for the table in the docs: `float`, `number`, `any -> bool`. */
  readonly dtypes: string;
  /** Absent where the function only composes other operations. */
  readonly operation?: Operation;
  readonly samples: readonly Sample[];
  /** Values at which compiled kernels must agree with the reference: zeros of both signs, infinities, NaN. */
  readonly special?: readonly number[];
  /** Why there is no derivative, as a clause after "because"; absent for differentiable operations. */
  readonly notDifferentiable?: string;
}

/** A public function that carries its declaration. */
export type Declared<F> = F & { readonly declaration: Declaration };

/**
 * `declare(call)({ name, doc, ... })`: the public function `call`, carrying its declaration. Two steps, so that the
 * samples can name the function that is being declared.
 */
export function declare<F extends (...args: any[]) => unknown>(
  call: F,
): (declaration: Declaration) => Declared<F> {
  return (declaration) => {
    Object.defineProperty(call, 'name', { value: declaration.name });
    return Object.assign(call, { declaration });
  };
}
