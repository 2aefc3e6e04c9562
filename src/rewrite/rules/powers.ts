/** Powers, roots and magnitudes. */
import type { DType, Variable } from '../../graph/index.ts';
import { registry } from '../../operations/index.ts';
import { isNonnegative, isPositive } from '../facts.ts';
import { isExactProduct, isExactSum } from '../literals.ts';
import { type Rule, type RuleExample, rule } from '../rule.ts';
import { type Applied, type Bindings, number, type Term, terms, unknown } from '../term.ts';
import { elementwiseExamples } from './examples.ts';

const { mul, div, neg, pow, square, sqrt, rsqrt, reciprocal, abs, relu, sign } = terms;
const { maximum, minimum, log } = terms;
const x = unknown('x');
const a = number('a');
const b = number('b');
const of = registry;
const exact = { class: 'exact' } as const;
const stable = { class: 'removesSingularity' } as const;

const xIsNonnegative = ({ variables: { x } }: Bindings): boolean => isNonnegative(x);
const xIsPositive = ({ variables: { x } }: Bindings): boolean => isPositive(x);

/** Examples in which x is known not to be below 0, or to be above it. */
const ofNonnegative = (call: (x: Variable) => Variable): RuleExample[] =>
  elementwiseExamples((x) => call(of.abs(x)));
const ofExponential = (call: (x: Variable) => Variable): RuleExample[] =>
  elementwiseExamples((x) => call(of.exp(x)));

const roots = (): readonly Rule[] => [
  rule({ name: 'root of a square', ...stable, pattern: sqrt(square(x)), replacement: abs(x) }),
  rule({
    name: 'square of a root',
    ...stable,
    pattern: square(sqrt(x)),
    where: xIsNonnegative,
    replacement: x,
    examples: ofNonnegative((x) => of.square(of.sqrt(x))),
  }),
  rule({ name: 'divided by its root', ...stable, pattern: div(x, sqrt(x)), replacement: sqrt(x) }),
  rule({
    name: 'times the reciprocal of its root',
    ...stable,
    pattern: mul(x, rsqrt(x)),
    replacement: sqrt(x),
  }),
  rule({ name: 'root divided by its square', ...stable, pattern: div(sqrt(x), x), replacement: rsqrt(x) }),
  rule({ name: 'reciprocal of a root', ...exact, pattern: reciprocal(sqrt(x)), replacement: rsqrt(x) }),
  rule({
    name: 'reciprocal of a reciprocal root',
    ...exact,
    pattern: reciprocal(rsqrt(x)),
    replacement: sqrt(x),
  }),
  rule({
    name: 'root of a reciprocal',
    ...stable,
    pattern: sqrt(reciprocal(x)),
    where: xIsNonnegative,
    replacement: rsqrt(x),
    examples: ofNonnegative((x) => of.sqrt(of.reciprocal(x))),
  }),
  rule({
    name: 'reciprocal root of a reciprocal',
    ...stable,
    pattern: rsqrt(reciprocal(x)),
    where: xIsNonnegative,
    replacement: sqrt(x),
    examples: ofNonnegative((x) => of.rsqrt(of.reciprocal(x))),
  }),
  rule({
    name: 'reciprocal root of a square',
    ...stable,
    pattern: rsqrt(square(x)),
    replacement: reciprocal(abs(x)),
  }),
  rule({
    name: 'square of a reciprocal root',
    ...stable,
    pattern: square(rsqrt(x)),
    where: xIsNonnegative,
    replacement: reciprocal(x),
    examples: ofNonnegative((x) => of.square(of.rsqrt(x))),
  }),
];

const magnitudes = (): readonly Rule[] => [
  rule({
    name: 'magnitude of what is positive',
    ...exact,
    pattern: abs(x),
    where: xIsPositive,
    replacement: x,
    examples: ofExponential((x) => of.abs(x)),
  }),
  rule({
    name: 'rectifier of what is positive',
    ...exact,
    pattern: relu(x),
    where: xIsPositive,
    replacement: x,
    examples: ofExponential((x) => of.relu(x)),
  }),
  rule({
    name: 'larger of what is positive and a number that is not',
    ...exact,
    pattern: maximum(x, a),
    where: ({ variables: { x }, numbers: { a } }) => a <= 0 && isPositive(x),
    replacement: x,
    examples: ofExponential((x) => of.maximum(x, 0)),
  }),
  rule({
    name: 'larger of a number and its negative',
    ...exact,
    pattern: maximum(x, neg(x)),
    replacement: abs(x),
  }),
  rule({
    name: 'smaller of a number and its negative',
    ...exact,
    pattern: minimum(x, neg(x)),
    replacement: neg(abs(x)),
  }),
  rule({
    name: 'times its sign',
    ...exact,
    dtypes: 'number',
    pattern: mul(x, sign(x)),
    replacement: abs(x),
  }),
];

/** Exponents that become one. It must be exact: what it is off, a power magnifies. */
interface Joint {
  exponent(a: number, b: number): number;
  isExact(a: number, b: number, dtype: DType): boolean;
}

const product: Joint = { exponent: (a, b) => a * b, isExact: isExactProduct };
const total: Joint = { exponent: (a, b) => a + b, isExact: isExactSum };
const difference: Joint = { exponent: (a, b) => a - b, isExact: (a, b, dtype) => isExactSum(a, -b, dtype) };

interface Parts {
  readonly name: string;
  readonly pattern: Applied;
  readonly joint: Joint;
  /** Where the pattern has no number `a` or `b`, what stands for it. */
  readonly a?: number;
  readonly b?: number;
  readonly replacement: (exponent: Term) => Term;
  /** Called on what is not below 0, and on anything. */
  readonly call: (x: Variable) => Variable;
  readonly anywhere?: (x: Variable) => Variable;
}

function joiningPowers({ name, pattern, joint, replacement, call, anywhere, ...fixed }: Parts): Rule {
  const exponents = ({ numbers: { a, b } }: Bindings): [number, number] => [fixed.a ?? a, fixed.b ?? b];
  return rule({
    name,
    class: 'removesSingularity',
    pattern,
    where: (found) => {
      const { x } = found.variables;
      const [a, b] = exponents(found);
      // Of a negative base only whole powers are numbers.
      const whole = [a, b, joint.exponent(a, b)].every(Number.isInteger);
      return joint.isExact(a, b, x.dtype) && (whole || isNonnegative(x));
    },
    replacement: replacement(number((found) => joint.exponent(...exponents(found)))),
    examples: [...ofNonnegative((x) => call(x)), ...(anywhere ? elementwiseExamples(anywhere) : [])],
  });
}

const ofX = (exponent: Term): Term => pow(x, exponent);

const powers = (): readonly Rule[] => [
  rule({
    name: 'power of one half',
    ...stable,
    pattern: pow(x, 0.5),
    where: xIsNonnegative,
    replacement: sqrt(x),
    examples: ofNonnegative((x) => of.pow(x, 0.5)),
  }),
  rule({
    name: 'power of minus one half',
    ...stable,
    pattern: pow(x, -0.5),
    where: xIsNonnegative,
    replacement: rsqrt(x),
    examples: ofNonnegative((x) => of.pow(x, -0.5)),
  }),
  joiningPowers({
    name: 'power of a power',
    pattern: pow(pow(x, a), b),
    joint: product,
    replacement: ofX,
    call: (x) => of.pow(of.pow(x, 1.5), 3),
    anywhere: (x) => of.pow(of.pow(x, 3), 3),
  }),
  joiningPowers({
    name: 'square of a power',
    pattern: square(pow(x, a)),
    joint: product,
    b: 2,
    replacement: ofX,
    call: (x) => of.square(of.pow(x, 0.75)),
    anywhere: (x) => of.square(of.pow(x, 3)),
  }),
  joiningPowers({
    name: 'power of a root',
    pattern: pow(sqrt(x), a),
    joint: product,
    b: 0.5,
    replacement: ofX,
    call: (x) => of.pow(of.sqrt(x), 3),
  }),
  joiningPowers({
    name: 'power of a reciprocal',
    pattern: pow(reciprocal(x), a),
    joint: product,
    b: -1,
    replacement: ofX,
    call: (x) => of.pow(of.reciprocal(x), 1.5),
    anywhere: (x) => of.pow(of.reciprocal(x), 3),
  }),
  joiningPowers({
    name: 'reciprocal of a power',
    pattern: reciprocal(pow(x, a)),
    joint: product,
    b: -1,
    replacement: ofX,
    call: (x) => of.reciprocal(of.pow(x, 1.5)),
    anywhere: (x) => of.reciprocal(of.pow(x, 3)),
  }),
  rule({
    name: 'root of a power',
    ...stable,
    pattern: sqrt(pow(x, a)),
    where: ({ variables: { x }, numbers: { a } }) =>
      isExactProduct(a, 0.5, x.dtype) && (isNonnegative(x) || a % 4 === 0),
    replacement: pow(
      x,
      number(({ numbers: { a } }) => a / 2),
    ),
    examples: [
      ...ofNonnegative((x) => of.sqrt(of.pow(x, 3))),
      ...elementwiseExamples((x) => of.sqrt(of.pow(x, 4))),
    ],
  }),
  joiningPowers({
    name: 'times its power',
    pattern: mul(x, pow(x, a)),
    joint: total,
    b: 1,
    replacement: ofX,
    call: (x) => of.mul(x, of.pow(x, 1.5)),
    anywhere: (x) => of.mul(x, of.pow(x, -3)),
  }),
  joiningPowers({
    name: 'product of powers',
    pattern: mul(pow(x, a), pow(x, b)),
    joint: total,
    replacement: ofX,
    call: (x) => of.mul(of.pow(x, 1.5), of.pow(x, 0.75)),
    anywhere: (x) => of.mul(of.pow(x, 3), of.pow(x, 4)),
  }),
  joiningPowers({
    name: 'power divided by its base',
    pattern: div(pow(x, a), x),
    joint: difference,
    b: 1,
    replacement: ofX,
    call: (x) => of.div(of.pow(x, 1.5), x),
    anywhere: (x) => of.div(of.pow(x, 4), x),
  }),
  joiningPowers({
    name: 'divided by its power',
    pattern: div(x, pow(x, b)),
    joint: difference,
    a: 1,
    replacement: ofX,
    call: (x) => of.div(x, of.pow(x, 1.5)),
    anywhere: (x) => of.div(x, of.pow(x, 4)),
  }),
  joiningPowers({
    name: 'quotient of powers',
    pattern: div(pow(x, a), pow(x, b)),
    joint: difference,
    replacement: ofX,
    call: (x) => of.div(of.pow(x, 3), of.pow(x, 0.75)),
    anywhere: (x) => of.div(of.pow(x, 3), of.pow(x, 7)),
  }),
];

const logarithms = (): readonly Rule[] => [
  rule({
    name: 'log of a square',
    ...stable,
    pattern: log(square(x)),
    // One operation more, but the square may overflow or underflow where the logarithm is an ordinary number.
    replacement: ({ variables: { x } }) => of.mul(2, of.log(of.abs(x))),
    says: 'log(square(x)) -> mul(2, log(abs(x)))',
    examples: elementwiseExamples((x) => of.log(of.square(x))),
  }),
];

export const powerRules = (): readonly Rule[] => [...roots(), ...magnitudes(), ...powers(), ...logarithms()];

/** Small whole powers as products, in graphs that will not be differentiated: 3 x^2 is shorter than what these make. */
export const smallPowerRules = (): readonly Rule[] => [
  rule({ name: 'cube', ...exact, pattern: pow(x, 3), replacement: mul(x, square(x)) }),
  rule({ name: 'fourth power', ...exact, pattern: pow(x, 4), replacement: square(square(x)) }),
  rule({ name: 'reciprocal square', ...exact, pattern: pow(x, -2), replacement: square(reciprocal(x)) }),
];
