/** Tracing functions whose result has the type of their argument. */
import {
  at,
  type DType,
  DTypeError,
  input,
  isTensorLike,
  mapTree,
  ShapeError,
  sameShape,
  type TensorLike,
  tensor,
  toVariable,
  type Variable,
} from '../graph/index.ts';

/** The leaves of nested arrays and objects, and the way back. Nothing at all (null, undefined) has no leaves. */
export interface Flat {
  readonly leaves: readonly TensorLike[];
  /** As in `carry[0].weights`. */
  readonly paths: readonly string[];
  /** The same structure with other leaves. */
  fill(leaves: readonly Variable[]): any;
}

export function flatten(tree: unknown, name: string): Flat {
  if (tree === null || tree === undefined) return { leaves: [], paths: [], fill: () => tree };
  const leaves: TensorLike[] = [];
  const paths: string[] = [];
  const places = mapTree(
    tree,
    isTensorLike,
    (leaf, path) => {
      paths.push(path);
      return leaves.push(leaf) - 1;
    },
    name,
  );
  const isPlace = (value: unknown): value is number => typeof value === 'number';
  return { leaves, paths, fill: (others) => mapTree(places, isPlace, (place) => others[place]) };
}

export interface TracedCarry<T> {
  readonly inits: readonly Variable[];
  readonly placeholders: readonly Variable[];
  readonly nexts: readonly Variable[];
  /** What the step gave beside the next carry. */
  readonly rest: T;
  /** A carry's structure with other leaves. */
  fill(leaves: readonly Variable[]): any;
}

/** Traces again at most this often: a plain number can become int32, float32 and float64 in turn. */
const ATTEMPTS = 4;

/**
 * Calls `step` on placeholders for `init`. A plain number in `init` takes the dtype that the step gives it.
 * @throws ShapeError or DTypeError where a step changes the carry's structure, shapes or dtypes
 */
export function traceCarry<T>(
  operation: string,
  init: unknown,
  step: (carry: any) => { next: unknown; rest: T },
): TracedCarry<T> {
  const start = flatten(init, 'carry');
  let inits = start.leaves.map((leaf) => toVariable(leaf));
  for (let attempt = 1; ; attempt++) {
    const placeholders = inits.map(({ shape, dtype }) => input(shape, { dtype }));
    const { next, rest } = step(start.fill(placeholders));
    const end = flatten(next, 'carry');
    if (end.paths.join() !== start.paths.join()) {
      throw new ShapeError(
        `${operation}: the carry starts with ${describe(start)} and has ${describe(end)} after a step; ` +
          `return the next carry in the same structure${at()}`,
      );
    }
    const nexts = end.leaves.map((leaf, i) => toVariable(leaf, inits[i].dtype));
    const retyped = inits.map((each, i) =>
      attempt < ATTEMPTS ? (asDType(start.leaves[i], nexts[i].dtype) ?? each) : each,
    );
    if (retyped.every((each, i) => each.dtype === inits[i].dtype)) {
      start.paths.forEach((path, i) => {
        checkType(operation, path, inits[i], nexts[i]);
      });
      return { inits, placeholders, nexts, rest, fill: start.fill };
    }
    inits = retyped;
  }
}

/** Plain numbers as a tensor of `dtype`; undefined where the leaf has a dtype of its own, or they do not fit. */
function asDType(leaf: TensorLike, dtype: DType): Variable | undefined {
  if (typeof leaf !== 'number' && !Array.isArray(leaf)) return undefined;
  if (dtype === 'bool') return undefined;
  const exact = tensor(leaf, { dtype: 'float64' });
  const fits =
    dtype === 'float32' ||
    dtype === 'float64' ||
    exact.data.every((value) => Number.isInteger(value) && value >= (dtype === 'uint8' ? 0 : -(2 ** 31)));
  return fits ? toVariable(tensor(leaf, { dtype })) : undefined;
}

function checkType(operation: string, path: string, init: Variable, next: Variable): void {
  const sameDType = init.dtype === next.dtype;
  if (sameDType && sameShape(init.shape, next.shape)) return;
  const mend = sameDType
    ? `start with a tensor of the shape that it keeps`
    : `cast one of the two (cast(x, '${init.dtype}'))`;
  throw new (sameDType ? ShapeError : DTypeError)(
    `${operation}: ${path} is ${init.type} at the start and ${next.type} after a step (${next.toString()}); ` +
      `a carry keeps its shape and dtype: ${mend}${at()}`,
  );
}

function describe({ paths }: Flat): string {
  return paths.length === 0 ? 'no leaves' : paths.join(', ');
}
