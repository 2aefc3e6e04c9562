/**
 * The cost by which rules are held to account: each must lower it, whatever its unknowns stand for, so that no order in
 * which they fire goes on for ever.
 *
 * An operation's cost is `weight + growth (a + b + ...)` with a, b, ... those of its operands: a linear polynomial
 * interpretation (Lankford 1979; Baader and Nipkow, "Term Rewriting and All That", 5.3). It grows with each operand,
 * so a rule that lowers the cost of a part lowers that of the whole. Operations that only pass numbers on (views, casts)
 * or turn their sign do not make what stands beneath them dearer, and so tend outwards, where they meet and cancel.
 */
import type { Operation } from '../graph/index.ts';
import { functionsOf } from '../operations/formula.ts';
import type { Term } from './term.ts';

interface Price {
  readonly weight: number;
  readonly growth: number;
}

const cheap = { weight: 1, growth: 1 };
const arithmetic = { weight: 1, growth: 2 };
const transcendental = { weight: 4, growth: 3 };

const ARITHMETIC = new Set<string>(
  'add sub mul div abs floor ceil round min max eq ne lt le and or not select neg'.split(
    ' ',
  ) satisfies readonly string[],
);

const prices = new WeakMap<Operation, Price>();

function priceOf(operation: Operation): Price {
  let price = prices.get(operation);
  if (price === undefined) {
    price = appraise(operation);
    prices.set(operation, price);
  }
  return price;
}

function appraise({ computation }: Operation): Price {
  switch (computation.kind) {
    case 'view':
      return cheap;
    case 'elementwise': {
      const names = functionsOf(computation.formula, 3, {});
      if (names.every((name) => name === 'neg')) return cheap;
      if (names.includes('pow')) return { weight: 8, growth: 8 };
      return names.every((name) => ARITHMETIC.has(name)) ? arithmetic : transcendental;
    }
    case 'reduction':
    case 'assembly':
      return { weight: 2, growth: 2 };
    default:
      return { weight: 6, growth: 3 };
  }
}

/** The cost of a term: a constant, and how often that of each unknown comes in. Numbers cost nothing. */
export interface Cost {
  readonly constant: number;
  readonly unknowns: ReadonlyMap<string, number>;
}

export function costOfTerm(term: Term): Cost {
  if (term.kind === 'number') return { constant: 0, unknowns: new Map() };
  if (term.kind === 'unknown') return { constant: 0, unknowns: new Map([[term.name, 1]]) };
  const { weight, growth } = priceOf(term.operation);
  const unknowns = new Map<string, number>();
  // Of two ways to say the same, the one with fewer operands.
  let constant = weight + term.operands.length - 1;
  for (const operand of term.operands) {
    const cost = costOfTerm(operand);
    constant += growth * cost.constant;
    for (const [name, times] of cost.unknowns) unknowns.set(name, (unknowns.get(name) ?? 0) + growth * times);
  }
  return { constant, unknowns };
}

/** Whether `after` costs less than `before` for all costs, from 1 up, of what the unknowns stand for. */
export function falls(before: Cost, after: Cost): boolean {
  let least = before.constant - after.constant;
  for (const [name, times] of before.unknowns) {
    const difference = times - (after.unknowns.get(name) ?? 0);
    if (difference < 0) return false;
    least += difference;
  }
  return least > 0 && [...after.unknowns.keys()].every((name) => before.unknowns.has(name));
}

/** `4 x + 7`. */
export function costText({ constant, unknowns }: Cost): string {
  return [...[...unknowns].map(([name, times]) => `${times} ${name}`), constant].join(' + ');
}
