/**
 * Sliding windows as a view, and the transpose, which adds overlapping windows up: the two operations that convolutions
 * and pooling are made of.
 */
import { apply, type Operation, type Variable } from '../../graph/index.ts';
import { sum } from '../broadcasting.ts';
import { diagonal } from '../linearAlgebra.ts';
import { reshape, transpose } from '../movement.ts';
import { axesShifted } from '../oneOperand.ts';
import { flip, pad, slice } from '../slicing.ts';
import { countWindows, type Sliding } from './sliding.ts';

type WindowsAttributes = Sliding & { readonly axes: readonly number[] };

/** The windows along `axes` are new axes at the end. */
export const windowsOperation: Operation<WindowsAttributes> = {
  name: 'windows',
  infer([x], attributes) {
    const { axes, sizes } = attributes;
    const counts = x.shape.map((extent, axis) => {
      const i = axes.indexOf(axis);
      return i < 0 ? extent : countWindows(extent, attributes, i);
    });
    return [{ shape: [...counts, ...sizes], dtype: x.dtype }];
  },
  bprop: ({ inputs: [x], g, attributes }) => overlapAdd(g, x.shape, attributes),
  linear: true,
  batch: axesShifted,
  computation: {
    kind: 'view',
    view: (input, output, { axes, strides, dilations }) => ({
      shape: output,
      strides: [
        ...input.strides.map((stride, axis) => stride * (strides[axes.indexOf(axis)] ?? 1)),
        ...axes.map((axis, i) => input.strides[axis] * dilations[i]),
      ],
      offset: input.offset,
    }),
  },
};

/** All windows along `axes`, as new axes at the end. */
export function slidingWindows(x: Variable, axes: readonly number[], sliding: Sliding): Variable {
  const { sizes, strides, dilations } = sliding;
  return apply(windowsOperation, [x], { axes, sizes, strides, dilations });
}

/** `extents` are those of the windowed axes of the result. */
type OverlapAttributes = WindowsAttributes & { readonly extents: readonly number[] };

const overlapAddOperation: Operation<OverlapAttributes> = {
  name: 'overlapAdd',
  infer([y], { axes, extents }) {
    const counts = y.shape.slice(0, y.rank - axes.length);
    return [{ shape: counts.map((count, axis) => extents[axes.indexOf(axis)] ?? count), dtype: y.dtype }];
  },
  bprop: ({ g, attributes }) => slidingWindows(g, attributes.axes, attributes),
  linear: true,
  batch: axesShifted,
  computation: { kind: 'composition', expand: ([y], attributes) => expandOverlapAdd(y, attributes) },
};

/** The transpose of {@link slidingWindows}: each element of `shape` is the sum of all places in windows that read it. */
export function overlapAdd(
  y: Variable,
  shape: readonly number[],
  { axes, sizes, strides, dilations }: WindowsAttributes,
): Variable {
  const extents = axes.map((axis) => shape[axis]);
  return apply(overlapAddOperation, [y], { axes, sizes, strides, dilations, extents });
}

/** A tensor whose axes have names: those of the result by number, `k` within windows, `j` and `r` as below. */
interface Named {
  readonly names: readonly string[];
  readonly value: Variable;
}

function arrange({ names, value }: Named, order: readonly string[]): Variable {
  return transpose(
    value,
    order.map((name) => names.indexOf(name)),
  );
}

/**
 * Nothing is scattered: the sum is said in views, one copy and one reduction, which compile to loops over neighbours.
 *
 * Along an axis with stride s and dilation 1, element q s + r is the sum over j of window q - j at k = j s + r. With
 * stride 1 and dilation d, element q is the sum over j of window q - j d at k = j. (With both, zeros between the elements
 * of windows make the dilation 1.)
 */
function expandOverlapAdd(windows: Variable, attributes: OverlapAttributes): Variable {
  const { axes, strides, extents } = attributes;
  const outer = windows.shape.slice(0, -axes.length).map((_, axis) => `${axis}`);
  const rounds = addRounds(windows, outer, attributes);
  const shape = outer.map((name, axis) => {
    const i = axes.indexOf(axis);
    return rounds.value.shape[rounds.names.indexOf(name)] * (i < 0 ? 1 : strides[i]);
  });
  const split = outer.flatMap((name, axis) => (axes.includes(axis) ? [name, `r${name}`] : [name]));
  return slice(
    reshape(arrange(rounds, split), shape),
    shape.map(() => 0),
    shape.map((extent, axis) => extents[axes.indexOf(axis)] ?? extent),
  );
}

/** The sums over j, for all q (which have the names of the axes) and r. */
function addRounds(windows: Variable, outer: readonly string[], attributes: OverlapAttributes): Named {
  const { axes, strides, dilations, extents } = attributes;
  const rank = outer.length;
  const value = axes.reduce(
    (y, _, i) => (strides[i] > 1 && dilations[i] > 1 ? spreadOut(y, rank + i, dilations[i]) : y),
    windows,
  );
  const plans = axes.map((axis, i) => {
    const size = value.shape[rank + i];
    const rounds = Math.ceil(size / strides[i]);
    const step = strides[i] > 1 ? 1 : dilations[i];
    return {
      rounds,
      step,
      /** Elements that fill a window up to whole rounds. */
      fill: rounds * strides[i] - size,
      /** Windows that are missing before the first and after the last one, for q - j step to exist. */
      before: (rounds - 1) * step,
      after: Math.ceil(extents[i] / strides[i]) - windows.shape[axis],
    };
  });
  // The windowed axes stand last, so that loops run along them.
  const named = axes.map((axis) => `${axis}`);
  const inside = named.map((name) => `k${name}`);
  const rest = outer.filter((name) => !named.includes(name));
  const none = rest.map(() => 0);
  const padded = padIfNeeded(
    arrange({ names: [...outer, ...inside], value }, [...rest, ...inside, ...named]),
    [...none, ...plans.map(() => 0), ...plans.map(({ before }) => before)],
    [...none, ...plans.map(({ fill }) => fill), ...plans.map(({ after }) => after)],
  );
  const lead = padded.shape.slice(0, rest.length);
  const counts = padded.shape.slice(rest.length + axes.length);
  let aligned: Named = {
    names: [...rest, ...named.flatMap((name) => [`j${name}`, `r${name}`]), ...named],
    value: reshape(padded, [...lead, ...plans.flatMap(({ rounds }, i) => [rounds, strides[i]]), ...counts]),
  };
  plans.forEach(({ rounds, step }, i) => {
    aligned = alignRounds(aligned, named[i], rounds, step);
  });
  const last = aligned.value.rank - axes.length;
  return {
    names: aligned.names.slice(0, last),
    value: sum(
      aligned.value,
      axes.map((_, i) => last + i),
    ),
  };
}

/** Brings window q - j step to place q, for each j: diagonals of the windows of windows. j becomes the last axis. */
function alignRounds({ names, value }: Named, name: string, rounds: number, step: number): Named {
  const along = [names.indexOf(name)];
  const seen = slidingWindows(value, along, { sizes: [rounds], strides: [1], dilations: [step] });
  const last = seen.rank - 1;
  const round = names.indexOf(`j${name}`);
  return {
    names: [...names.filter((_, i) => i !== round), `j${name}`],
    value: diagonal(flip(seen, last), { axes: [last, round] }),
  };
}

/** Elements along an axis `step` apart, zeros between them. */
function spreadOut(x: Variable, axis: number, step: number): Variable {
  const behind = x.shape.slice(axis + 1);
  const lead = x.shape.slice(0, axis);
  const extent = x.shape[axis];
  const single = reshape(x, [...lead, extent, 1, ...behind]);
  const none = single.shape.map(() => 0);
  const wide = pad(single, none, [...none.slice(0, axis + 1), step - 1, ...none.slice(axis + 2)]);
  const start = x.shape.map(() => 0);
  return slice(reshape(wide, [...lead, extent * step, ...behind]), start, [
    ...lead,
    (extent - 1) * step + 1,
    ...behind,
  ]);
}

function padIfNeeded(x: Variable, before: readonly number[], after: readonly number[]): Variable {
  return [...before, ...after].every((width) => width === 0) ? x : pad(x, before, after);
}
