/** Numbers as text. */
import type { Nested, Tensor } from '../graph/index.ts';

/** The shortest digits that give back the same float32 (0.1, not 0.10000000149011612) or float64. */
export function formatNumber(value: number, dtype: string): string {
  if (Object.is(value, -0)) return '-0';
  if (dtype !== 'float32' || !Number.isFinite(value)) return String(value);
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(Number(value.toPrecision(9)));
}

/** A tensor as nested lists. */
export function formatTensor(tensor: Tensor): string {
  const write = (nested: Nested): string => {
    if (Array.isArray(nested)) return `[${nested.map(write).join(', ')}]`;
    return typeof nested === 'number' ? formatNumber(nested, tensor.dtype) : String(nested);
  };
  return write(tensor.toArray());
}

/** A tensor as JSON has it: NaN and the infinities, for which JSON has no number, become texts. */
export function jsonTensor(tensor: Tensor): unknown {
  const convert = (nested: Nested): unknown => {
    if (Array.isArray(nested)) return nested.map(convert);
    if (typeof nested !== 'number') return nested;
    return Number.isFinite(nested) ? Number(formatNumber(nested, tensor.dtype)) : String(nested);
  };
  return convert(tensor.toArray());
}

/** `10,000`. */
export function grouped(count: number): string {
  return count.toLocaleString('en-US');
}

/** `1 epoch`, `3 epochs`. */
export function plural(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `850 ms`, `12.3 s`. */
export function seconds(value: number): string {
  return value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(1)} s`;
}
