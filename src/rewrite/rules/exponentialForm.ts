/**
 * Products as a weight times an exponential. Whatever stands under a logarithm in a likelihood, or is normalised, is of the
 * form w e^a: densities, priors, and products, quotients, powers and sums of such. Their logarithm is log w + a, and e^a,
 * which may be too large or too small for a number, never has to be computed.
 *
 * It looks a few operations deep, so it may recurse.
 */
import { apply, type DType, getOperation, type Operation, scalar, type Variable } from '../../graph/index.ts';
import { type ReductionAttributes, sumLike } from '../../operations/broadcasting.ts';
import { type OperationName, registry } from '../../operations/index.ts';
import { mulExp } from '../../operations/logSumExp.ts';
import { uniformValue } from '../../operations/uniform.ts';
import { beneathBroadcasts, madeBy, operationOf } from '../axes.ts';
import { isConstantAlong, isNonnegative } from '../facts.ts';
import { rangeOf } from '../range.ts';
import {
  addendsOf,
  besideSum,
  isNeverZero,
  join,
  keepingNaN,
  logOfNumber,
  mapped,
  stack,
  tailOfErf,
} from './formParts.ts';

const { abs, add, broadcastTo, div, log, logSumExp, logaddexp, mul, neg, pow, prod, sign, where } = registry;

/** weight * e^exponent. */
export interface ExponentialForm {
  /** Absent: 1. */
  readonly weight?: Variable;
  readonly exponent: Variable;
}

/** A form in the making: without an exponent it is its weight. */
interface Form {
  readonly weight?: Variable;
  readonly exponent?: Variable;
  /** The exponent stands for the logarithm of what may be negative, and is NaN there. */
  readonly signed?: boolean;
  /** What the exponent is of may overflow. */
  readonly unbounded?: boolean;
}

interface Sought {
  readonly depth: number;
  /** Forms whose exponent is NaN where a sum is negative will do. */
  readonly signed: boolean;
}

type Split = (inputs: readonly Variable[], v: Variable, sought: Sought, attributes: any) => Form;

const DEPTH = 8;

/** weight e^exponent for `v`; undefined if it has no exponential among its factors. */
export function exponentialForm(v: Variable): ExponentialForm | undefined {
  return complete(formOf(v, { depth: DEPTH, signed: false }));
}

/** log v, for a v with an exponential among its factors: as a sum in which no exponential has to be computed. */
export function logOfForm(v: Variable): Variable | undefined {
  const signed = formOf(v, { depth: DEPTH, signed: true });
  // The logarithm of a product of two negative factors is not the sum of theirs.
  const fits = signed.signed !== true || signed.weight === undefined || isNonnegative(signed.weight);
  const form = complete(fits ? signed : formOf(v, { depth: DEPTH, signed: false }));
  if (form === undefined) return undefined;
  return form.weight === undefined ? form.exponent : add(log(form.weight), form.exponent);
}

/** a for v = e^a, if v may overflow. */
export function exponentOf(v: Variable): Variable | undefined {
  const form = formOf(v, { depth: DEPTH, signed: false });
  return form.unbounded === true ? wholeExponent(form, v.dtype) : undefined;
}

function complete({ weight, exponent }: Form): ExponentialForm | undefined {
  return exponent === undefined ? undefined : { weight, exponent };
}

function formOf(v: Variable, { depth, signed }: Sought): Form {
  const application = getOperation(v);
  const split = application && SPLITS.get(application.operation);
  if (split === undefined || depth === 0) return { weight: v };
  const form = split(application!.inputs, v, { depth: depth - 1, signed }, application!.attributes);
  return form.exponent === undefined ? { weight: v } : form;
}

function product(first: Form, second: Form): Form {
  return {
    weight: join(mul, first.weight, second.weight),
    exponent: join(add, first.exponent, second.exponent),
    ...flagsOf(first, second),
  };
}

function flagsOf(...forms: readonly Form[]): Pick<Form, 'signed' | 'unbounded'> {
  return {
    signed: forms.some(({ signed }) => signed === true),
    unbounded: forms.some(({ unbounded }) => unbounded === true),
  };
}

const inverse: Split = ([x], _, sought) => {
  const { weight, exponent, signed } = formOf(x, sought);
  const unbounded = exponent !== undefined;
  return { weight: mapped(registry.reciprocal, weight), exponent: mapped(neg, exponent), signed, unbounded };
};

const factors: Split = ([a, b], _, sought) => {
  const first = formOf(a, sought);
  return product(first, formOf(b, first.signed === true ? { ...sought, signed: false } : sought));
};

const quotient: Split = ([a, b], _, sought) => {
  const over = formOf(a, sought);
  const under = formOf(b, over.signed === true ? { ...sought, signed: false } : sought);
  return {
    weight: join(div, over.weight, under.weight, registry.reciprocal),
    exponent: join(registry.sub, over.exponent, under.exponent, neg),
    signed: over.signed === true || under.signed === true,
    unbounded: over.unbounded === true || under.exponent !== undefined,
  };
};

/** -(w e^a) = (-w) e^a, where no weight is a weight of 1. */
const negative: Split = ([x], v, sought) => {
  const { weight, exponent, unbounded } = formOf(x, { ...sought, signed: false });
  if (exponent === undefined) return { weight: v };
  return { weight: weight === undefined ? scalar(-1, v.dtype) : neg(weight), exponent, unbounded };
};

/** The split of f(w e^a) = f(w) e^(times a), for an f that leaves 1 as it is. */
const power =
  (f: (weight: Variable) => Variable, times: number): Split =>
  ([x], v, sought) => {
    const { weight, exponent, unbounded } = formOf(x, { ...sought, signed: false });
    if (exponent === undefined) return { weight: v };
    return {
      weight: mapped(f, weight),
      exponent: times === 1 ? exponent : mul(times, exponent),
      unbounded: unbounded === true || times < 0,
    };
  };

const numberPower: Split = ([x, c], v, sought, attributes) => {
  const times = uniformValue(c);
  if (times === undefined || times === 0 || !Number.isFinite(times)) return { weight: v };
  return power((weight) => pow(weight, times), times)([x], v, sought, attributes);
};

/** Views of both parts. */
const viewed: Split = ([x], v, sought, attributes) => {
  const { weight, exponent, ...flags } = formOf(x, sought);
  if (exponent === undefined) return { weight: v };
  const { operation } = getOperation(v)!;
  const view = (part: Variable): Variable => apply(operation, [broadcastTo(part, x.shape)], attributes);
  return { weight: mapped(view, weight), exponent: view(exponent), ...flags };
};

const summed: Split = ([x], v, sought, attributes: ReductionAttributes) => {
  const { weight, exponent, unbounded, masked } = maskedForm(x, { ...sought, signed: false });
  if (exponent === undefined) return { weight: v };
  const { axes, keepDims } = attributes;
  const whole = broadcastTo(exponent, x.shape);
  if (weight === undefined || (!masked && isConstantAlong(weight, x.rank, axes))) {
    return {
      weight: mapped((w) => besideSum(w, x.rank, attributes), weight),
      exponent: logSumExp(whole, axes, { keepDims }),
      unbounded,
    };
  }
  const signed = !isNonnegative(weight);
  if (signed && !sought.signed) return { weight: v };
  const weights = masked ? weight : keepingNaN(weight, whole);
  return { exponent: logSumExp(whole, axes, { keepDims, weights }), signed, unbounded };
};

/** Where a mask leaves 0, the weight is 0, and in a weighted sum the exponent does not count. */
function maskedForm(x: Variable, sought: Sought): Form & { masked?: true } {
  const application = getOperation(x);
  if (application?.operation !== operationOf('where')) return formOf(x, sought);
  const [condition, a, b] = application.inputs;
  const [first, second] = [uniformValue(a) === 0, uniformValue(b) === 0];
  if (first === second) return { weight: x };
  const { weight = scalar(1, x.dtype), exponent, unbounded } = formOf(first ? b : a, sought);
  if (exponent === undefined) return { weight: x };
  const masked = first ? where(condition, 0, weight) : where(condition, weight, 0);
  return { weight: masked, exponent, unbounded, masked: true };
}

/** prod(w e^a) = prod(sign w) e^(sum log|w| + sum a): the product of the weights themselves might overflow. */
const multiplied: Split = ([x], v, sought, attributes: ReductionAttributes) => {
  const { weight, exponent, unbounded } = formOf(x, { ...sought, signed: false });
  if (exponent === undefined || (weight !== undefined && !isNeverZero(weight))) return { weight: v };
  return { ...productForm(x, { weight, exponent }, attributes), unbounded };
};

function productForm(x: Variable, { weight, exponent }: Form, attributes: ReductionAttributes): Form {
  const total = (part: Variable): Variable => sumLike(broadcastTo(part, x.shape), attributes);
  if (weight === undefined) return { exponent: mapped(total, exponent) };
  const nonnegative = isNonnegative(weight);
  const size = total(log(nonnegative ? weight : abs(weight)));
  return {
    weight: nonnegative
      ? undefined
      : prod(broadcastTo(sign(weight), x.shape), attributes.axes, { keepDims: attributes.keepDims }),
    exponent: join(add, size, mapped(total, exponent)),
  };
}

/** log prod x as a sum of logarithms, and of that of the product of the signs; undefined for a product of signs. */
export function logOfProduct(x: Variable, attributes: ReductionAttributes): Variable | undefined {
  if (madeBy(beneathBroadcasts(x), operationOf('sign')) !== undefined) return undefined;
  const form = productForm(x, formOf(x, { depth: DEPTH, signed: false }), attributes);
  return form.weight === undefined ? form.exponent! : add(form.exponent!, log(form.weight));
}

/** What a positive number, times an exponential if there is one, is the exponential of. */
function wholeExponent({ weight, exponent }: Form, dtype: DType): Variable | undefined {
  const logarithm = logOfNumber(weight);
  if (logarithm === undefined) return undefined;
  if (exponent === undefined) return scalar(logarithm, dtype);
  return logarithm === 0 ? exponent : add(exponent, logarithm);
}

/** A sum of a few forms and positive numbers. */
const addition: Split = (_, v, sought) => {
  const tail = tailOfErf(v);
  if (tail !== undefined) return { exponent: tail };
  const forms = addendsOf(v, sought.depth).map((each) => formOf(each, { ...sought, signed: false }));
  const unbounded = forms.some((each) => each.unbounded === true);
  // Beside a number, what cannot overflow does no harm, and may vanish.
  const harmless = !unbounded && forms.some(({ exponent }) => exponent === undefined);
  if (harmless || forms.every(({ exponent }) => exponent === undefined)) return { weight: v };
  const exponents = forms.map((each) => wholeExponent(each, v.dtype));
  if (exponents.every((each) => each !== undefined))
    return { exponent: exponents.reduce((a, b) => logaddexp(a, b)), unbounded };
  const open = forms.some(
    ({ weight, exponent }) => exponent === undefined && logOfNumber(weight) === undefined,
  );
  const weights = forms.map(({ weight }) => weight ?? scalar(1, v.dtype));
  const signed = !weights.every(isNonnegative);
  if (open || (signed && !sought.signed)) return { weight: v };
  const stacked = stack(
    forms.map(({ exponent }) => exponent ?? scalar(0, v.dtype)),
    v.shape,
  );
  const factors = keepingNaN(stack(weights, v.shape), stacked);
  return { exponent: logSumExp(stacked, 0, { weights: factors }), signed, unbounded };
};

const alone: Split = ([x]) => ({ exponent: x, unbounded: rangeOf(x).high > 0 });

const SPLITS: ReadonlyMap<Operation, Split> = new Map<Operation, Split>([
  [
    mulExp.declaration.operation as Operation,
    ([a, b], _, sought) => product(formOf(a, sought), { exponent: b, unbounded: true }),
  ],
  ...(
    [
      ['exp', alone],
      ['sigmoid', ([x]) => ({ exponent: registry.logSigmoid(x) })],
      ['softmax', ([x], _, __, { axis }) => ({ exponent: registry.logSoftmax(x, axis) })],
      ['mul', factors],
      ['div', quotient],
      ['reciprocal', inverse],
      ['neg', negative],
      ['abs', power(abs, 1)],
      ['square', power(registry.square, 2)],
      ['sqrt', power(registry.sqrt, 0.5)],
      ['rsqrt', power(registry.rsqrt, -0.5)],
      ['pow', numberPower],
      ['reshape', viewed],
      ['transpose', viewed],
      ['broadcastTo', viewed],
      ['sum', summed],
      ['prod', multiplied],
      ['add', addition],
      ['sub', addition],
    ] satisfies [OperationName, Split][]
  ).map(([name, split]) => [operationOf(name), split] as const),
]);
