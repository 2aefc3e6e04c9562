/** Reductions: over fewer axes, of fewer elements, once in the place of twice, and with the axes that are asked for. */
import {
  type Application,
  apply,
  getOperation,
  isFloat,
  reducedShape,
  sameShape,
  sizeOf,
  type Variable,
} from '../../graph/index.ts';
import { registry } from '../../operations/index.ts';
import { countAlong, madeBy, operationOf, reduceTo, runsOf } from '../axes.ts';
import { rule } from '../rule.ts';
import { counted, exampleOf } from './examples.ts';

const { all, cast, any, broadcastTo, concat, logSumExp, max, min, mul, pad, prod, reshape, sum, transpose } =
  registry;

type Reduced = { axes: readonly number[]; keepDims: boolean };

const [sumOperation, maxOperation, minOperation, anyOperation, allOperation] = (
  ['sum', 'max', 'min', 'any', 'all'] as const
).map(operationOf);
const [reshapeOperation, transposeOperation, broadcastOperation, padOperation, concatOperation] = (
  ['reshape', 'transpose', 'broadcastTo', 'pad', 'concat'] as const
).map(operationOf);
/** Of elements that repeat, once is enough. */
const idempotent = [maxOperation, minOperation, anyOperation, allOperation];

const axesOf = ({ attributes }: Application): readonly number[] => (attributes as Reduced).axes;

/** A reduction of a reduction by the same operation, in one; undefined where the inner one is needed anyway. */
function merged({ operation, inputs: [v], outputs, attributes }: Application): Variable | undefined {
  const inner = madeBy(v, operation);
  if (inner === undefined) return undefined;
  const [source] = inner.inputs;
  const first = inner.attributes as Reduced;
  const kept = source.shape.flatMap((_, axis) =>
    first.keepDims || !first.axes.includes(axis) ? [axis] : [],
  );
  const then = (attributes as Reduced).axes.map((axis) => kept[axis]);
  const both = [...new Set([...first.axes, ...then])].sort((a, b) => a - b);
  return reduceTo(operation, source, both, outputs[0].shape);
}

/** Axes of a broadcast along which it repeats what it broadcasts. */
function repeats(narrow: Variable, wide: Variable): (axis: number) => boolean {
  const lead = wide.rank - narrow.rank;
  return (axis) => axis < lead || narrow.shape[axis - lead] !== wide.shape[axis];
}

/** A reduction of a broadcast, of what has been broadcast: each sum counts as often as it came. */
function ofFewer(application: Application): Variable | undefined {
  const { operation, inputs, outputs } = application;
  const broadcast = madeBy(inputs[0], broadcastOperation);
  if (broadcast === undefined) return undefined;
  const [wide, narrow] = [inputs[0], broadcast.inputs[0]];
  const repeated = axesOf(application).filter(repeats(narrow, wide));
  const count = countAlong(wide.shape, repeated);
  if (repeated.length === 0 || count === 0) return undefined;
  if (operation === sumOperation ? !isFloat(wide.dtype) && count >= 2 ** 31 : !idempotent.includes(operation))
    return undefined;
  const rest = axesOf(application).filter((axis) => !repeated.includes(axis));
  const lead = wide.rank - narrow.rank;
  const own = rest.map((axis) => axis - lead);
  const once = reduceTo(operation, narrow, own, reducedShape(narrow.shape, own, true));
  const total = operation === sumOperation ? mul(once, count) : once;
  const kept = broadcastTo(total, reducedShape(wide.shape, axesOf(application), true));
  return reshape(kept, outputs[0].shape);
}

/** A reduction of a reshape, of what has been reshaped, if none of its runs of axes is reduced in part. */
function beforeReshape(application: Application): Variable | undefined {
  const { operation, inputs, outputs } = application;
  const reshaped = madeBy(inputs[0], reshapeOperation);
  if (reshaped === undefined || sizeOf(inputs[0].shape) === 0) return undefined;
  const [source] = reshaped.inputs;
  const reduced: number[] = [];
  for (const { from, to } of runsOf(source.shape, inputs[0].shape)) {
    const some = to.filter((axis) => axesOf(application).includes(axis));
    if (some.length > 0 && some.length < to.length) return undefined;
    if (some.length > 0) reduced.push(...from);
  }
  return reduceTo(operation, source, reduced, outputs[0].shape);
}

/** A reduction of a transposition, of what has been transposed, if the axes that are left stand in their order. */
function beforeTranspose(application: Application): Variable | undefined {
  const { operation, inputs, outputs } = application;
  const transposed = madeBy(inputs[0], transposeOperation);
  if (transposed === undefined) return undefined;
  const [source] = transposed.inputs;
  const permutation = transposed.attributes.permutation as readonly number[];
  const reduced = axesOf(application).map((axis) => permutation[axis]);
  const left = permutation.filter((axis) => !reduced.includes(axis) && source.shape[axis] !== 1);
  if (left.some((axis, i) => i > 0 && axis < left[i - 1])) return undefined;
  return reduceTo(
    operation,
    source,
    reduced.sort((a, b) => a - b),
    outputs[0].shape,
  );
}

/** A sum without the zeros that were put around its terms. */
function withoutZeros(application: Application): Variable | undefined {
  const { inputs, outputs } = application;
  const padded = madeBy(inputs[0], padOperation);
  if (padded === undefined || padded.attributes.value !== 0) return undefined;
  const [source] = padded.inputs;
  const reduced = axesOf(application);
  const total = apply(sumOperation, [source], { axes: reduced, keepDims: true });
  const outside = (key: string, none: number): number[] =>
    (padded.attributes[key] as number[]).map((each, axis) => (reduced.includes(axis) ? none : each));
  const around = { before: outside('before', 0), after: outside('after', 0), steps: outside('steps', 1) };
  return reshape(apply(padOperation, [total], { ...around, value: 0 }), outputs[0].shape);
}

/** Sums along other axes than that of a concatenation, joined. (Along that axis, each sum would round by itself.) */
function ofParts(application: Application): Variable | undefined {
  const { inputs, outputs } = application;
  const joined = madeBy(inputs[0], concatOperation);
  const reduced = axesOf(application);
  const along = joined?.attributes.axis as number;
  if (joined === undefined || reduced.includes(along)) return undefined;
  const sums = joined.inputs.map((each) => apply(sumOperation, [each], { axes: reduced, keepDims: true }));
  return reshape(concat(sums, along), outputs[0].shape);
}

/** `reshape` of a reduction that drops or restores its reduced axes. */
function withAxesKept({ inputs, outputs }: Application): Variable | undefined {
  const made = getOperation(inputs[0]);
  const { axes, keepDims } = (made?.attributes ?? {}) as Partial<Reduced>;
  if (made === undefined || made.outputs.length > 1 || !Array.isArray(axes) || keepDims === undefined)
    return undefined;
  const shape = reducedShape(made.inputs[0].shape, axes, !keepDims);
  if (!sameShape(shape, outputs[0].shape)) return undefined;
  return apply(made.operation, made.inputs, { ...made.attributes, keepDims: !keepDims });
}

/** Rules that hold for every reduction with views beneath it. */
const viewRules = () => [
  rule({
    name: 'reduction over nothing',
    class: 'exact',
    dtypes: 'any',
    on: 'reduction',
    says: 'sum(x, axes of extent 1) -> reshape(x)',
    replacement: (_, { application: { inputs, outputs, attributes } }) =>
      (attributes as Reduced).axes.every((axis) => inputs[0].shape[axis] === 1)
        ? reshape(inputs[0], outputs[0].shape)
        : undefined,
    examples: [
      exampleOf([[3, 1]], (v) => sum(v, 1)),
      exampleOf([[3, 2]], (v) => sum(v, [])),
      exampleOf([[1, 3]], (v) => max(v, 0, { keepDims: true })),
      exampleOf([[1, 3]], (v) => prod(v, 0)),
      exampleOf([[3, 1]], (v) => all(v, 1)),
    ],
  }),
  rule({
    name: 'reduction of a broadcast',
    class: 'exact',
    dtypes: 'any',
    on: 'reduction',
    says: 'sum(broadcastTo(x, shape)) -> n sum(x); max(broadcastTo(x, shape)) -> max(x)',
    replacement: (_, { application }) => ofFewer(application),
    examples: [
      exampleOf([[3]], (v) => sum(broadcastTo(v, [4, 3]))),
      exampleOf([[3]], (v) => sum(broadcastTo(v, [4, 3]), 0)),
      exampleOf([[3, 1, 2]], (v) => sum(broadcastTo(v, [5, 3, 4, 2]), [2, 3], { keepDims: true })),
      exampleOf([[3, 1]], (v) => max(broadcastTo(v, [3, 4]), 1)),
      exampleOf([[3]], (v) => any(broadcastTo(cast(v, 'bool'), [4, 3]))),
    ],
  }),
  rule({
    name: 'reduction of a reshape',
    class: 'exact',
    dtypes: 'any',
    on: 'reduction',
    says: 'sum(reshape(x)) -> reshape(sum(x)), where the reshape does not mix axes that stay with axes that go',
    replacement: (_, { application }) => beforeReshape(application),
    examples: [
      exampleOf([[2, 3, 4]], (v) => sum(reshape(counted(v), [6, 4]))),
      exampleOf([[2, 3, 4]], (v) => sum(reshape(counted(v), [6, 2, 2]), 0)),
      exampleOf([[2, 3]], (v) => min(reshape(counted(v), [1, 2, 3, 1]), 2, { keepDims: true })),
      exampleOf([[6]], (v) => all(reshape(cast(v, 'bool'), [2, 3]))),
    ],
  }),
  rule({
    name: 'reduction of a transposition',
    class: 'exact',
    dtypes: 'any',
    on: 'reduction',
    says: 'sum(transpose(x), axes) -> sum(x, axes), where the axes that stay keep their order',
    replacement: (_, { application }) => beforeTranspose(application),
    examples: [
      exampleOf([[2, 3]], (v) => sum(transpose(counted(v)))),
      exampleOf([[2, 3, 4]], (v) => sum(transpose(counted(v), [2, 0, 1]), 0)),
      exampleOf([[2, 3]], (v) => max(transpose(counted(v)), 1, { keepDims: true })),
      exampleOf([[2, 3]], (v) => any(transpose(cast(v, 'bool')))),
    ],
  }),
];

export const reductionRules = () => [
  ...viewRules(),
  ...[
    { operation: sumOperation, name: 'sum of a sum', call: sum },
    { operation: anyOperation, name: 'any of any', call: any },
    { operation: allOperation, name: 'all of all', call: all },
  ].map(({ operation, name, call }) => {
    const dtypes = operation === sumOperation ? 'number' : 'any';
    return rule({
      name,
      class: 'exact',
      dtypes,
      on: operation,
      says: `${operation.name}(${operation.name}(x, some axes), others) -> ${operation.name}(x, all of them)`,
      replacement: (_, { application, uses }) =>
        uses(application.inputs[0]) > 1 ? undefined : merged(application),
      examples: [
        exampleOf([[2, 3, 4]], (v) => call(call(v, 1))),
        exampleOf([[2, 3, 4]], (v) => call(call(v, 0, { keepDims: true }), 2)),
        exampleOf([[2, 3, 4]], (v) => call(call(v, 2), 0, { keepDims: true })),
      ],
    });
  }),
  rule({
    name: 'sum of what was padded',
    class: 'exact',
    dtypes: 'number',
    on: sumOperation,
    says: 'sum(pad(x, zeros)) -> sum(x)',
    replacement: (_, { application }) => withoutZeros(application),
    examples: [
      exampleOf([[2, 3]], (v) => sum(pad(counted(v), [1, 0], [0, 2]))),
      exampleOf([[2, 3]], (v) => sum(pad(counted(v), [1, 2], [3, 0]), 1)),
    ],
  }),
  rule({
    name: 'sum of a concatenation',
    class: 'exact',
    dtypes: 'number',
    on: sumOperation,
    says: 'sum(concat([x, y])) -> concat([sum(x), sum(y)]), along other axes',
    replacement: (_, { application, uses }) =>
      uses(application.inputs[0]) > 1 ? undefined : ofParts(application),
    examples: [
      exampleOf(
        [
          [2, 3],
          [4, 3],
        ],
        (a, b) => sum(concat([counted(a), counted(b)]), 1),
      ),
    ],
  }),
  rule({
    name: 'axes kept by a reduction',
    class: 'exact',
    dtypes: 'any',
    on: reshapeOperation,
    says: 'reshape(sum(x, axes)) -> sum(x, axes, keepDims), where the reshape restores the axes, and the reverse',
    replacement: (_, { application, uses }) =>
      uses(application.inputs[0]) > 1 ? undefined : withAxesKept(application),
    examples: [
      exampleOf([[2, 3]], (v) => reshape(sum(v, 1), [2, 1])),
      exampleOf([[2, 3]], (v) => reshape(max(v, 0, { keepDims: true }), [3])),
      exampleOf([[2, 3]], (v) => reshape(logSumExp(v, 1), [2, 1])),
      exampleOf([[2, 3]], (v) => reshape(any(v), [1, 1])),
    ],
  }),
];

/**
 * The extreme of extremes is that of all elements, but its derivative is not where elements tie: each step shares evenly
 * among those that tie in it.
 */
export const finalReductionRules = () =>
  [
    { operation: maxOperation, name: 'largest of the largest', call: max },
    { operation: minOperation, name: 'smallest of the smallest', call: min },
  ].map(({ operation, name, call }) =>
    rule({
      name,
      class: 'exact',
      dtypes: 'number',
      on: operation,
      says: `${operation.name}(${operation.name}(x, some axes), others) -> ${operation.name}(x, all of them)`,
      replacement: (_, { application, uses }) =>
        uses(application.inputs[0]) > 1 ? undefined : merged(application),
      examples: [exampleOf([[2, 3, 4]], (v) => call(call(v, 1)))],
    }),
  );
