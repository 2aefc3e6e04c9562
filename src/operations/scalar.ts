/** The scalar language over plain numbers: what every formula means. */
import { type DType, isFloat, type ScalarLanguage } from '../graph/index.ts';

/** The element as its dtype stores it: rounded, wrapped modulo 2^32 or 2^8, or 0 and 1. */
export function store(value: number, dtype: DType): number {
  switch (dtype) {
    case 'float64':
      return value;
    case 'float32':
      return Math.fround(value);
    case 'int32':
      return value | 0;
    case 'uint8':
      return value & 0xff;
    case 'bool':
      return value !== 0 ? 1 : 0;
  }
}

/** Conversion of one element: to integers it truncates and saturates (NaN gives 0), then uint8 wraps. */
export function convert(value: number, dtype: DType): number {
  if (isFloat(dtype) || dtype === 'bool') return store(value, dtype);
  if (Number.isNaN(value)) return 0;
  return store(Math.min(2 ** 31 - 1, Math.max(-(2 ** 31), Math.trunc(value))), dtype);
}

/** To the nearest integer, ties to even (IEEE 754 roundToIntegralTiesToEven). */
export function roundHalfEven(x: number): number {
  if (!Number.isFinite(x) || Math.abs(x) >= 2 ** 52) return x;
  const below = Math.floor(x);
  const rest = x - below;
  const up = rest > 0.5 || (rest === 0.5 && below % 2 !== 0);
  const rounded = up ? below + 1 : below;
  return rounded === 0 && (x < 0 || Object.is(x, -0)) ? -0 : rounded;
}

/** C99's pow: unlike `**`, 1 to any power is 1, and so is -1 to an infinite one. */
function power(a: number, b: number): number {
  if (a === 1 || (a === -1 && Math.abs(b) === Infinity)) return 1;
  return a ** b;
}

/**
 * The error function, within 1.5 ulp: the Maclaurin series, summed from its smallest term, below 1, and 1 - erfc by the
 * Laplace continued fraction above. Source: NIST DLMF, 7.6.1 and 7.9.1.
 */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (Number.isNaN(x) || x === 0) return x;
  if (a > 6) return Math.sign(x);
  if (a < 1) {
    const terms: number[] = [];
    let power = x;
    for (let n = 1; Math.abs(power) > 1e-18 * a; n++) {
      terms.push(power / (2 * n - 1));
      power *= (-x * x) / n;
    }
    return (2 / Math.sqrt(Math.PI)) * terms.reduceRight((total, term) => total + term, 0);
  }
  let fraction = a;
  for (let n = 200; n >= 1; n--) fraction = a + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * fraction));
}

/** 1 / (1 + e^-x) without overflow on either side. */
function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

const bit = (value: boolean): number => (value ? 1 : 0);

/**
 * Formulas over numbers, for operands of `dtype`; integer arithmetic wraps as the stored type does.
 * @param coordinates the coordinates of the element being computed, which the caller moves on
 */
export function numberLanguage(dtype: DType, coordinates: readonly number[] = []): ScalarLanguage<number> {
  const integer = !isFloat(dtype);
  const wrap = (value: number): number => (integer ? store(value, dtype) : value);
  return {
    literal: (value) => store(value, dtype),
    index: (axis) => coordinates[axis],
    add: (a, b) => wrap(a + b),
    sub: (a, b) => wrap(a - b),
    mul: (a, b) => (integer ? store(Math.imul(a, b), dtype) : a * b),
    div: (a, b) => a / b,
    neg: (x) => (integer ? store(-x, dtype) : -x),
    abs: (x) => wrap(Math.abs(x)),
    sqrt: Math.sqrt,
    floor: Math.floor,
    ceil: Math.ceil,
    round: roundHalfEven,
    min: Math.min,
    max: Math.max,
    exp: Math.exp,
    expm1: Math.expm1,
    log: Math.log,
    log1p: Math.log1p,
    sin: Math.sin,
    cos: Math.cos,
    tan: Math.tan,
    asin: Math.asin,
    acos: Math.acos,
    atan: Math.atan,
    sinh: Math.sinh,
    cosh: Math.cosh,
    tanh: Math.tanh,
    sigmoid,
    erf,
    pow: power,
    eq: (a, b) => bit(a === b),
    ne: (a, b) => bit(a !== b),
    lt: (a, b) => bit(a < b),
    le: (a, b) => bit(a <= b),
    and: (a, b) => bit(a !== 0 && b !== 0),
    or: (a, b) => bit(a !== 0 || b !== 0),
    not: (a) => bit(a === 0),
    select: (condition, a, b) => (condition !== 0 ? a : b),
    cast: convert,
  };
}

/** The neutral element of each monoid in a dtype, and how two elements combine. */
export function monoid(
  name: import('../graph/index.ts').Monoid,
  dtype: DType,
): { neutral: number; combine(a: number, b: number): number } {
  const k = numberLanguage(dtype);
  const low = isFloat(dtype) ? -Infinity : dtype === 'int32' ? -(2 ** 31) : 0;
  const high = isFloat(dtype) ? Infinity : dtype === 'int32' ? 2 ** 31 - 1 : 255;
  switch (name) {
    case 'sum':
      return { neutral: 0, combine: k.add };
    case 'prod':
      return { neutral: 1, combine: k.mul };
    case 'max':
      return { neutral: low, combine: Math.max };
    case 'min':
      return { neutral: high, combine: Math.min };
    case 'any':
      return { neutral: 0, combine: k.or };
    case 'all':
      return { neutral: 1, combine: k.and };
  }
}
