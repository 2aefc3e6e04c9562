/** Sums, differences, quotients, powers, rounding and bounds. */
import type { TensorLike, Variable } from '../graph/index.ts';
import { type Declared, real } from './declare.ts';
import { binary, mul, ternary, unary } from './elementwise.ts';
import { equal, greater, greaterEqual, less, logicalAnd, logicalOr, where } from './logic.ts';

const special = [0, -0, 1, -1, 0.5, -2.5, Infinity, -Infinity, NaN, 1e-40, 3e38];

export const add = binary('add', {
  doc: 'Sum: y = a + b.',
  operands: 'number',
  commutative: true,
  formula: (k, a, b) => k.add(a, b),
  routes: [({ g }) => g, ({ g }) => g],
  samples: real(-3, 3),
  special,
  torch: 'x + y',
});

export const neg = unary('neg', {
  doc: 'Negation: y = -x.',
  operands: 'number',
  formula: (k, x) => k.neg(x),
  routes: [({ g }) => neg(g)],
  samples: real(-3, 3),
  special,
  torch: '-x',
});

export const sub = binary('sub', {
  doc: 'Difference: y = a - b.',
  operands: 'number',
  formula: (k, a, b) => k.sub(a, b),
  routes: [({ g }) => g, ({ g }) => neg(g)],
  samples: real(-3, 3),
  special,
  torch: 'x - y',
});

export const div = binary('div', {
  doc: 'Quotient: y = a / b, in floating point even for integers.',
  formula: (k, a, b) => k.div(a, b),
  routes: [({ b, g }) => div(g, b), ({ b, y, g }) => neg(div(mul(g, y), b))],
  kinks: ({ b }) => [
    { where: equal(b, 0), point: 'pole where the divisor is 0', convention: 'infinite; NaN for 0 / 0' },
  ],
  samples: [real(-3, 3), real(0.5, 3)],
  special,
  torch: 'x / y',
});

export const reciprocal = unary('reciprocal', {
  doc: "Reciprocal: y = 1 / x, y' = -y^2.",
  formula: (k, x) => k.div(k.literal(1), x),
  partials: [({ y }) => neg(square(y))],
  kinks: ({ x }) => [{ where: equal(x, 0), point: 'pole at 0', convention: '-Infinity' }],
  samples: real(0.3, 3),
  special,
  torch: '1 / x',
});

export const square = unary('square', {
  doc: 'Square: y = x^2.',
  operands: 'number',
  formula: (k, x) => k.mul(x, x),
  partials: [({ x }) => mul(2, x)],
  samples: real(-3, 3),
  special,
  torch: 'x ** 2',
});

export const sqrt = unary('sqrt', {
  doc: "Square root: y' = 1 / (2 y), which is infinite at 0.",
  formula: (k, x) => k.sqrt(x),
  partials: [({ y }) => div(0.5, y)],
  kinks: ({ x }) => [{ where: equal(x, 0), point: 'vertical tangent at 0', convention: 'Infinity' }],
  samples: real(0.2, 4),
  special,
  torch: 'torch.sqrt(x)',
});

export const rsqrt = unary('rsqrt', {
  doc: "Reciprocal square root: y = x^(-1/2), y' = -y^3 / 2.",
  formula: (k, x) => k.div(k.literal(1), k.sqrt(x)),
  partials: [({ y }) => mul(-0.5, mul(square(y), y))],
  kinks: ({ x }) => [{ where: equal(x, 0), point: 'pole at 0', convention: '-Infinity' }],
  samples: real(0.3, 4),
  special,
  torch: 'torch.rsqrt(x)',
});

export const sign = unary('sign', {
  doc: 'Sign: -1, 0 or 1; its derivative is 0 wherever it exists.',
  operands: 'number',
  formula: (k, x) => {
    const nil = k.literal(0);
    return k.select(k.lt(nil, x), k.literal(1), k.select(k.lt(x, nil), k.literal(-1), x));
  },
  kinks: ({ x }) => [{ where: equal(x, 0), point: 'jump at 0', convention: '0' }],
  samples: real(-3, 3, { avoid: [0] }),
  special,
  torch: 'torch.sign(x)',
});

export const abs = unary('abs', {
  doc: 'Absolute value; by convention the derivative at 0 is 0.',
  operands: 'number',
  formula: (k, x) => k.abs(x),
  routes: [({ x, g }) => where(greater(x, 0), g, where(less(x, 0), neg(g), 0))],
  kinks: ({ x }) => [{ where: equal(x, 0), point: 'corner at 0', convention: '0' }],
  samples: real(-3, 3, { avoid: [0] }),
  special,
  torch: 'torch.abs(x)',
});

/** `a` where it is the whole extremum, half of g where a and b tie. */
function shareOfExtremum(wins: Variable, a: Variable, b: Variable, g: Variable): Variable {
  return where(wins, g, where(equal(a, b), mul(0.5, g), 0));
}

export const maximum = binary('maximum', {
  doc: 'The larger of a and b, NaN if either is; where they tie the gradient is shared evenly.',
  operands: 'number',
  commutative: true,
  formula: (k, a, b) => k.max(a, b),
  routes: [
    ({ a, b, g }) => shareOfExtremum(greater(a, b), a, b, g),
    ({ a, b, g }) => shareOfExtremum(greater(b, a), a, b, g),
  ],
  kinks: ({ a, b }) => [{ where: equal(a, b), point: 'tie', convention: 'shared evenly' }],
  samples: [real(-3, 3, { distinct: true }), real(-3.02, 2.98, { distinct: true })],
  special,
  torch: 'torch.maximum(x, y)',
});

export const minimum = binary('minimum', {
  doc: 'The smaller of a and b, NaN if either is; where they tie the gradient is shared evenly.',
  operands: 'number',
  commutative: true,
  formula: (k, a, b) => k.min(a, b),
  routes: [
    ({ a, b, g }) => shareOfExtremum(less(a, b), a, b, g),
    ({ a, b, g }) => shareOfExtremum(less(b, a), a, b, g),
  ],
  kinks: ({ a, b }) => [{ where: equal(a, b), point: 'tie', convention: 'shared evenly' }],
  samples: [real(-3, 3, { distinct: true }), real(-3.02, 2.98, { distinct: true })],
  special,
  torch: 'torch.minimum(x, y)',
});

/** `clip(x, low, high)`: bounds are numbers or tensors. */
export const clip: Declared<(x: TensorLike, low: TensorLike, high: TensorLike) => Variable> = ternary(
  'clip',
  {
    doc: 'Bounds x: y = min(max(x, low), high); strictly outside, the gradient goes to the bound.',
    operands: 'number',
    formula: (k, x, low, high) => k.min(k.max(x, low), high),
    routes: [
      ({ x, b, c, g }) => where(less(x, b), 0, where(greater(x, c), 0, g)),
      ({ x, b, c, g }) => where(logicalAnd(less(x, b), less(b, c)), g, 0),
      ({ x, b, c, g }) => where(logicalOr(greater(x, c), logicalAnd(less(x, b), greaterEqual(b, c))), g, 0),
    ],
    kinks: ({ x, b, c }) => [
      {
        where: logicalOr(equal(x, b), equal(x, c)),
        point: 'corner at a bound',
        convention: 'as inside: all of it to x',
      },
    ],
    samples: [real(-3, 3, { avoid: [-1, 1] }), real(-1, -1), real(1, 1)],
    special,
    torch: 'torch.minimum(torch.maximum(x, y), z)',
  },
);

export const floor = unary('floor', {
  doc: 'The nearest integer below; its derivative is 0 wherever it exists.',
  operands: 'number',
  formula: (k, x) => k.floor(x),
  kinks: ({ x, y }) => [{ where: equal(x, y), point: 'jump at a whole number', convention: '0' }],
  samples: real(-3, 3, { avoid: [-3, -2, -1, 0, 1, 2, 3] }),
  special,
  torch: 'torch.floor(x)',
});

export const ceil = unary('ceil', {
  doc: 'The nearest integer above; its derivative is 0 wherever it exists.',
  operands: 'number',
  formula: (k, x) => k.ceil(x),
  kinks: ({ x, y }) => [{ where: equal(x, y), point: 'jump at a whole number', convention: '0' }],
  samples: real(-3, 3, { avoid: [-3, -2, -1, 0, 1, 2, 3] }),
  special,
  torch: 'torch.ceil(x)',
});

export const round = unary('round', {
  doc: 'The nearest integer, ties to even; its derivative is 0 wherever it exists.',
  operands: 'number',
  formula: (k, x) => k.round(x),
  kinks: ({ x, y }) => [
    { where: equal(abs(sub(x, y)), 0.5), point: 'jump halfway between whole numbers', convention: '0' },
  ],
  samples: real(-3, 3, { avoid: [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5] }),
  special: [...special, 1.5, 2.5, -0.4],
  torch: 'torch.round(x)',
});
