/** Products, extremes, truth, and the mean along axes. (`sum` stands beside its transpose in broadcasting.ts.) */
import {
  type Axis,
  apply,
  at,
  type Edge,
  formatShape,
  isFloat,
  type Kink,
  type Monoid,
  normalizeAxes,
  type Operation,
  ShapeError,
  sizeOf,
  type TensorLike,
  toFloat,
  toSum,
  toVariable,
  type Variable,
  zero,
} from '../graph/index.ts';
import { div } from './arithmetic.ts';
import {
  inferReduction,
  type KeepDims,
  type Reduction,
  type ReductionAttributes,
  restoreAxes,
  sum,
} from './broadcasting.ts';
import { cast } from './conversion.ts';
import { type Declared, type Domain, declare, real, type Sample, truth } from './declare.ts';
import { mul } from './elementwise.ts';
import { equal, greater, where } from './logic.ts';
import { reshape, transpose } from './movement.ts';
import { pushed } from './oneOperand.ts';
import { flip, pad, slice } from './slicing.ts';

type Call = (x: TensorLike, axis?: Axis, options?: KeepDims) => Variable;

/** The same five calls exercise every reduction. */
export function reductionSamples(call: Call, domain: Domain, torch?: (axis: string) => string): Sample[] {
  const sample = (shape: number[], axis: Axis, options?: KeepDims, text?: string): Sample => ({
    inputs: [{ shape, domain }],
    call: (x) => call(x, axis, options),
    torch: text === undefined ? undefined : torch?.(text),
  });
  return [
    sample([3, 4], undefined),
    sample([3, 5], 0, undefined, '0'),
    sample([3, 17], -1, { keepDims: true }, '-1, keepdim=True'),
    sample([2, 3, 4], [0, 2]),
    sample([2, 6, 3], 1, undefined, '1'),
  ];
}

interface Rules {
  doc: string;
  monoid: Monoid;
  domain: Domain;
  /** How the operand is brought to the dtype of the computation. */
  prepare(x: Variable): Variable;
  bprop: Operation<ReductionAttributes>['bprop'];
  jvp?: Operation<ReductionAttributes>['jvp'];
  kinks?: Operation<ReductionAttributes>['kinks'];
  torch?(axis: string): string;
  /** Whether an empty reduction has a value (a maximum of nothing has none). */
  neutral: boolean;
  notDifferentiable?: string;
}

function reduction(name: string, rules: Rules): Declared<Reduction> {
  const operation: Operation<ReductionAttributes> = {
    name,
    infer([x], attributes) {
      const shape = inferReduction(name, x, attributes);
      if (!rules.neutral && sizeOf(shape) > 0 && sizeOf(x.shape) === 0) {
        throw new ShapeError(
          `${name}: ${formatShape(x.shape)} has no elements along the reduced axes, and nothing has no ${name}${at()}`,
        );
      }
      return [{ shape, dtype: x.dtype }];
    },
    bprop: (edge) => (isFloat(edge.outputs[0].dtype) ? rules.bprop(edge) : zero),
    jvp: rules.jvp,
    kinks: rules.kinks,
    computation: { kind: 'reduction', monoid: rules.monoid },
  };
  const call: Call = (x, axis, { keepDims = false } = {}) => {
    const operand = rules.prepare(toVariable(x));
    return apply(operation, [operand], { axes: normalizeAxes(name, axis, operand.rank), keepDims });
  };
  return declare(call as Reduction)({
    name,
    doc: rules.doc,
    dtypes: rules.monoid === 'any' || rules.monoid === 'all' ? 'any -> bool' : 'number',
    operation,
    samples: reductionSamples(call, rules.domain, rules.torch),
    notDifferentiable: rules.notDifferentiable,
  });
}

/** Where x equals its extreme y, and in how many places along the axes it does. */
function extremes(
  x: Variable,
  y: Variable,
  attributes: ReductionAttributes,
): { extreme: Variable; ties: Variable } {
  const extreme = equal(x, restoreAxes(y, x, attributes));
  return { extreme, ties: sum(cast(extreme, x.dtype), attributes.axes, { keepDims: true }) };
}

/** The extreme elements share g evenly. */
export function shareAmongExtremes(
  x: Variable,
  y: Variable,
  g: Variable,
  attributes: ReductionAttributes,
): Variable {
  const { extreme, ties } = extremes(x, y, attributes);
  return where(extreme, div(restoreAxes(g, x, attributes), ties), 0);
}

/** The transpose of {@link shareAmongExtremes}, exact where elements tie: the mean of the tangents of the extreme elements. */
export function meanOfExtremes(
  x: Variable,
  y: Variable,
  tangent: Variable,
  attributes: ReductionAttributes,
): Variable {
  const { extreme, ties } = extremes(x, y, attributes);
  const { axes, keepDims } = attributes;
  return sum(where(extreme, div(tangent, ties), 0), axes, { keepDims });
}

/** Where more than one element is the extreme. */
export function tiesOfExtremes({
  inputs: [x],
  outputs: [y],
  attributes,
}: Pick<Edge<ReductionAttributes>, 'inputs' | 'outputs' | 'attributes'>): readonly Kink[] {
  return [{ where: greater(extremes(x, y, attributes).ties, 1), point: 'tie', convention: 'shared evenly' }];
}

const extremum = {
  domain: real(-3, 3, { distinct: true }),
  prepare: (x: Variable) => (x.dtype === 'bool' ? cast(x, 'int32') : x),
  bprop: ({ inputs: [x], outputs: [y], g, attributes }: Edge<ReductionAttributes>) =>
    shareAmongExtremes(x, y, g, attributes),
  jvp: pushed<ReductionAttributes>((tangent, { inputs: [x], outputs: [y], attributes }) =>
    meanOfExtremes(x, y, tangent, attributes),
  ),
  kinks: tiesOfExtremes,
  neutral: false,
};

export const max = reduction('max', {
  ...extremum,
  doc: 'The largest element along axes, NaN if any is; elements that tie share the gradient evenly.',
  monoid: 'max',
  torch: (axis) => `x.amax(${axis})`,
});

export const min = reduction('min', {
  ...extremum,
  doc: 'The smallest element along axes, NaN if any is; elements that tie share the gradient evenly.',
  monoid: 'min',
  torch: (axis) => `x.amin(${axis})`,
});

/** Products of the elements before each one along the last axis, by doubling: log2(n) multiplications. */
function productsBefore(x: Variable): Variable {
  const last = x.rank - 1;
  const extent = x.shape[last];
  const shift = (v: Variable, by: number): Variable => {
    const kept = slice(
      v,
      v.shape.map(() => 0),
      v.shape.map((n, axis) => (axis === last ? extent - by : n)),
    );
    return pad(
      kept,
      v.shape.map((_, axis) => (axis === last ? by : 0)),
      v.shape.map(() => 0),
      { value: 1 },
    );
  };
  let product = shift(x, 1);
  for (let by = 1; by < extent; by *= 2) product = mul(product, shift(product, by));
  return product;
}

/**
 * For each element the product of all others along `axes`. No division: it is exact, and stays differentiable,
 * where elements are 0 (the gradient of prod at [2, 0, 3] is [0, 6, 0]).
 */
function productOfOthers(x: Variable, axes: readonly number[]): Variable {
  const kept = x.shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
  const order = [...kept, ...axes];
  const moved = transpose(x, order);
  const flat = reshape(moved, [
    ...kept.map((axis) => x.shape[axis]),
    sizeOf(axes.map((axis) => x.shape[axis])),
  ]);
  if (sizeOf(flat.shape) === 0) return x;
  const others = mul(productsBefore(flat), flip(productsBefore(flip(flat, -1)), -1));
  return transpose(
    reshape(others, moved.shape),
    order.map((_, axis) => order.indexOf(axis)),
  );
}

export const prod = reduction('prod', {
  doc: 'Multiplies elements along axes; the gradient of each is the product of the others, exact at zeros.',
  monoid: 'prod',
  domain: real(-1.5, 1.5),
  prepare: (x) => cast(x, toSum(x.dtype)),
  bprop: ({ inputs: [x], g, attributes }) =>
    mul(restoreAxes(g, x, attributes), productOfOthers(x, attributes.axes)),
  jvp: pushed((tangent, { inputs: [x], attributes: { axes, keepDims } }) =>
    sum(mul(tangent, productOfOthers(x, axes)), axes, { keepDims }),
  ),
  torch: (axis) => `x.prod(${axis})`,
  neutral: true,
});

const truthValue = {
  domain: truth,
  prepare: (x: Variable) => cast(x, 'bool'),
  bprop: () => zero,
  neutral: true,
};

export const any = reduction('any', {
  ...truthValue,
  doc: 'Whether any element along axes holds.',
  monoid: 'any',
  torch: (axis) => `x.any(${axis})`,
  notDifferentiable: 'its output is a truth value',
});

export const all = reduction('all', {
  ...truthValue,
  doc: 'Whether all elements along axes hold.',
  monoid: 'all',
  torch: (axis) => `x.all(${axis})`,
  notDifferentiable: 'its output is a truth value',
});

const meanOf: Call = (x, axis, options) => {
  const operand = toVariable(x);
  const count = sizeOf(normalizeAxes('mean', axis, operand.rank).map((each) => operand.shape[each]));
  return div(sum(cast(operand, toFloat(operand.dtype)), axis, options), count);
};

/** The arithmetic mean along `axis` (all axes by default), in floating point. */
export const mean = declare(meanOf as Reduction)({
  name: 'mean',
  doc: 'The arithmetic mean along axes: sum divided by the number of elements.',
  dtypes: 'float',
  samples: reductionSamples(meanOf, real(-2, 2), (axis) => `x.mean(${axis})`),
});
