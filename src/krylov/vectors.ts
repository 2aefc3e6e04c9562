/**
 * The vectors of users and those of the methods. A user's vector is a Tensor of any shape, or nested arrays and objects
 * of them; a method sees one list of float64 numbers.
 */
import {
  allocate,
  at,
  DTypeError,
  EPSILON,
  formatShape,
  isFloat,
  isTensorLike,
  isVariable,
  leavesOf,
  mapTree,
  NumericalError,
  ShapeError,
  sameShape,
  Tensor,
  type TensorLike,
  type Tree,
} from '../graph/index.ts';

/** A vector: a Tensor of any shape, or nested arrays and objects of Tensors, float32 or float64. */
export type Vector = Tree<Tensor>;

/** The structure of V, its Tensors of shapes that only the run shows. */
export type Like<V> = V extends Tensor ? Tensor : { readonly [K in keyof V]: Like<V[K]> };

/**
 * v -> A v. It takes a vector and gives one of the same structure and shapes: a compiled function, as
 * `compile((v: Variable) => hvp(f, x, v))`, or any other of Tensors. It must be linear.
 */
export type Product<V> = (v: V) => Like<V>;

/** How vectors of one structure are laid out in a list of numbers. */
export interface Layout<V> {
  /** How many numbers a vector has. */
  readonly size: number;
  /** The machine epsilon of its least exact part. */
  readonly epsilon: number;
  /** @throws ShapeError or DTypeError, naming `what`, where a vector is not of this structure. */
  flatten(vector: unknown, what: string): Float64Array;
  /** A vector of this structure and of its dtypes. The numbers are copied. */
  restore(numbers: Float64Array): V;
}

interface Part {
  readonly like: Tensor;
  readonly offset: number;
}

/** Numbers that are not in a Tensor are leaves as well, so that a message can say what to do. */
function isLeaf(value: unknown): value is TensorLike {
  return isTensorLike(value) && !(Array.isArray(value) && value.length === 0);
}

/**
 * The layout of vectors like `like`.
 * @param method the name of the method, and `what` that of the vector, for messages
 * @throws DTypeError where `like` holds anything but Tensors of floating-point numbers
 */
export function layoutOf<V>(method: string, what: string, like: V): Layout<V> {
  const parts = new Map<string, Part>();
  let size = 0;
  let epsilon = EPSILON.float64;
  mapTree(like, isLeaf, (leaf, path) => {
    const part = checked(method, `${what}${path}`, leaf);
    if (!isFloat(part.dtype)) {
      throw new DTypeError(
        `${method}: ${what}${path} is ${typeOf(part)}; vectors hold float32 or float64, so cast it${at()}`,
      );
    }
    epsilon = Math.max(epsilon, EPSILON[part.dtype]);
    parts.set(path, { like: part, offset: size });
    size += part.size;
  });

  const flatten: Layout<V>['flatten'] = (vector, name) => {
    const numbers = new Float64Array(size);
    const leaves = leavesOf(vector, isLeaf).length;
    if (leaves !== parts.size) {
      throw new ShapeError(
        `${method}: ${name} has ${leaves} tensors where ${what} has ${parts.size}; it must have the same structure${at()}`,
      );
    }
    mapTree(vector, isLeaf, (leaf, path) => {
      const part = checked(method, `${name}${path}`, leaf);
      const place = parts.get(path);
      if (place === undefined || !sameShape(place.like.shape, part.shape)) {
        throw new ShapeError(
          `${method}: ${name}${path} is ${typeOf(part)} where ${what} has ${place === undefined ? 'nothing' : typeOf(place.like)}; ` +
            `it must have the same structure and shapes${at()}`,
        );
      }
      numbers.set(part.data, place.offset);
    });
    return numbers;
  };

  const restore = (numbers: Float64Array): V =>
    mapTree(like, isLeaf, (_, path) => {
      const { offset, like: part } = parts.get(path)!;
      const data = allocate(part.dtype, part.size);
      data.set(numbers.subarray(offset, offset + part.size));
      return new Tensor(part.shape, part.dtype, data);
    }) as V;

  return { size, epsilon, flatten, restore };
}

function typeOf({ dtype, shape }: Tensor): string {
  return `${dtype}${formatShape(shape)}`;
}

/** @throws DTypeError unless the leaf is a Tensor */
function checked(method: string, what: string, leaf: TensorLike): Tensor {
  if (leaf instanceof Tensor) return leaf;
  const mend = isVariable(leaf)
    ? `a Variable (${leaf.toString()}), but numbers are needed: compile the function that makes it (compile((v: Variable) => ...)), or evaluate it`
    : "numbers without a Tensor around them; write tensor(..., { dtype: 'float64' })";
  throw new DTypeError(`${method}: ${what} is ${mend}${at()}`);
}

/** @throws NumericalError where one of the numbers that a user gave is infinite or NaN. */
export function checkFinite(method: string, what: string, numbers: Float64Array): void {
  const bad = numbers.find((each) => !Number.isFinite(each));
  if (bad !== undefined)
    throw new NumericalError(`${method}: ${what} holds ${bad}; it must be finite${at()}`);
}
