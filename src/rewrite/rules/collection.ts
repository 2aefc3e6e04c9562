/**
 * Sums of products with like terms collected and common factors taken out: 3 a b + a c - a b becomes a (2 b + c).
 * Back-propagation adds a term for each way to a variable, and derivatives of derivatives would grow without this, order
 * after order. Taking out factors greedily, the most frequent first, is the multivariate Horner scheme (Ceberio and
 * Kreinovich, "Greedy algorithms for optimizing multivariate Horner schemes", 2004).
 */
import { scalar, type Variable } from '../../graph/index.ts';
import { real } from '../../operations/declare.ts';
import { registry } from '../../operations/index.ts';
import { type Place, type Rule, rule } from '../rule.ts';
import {
  basesOf,
  isSum,
  likeTermsCollected,
  MOST,
  type Monomial,
  type Product,
  type Reach,
  type Sum,
  termsOf,
} from './polynomial.ts';

const { add, sub, mul, neg, square, sin, cos } = registry;

/** A sum of terms, each a number times a product of variables and, perhaps, a sum in its turn. */
interface Plan {
  readonly terms: readonly PlannedTerm[];
}

/** What has been opened to find the terms. */
interface Opened {
  applications: number;
  readonly products: Product[];
}

interface PlannedTerm extends Monomial {
  readonly inner?: Plan;
}

/** Takes common factors out of a sum. A sum that is left alone inside is opened, so that its terms find theirs. */
function plan(terms: readonly Monomial[], reach: Reach, opened: Opened): Plan {
  const frequent = mostFrequent(terms);
  if (frequent === undefined) return withoutScale(terms);
  const [group, others] = [terms.filter(has(frequent)), terms.filter((each) => !has(frequent)(each))];
  const common = group.map(({ factors }) => factors).reduce(inCommon);
  const rest = group.flatMap(({ times, factors }): readonly Monomial[] => {
    const left = without(factors, common);
    const { place, throughShared } = reach;
    const opens =
      left.length === 1 && (throughShared || place.uses(left[0]) <= 1) && place.isDerivative(left[0]);
    return opens ? open(left[0], reach, opened, times) : [{ times, factors: left }];
  });
  const inner = plan(likeTermsCollected(rest), reach, opened);
  return { terms: [{ times: 1, factors: common, inner }, ...plan(others, reach, opened).terms] };
}

/** The terms of a sum, which are noted as opened. */
function open(variable: Variable, reach: Reach, opened: Opened, times = 1): readonly Monomial[] {
  const stays = reach.place.uses(variable) > 1;
  const { terms, products, applications } = termsOf(variable, reach, { times, stays });
  opened.applications += applications;
  opened.products.push(...products);
  return terms;
}

/**
 * The terms with factors that are sums multiplied out, where that costs no digits: a sum of products has been rounded term
 * by term, and is as well added up after another multiplication. 1 - y, which may be exact, stays a factor. Undefined if
 * there is no such factor, or it is not worth it.
 */
function multipliedOut({ terms, products, applications }: Sum, reach: Reach): Sum | undefined {
  const done: Monomial[] = [];
  const pending = [...terms];
  const opened: Opened = { applications, products: [...products] };
  for (let term = pending.pop(); term !== undefined; term = pending.pop()) {
    const { times, factors } = term;
    const sum = factors.find((each) => isRoundedSum(each, reach));
    if (sum === undefined || done.length + pending.length > MOST) {
      done.push(term);
      continue;
    }
    const others = without(factors, [sum]);
    for (const inner of open(sum, reach, opened))
      pending.push({
        times: times * inner.times,
        factors: [...others, ...inner.factors].sort((a, b) => a.id - b.id),
      });
  }
  if (done.length === terms.length && done.every((each) => terms.includes(each))) return undefined;
  // In several variables a sum of products is longer than a product of sums.
  const bases = basesOf(
    done.flatMap(({ factors }) => factors),
    reach.place,
  );
  return bases.size > 1 ? undefined : { ...opened, terms: likeTermsCollected(done) };
}

/** Whether a variable is a sum all of whose terms are products. */
function isRoundedSum(variable: Variable, reach: Reach): boolean {
  if (!reach.place.isDerivative(variable) || !isSum(variable)) return false;
  const { terms } = termsOf(variable, reach);
  return terms.length > 1 && terms.every(({ factors }) => factors.length > 1);
}

/** 2 a - 2 b as 2 (a - b); not for numbers below 1, since a - b could overflow where the whole does not. */
function withoutScale(terms: readonly Monomial[]): Plan {
  const scale = Math.abs(terms[0]?.times ?? 1);
  if (terms.length < 2 || !(scale > 1) || terms.some(({ times }) => Math.abs(times) !== scale))
    return { terms };
  const sign = terms.every(({ times }) => times < 0) ? -1 : 1;
  const inner = terms.map((each) => ({ ...each, times: sign * Math.sign(each.times) }));
  return { terms: [{ times: sign * scale, factors: [], inner: { terms: inner } }] };
}

const has =
  (factor: Variable) =>
  ({ factors }: Monomial): boolean =>
    factors.includes(factor);

/** The factor that the most terms have, if at least two have one. */
function mostFrequent(terms: readonly Monomial[]): Variable | undefined {
  const counts = new Map<Variable, number>();
  for (const { factors } of terms)
    for (const each of new Set(factors)) counts.set(each, (counts.get(each) ?? 0) + 1);
  let [best, most]: [Variable | undefined, number] = [undefined, 1];
  for (const [factor, count] of counts) if (count > most) [best, most] = [factor, count];
  return best;
}

function inCommon(a: readonly Variable[], b: readonly Variable[]): readonly Variable[] {
  const left = [...b];
  return a.filter((each) => {
    const at = left.indexOf(each);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

/** Whether all of some factors, each as often as it occurs, are among others. */
const isWithin = (factors: readonly Variable[], others: readonly Variable[]): boolean =>
  factors.length <= others.length &&
  factors.every((each) => others.includes(each)) &&
  inCommon(factors, others).length === factors.length;

function without(factors: readonly Variable[], taken: readonly Variable[]): Variable[] {
  const left = [...factors];
  for (const each of taken) left.splice(left.indexOf(each), 1);
  return left;
}

/** The same factors with products of several that are there already in their place. */
function packed(factors: readonly Variable[], products: readonly Product[]): readonly Variable[] {
  let left = factors;
  for (const product of products)
    while (product.times === 1 && product.factors.length > 1 && isWithin(product.factors, left))
      left = [...without(left, product.factors), product.variable];
  return left;
}

/** A multiple of a product that is there already. */
function multipleAtHand(
  times: number,
  factors: readonly Variable[],
  products: readonly Product[],
): Variable | undefined {
  const isIt = (each: Product): boolean =>
    each.times === times && each.factors.length === factors.length && isWithin(each.factors, factors);
  return products.find(isIt)?.variable;
}

/** How many applications a plan makes. */
function costOf({ terms }: Plan, products: readonly Product[]): number {
  return subtractedLast(terms).reduce((total, { times, factors, inner }, i) => {
    if (
      inner === undefined &&
      multipleAtHand(i > 0 ? Math.abs(times) : times, factors, products) !== undefined
    )
      return total + (i > 0 ? 1 : 0);
    const parts =
      packed(factors, products).length + (inner === undefined || inner.terms.length === 0 ? 0 : 1);
    const scaled = times === 1 || parts === 0 || (times === -1 && i > 0) ? 0 : 1;
    return (
      total +
      (i > 0 ? 1 : 0) +
      Math.max(0, parts - 1) +
      scaled +
      (inner === undefined ? 0 : costOf(inner, products))
    );
  }, 0);
}

const subtractedLast = (terms: readonly PlannedTerm[]): readonly PlannedTerm[] =>
  [...terms].sort((a, b) => Number(a.times < 0) - Number(b.times < 0));

/** The expression of a plan; undefined for a sum of nothing. */
function build({ terms }: Plan, products: readonly Product[], like: Variable): Variable {
  let total: Variable | undefined;
  for (const each of subtractedLast(terms)) {
    const times = total === undefined ? each.times : Math.abs(each.times);
    const atHand = each.inner === undefined ? multipleAtHand(times, each.factors, products) : undefined;
    const parts = each.inner === undefined ? [] : [build(each.inner, products, like)];
    const value = productOf(productOf(undefined, packed(each.factors, products)), parts);
    const scaled = atHand ?? (value === undefined ? scalar(times, like.dtype) : multiple(times, value));
    if (total === undefined) total = scaled;
    else total = each.times < 0 ? sub(total, scaled) : add(total, scaled);
  }
  return total ?? scalar(0, like.dtype);
}

function productOf(first: Variable | undefined, others: readonly Variable[]): Variable | undefined {
  return others.reduce<Variable | undefined>(
    (total, each) => (total === undefined ? each : total === each ? square(each) : mul(total, each)),
    first,
  );
}

function multiple(times: number, value: Variable): Variable {
  if (times === 1) return value;
  return times === -1 ? neg(value) : mul(scalar(times, value.dtype), value);
}

/** What costs less by this reckoning may still be what it was before: it is enough after so many steps in one place. */
const ENOUGH = 50;

/** A way to write a sum, and how many applications fewer that takes. */
interface Candidate {
  readonly saved: number;
  make(): Variable;
}

function candidateOf({ terms, products, applications }: Sum, reach: Reach, output: Variable): Candidate {
  const opened: Opened = { applications, products: [...products] };
  const planned = plan(terms, reach, opened);
  const known = opened.products.sort((a, b) => b.factors.length - a.factors.length);
  return {
    saved: opened.applications - costOf(planned, known),
    make: () => build(planned, known, output),
  };
}

function collect(place: Place): Variable | undefined {
  const [output] = place.application.outputs;
  if (!place.isDerivative(output) || place.steps > ENOUGH) return undefined;
  const candidates: Candidate[] = [];
  // Alone, then through what others read too, and with factors multiplied out.
  for (const throughShared of [false, true]) {
    const reach = { place, throughShared };
    const sum = termsOf(output, reach);
    candidates.push(candidateOf(sum, reach, output));
    const multiplied = throughShared ? multipliedOut(sum, reach) : undefined;
    if (multiplied !== undefined) candidates.push(candidateOf(multiplied, reach, output));
  }
  const best = candidates.reduce((a, b) => (b.saved > a.saved ? b : a));
  return best.saved > 0 ? best.make() : undefined;
}

const common = {
  class: 'removesSingularity',
  replacement: (_: unknown, place: Place) => collect(place),
  examples: [
    {
      inputs: [
        { shape: [3, 4], domain: real(-3, 3) },
        { shape: [3, 4], domain: real(-3, 3) },
      ],
    },
  ],
} as const;

export const collectionRules = (): readonly Rule[] => [
  rule({
    ...common,
    name: 'terms added up',
    on: add.declaration.operation,
    says: 'm a b + n a b + a c -> a ((m + n) b + c)',
    examples: [{ ...common.examples[0], call: (x, y) => add(mul(sin(x), cos(y)), mul(cos(y), x)) }],
  }),
  rule({
    ...common,
    name: 'terms subtracted',
    on: sub.declaration.operation,
    says: 'm a b - n a b - a c -> a ((m - n) b - c)',
    examples: [{ ...common.examples[0], call: (x, y) => sub(mul(sin(x), cos(y)), mul(cos(y), x)) }],
  }),
];
