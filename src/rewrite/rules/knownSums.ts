/** Sums that are known beforehand. */
import {
  type Application,
  constant,
  type DType,
  isFloat,
  reducedShape,
  sizeOf,
  stridesOf,
  tensor,
  type Variable,
} from '../../graph/index.ts';
import { real, whole } from '../../operations/declare.ts';
import { full } from '../../operations/generators.ts';
import { registry } from '../../operations/index.ts';
import { store } from '../../operations/scalar.ts';
import { madeBy, operationOf } from '../axes.ts';
import { isConstantAlong } from '../facts.ts';
import { type RangeOptions, rangeOf } from '../range.ts';
import { type Rule, rule } from '../rule.ts';
import { attributes, terms, unknown } from '../term.ts';

const { argmax, broadcastTo, cast, clip, less, lessEqual, logicalAnd, oneHot, reshape, softmax, sum } =
  registry;
const x = unknown('x');

const [sumOperation, castOperation, equalOperation, iotaOperation] = (
  ['sum', 'cast', 'equal', 'iota'] as const
).map(operationOf);

/** Whether there are more places than their dtype can tell apart. */
export function isWrapped({ dtype, shape }: Variable): boolean {
  return dtype === 'uint8' && shape.some((extent) => extent > 256);
}

/** What is compared with 0, 1, ... along one of `axes`, and along which; `hits` is where they are equal. */
function labelsIn(
  hits: Variable,
  axes: readonly number[],
): { labels: Variable; classes: number; axis: number } | undefined {
  const compared = madeBy(hits, equalOperation);
  if (compared === undefined) return undefined;
  const [a, b] = compared.inputs;
  for (const [labels, places] of [
    [a, b],
    [b, a],
  ]) {
    const made = madeBy(places, iotaOperation);
    if (made === undefined || isFloat(labels.dtype) || isWrapped(places)) continue;
    const axis = (made.attributes.axis as number) + hits.rank - places.rank;
    const classes = hits.shape[axis];
    if (classes !== places.shape[made.attributes.axis as number]) continue;
    if (axes.includes(axis) && isConstantAlong(labels, hits.rank, [axis])) return { labels, classes, axis };
  }
  return undefined;
}

/** The sum of one-hot rows: 1 for each label that names a class. */
function sumOfHits(
  application: Application,
  options: RangeOptions,
  onlyKnown: boolean,
): Variable | undefined {
  const { inputs, outputs, attributes } = application;
  const counted = madeBy(inputs[0], castOperation);
  const axes = attributes.axes as readonly number[];
  const found = counted && labelsIn(counted.inputs[0], axes);
  if (found === undefined) return undefined;
  const { labels, classes, axis } = found;
  const { low, high } = rangeOf(labels, options);
  const isKnown = low >= 0 && high < classes;
  if (onlyKnown && !isKnown) return undefined;
  const { dtype } = outputs[0];
  const rows = reducedShape(inputs[0].shape, [axis], true);
  const ones = isKnown
    ? full(rows, 1, dtype)
    : broadcastTo(cast(logicalAnd(lessEqual(0, labels), less(labels, classes)), dtype), rows);
  return reshape(sum(ones, axes, { keepDims: true }), outputs[0].shape);
}

const floats = ['float32', 'float64'] as const;
const labels = { shape: [4], domain: whole(-2, 5) };

export const knownSumRules = (): readonly Rule[] => [
  rule({
    name: 'sum of one-hot rows',
    class: 'exact',
    dtypes: 'number',
    on: sumOperation,
    says: 'sum(oneHot(labels, n)) -> 0 <= labels and labels < n; 1 where that is known',
    replacement: (_, { application }) => sumOfHits(application, {}, false),
    examples: [
      ...[...floats, 'int32' as const].flatMap((dtype) => [
        { inputs: [labels], call: (v: Variable) => sum(oneHot(v, 3, dtype), -1) },
        { inputs: [labels], call: (v: Variable) => sum(oneHot(v, 3, dtype)) },
        {
          inputs: [labels],
          call: (v: Variable) => sum(oneHot(clip(v, 0, 2), 3, dtype), 1, { keepDims: true }),
        },
      ]),
      {
        inputs: [{ shape: [4, 3], domain: real(-2, 2) }],
        call: (v) => sum(oneHot(argmax(v), 3, v.dtype), -1),
      },
    ],
  }),
  rule({
    name: 'sum of a softmax',
    class: 'fastMath',
    pattern: terms.sum(terms.softmax(x, attributes('along')), attributes('sum')),
    where: ({ variables: { x }, attributes: { along, sum } }) =>
      sum.axes.length === 1 && sum.axes[0] === along.axis && x.shape[along.axis] > 0,
    replacement: (_, { application: { outputs } }) => full(outputs[0].shape, 1, outputs[0].dtype),
    says: 'sum(softmax(x)) -> 1',
    examples: [
      { inputs: [{ shape: [2, 3], domain: real(-3, 3) }], call: (v) => sum(softmax(v), -1) },
      {
        inputs: [{ shape: [2, 3], domain: real(-3, 3) }],
        call: (v) => sum(softmax(v, 0), 0, { keepDims: true }),
      },
    ],
  }),
];

/** Tensors of more numbers are left to be summed where they are needed. */
const LARGEST = 2 ** 16;

/** The sum of a constant tensor along axes, if it is one number everywhere, to the last digit. */
function sumOfNumbers({ inputs: [x], outputs: [y], attributes }: Application): Variable | undefined {
  const { source } = x;
  if (source.kind !== 'constant' || sizeOf(x.shape) > LARGEST || sizeOf(y.shape) === 0) return undefined;
  const { data } = source.tensor;
  const total = sharedTotal(data, x.shape, attributes.axes as readonly number[], y.dtype);
  return total === undefined ? undefined : full(y.shape, total, y.dtype);
}

/** Added as the engine does: float32 in float64, and rounded once. */
function sharedTotal(
  data: ArrayLike<number>,
  shape: readonly number[],
  axes: readonly number[],
  dtype: DType,
): number | undefined {
  const kept = reducedShape(shape, axes, true);
  const [from, to] = [stridesOf(shape), stridesOf(kept)];
  const totals = new Float64Array(sizeOf(kept));
  for (let i = 0; i < data.length; i++) {
    let place = 0;
    for (let axis = 0; axis < shape.length; axis++)
      if (kept[axis] !== 1) place += (Math.floor(i / from[axis]) % shape[axis]) * to[axis];
    totals[place] += data[i];
  }
  const rounded = totals.map((each) => store(each, dtype));
  return rounded.every((each) => each === rounded[0]) ? rounded[0] : undefined;
}

const halves = (dtype: DType): Variable =>
  constant(
    tensor(
      [
        [0.5, 0.25, 0.25],
        [0, 0, 1],
      ],
      { dtype },
    ),
  );

/** Rules that look at the numbers of constant tensors, which programs are not told apart by. */
export const dataSumRules = (): readonly Rule[] => [
  rule({
    name: 'sum of known numbers',
    class: 'exact',
    dtypes: 'number',
    on: sumOperation,
    says: 'sum(constant) -> c, where it is the same number everywhere',
    replacement: (_, { application }) => sumOfNumbers(application),
    examples: [
      ...floats.map((dtype) => ({ inputs: [], call: () => sum(halves(dtype), 1) })),
      {
        inputs: [],
        call: () =>
          sum(
            constant(
              tensor(
                [
                  [1, 2],
                  [2, 1],
                ],
                { dtype: 'int32' },
              ),
            ),
            0,
            { keepDims: true },
          ),
      },
    ],
  }),
  rule({
    name: 'sum of one-hot rows of known labels',
    class: 'exact',
    dtypes: 'number',
    on: sumOperation,
    says: 'sum(oneHot(labels, n)) -> 1, for constant labels that all name a class',
    replacement: (_, { application }) => sumOfHits(application, { numbers: true }, true),
    examples: [...floats, 'int32' as const].map((dtype) => ({
      inputs: [],
      call: () => sum(oneHot(constant(tensor([0, 2, 1], { dtype: 'int32' })), 3, dtype), -1),
    })),
  }),
];
