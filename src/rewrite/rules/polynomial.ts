/**
 * A tree of sums and products as terms: a number times factors each. Nothing is multiplied out (1 - y stays a factor of
 * y (1 - y), whose digits would cancel in y - y^2); only what is a sum of products already is seen as one.
 */
import { getOperation, sameShape, type Variable } from '../../graph/index.ts';
import { registry } from '../../operations/index.ts';
import { uniformValue } from '../../operations/uniform.ts';
import type { Place } from '../rule.ts';

/** `times` times the product of `factors`, which are in the order of their creation. */
export interface Monomial {
  readonly times: number;
  readonly factors: readonly Variable[];
}

export interface Sum {
  readonly terms: readonly Monomial[];
  /** Products that were looked into although others read them too: they are there to be used again. */
  readonly products: readonly Product[];
  /** How many applications the tree has: what a new one would replace. */
  readonly applications: number;
}

const [addition, subtraction, product, negation, squaring] = (
  ['add', 'sub', 'mul', 'neg', 'square'] as const
).map((name) => registry[name].declaration.operation);

/** A variable that is a number times a product of others. */
export interface Product extends Monomial {
  readonly variable: Variable;
}

/** How far into a tree to look. */
export interface Reach {
  readonly place: Place;
  /** Also through what else is read: that does not go away, but may have terms or factors in common with the rest. */
  readonly throughShared: boolean;
}

const ARITHMETIC: ReadonlySet<unknown> = new Set([addition, subtraction, product, negation, squaring]);

/** No more than this many terms, or factors, are looked at, so that a long sum does not cost its square. */
export const MOST = 24;

/**
 * The terms of the sum that ends in `root`, down to what else reads, what is broadcast, and what a user wrote.
 * @param options.times a factor for all of it
 * @param options.stays whether `root` is read elsewhere, so that nothing of it goes away
 */
export function termsOf(root: Variable, reach: Reach, { times = 1, stays = false } = {}): Sum {
  const found: Monomial[] = [];
  const products: Product[] = [];
  let applications = 0;
  const isInside = (variable: Variable): boolean =>
    variable === root ||
    (reach.place.isDerivative(variable) && (reach.throughShared || reach.place.uses(variable) <= 1));
  const pending: Part[] = [{ variable: root, times, stays }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { variable, times: sign } = next;
    const staying = next.stays || (variable !== root && reach.place.uses(variable) > 1);
    const parts =
      isInside(variable) && found.length + pending.length < MOST ? addends(variable, root) : undefined;
    if (parts === undefined) {
      const monomial = factorsOf(next, root, reach.place, isInside);
      applications += monomial.applications;
      found.push({ times: sign * monomial.times, factors: monomial.factors });
      products.push(...monomial.products);
      continue;
    }
    if (!staying) applications++;
    for (const [part, factor] of parts)
      pending.push({ variable: part, times: sign * factor, stays: staying });
  }
  return { terms: likeTermsCollected(found), products, applications };
}

/** A part of a sum. */
interface Part {
  readonly variable: Variable;
  readonly times: number;
  /** Whether what it was found in is read elsewhere. */
  readonly stays: boolean;
}

/** Whether a variable is a sum or difference, or the negative of one perhaps. */
export const isSum = (variable: Variable): boolean => addends(variable, variable) !== undefined;

/** What a variable is the sum of, each with its sign; undefined for what is no sum, or one of other shapes. */
function addends(variable: Variable, { shape }: Variable): [Variable, number][] | undefined {
  const application = getOperation(variable);
  if (application === undefined) return undefined;
  const { operation, inputs } = application;
  if (operation === negation) return [[inputs[0], -1]];
  if (operation !== addition && operation !== subtraction) return undefined;
  if (!inputs.every((each) => sameShape(each.shape, shape))) return undefined;
  const [a, b] = inputs;
  return [
    [b, operation === addition ? 1 : -1],
    [a, 1],
  ];
}

/** What a variable is the product of. */
function factorsOf(
  { variable: term, stays }: Part,
  root: Variable,
  place: Place,
  isInside: (variable: Variable) => boolean,
): Monomial & { applications: number; products: Product[] } {
  const factors: Variable[] = [];
  const products: Product[] = [];
  let times = 1;
  let applications = 0;
  const pending = [{ variable: term, within: stays }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { variable } = next;
    const within = next.within || (variable !== root && place.uses(variable) > 1);
    const value = uniformValue(variable);
    const application = getOperation(variable);
    if (value !== undefined) times *= value;
    else if (application === undefined || factors.length + pending.length >= MOST) factors.push(variable);
    else {
      const { operation, inputs } = application;
      const opens = isInside(variable) && sameShape(variable.shape, root.shape);
      // A multiple is seen as one whoever else reads it, so that 2 a and a are like terms.
      const isMultiple = operation === product && inputs.some((each) => uniformValue(each) !== undefined);
      const isProduct = operation === product || operation === squaring;
      if (isProduct && (opens || isMultiple) && within) {
        const whole = { variable, times: 1, stays: false };
        const own = factorsOf(whole, variable, place, (each) => each === variable);
        products.push({ variable, times: own.times, factors: own.factors });
      }
      const open = (...parts: readonly Variable[]): void => {
        pending.push(...parts.map((each) => ({ variable: each, within })));
        if (opens && !within) applications++;
      };
      if (operation === product && (opens || isMultiple)) open(...inputs);
      else if (opens && operation === squaring) open(inputs[0], inputs[0]);
      else if (operation === negation) {
        times = -times;
        open(inputs[0]);
      } else factors.push(variable);
    }
  }
  return { times, factors: factors.sort((a, b) => a.id - b.id), applications, products };
}

/** What `variables` are polynomials of. */
export function basesOf(variables: readonly Variable[], place: Place): Set<Variable> {
  const bases = new Set<Variable>();
  const seen = new Set(variables);
  const pending = [...seen];
  for (let variable = pending.pop(); variable !== undefined; variable = pending.pop()) {
    const application = getOperation(variable);
    if (uniformValue(variable) !== undefined) continue;
    if (
      application === undefined ||
      !place.isDerivative(variable) ||
      !ARITHMETIC.has(application.operation)
    ) {
      bases.add(variable);
      if (bases.size > 1) break;
      continue;
    }
    for (const each of application.inputs) {
      if (seen.has(each)) continue;
      seen.add(each);
      pending.push(each);
    }
  }
  return bases;
}

/** Terms of the same factors added up; those that come to nothing are left out. */
export function likeTermsCollected(terms: readonly Monomial[]): Monomial[] {
  const collected = new Map<string, Monomial>();
  for (const { times, factors } of terms) {
    const key = factors.map(({ id }) => id).join();
    collected.set(key, { times: (collected.get(key)?.times ?? 0) + times, factors });
  }
  return [...collected.values()].filter(({ times }) => times !== 0);
}
