/** Parts: slices, pads and concatenations, of which those that undo one another go. */
import { type Application, apply, sameShape, sizeOf, type Variable } from '../../graph/index.ts';
import { registry } from '../../operations/index.ts';
import { madeBy, operationOf } from '../axes.ts';
import { rule } from '../rule.ts';
import { attributes, terms, unknown } from '../term.ts';
import { exampleOf } from './examples.ts';

const { add, concat, pad, slice } = registry;
const x = unknown('x');
const inner = attributes('inner');
const outer = attributes('outer');
const common = { class: 'exact', dtypes: 'any' } as const;

type Slice = { starts: readonly number[]; counts: readonly number[]; steps: readonly number[] };
type Pad = { before: readonly number[]; after: readonly number[]; steps: readonly number[]; value: number };

const [sliceOperation, padOperation, concatOperation] = (['slice', 'pad', 'concat'] as const).map(
  operationOf,
);

/** Where the elements of a slice lie in what was padded, if all of them do. */
function withinPadded(x: Variable, { before, steps }: Pad, part: Slice): Slice | undefined {
  const starts: number[] = [];
  const strides: number[] = [];
  for (let axis = 0; axis < x.rank; axis++) {
    const count = part.counts[axis];
    const start = (part.starts[axis] - before[axis]) / steps[axis];
    const step = count > 1 ? part.steps[axis] / steps[axis] : 1;
    const end = start + (count - 1) * step;
    if (count === 0 || !Number.isInteger(start) || !Number.isInteger(step)) return undefined;
    if (start < 0 || end >= x.shape[axis]) return undefined;
    starts.push(start);
    strides.push(step);
  }
  return { starts, counts: part.counts, steps: strides };
}

/** A slice of the one part of a concatenation in which it lies. */
function withinPart({ inputs, attributes: { axis } }: Application, part: Slice): Variable | undefined {
  const along = axis as number;
  const first = part.starts[along];
  const last = first + (part.counts[along] - 1) * part.steps[along];
  let offset = 0;
  for (const each of inputs) {
    const end = offset + each.shape[along];
    if (first >= offset && last < end && last >= first) {
      const starts = part.starts.map((start, i) => (i === along ? start - offset : start));
      return apply(sliceOperation, [each], { ...part, starts });
    }
    offset = end;
  }
  return undefined;
}

/**
 * Two parts, each with zeros around it, added: one pad around both, where they stand side by side. The gradients of the
 * parts that a tensor is split into meet so.
 */
function joined(a: Application, b: Application): Variable | undefined {
  const [p, q] = [a.attributes, b.attributes] as unknown as Pad[];
  const [x, y] = [a.inputs[0], b.inputs[0]];
  const plain = [p, q].every(({ value, steps }) => value === 0 && steps.every((step) => step === 1));
  const apart = x.shape.flatMap((_, axis) =>
    p.before[axis] === q.before[axis] && p.after[axis] === q.after[axis] ? [] : [axis],
  );
  if (!plain || apart.length !== 1) return undefined;
  const [axis] = apart;
  if (q.before[axis] !== p.before[axis] + x.shape[axis]) return undefined;
  const after = p.after.map((width, i) => (i === axis ? q.after[i] : width));
  return apply(padOperation, [concat([x, y], axis)], { ...p, after });
}

export const partRules = () => [
  rule({
    name: 'slice of everything',
    ...common,
    pattern: terms.slice(x, outer),
    where: ({ variables: { x }, attributes: { outer } }) => sameShape(x.shape, outer.counts),
    replacement: x,
    examples: [
      exampleOf([[2, 3]], (v) =>
        apply(sliceOperation, [v], { starts: [0, 0], counts: [2, 3], steps: [1, 1] }),
      ),
    ],
  }),
  rule({
    name: 'slice of a slice',
    ...common,
    pattern: terms.slice(terms.slice(x, inner), outer),
    replacement: terms.slice(
      x,
      attributes(({ attributes: { inner, outer } }) => ({
        starts: inner.starts.map(
          (start: number, axis: number) => start + inner.steps[axis] * outer.starts[axis],
        ),
        counts: outer.counts,
        steps: inner.steps.map((step: number, axis: number) => step * outer.steps[axis]),
      })),
    ),
    examples: [exampleOf([[9, 4]], (v) => slice(slice(v, [1, 0], [9, 3], [2, 1]), [1, 1], [4, 3], [2, 1]))],
  }),
  rule({
    name: 'slice of what was padded',
    ...common,
    on: sliceOperation,
    says: 'slice(pad(x)) -> slice(x), where the slice takes nothing of the padding',
    replacement: (_, { application: { inputs, attributes } }) => {
      const padded = madeBy(inputs[0], padOperation);
      if (padded === undefined) return undefined;
      const part = withinPadded(padded.inputs[0], padded.attributes as Pad, attributes as Slice);
      return part && apply(sliceOperation, [padded.inputs[0]], part);
    },
    examples: [
      exampleOf([[2, 3]], (v) => slice(pad(v, [1, 2], [0, 1]), [1, 2], [3, 5])),
      exampleOf([[5]], (v) => slice(pad(v, [1], [3], { value: 1 }), [2], [6], [2])),
    ],
  }),
  rule({
    name: 'slice of one part of a concatenation',
    ...common,
    on: sliceOperation,
    says: 'slice(concat([..., x, ...])) -> slice(x), where the slice lies in x',
    replacement: (_, { application: { inputs, attributes } }) => {
      const whole = madeBy(inputs[0], concatOperation);
      return whole && withinPart(whole, attributes as Slice);
    },
    examples: [
      exampleOf(
        [
          [2, 3],
          [4, 3],
        ],
        (a, b) => slice(concat([a, b]), [2], [6]),
      ),
      exampleOf(
        [
          [2, 3],
          [2, 4],
        ],
        (a, b) => slice(concat([a, b], 1), [0, 4], [2, 7], [1, 2]),
      ),
    ],
  }),
  rule({
    name: 'pad by nothing',
    ...common,
    on: padOperation,
    says: 'pad(x, 0, 0) -> x',
    replacement: (_, { application: { inputs, outputs } }) =>
      sameShape(inputs[0].shape, outputs[0].shape) ? inputs[0] : undefined,
    examples: [exampleOf([[2, 3]], (v) => pad(v, [0, 0], [0, 0]))],
  }),
  rule({
    name: 'pad of a pad',
    ...common,
    on: padOperation,
    says: 'pad(pad(x)) -> pad(x), with the same number around both',
    replacement: (_, { application: { inputs, attributes }, uses }) => {
      const made = madeBy(inputs[0], padOperation);
      if (made === undefined || uses(inputs[0]) > 1 || sizeOf(made.inputs[0].shape) === 0) return undefined;
      const [first, then] = [made.attributes, attributes] as Pad[];
      if (!Object.is(first.value, then.value)) return undefined;
      const spread = (widths: readonly number[], own: readonly number[]): number[] =>
        own.map((width, axis) => width + then.steps[axis] * widths[axis]);
      return apply(padOperation, [made.inputs[0]], {
        before: spread(first.before, then.before),
        after: spread(first.after, then.after),
        steps: first.steps.map((step, axis) => step * then.steps[axis]),
        value: then.value,
      });
    },
    examples: [exampleOf([[2, 3]], (v) => pad(pad(v, [1, 0], [0, 2]), [0, 1], [2, 0]))],
  }),
  rule({
    name: 'neighbours between zeros',
    class: 'exact',
    dtypes: 'number',
    on: operationOf('add'),
    says: 'pad(x, 0, n) + pad(y, m, 0) -> concat([x, y]), where they stand side by side',
    replacement: (_, { application: { inputs }, uses }) => {
      const [a, b] = inputs.map((each) => (uses(each) > 1 ? undefined : madeBy(each, padOperation)));
      if (a === undefined || b === undefined || !sameShape(inputs[0].shape, inputs[1].shape))
        return undefined;
      return joined(a, b) ?? joined(b, a);
    },
    examples: [
      exampleOf(
        [
          [2, 3],
          [4, 3],
        ],
        (a, b) => add(pad(a, [0, 0], [4, 0]), pad(b, [2, 0], [0, 0])),
      ),
      exampleOf(
        [
          [2, 3],
          [2, 1],
        ],
        (a, b) => add(pad(b, [1, 3], [0, 1]), pad(a, [1, 0], [0, 2])),
      ),
    ],
  }),
  rule({
    name: 'concatenation of one',
    ...common,
    on: concatOperation,
    says: 'concat([x, nothing]) -> x',
    replacement: (_, { application: { inputs, attributes } }) => {
      const some = inputs.filter((each) => each.shape[attributes.axis as number] > 0);
      if (some.length === 0) return inputs.length > 1 ? inputs[0] : undefined;
      return some.length === inputs.length && inputs.length > 1
        ? undefined
        : concat(some, attributes.axis as number);
    },
    examples: [
      exampleOf([[2, 3]], (v) => apply(concatOperation, [v], { axis: 1 })),
      exampleOf(
        [
          [2, 3],
          [0, 3],
          [1, 3],
        ],
        (a, b, c) => concat([a, b, c]),
      ),
    ],
  }),
];
