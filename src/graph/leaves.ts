/** The leaves of a graph: inputs, constants and parameters. */
import { allocate, type DType, type TypedArray, weakDType } from './dtype.ts';
import { EvaluationError } from './errors.ts';
import { checkExtents, type Shape, sizeOf } from './shape.ts';
import { at, captureSite } from './site.ts';
import {
  assertLike,
  filled,
  isTypedArray,
  Tensor,
  type TensorData,
  type TensorOptions,
  tensor,
} from './tensor.ts';
import { Variable } from './variable.ts';

/** What every operation accepts. */
export type TensorLike = Variable | Tensor | TensorData;

/**
 * A placeholder, to be given a value at evaluation: `input([32, 784])`, `input([], { name: 'x' })`.
 * @param shape the shape; literal extents are kept in the type.
 */
export function input<const S extends Shape>(
  shape: S,
  options: { dtype?: DType; name?: string } = {},
): Variable<S> {
  checkExtents('input', shape);
  const held = [...shape] as unknown as S;
  return new Variable(held, options.dtype ?? 'float32', {
    kind: 'input',
    name: options.name,
    site: captureSite(),
  });
}

/** A leaf whose numbers never change. */
export function constant<S extends Shape>(value: Tensor<S>): Variable<S>;
export function constant(value: Tensor | TensorData, options?: TensorOptions): Variable;
export function constant(value: Tensor | TensorData, options?: TensorOptions): Variable {
  const held = value instanceof Tensor ? value : tensor(value, options);
  return new Variable(held.shape, held.dtype, { kind: 'constant', tensor: held });
}

/** The scalar `value` in a given dtype. */
export function scalar(value: number, dtype: DType): Variable<readonly []> {
  return new Variable([], dtype, { kind: 'constant', tensor: filled([], dtype, value) });
}

/** The number of a variable made now: what is made from here on has larger ones. */
export function creationMark(): number {
  return scalar(0, 'bool').id;
}

/**
 * Any accepted operand as a Variable. A plain number takes its dtype from `beside` (see `weakDType`).
 */
export function toVariable(operand: TensorLike, beside?: DType): Variable {
  if (operand instanceof Variable) return operand;
  if (typeof operand === 'number') {
    return scalar(operand, beside === undefined ? 'float32' : weakDType(operand, beside));
  }
  if (typeof operand === 'boolean') return scalar(Number(operand), 'bool');
  return constant(operand);
}

/** Where a parameter's numbers live: in an array of its own, or in the memory of the engine that trains it. */
export interface Storage {
  /** The numbers; a copy that later writes do not change. */
  read(): TypedArray;
  write(data: TypedArray): void;
}

function arrayStorage(data: TypedArray): Storage {
  return {
    read: () => data.slice(),
    write: (next) => data.set(next),
  };
}

/** A leaf whose numbers can change: by `set`, or by an update of a compiled program (`withUpdates`). */
export class Parameter<S extends Shape = Shape> extends Variable<S> {
  readonly name: string | undefined;
  /** Whether optimisers train it; an optimiser's own state is not trained. */
  readonly trainable: boolean;
  /** The gradient that `backward` left here. */
  grad: Tensor<S> | undefined = undefined;
  /** Engines move the numbers into their memory by replacing this. */
  storage: Storage;

  constructor(value: Tensor<S>, name: string | undefined, trainable: boolean) {
    super(value.shape, value.dtype, { kind: 'parameter' });
    this.name = name;
    this.trainable = trainable;
    this.storage = arrayStorage(value.data.slice());
  }

  /** The current numbers, as a copy. */
  get value(): Tensor<S> {
    return new Tensor(this.shape, this.dtype, this.storage.read());
  }

  /** Replaces the numbers. @throws ShapeError or DTypeError unless shape and dtype stay as they are. */
  set(value: Tensor | TensorData): void {
    const next =
      value instanceof Tensor
        ? value
        : tensor(value, isTypedArray(value) ? { shape: this.shape } : { dtype: this.dtype });
    assertLike(`set ${this.name ?? 'parameter'}`, this, next);
    this.storage.write(next.data);
  }

  override toString(): string {
    return `parameter${this.name === undefined ? '' : ` ${this.name}`} ${this.type}`;
  }
}

export interface ParameterOptions extends TensorOptions {
  name?: string;
  /** false for state that optimisers must leave alone. Default true. */
  trainable?: boolean;
}

/** A trainable leaf with initial numbers `value`, which are copied. */
export function parameter<S extends Shape>(value: Tensor<S>, options?: ParameterOptions): Parameter<S>;
export function parameter(value: Tensor | TensorData, options?: ParameterOptions): Parameter;
export function parameter(value: Tensor | TensorData, options: ParameterOptions = {}): Parameter {
  const initial = value instanceof Tensor ? value : tensor(value, options);
  return new Parameter(initial, options.name, options.trainable ?? true);
}

/** The numbers fed to inputs. */
export type Feeds = ReadonlyMap<Variable, Tensor | TensorData>;

/** The tensor to feed `placeholder` with, checked. @throws EvaluationError, ShapeError, DTypeError */
export function feedFor(placeholder: Variable, feeds: Feeds | undefined): Tensor {
  const given = feeds?.get(placeholder);
  if (given === undefined) {
    const named = placeholder.toString();
    const { source } = placeholder;
    const made = source.kind === 'input' ? at(source.site) : '';
    throw new EvaluationError(
      `evaluate: ${named} (made${made}) has no value. Feed it: evaluate(z, new Map([[x, tensor(...)]])); ` +
        `inside compile, grad or another function being traced, values do not exist yet: return the Variable instead${at()}`,
    );
  }
  const fed =
    given instanceof Tensor
      ? given
      : tensor(
          given,
          isTypedArray(given)
            ? { dtype: placeholder.dtype, shape: placeholder.shape }
            : { dtype: placeholder.dtype },
        );
  assertLike(`feed of ${placeholder.toString()}`, placeholder, fed);
  return fed;
}

/** Zeros of a shape and dtype as an array, for storage that is not set yet. */
export function blank(shape: Shape, dtype: DType): TypedArray {
  return allocate(dtype, sizeOf(shape));
}

/** New values for parameters, as expressions of the old ones: all are computed, then all are written. */
export type Updates = ReadonlyMap<Parameter, Variable>;
