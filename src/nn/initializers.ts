/** First values of weights: functions of a shape and a generator. */
import type { Random } from '../data/index.ts';
import {
  allocate,
  at,
  type FloatDType,
  formatShape,
  type Shape,
  ShapeError,
  sizeOf,
  Tensor,
} from '../graph/index.ts';

/** Makes a weight of `shape` from the numbers of `random`, float32 unless told otherwise. */
export type Initializer = <S extends Shape>(shape: S, random: Random, dtype?: FloatDType) => Tensor<S>;

/** The number of inputs and of outputs of a weight matrix [inputs, outputs]. @throws ShapeError for other ranks */
function fans(name: string, shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length !== 2) {
    throw new ShapeError(
      `${name}: ${formatShape(shape)} is not the shape of a weight matrix [inputs, outputs]; ` +
        `use constantInitializer, uniformInitializer or normalInitializer${at()}`,
    );
  }
  return { fanIn: shape[0], fanOut: shape[1] };
}

function drawn<S extends Shape>(shape: S, dtype: FloatDType, draw: () => number): Tensor<S> {
  const data = allocate(dtype, sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = draw();
  return new Tensor(shape, dtype, data);
}

/** `value` everywhere. */
export function constantInitializer(value: number): Initializer {
  return (shape, _, dtype = 'float32') => drawn(shape, dtype, () => value);
}

/** Zero everywhere: for biases. A weight of zeros would give every hidden unit the same gradient for ever. */
export const zeros: Initializer = constantInitializer(0);

/** One everywhere. */
export const ones: Initializer = constantInitializer(1);

/** Uniform over [low, high). */
export function uniformInitializer(low: number, high: number): Initializer {
  return (shape, random, dtype = 'float32') => drawn(shape, dtype, () => random.uniform(low, high));
}

/** Normal with the given mean and standard deviation. */
export function normalInitializer(mean: number, deviation: number): Initializer {
  return (shape, random, dtype = 'float32') => drawn(shape, dtype, () => random.normal(mean, deviation));
}

/**
 * Uniform over +-sqrt(6 / (inputs + outputs)): variance 2 / (inputs + outputs), a compromise that keeps the variance
 * of activations and of gradients alike from layer to layer where the activation is near the identity at 0.
 * @see Glorot and Bengio (2010), "Understanding the difficulty of training deep feedforward neural networks", eq. 16
 */
export const glorotUniform: Initializer = (shape, random, dtype) => {
  const { fanIn, fanOut } = fans('glorotUniform', shape);
  const bound = Math.sqrt(6 / (fanIn + fanOut));
  return uniformInitializer(-bound, bound)(shape, random, dtype);
};

/** Normal with variance 2 / (inputs + outputs). @see Glorot and Bengio (2010), eq. 12 */
export const glorotNormal: Initializer = (shape, random, dtype) => {
  const { fanIn, fanOut } = fans('glorotNormal', shape);
  return normalInitializer(0, Math.sqrt(2 / (fanIn + fanOut)))(shape, random, dtype);
};

/**
 * Uniform over +-sqrt(6 / inputs): variance 2 / inputs, which makes up for the half that relu sets to zero.
 * @see He et al. (2015), "Delving deep into rectifiers", eq. 10
 */
export const heUniform: Initializer = (shape, random, dtype) => {
  const bound = Math.sqrt(6 / fans('heUniform', shape).fanIn);
  return uniformInitializer(-bound, bound)(shape, random, dtype);
};

/** Normal with variance 2 / inputs. @see He et al. (2015), eq. 10 */
export const heNormal: Initializer = (shape, random, dtype) =>
  normalInitializer(0, Math.sqrt(2 / fans('heNormal', shape).fanIn))(shape, random, dtype);
