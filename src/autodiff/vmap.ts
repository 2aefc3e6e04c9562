/**
 * Vectorising maps: a function of single examples becomes one of whole batches, operation by operation.
 *
 * What follows from the kind of an operation's computation is derived here; other operations state a batching rule; one
 * that has none is applied to each element in turn.
 */
import {
  type Application,
  applyOperation,
  at,
  type Batch,
  input,
  isVariable,
  leavesOf,
  mapTree,
  normalizeAxis,
  prune,
  ShapeError,
  type Variable,
  variablesOf,
  withSite,
} from '../graph/index.ts';
import { concat } from '../operations/joining.ts';
import { reshape, transpose } from '../operations/movement.ts';
import { alignBatch, leading, spread } from '../operations/rules.ts';
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
        if (!mapped.has(output)) table.set(output, made[i]);
      });
    });
  }
  return outputs.map((output) => table.get(output) ?? spread(output, size));
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
    case 'reduction': {
      const axes = (attributes.axes as number[]).map((axis) => axis + 1);
      return applyOperation(operation, inputs, { ...attributes, axes });
    }
    case 'product':
      return batchProduct(batch);
    default:
      return oneByOne(batch);
  }
}

/** A batch of matrices times one matrix is one tall matrix times it. */
function batchProduct(batch: Batch<Attributes>): readonly Variable[] {
  const { operation, inputs, mapped, attributes, size } = batch;
  const [a, b] = inputs;
  if (mapped[1] || a.rank !== 3) return leading(batch);
  const [, rows, inner] = a.shape;
  const [product] = applyOperation(operation, [reshape(a, [size * rows, inner]), b], attributes);
  return [reshape(product, [size, rows, b.shape[1]])];
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

/** Which axis of each argument is mapped; null for an argument that is the same for all. */
export type MappedAxis = number | null;

export interface VmapOptions {
  /** The mapped axis of every leaf of all arguments, or one for each argument. Default 0. */
  inAxes?: MappedAxis | readonly MappedAxis[];
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
  { inAxes = 0, outAxis = 0 }: VmapOptions = {},
): (...args: Arguments<Args>) => T {
  return (...args) => {
    const mapped = new Map<Variable, Variable>();
    let size: number | undefined;
    const axisOf = (i: number): MappedAxis =>
      typeof inAxes === 'number' || inAxes === null ? inAxes : (inAxes[i] ?? null);
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
    const elements = args.map((arg, i) => {
      const axis = axisOf(i);
      const variables = variablesOf(arg);
      if (axis === null) return variables;
      return mapTree(variables, isVariable, (leaf, path) => stand(leaf, `argument ${i}${path}`, axis));
    });
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

/** The same tensor with axis `from` at place `to`, the others in their order. */
export function moveAxis(x: Variable, from: number, to: number): Variable {
  if (from === to) return x;
  const order = x.shape.map((_, axis) => axis).filter((axis) => axis !== from);
  order.splice(to, 0, from);
  return transpose(x, order);
}
