/**
 * Vectorising maps: a function of single examples becomes one of whole batches, operation by operation.
 *
 * What follows from the kind of an operation's computation is derived here; other operations state a batching rule; one
 * that has none is applied to each element in turn.
 */
import {
  type Application,
  anything,
  applyOperation,
  at,
  type Batch,
  checkOptions,
  DTypeError,
  input,
  isVariable,
  leavesOf,
  mapTree,
  normalizeAxis,
  prune,
  ShapeError,
  sameShape,
  type Variable,
  variablesOf,
  withSite,
} from '../graph/index.ts';
import { concat } from '../operations/joining.ts';
import { moveAxis, reshape } from '../operations/movement.ts';
import { alignBatch, axesShifted, leading, spread } from '../operations/rules.ts';
import { slice } from '../operations/slicing.ts';
import type { Arguments } from './grad.ts';

/**
 * The graph of `outputs` for a batch of values at once.
 * @param mapped variables of the graph, each with its values along a leading batch axis
 * @param size the extent of that axis
 * @returns the outputs, each with a leading batch axis
 */
export function batchGraph(
  outputs: readonly Variable[],
  mapped: ReadonlyMap<Variable, Variable>,
  size: number,
): Variable[] {
  const table = new Map<Variable, Variable>(mapped);
  for (const application of prune(outputs, [...mapped.keys()]).applications) {
    withSite(application.site, () => {
      const { operation, inputs, attributes, outputs: own } = application;
      const made = batchApplication({
        operation,
        inputs: inputs.map((each) => table.get(each) ?? each),
        mapped: inputs.map((each) => table.has(each)),
        attributes,
        size,
      });
      own.forEach((output, i) => {
        if (!mapped.has(output)) table.set(output, checked(operation.name, output, made[i], size));
      });
    });
  }
  return outputs.map((output) => table.get(output) ?? spread(output, size));
}

/** What a batching rule made of `output`. @throws ShapeError or DTypeError where it is not a batch of such tensors */
function checked(name: string, output: Variable, made: Variable | undefined, size: number): Variable {
  const shape = [size, ...output.shape];
  if (made?.dtype === output.dtype && sameShape(made.shape, shape)) return made;
  throw new (made?.dtype === output.dtype ? ShapeError : DTypeError)(
    `${name}: its batching rule gives ${made?.type ?? 'nothing'} for ${size} times ${output.type}; it must put the batch axis in front${at()}`,
  );
}

type Attributes = Application['attributes'];

function batchApplication(batch: Batch<Attributes>): readonly Variable[] {
  const { operation, inputs, mapped, attributes } = batch;
  if (operation.batch !== undefined) return operation.batch(batch);
  switch (operation.computation.kind) {
    case 'elementwise': {
      const rank = Math.max(...inputs.map((each, i) => each.rank - Number(mapped[i])));
      const aligned = inputs.map((each, i) => (mapped[i] ? alignBatch(each, rank) : each));
      return applyOperation(operation, aligned, attributes);
    }
    case 'reduction':
      return axesShifted(batch as Batch<Attributes & { axes: readonly number[] }>);
    case 'product':
      return batchProduct(batch);
    default:
      return oneByOne(batch);
  }
}

/** A batch of matrices times one matrix is one tall matrix times it; one times a batch is the same, transposed. */
function batchProduct(batch: Batch<Attributes>): readonly Variable[] {
  const { operation, inputs, mapped, attributes, size } = batch;
  const [a, b] = inputs;
  if (mapped[0] && mapped[1]) return leading(batch);
  const tall = (many: Variable, one: Variable): Variable => {
    const [, rows, inner] = many.shape;
    const [product] = applyOperation(operation, [reshape(many, [size * rows, inner]), one], attributes);
    return reshape(product, [size, rows, one.shape[1]]);
  };
  if (mapped[0]) return a.rank === 3 ? [tall(a, b)] : leading(batch);
  return b.rank === 3 ? [swapLast(tall(swapLast(b), swapLast(a)))] : leading(batch);
}

/** The last two axes exchanged. */
function swapLast(x: Variable): Variable {
  return moveAxis(x, x.rank - 1, x.rank - 2);
}

/** Without a rule: the operation on each element of the batch, and the results side by side. */
function oneByOne({ operation, inputs, mapped, attributes, size }: Batch<Attributes>): Variable[] {
  const element = (x: Variable, i: number): Variable => reshape(slice(x, [i], [i + 1]), x.shape.slice(1));
  const results = Array.from({ length: size }, (_, i) =>
    applyOperation(
      operation,
      inputs.map((each, k) => (mapped[k] ? element(each, i) : each)),
      attributes,
    ),
  );
  if (size === 0) {
    throw new ShapeError(
      `vmap: ${operation.name} has no batching rule, so an empty batch has no known result; give it one (batch)${at()}`,
    );
  }
  return results[0].map((_, k) =>
    concat(
      results.map((made) => reshape(made[k], [1, ...made[k].shape])),
      0,
    ),
  );
}

/** Which axis of a tensor is mapped; null for one that is the same for all. */
export type MappedAxis = number | null;

/** An axis for all tensors of a tree, or trees of axes in the structure of the tree. */
export type MappedAxes = MappedAxis | readonly MappedAxes[] | { readonly [key: string]: MappedAxes };

export interface VmapOptions {
  /**
   * The mapped axis of all tensors of all arguments, or a list with one entry for each argument: an axis (negative ones
   * count from the end), null for an argument that is the same for all, or, for an argument that holds several tensors,
   * the same in its structure: `[{ weights: null, x: 0 }, -1]`. Default 0.
   */
  inAxes?: MappedAxes;
  /** Where the results carry the batch axis. Default 0. */
  outAxis?: number;
}

/**
 * `vmap(f)(x, ...)` is f for every index along the mapped axes, with the results side by side: a graph of the size of
 * f's own, whatever the size of the batch. f sees its arguments without that axis.
 *
 * @throws ShapeError where an argument has no such axis, or where the mapped extents differ
 */
export function vmap<Args extends readonly any[], T>(
  f: (...args: Args) => T,
  options: VmapOptions = {},
): (...args: Arguments<Args>) => T {
  checkOptions('vmap', options, { inAxes: anything, outAxis: anything });
  const { inAxes = 0, outAxis = 0 } = options;
  return (...args) => {
    const mapped = new Map<Variable, Variable>();
    let size: number | undefined;
    const stand = (leaf: Variable, path: string, axis: number): Variable => {
      if (leaf.rank === 0) {
        throw new ShapeError(
          `vmap: ${path} is a scalar, with no axis to map; pass inAxes with null at its place${at()}`,
        );
      }
      const from = normalizeAxis('vmap', axis, leaf.rank);
      const extent = leaf.shape[from];
      if (size !== undefined && extent !== size) {
        throw new ShapeError(
          `vmap: the mapped axes differ in extent: ${size}, and ${extent} for ${path} of shape [${leaf.shape.join(', ')}]; ` +
            `say which axis is mapped with inAxes (null for none)${at()}`,
        );
      }
      size = extent;
      const element = input(
        leaf.shape.filter((_, i) => i !== from),
        { dtype: leaf.dtype },
      );
      mapped.set(element, moveAxis(leaf, from, 0));
      return element;
    };
    const axes = axesOfArguments(inAxes, args.length);
    const elements = args.map((arg, i) => withAxes(variablesOf(arg), axes[i], `argument ${i}`, stand));
    if (size === undefined) {
      throw new ShapeError(`vmap: no argument is mapped, so the batch has no size${at()}`);
    }
    const value: unknown = f(...(elements as unknown as Args));
    const outputs = batchGraph(leavesOf(value, isVariable), mapped, size);
    let next = 0;
    return mapTree(value, isVariable, () => {
      const output = outputs[next++];
      return moveAxis(output, 0, normalizeAxis('vmap', outAxis, output.rank));
    }) as T;
  };
}

/** One entry for each argument. @throws ShapeError */
function axesOfArguments(inAxes: MappedAxes, count: number): readonly MappedAxes[] {
  if (typeof inAxes === 'number' || inAxes === null) return new Array<MappedAxis>(count).fill(inAxes);
  if (Array.isArray(inAxes) && inAxes.length === count) return inAxes;
  throw new ShapeError(
    `vmap: inAxes is ${JSON.stringify(inAxes)} for ${count} argument${count === 1 ? '' : 's'}; give one axis for all, or a list with ` +
      `one entry for each argument (null for one that is not mapped)${at()}`,
  );
}

/** `tree` with every tensor that has an axis replaced. @throws ShapeError where `axes` is not of its structure */
function withAxes(
  tree: any,
  axes: MappedAxes,
  path: string,
  replace: (leaf: Variable, path: string, axis: number) => Variable,
): any {
  if (axes === null) return tree;
  if (typeof axes === 'number')
    return mapTree(tree, isVariable, (leaf, inner) => replace(leaf, `${path}${inner}`, axes));
  const keys = (value: object): string => Object.keys(value).sort().join(', ');
  if (isVariable(tree) || Array.isArray(tree) !== Array.isArray(axes) || keys(tree) !== keys(axes)) {
    throw new ShapeError(
      `vmap: inAxes for ${path} has the parts [${keys(axes)}], but ${path} ` +
        `${isVariable(tree) ? `is one tensor, ${tree.toString()}` : `has the parts [${keys(tree)}]`}; ` +
        `give one axis (or null) for all of it, or one for each part${at()}`,
    );
  }
  if (Array.isArray(axes)) return axes.map((each, i) => withAxes(tree[i], each, `${path}[${i}]`, replace));
  const parts = axes as { readonly [key: string]: MappedAxes };
  return Object.fromEntries(
    Object.entries(tree).map(([key, part]) => [key, withAxes(part, parts[key], `${path}.${key}`, replace)]),
  );
}
