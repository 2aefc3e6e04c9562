/**
 * The rules of algebra, in what no single rule shows: what they make of whole expressions, and what they leave alone. (That
 * both sides of each are equal, rules.test.ts checks.)
 */
import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { runReference } from '../../src/backends/reference/run.ts';
import {
  DTYPES,
  type DType,
  input,
  print,
  type Tensor,
  tensor,
  type Variable,
} from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { isBounded, isNonnegative, isPositive } from '../../src/rewrite/facts.ts';
import { withRewriting } from '../../src/rewrite/level.ts';
import { hasExactReciprocal, isExactProduct, isExactSum } from '../../src/rewrite/literals.ts';
import { passesThrough } from '../../src/rewrite/rules/casts.ts';
import { simplify } from '../../src/rewrite/simplify.ts';
import { expressionText, type RewriteStep } from '../../src/rewrite/trace.ts';

const r = registry;
const { abs, add, cast, div, exp, log, mul, neg, pow, relu, square, sqrt, sub, sum, where } = registry;

const vector = (name: string, dtype: DType = 'float32'): Variable => input([3], { name, dtype });
const [x, y, z] = ['x', 'y', 'z'].map((name) => vector(name));
const c = vector('c', 'bool');
const i = vector('i', 'int32');

const text = (v: Variable): string => expressionText(v);
const simple = (v: Variable): string => text(simplify(v));
const fast = (v: Variable): string => text(simplify(v, { level: 'fastMath' }));

describe('normal forms', () => {
  test.each<[string, Variable, string]>([
    ['signs meet and cancel', mul(neg(x), div(neg(y), z)), 'mul(div(y, z), x)'],
    ['signs pass odd functions', neg(r.sin(neg(r.tanh(neg(x))))), 'neg(sin(tanh(x)))'],
    ['signs vanish in even ones', r.cos(neg(square(neg(x)))), 'cos(square(x))'],
    ['signs pass products of matrices', neg(r.dot(neg(x), y)), text(simplify(r.dot(x, y)))],
    ['signs become differences', add(neg(x), add(y, neg(z))), 'sub(sub(y, z), x)'],
    ['signs go into numbers', neg(mul(2, neg(mul(3, x)))), 'mul(6, x)'],
    ['factors are one', mul(2, div(mul(6, div(x, 4)), 3)), 'x'],
    ['terms are one', add(1, add(2, sub(x, -3))), 'add(6, x)'],
    ['a number over a multiple', div(6, mul(3, x)), 'div(2, x)'],
    ['powers of two divide exactly', div(x, 8), 'mul(0.125, x)'],
    ['others do not', div(x, 3), 'div(x, 3)'],
    ['a mean stays a sum over a count', r.mean(input([4], { name: 'x' })), 'div(sum(x, axes=[0]), 4)'],
    ['what is multiplied and divided', div(mul(x, mul(y, z)), mul(y, z)), 'x'],
    ['a chain of quotients', mul(div(x, y), div(y, z)), 'div(x, z)'],
    ['a quotient by a quotient', div(x, div(x, y)), 'y'],
    ['one over one over', div(1, div(1, x)), 'x'],
    ['lengths', sqrt(mul(x, x)), 'abs(x)'],
    ['normalised by its root', mul(x, div(1, sqrt(x))), 'sqrt(x)'],
    ['powers add up', mul(x, div(pow(x, 5), mul(x, x))), 'pow(x, 4)'],
    ['roots of known magnitudes', pow(add(1, square(x)), 0.5), text(simplify(sqrt(add(1, square(x)))))],
    ['magnitudes of magnitudes', abs(relu(abs(x))), 'abs(x)'],
    ['rounding twice', r.floor(r.round(r.ceil(x))), 'ceil(x)'],
    ['a mask of a mask', where(c, where(c, x, y), z), 'where(c, x, z)'],
    ['either and or', add(where(c, x, 0), where(r.logicalNot(c), y, 0)), 'where(c, x, y)'],
    ['truth as a number', where(r.greater(cast(c, 'float32'), 0.5), x, y), 'where(c, x, y)'],
    ['its denial', where(r.equal(cast(c, 'int32'), 0), x, y), 'where(c, y, x)'],
    ['integers', sub(mul(i, 0), sub(i, add(i, i))), text(simplify(sub(0, sub(i, mul(2, i)))))],
  ])('%s', (_, before, after) => expect(simple(before)).toBe(after));

  test('chains of steps multiply to one factor, with the numbers of the chain', () => {
    let chain: Variable = x;
    for (let k = 1; k <= 10; k++) chain = mul(k, chain);
    expect(simple(chain)).toBe('mul(3628800, x)');
  });
});

describe('what is left alone', () => {
  const untouched = (v: Variable): void => {
    const trace: RewriteStep[] = [];
    simplify(v, { trace });
    expect(trace).toEqual([]);
  };

  test.each<[string, Variable]>([
    ['x - x, NaN for an infinite x', sub(x, x)],
    ['x * 0, NaN for an infinite x', mul(x, 0)],
    ['0 / x, NaN at 0', div(0, x)],
    ['(x + y) - y, which has lost digits', sub(add(x, y), y)],
    ['(x - y) + y', add(sub(x, y), y)],
    ['rounding to whole numbers by a large one', sub(add(x, 2 ** 23), 2 ** 23)],
    ['a sum of numbers of two signs', add(-1, add(1e-3, x))],
    ['a sum that would round', add(0.1, add(1e8, x))],
    ['a product that would overflow', mul(1e30, mul(1e30, x))],
    ['a product that would underflow', mul(1e-30, mul(1e-30, x))],
    ['a root that is NaN below 0', square(sqrt(x))],
    ['a power of one half, infinite at -Infinity', pow(x, 0.5)],
    ['a power of a power with digits in its exponents', pow(pow(abs(x), 0.1), 0.3)],
    ['a whole power of a power that is not', pow(pow(x, 0.5), 2.5)],
    ['the larger of x and 0, half steep at 0', r.maximum(x, 0)],
    ['the square of a magnitude, flat at 0', square(abs(x))],
    ['x / 3', div(x, 3)],
    ['(x / y) / z, whose divisors may overflow together', div(div(x, y), z)],
    ['not less, true of NaN', r.logicalNot(r.less(x, y))],
    ['x = x, false of NaN', r.equal(x, x)],
    ['a mask by a product', mul(cast(c, 'float32'), x)],
    ['a guarded quotient', div(where(c, x, 0), where(c, y, 1))],
    ['common factors of sums', add(mul(x, y), mul(x, z))],
    ['logarithms', add(log(x), log(y))],
  ])('%s', (_, v) => untouched(v));

  test('compensated summation (Kahan 1965)', () => {
    const terms = Array.from({ length: 6 }, (_, k) => input([], { name: `x${k}` }));
    let total: Variable = terms[0];
    let lost: Variable = sub(total, total);
    for (const term of terms.slice(1)) {
      const corrected = sub(term, lost);
      const next = add(total, corrected);
      lost = sub(sub(next, total), corrected);
      total = next;
    }
    const values = [1, ...new Array<number>(5).fill(2 ** -25)];
    const feeds = new Map(terms.map((term, k) => [term, tensor(values[k])]));
    const [found] = runReference([simplify(total)], feeds);
    const plain = runReference([terms.slice(1).reduce((a, b) => add(a, b), terms[0] as Variable)], feeds)[0];
    expect(plain.item()).toBe(1);
    expect(found.item()).toBe(Math.fround(1 + 5 * 2 ** -25));
  });

  test('a sum and its rounding error (Dekker 1971; Knuth 4.2.2), of a number too', () => {
    const error = (a: Variable, b: Variable | number): Variable => {
      const s = add(a, b);
      const added = sub(s, a);
      return add(sub(a, sub(s, added)), sub(b as Variable, added));
    };
    for (const [b, value] of [[y, 2 ** -30] as const, [2 ** -30, 2 ** -30] as const]) {
      const feeds = new Map([
        [x, tensor([1, 3, -7])],
        [y, tensor([value, value, value])],
      ]);
      const [found] = runReference([simplify(error(x, b))], feeds);
      expect(found.toArray()).toEqual([value, value, value]);
    }
  });
});

describe('fast math', () => {
  test.each<[string, Variable, string]>([
    ['x - x', sub(x, x), 'broadcastTo(0, shape=[3])'],
    ['x * 0', mul(x, 0), 'broadcastTo(0, shape=[3])'],
    ['(x + y) - y', sub(add(x, y), y), 'x'],
    ['numbers of two signs', sub(add(x, 1), 3), 'add(-2, x)'],
    ['common factors', add(mul(x, y), mul(z, x)), 'mul(x, add(y, z))'],
    ['roots', square(sqrt(x)), 'x'],
    ['exponentials of logarithms', exp(log(x)), 'x'],
    ['masks', mul(cast(c, 'float32'), x), 'where(c, x, 0)'],
    ['magnitudes', square(abs(x)), 'square(x)'],
  ])('%s', (_, before, after) => {
    const simplified = simplify(before, { level: 'fastMath' });
    expect(text(simplified)).toBe(after);
    expect(simplified.type).toBe(before.type);
    expect(fast(before)).toBe(after);
  });
});

describe('conversions', () => {
  const VALUES = [0, -0, 1, -1, 0.5, -1.5, 2, 127, 128, 200, 255, 256, 300, -300, 2 ** 24 + 1, 2 ** 31 - 1];
  const MORE = [-(2 ** 31), 2 ** 31, 1e10, -1e10, 2 ** 53 + 2, 1e-40, 1e-320, 1e39, -1e300];
  const numbers = [...VALUES, ...MORE, Infinity, -Infinity, NaN, Math.PI, Math.fround(Math.PI)];

  /** All those numbers, as the dtype holds them. */
  function held(dtype: DType): Tensor {
    const [wide] = runReference(
      [cast(r.concat([tensor(numbers, { dtype: 'float64' })], 0), dtype)],
      new Map(),
    );
    return wide;
  }

  const triples = DTYPES.flatMap((from) =>
    DTYPES.flatMap((by) => DTYPES.map((to): [DType, DType, DType] => [from, by, to])),
  ).filter(([from, by, to]) => from !== by && by !== to);

  test.each(triples)('%s by %s to %s', (from, by, to) => {
    const v = input([numbers.length], { name: 'v', dtype: from });
    const twice = cast(cast(v, by), to);
    const feeds = new Map([[v, held(from)]]);
    const [left, direct] = runReference([twice, cast(v, to)], feeds);
    const same = left.data.every((value, k) => Object.is(value, direct.data[k]));
    const simplified = simplify(twice);
    // What is folded is the same; what is the same for all numbers is folded, where that may be known from the dtypes.
    const folds = simplified !== twice;
    expect(folds).toBe(passesThrough(from, by, to));
    if (folds) {
      const [right] = runReference([simplified], feeds);
      expect(right.dtype).toBe(left.dtype);
      expect(Array.from(right.data)).toEqual(Array.from(left.data));
      expect(same).toBe(true);
    } else {
      expect(same).toBe(false);
    }
  });
});

describe('shapes', () => {
  test.each<[string, (a: Variable, b: Variable) => Variable]>([
    ['x / x, of which less is left', (a, b) => mul(div(b, b), a)],
    ['(a b) / b, broadcast by b', (a, b) => div(mul(a, b), b)],
    ['a choice that is made', (a, b) => where(cast(1, 'bool'), a, b)],
    ['a power of 0', (a, b) => add(pow(a, 0), mul(b, 1))],
    ['signs', (a, b) => neg(sub(neg(a), neg(b)))],
    ['a number in the shape of another', (a, b) => add(mul(a, r.broadcastTo(1, [2, 3])), b)],
  ])('%s', (_, build) => {
    const [a, b]: Variable[] = [input([3]), input([2, 1])];
    const before = build(a, b);
    const after = simplify(before);
    expect(after).not.toBe(before);
    expect(after.type).toBe(before.type);
    const feeds = new Map([
      [a, tensor([1, -2, 4])],
      [b, tensor([[3], [-5]])],
    ]);
    const [left, right] = runReference([before, after], feeds);
    expect(Array.from(right.data)).toEqual(Array.from(left.data));
  });
});

describe('derivatives', () => {
  test('the cross-entropy of a naive softmax is q - p (E10)', () => {
    const [p, logits] = [input([5], { name: 'p' }), input([5], { name: 'x' })];
    const e = exp(logits);
    const J = neg(sum(mul(p, log(div(e, sum(e))))));
    const [gradient] = simplify(gradients(simplify(J), [logits]));
    expect(print(gradient)).toBe(
      [
        '%0 = input p : float32[5]',
        '%1 = input x : float32[5]',
        '%2 = sum(%0, axes=[0], keepDims=true) : float32[1]',
        '%3 = softmax(%1, axis=0) : float32[5]',
        '%4 = mul(%2, %3) : float32[5]',
        '%5 = sub(%4, %0) : float32[5]',
        'return %5',
      ].join('\n'),
    );
  });

  test.each<[string, (x: Variable) => Variable, readonly number[]]>([
    ['x / x', (x) => div(x, x), [0, 0, 0]],
    ['x / sqrt(x)', (x) => div(x, sqrt(x)), [Infinity, 0.5, 0.25]],
    ['(x x) / x', (x) => div(mul(x, x), x), [1, 1, 1]],
    ['sqrt(x^2)', (x) => sqrt(square(x)), [0, 1, 1]],
  ])('of %s, where the plain one is not a number at 0', (_, f, expected) => {
    const [gradient] = gradients(sum(f(x)), [x]);
    const [found] = runReference([gradient], new Map([[x, tensor([0, 1, 4])]]));
    expect(Array.from(found.data)).toEqual(expected);
    const [plain] = withRewriting('none', () => gradients(sum(f(x)), [x]));
    const [naive] = runReference([plain], new Map([[x, tensor([0, 1, 4])]]));
    expect(naive.data[0]).toBeNaN();
  });

  test('conventions at kinks are those of what was written', () => {
    const at = (f: (x: Variable) => Variable): number => {
      const [gradient] = gradients(sum(f(x)), [x]);
      return runReference([gradient], new Map([[x, tensor([0, 0, 0])]]))[0].data[0];
    };
    expect(at((x) => r.maximum(x, 0))).toBe(0.5);
    expect(at((x) => relu(neg(neg(x))))).toBe(0);
    expect(at((x) => r.maximum(x, neg(x)))).toBe(0);
    expect(at((x) => abs(neg(x)))).toBe(0);
    expect(at((x) => r.maximum(neg(x), neg(mul(2, x))))).toBe(-1.5);
  });
});

describe('what is known of numbers', () => {
  const whole = vector('n', 'int32');
  test.each<[string, Variable, boolean, boolean]>([
    ['an input', x, false, false],
    ['an exponential', exp(x), true, true],
    ['a square', square(x), true, false],
    ['a square and some more', add(square(x), 1e-6), true, true],
    ['a square of integers, which wraps around', square(whole), false, false],
    ['bytes', vector('u', 'uint8'), true, false],
    ['a sum of exponentials', sum(exp(x)), true, true],
    ['a sum of nothing', sum(exp(input([0]))), false, false],
    ['a truth value as a number', cast(c, 'float32'), true, false],
    ['the larger of an exponential and a magnitude', r.maximum(exp(x), abs(y)), true, true],
    ['an exponential, as an integer', cast(exp(x), 'int32'), false, false],
    ['entries at places that are not known', r.gather(exp(x), i), true, true],
    ['a difference', sub(exp(x), 1), false, false],
    ['NaN', mul(exp(x), NaN), false, false],
  ])('%s', (_, v, nonnegative, positive) => {
    expect(isNonnegative(v)).toBe(nonnegative);
    expect(isPositive(v)).toBe(positive);
  });

  test('bounds', () => {
    expect(isBounded(mul(r.tanh(x), r.sigmoid(y)))).toBe(true);
    expect(isBounded(add(r.tanh(x), r.sigmoid(y)))).toBe(false);
    expect(isBounded(where(c, 0.5, r.sin(x)))).toBe(true);
    expect(isBounded(where(c, 1.5, r.sin(x)))).toBe(false);
  });

  test('sums, products and reciprocals that are exact', () => {
    expect(isExactSum(0.5, 0.25, 'float32')).toBe(true);
    expect(isExactSum(1, 2 ** -24, 'float32')).toBe(false);
    expect(isExactSum(1, 2 ** -24, 'float64')).toBe(true);
    expect(isExactSum(1, 2 ** -53, 'float64')).toBe(false);
    expect(isExactSum(0.1, 0.2, 'float64')).toBe(false);
    expect(isExactSum(3e38, 3e38, 'float32')).toBe(false);
    expect(isExactProduct(1.5, 3, 'float32')).toBe(true);
    expect(isExactProduct(Math.fround(0.1), 3, 'float32')).toBe(false);
    expect(isExactProduct(0.1, 3, 'float64')).toBe(false);
    expect(hasExactReciprocal(-0.5, 'float32')).toBe(true);
    expect(hasExactReciprocal(3, 'float32')).toBe(false);
    expect(hasExactReciprocal(2 ** 127, 'float32')).toBe(false);
    expect(hasExactReciprocal(2 ** 127, 'float64')).toBe(true);
    expect(hasExactReciprocal(0, 'float64')).toBe(false);
  });
});
