/** The fully connected layer. */
import {
  at,
  type FloatDType,
  formatShape,
  type Parameter,
  parameter,
  ShapeError,
  type TensorLike,
  toVariable,
  type Variable,
} from '../graph/index.ts';
import { add } from '../operations/arithmetic.ts';
import { matmul } from '../operations/linearAlgebra.ts';
import { glorotUniform, type Initializer, zeros } from './initializers.ts';
import type { Fits, MapLast, Module, ShapeIn } from './layer.ts';
import { type RandomSource, randomOf } from './seed.ts';

export interface LinearOptions<Bias extends boolean> extends RandomSource {
  /** Whether to add a bias, which starts at zero. Default true. */
  bias?: Bias;
  /** How the weight starts. Default `glorotUniform`; `heNormal` suits a layer that relu follows. */
  initializer?: Initializer;
  /** Default float32. */
  dtype?: FloatDType;
  /** A prefix for the parameters' names in printed graphs: `hidden` gives `hidden.weight`. */
  name?: string;
}

/** y = x W + b. Literal shapes are checked by the compiler: the last extent of x must be I. */
export interface Linear<
  I extends number = number,
  O extends number = number,
  Bias extends boolean = boolean,
> {
  <N extends number>(x: Variable<readonly [N, I]>): Variable<readonly [N, O]>;
  <X extends TensorLike>(
    x: X & Fits<MapLast<ShapeIn<X>, I, O>, 'the last extent is not the number of inputs', ShapeIn<X>, [I, O]>,
  ): Variable<MapLast<ShapeIn<X>, I, O>>;
  readonly inputs: I;
  readonly outputs: O;
  /** W [inputs, outputs]. */
  readonly weight: Parameter<readonly [I, O]>;
  /** b [outputs]; undefined for a layer without bias. */
  readonly bias: Bias extends true ? Parameter<readonly [O]> : undefined;
  readonly parameters: Module['parameters'];
}

/**
 * A fully connected layer y = x W + b, from rows of `inputs` numbers to rows of `outputs`.
 *
 * ```ts
 * const layer = linear(784, 128);
 * layer(x);   // [32, 784] to [32, 128]; further leading axes are kept
 * ```
 * The weight starts from `glorotUniform`, which keeps variances steady without knowing the activation that follows.
 * @throws ShapeError unless both extents are whole numbers of at least 1, and where x does not fit
 */
export function linear<I extends number, O extends number, Bias extends boolean = true>(
  inputs: I,
  outputs: O,
  options: LinearOptions<Bias> = {},
): Linear<I, O, Bias> {
  for (const [what, extent] of Object.entries({ inputs, outputs })) {
    if (!Number.isInteger(extent) || extent < 1) {
      throw new ShapeError(`linear: ${what} is ${extent}; use a whole number of at least 1${at()}`);
    }
  }
  const { initializer = glorotUniform, dtype = 'float32', name } = options;
  const named = (what: string): string => (name === undefined ? what : `${name}.${what}`);
  const random = randomOf(options);
  const weight = parameter(initializer([inputs, outputs] as const, random, dtype), { name: named('weight') });
  const bias =
    options.bias === false
      ? undefined
      : parameter(zeros([outputs] as const, random, dtype), { name: named('bias') });

  const apply = (given: TensorLike): Variable => {
    const x = toVariable(given);
    if (x.rank === 0 || x.shape[x.rank - 1] !== inputs) {
      throw new ShapeError(
        `linear: ${named('weight')} ${formatShape(weight.shape)} maps rows of ${inputs}, got x of shape ` +
          `${formatShape(x.shape)}; its last extent must be ${inputs}${at()}`,
      );
    }
    const product: Variable = matmul(x, weight as Variable);
    return bias === undefined ? product : add(product, bias as Variable);
  };
  return Object.assign(apply, {
    inputs,
    outputs,
    weight,
    bias,
    parameters: bias === undefined ? [weight] : [weight, bias],
  }) as unknown as Linear<I, O, Bias>;
}
