/** Which values of a loop's body are sums of array elements, each times a factor that is the same for all of them. */
import { type FloatDType, isFloat } from '../graph/index.ts';
import { store } from '../operations/scalar.ts';
import { walks } from './merge.ts';
import type { LoopKernel } from './program.ts';

/** One array in a sum: the element at `access`, times `scale`, times the values of the nodes `by`. */
export interface Term {
  readonly access: number;
  readonly scale: number;
  readonly by: readonly number[];
}

/** Smaller factors are not kept in full precision, and 0 would lose a NaN. */
const SMALLEST: Record<FloatDType, number> = { float32: 2 ** -126, float64: 2 ** -1022 };

/** Beside a factor that only the numbers tell, others within this of 1 neither overflow nor vanish before they meet the sum. */
const MODERATE = 2 ** 24;

/** Whether the factors of a term may be multiplied with one another first, instead of with the elements one after another. */
export function isHarmless({ scale, by }: Term): boolean {
  const size = Math.abs(scale);
  return by.length === 0 || (by.length === 1 && size <= MODERATE && size >= 1 / MODERATE);
}

/** The terms of each node that is a sum of different arrays; undefined for all other nodes. */
export function sumsOf({ nodes, accesses }: LoopKernel): (readonly Term[] | undefined)[] {
  const sums: (readonly Term[] | undefined)[] = [];
  /** Whether a node has the same value at all elements. */
  const uniform: boolean[] = [];
  nodes.forEach((node, i) => {
    const { dtype } = node;
    uniform[i] =
      node.op === 'literal' ||
      (node.op === 'load' && !walks(accesses[node.access])) ||
      ('args' in node && node.args.every((arg) => uniform[arg]));
    if (uniform[i] || !isFloat(dtype)) return;
    if (node.op === 'load') sums[i] = [{ access: node.access, scale: 1, by: [] }];
    if (!('args' in node)) return;
    const [first, second] = node.args;
    const literal = (arg: number): number | undefined => {
      const found = nodes[arg];
      return found.op === 'literal' ? found.value : undefined;
    };
    const timesNode = (terms: readonly Term[] | undefined, factor: number): Term[] | undefined => {
      const value = literal(factor);
      if (value !== undefined) return times(terms, value, dtype);
      return uniform[factor] ? terms?.map((term) => ({ ...term, by: [...term.by, factor] })) : undefined;
    };
    if (node.op === 'neg') sums[i] = times(sums[first], -1, dtype);
    else if (node.op === 'add') sums[i] = together(sums[first], sums[second]);
    else if (node.op === 'sub') sums[i] = together(sums[first], times(sums[second], -1, dtype));
    else if (node.op === 'mul')
      sums[i] = uniform[first] ? timesNode(sums[second], first) : timesNode(sums[first], second);
    else if (node.op === 'div') sums[i] = times(sums[first], 1 / (literal(second) ?? 0), dtype);
  });
  return sums;
}

/** All terms times a number; undefined where a factor leaves the range of normal numbers. */
function times(terms: readonly Term[] | undefined, value: number, dtype: FloatDType): Term[] | undefined {
  const scaled = terms?.map((term) => ({ ...term, scale: store(term.scale * value, dtype) }));
  const normal = ({ scale }: Term): boolean => Number.isFinite(scale) && Math.abs(scale) >= SMALLEST[dtype];
  return scaled?.every(normal) ? scaled : undefined;
}

/** The terms of a sum; undefined where both sides have the same array, whose factor would be a sum again. */
function together(
  first: readonly Term[] | undefined,
  second: readonly Term[] | undefined,
): readonly Term[] | undefined {
  if (first === undefined || second === undefined) return undefined;
  const shared = first.some(({ access }) => second.some((other) => other.access === access));
  return shared ? undefined : [...first, ...second];
}

/** Whether all that a sum is made of is used for the sum only. */
export function isPrivate(
  { nodes, stores, accumulators }: LoopKernel,
  sum: number,
  sums: readonly (readonly Term[] | undefined)[],
): boolean {
  const inside = new Set([sum]);
  for (let i = sum; i >= 0; i--) {
    const node = nodes[i];
    if (!inside.has(i) || !('args' in node)) continue;
    for (const arg of node.args) if (sums[arg] !== undefined) inside.add(arg);
  }
  const isInner = (node: number): boolean => node !== sum && inside.has(node);
  return !(
    stores.some(({ node }) => isInner(node)) ||
    accumulators.some(({ node }) => isInner(node)) ||
    nodes.some((node, i) => !inside.has(i) && 'args' in node && node.args.some(isInner))
  );
}
