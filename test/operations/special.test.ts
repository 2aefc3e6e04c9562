/** Special functions against mpmath (special.json, made by special.py), and what they promise where they are singular. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import {
  ChainruleError,
  constant,
  type FloatDType,
  type Nested,
  tensor,
  type Variable,
} from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { expOdds } from '../../src/operations/logarithms.ts';
import { backends, reference } from '../support/backends.ts';
import { checkOperation } from '../support/checkOperation.ts';
import { derivative, EPSILON } from '../support/numeric.ts';

const {
  add,
  atan2,
  digamma,
  div,
  erf,
  erfc,
  erfinv,
  exp,
  gammaln,
  hypot,
  log,
  log1mexp,
  logaddexp,
  logit,
  logSigmoid,
  mul,
} = registry;
const { polygamma, sigmoid, sin, sub, sum, xlogy } = registry;

const file = new URL('./special.json', import.meta.url);
const truth = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string[]>;

type Call = (...operands: Variable[]) => Variable;

const unary = (f: (x: Variable) => Variable): Call => f as Call;
const binary = (f: (a: Variable, b: Variable) => Variable): Call => f as Call;
/** f, `times` times differentiated. */
const derived = (f: (x: Variable) => Variable, times: number): Call =>
  unary((x) => {
    let y = f(x);
    for (let i = 0; i < times; i++) [y] = gradients(sum(y), [x]);
    return y;
  });
const order = (n: number): Call => unary((x) => polygamma(n, x));

/** The functions, and how many units in the last place they may be wrong, in float64. */
const FUNCTIONS: Record<string, { call: Call; ulps: number }> = {
  gammaln: { call: unary(gammaln), ulps: 6 },
  digamma: { call: unary(digamma), ulps: 6 },
  'polygamma 1': { call: order(1), ulps: 5 },
  'polygamma 2': { call: order(2), ulps: 6 },
  'polygamma 3': { call: order(3), ulps: 9 },
  'polygamma 8': { call: order(8), ulps: 20 },
  erfc: { call: unary(erfc), ulps: 5 },
  erfinv: { call: unary(erfinv), ulps: 5 },
  logaddexp: { call: binary((a, b) => logaddexp(a, b)), ulps: 4 },
  xlogy: { call: binary((a, b) => xlogy(a, b)), ulps: 2 },
  logit: { call: unary(logit), ulps: 3 },
  logSigmoid: { call: unary(logSigmoid), ulps: 3 },
  hypot: { call: binary((a, b) => hypot(a, b)), ulps: 2 },
  atan2: { call: binary((a, b) => atan2(a, b)), ulps: 3 },
  log1mexp: { call: unary(log1mexp), ulps: 3 },
  'log1mexp slope': { call: derived(log1mexp, 1), ulps: 4 },
  'log1mexp curvature': { call: derived(log1mexp, 2), ulps: 8 },
};

/** The distance between neighbouring floats of this size. */
function unit(size: number, dtype: FloatDType): number {
  const smallest = dtype === 'float32' ? 2 ** -149 : 2 ** -1074;
  return Math.max(smallest, 2 ** Math.floor(Math.log2(size)) * EPSILON[dtype]);
}

const rows = (name: string): number[][] => truth[name].map((line) => line.split(' ').map(Number));
const vector = (values: readonly number[], dtype: FloatDType = 'float64'): Variable =>
  constant(tensor([...values], { dtype }));

checkOperation('expOdds', expOdds);

describe.each([reference, ...backends])('$name', ({ evaluate }) => {
  const numbers = (x: Variable): Nested => evaluate([x])[0].toArray();
  const slope = (f: (x: Variable) => Variable, x: Variable): Nested => numbers(gradients(sum(f(x)), [x])[0]);

  describe('against mpmath', () => {
    test.each(Object.keys(truth))('%s in float64', (name) => {
      const { call, ulps } = FUNCTIONS[name];
      const table = rows(name);
      const columns = table[0].slice(0, -2).map((_, i) => table.map((row) => row[i]));
      const [found] = evaluate([call(...columns.map((column) => vector(column)))]);
      let worst = 0;
      table.forEach((row, i) => {
        const [expected, scale] = row.slice(-2);
        const error = Math.abs(found.data[i] - expected) / unit(scale, 'float64');
        expect(
          error,
          `${name}(${row.slice(0, -2)}) is ${found.data[i]}, not ${expected}`,
        ).toBeLessThanOrEqual(ulps);
        worst = Math.max(worst, error);
      });
      expect(table.length).toBeGreaterThan(50);
      expect(worst).toBeGreaterThan(0); // or nothing was compared
    });

    const rounded = [
      'gammaln',
      'digamma',
      'polygamma 1',
      'polygamma 2',
      'polygamma 3',
      'polygamma 8',
      'erfc',
      'erfinv',
    ];

    test.each(Object.keys(truth))('%s in float32', (name) => {
      const { call } = FUNCTIONS[name];
      const once = rounded.includes(name);
      const narrow = rows(name)
        .map((row) => row.map(Math.fround))
        .filter((row) => row.every((value) => Math.abs(value) > 1e-37 && Math.abs(value) < 1e37));
      const columns = narrow[0].slice(0, -2).map((_, i) => narrow.map((row) => row[i]));
      // At these rounded arguments float64 tells the truth.
      const [{ data: expected }] = evaluate([call(...columns.map((column) => vector(column)))]);
      const [{ data: found }] = evaluate([call(...columns.map((column) => vector(column, 'float32')))]);
      narrow.forEach((row, i) => {
        if (!(Math.abs(expected[i]) < 1e38)) return expect(found[i]).toBe(Math.fround(expected[i]));
        const scale = once ? Math.abs(expected[i]) : Math.max(Math.abs(expected[i]), row[row.length - 1]);
        const error = Math.abs(found[i] - expected[i]) / unit(scale, 'float32');
        // Computed in float64 and rounded once, or as many units wrong as float64 may be.
        expect(error, `${name}(${row.slice(0, -2)}) is ${found[i]}`).toBeLessThanOrEqual(once ? 0.501 : 4);
      });
      expect(narrow.length).toBeGreaterThan(30);
    });
  });

  describe('derivatives', () => {
    /** The moderate arguments of a table, and the values there. */
    const moderate = (name: string): { x: number[]; y: number[]; scale: number[] } => {
      const table = rows(name).filter(([x]) => Math.abs(x) > 1e-3 && Math.abs(x) < 1e3);
      return { x: table.map(([x]) => x), y: table.map((row) => row[1]), scale: table.map((row) => row[2]) };
    };

    test.each([
      ['gammaln', 1, 'digamma'],
      ['gammaln', 2, 'polygamma 1'],
      ['gammaln', 3, 'polygamma 2'],
      ['digamma', 2, 'polygamma 2'],
      ['polygamma 1', 2, 'polygamma 3'],
    ] as const)('%s, %d times differentiated, is %s, left of 0 too', (name, times, derived) => {
      const { x, y, scale } = moderate(derived);
      const operand = vector(x);
      let f = FUNCTIONS[name].call(operand);
      for (let i = 0; i < times; i++) [f] = gradients(sum(f), [operand]);
      evaluate([f])[0].data.forEach((value, i) => {
        expect(Math.abs(value - y[i]) / scale[i], `at ${x[i]}`).toBeLessThan(2e-15);
      });
    });

    test('of erfc and erfinv follow from erf', () => {
      const x = vector([-2, -0.5, 0, 0.3, 0.7, 3]);
      expect(slope(erfc, x)).toEqual(slope((v) => sub(1, erf(v)), x));
      const u = vector([-0.99, -0.5, 0, 0.3, 0.86, 0.999]);
      const [identity] = gradients(sum(erf(erfinv(u))), [u]);
      for (const value of numbers(identity) as number[]) expect(value).toBeCloseTo(1, 13);
    });

    test.each([
      ['right of the ordinate', 2, 1.5],
      ['left of it', 2, -1.5],
      ['below it', -2, -1.5],
      ['on the axis', -2, 0],
    ])('of atan2 and hypot %s', (_, a, b) => {
      const operands = [a, b].map((value) => vector([value]));
      for (const f of [atan2, hypot] as readonly Call[]) {
        const found = gradients(sum(f(...operands)), operands).map((each) => evaluate([each])[0].data[0]);
        const value = (p: number, q: number): number => evaluate([f(vector([p]), vector([q]))])[0].data[0];
        expect(found[0]).toBeCloseTo(
          derivative((v) => value(v, b), a),
          9,
        );
        expect(found[1]).toBeCloseTo(
          derivative((v) => value(a, v), b),
          9,
        );
      }
    });
  });

  describe('poles', () => {
    const poles = vector([0, -0, -1, -2, -30, -(2 ** 60)]);

    test('gammaln is infinite at all, also far left', () => {
      expect(numbers(gammaln(poles))).toEqual([Infinity, Infinity, Infinity, Infinity, Infinity, Infinity]);
      expect(numbers(gammaln(vector([1, 2, -Infinity, Infinity, NaN])))).toEqual([
        0,
        0,
        Infinity,
        Infinity,
        NaN,
      ]);
    });

    test('digamma and even orders have no value left of 0, and that of their side at 0', () => {
      expect(numbers(digamma(poles))).toEqual([-Infinity, Infinity, NaN, NaN, NaN, NaN]);
      expect(numbers(polygamma(2, poles))).toEqual([-Infinity, Infinity, NaN, NaN, NaN, NaN]);
      expect(numbers(digamma(vector([Infinity, -Infinity, NaN])))).toEqual([Infinity, NaN, NaN]);
    });

    test('odd orders are infinite, from both sides', () => {
      const infinite = [Infinity, Infinity, Infinity, Infinity, Infinity, Infinity];
      expect(numbers(polygamma(1, poles))).toEqual(infinite);
      expect(numbers(polygamma(3, poles))).toEqual(infinite);
      expect(numbers(polygamma(1, vector([Infinity, NaN])))).toEqual([0, NaN]);
    });

    test('erfinv and logit end in infinities, and have no value beyond', () => {
      expect(numbers(erfinv(vector([-1, 1, 1.5, -2])))).toEqual([-Infinity, Infinity, NaN, NaN]);
      expect(numbers(logit(vector([0, 1, 1.5, -2])))).toEqual([-Infinity, Infinity, NaN, NaN]);
      expect(slope(erfinv, vector([-1, 1]))).toEqual([Infinity, Infinity]);
      expect(slope(logit, vector([0, 1]))).toEqual([Infinity, Infinity]);
    });

    test('erfc does not lose its tail', () => {
      expect(numbers(erfc(vector([-Infinity, -10, 0, 27, 28, Infinity])))).toEqual([
        2, 2, 1, 5.23705e-319, 0, 0,
      ]);
    });
  });

  describe('orders of polygamma', () => {
    test('are whole numbers from 0 to 100', () => {
      expect(numbers(polygamma(0, vector([2.5])))).toEqual(numbers(digamma(vector([2.5]))));
      expect(() => polygamma(0.5, 1)).toThrow(/order 0.5 is not a whole number.*the order comes first/);
      expect(() => polygamma(-1, 1)).toThrow(ChainruleError);
      expect(() => polygamma(101, 1)).toThrow(/from 0 to 100/);
    });

    test('up to 100 satisfy the recurrence psi_n(x + 1) - psi_n(x) = (-1)^n n! / x^(n + 1)', () => {
      for (const n of [1, 4, 20, 61, 100]) {
        const x = 3.5;
        const step = evaluate([sub(polygamma(n, vector([x + 1])), polygamma(n, vector([x])))])[0].data[0];
        const exact = Array.from({ length: n }, (_, i) => (i + 1) / x).reduce((a, b) => a * b, (-1) ** n / x);
        expect(Math.abs(step / exact - 1), `n = ${n}`).toBeLessThan(1e-14);
      }
    });
  });

  describe('logarithms', () => {
    test('logaddexp takes infinities of one sign', () => {
      const a = vector([Infinity, -Infinity, -Infinity, 1000, 0, Infinity]);
      const b = vector([Infinity, -Infinity, 3, 1000, NaN, -Infinity]);
      const expected = [Infinity, -Infinity, 3, 1000 + Math.LN2, NaN, Infinity];
      expect(numbers(logaddexp(a, b))).toEqual(expected);
      const finite = vector([-Infinity, -Infinity, 1000, 0]);
      expect(slope((x) => logaddexp(x, vector([-Infinity, 3, 1000, 0])), finite)).toEqual([0.5, 0, 0.5, 0.5]);
    });

    test('the Hessian of logaddexp is right where its operands are equal', () => {
      const x = vector([0.5]);
      const [dx] = gradients(sum(logaddexp(x, 0.5)), [x]);
      expect(slope(() => dx, x)).toEqual([0.25]);
    });

    test('xlogy is 0 where its factor is, derivatives included', () => {
      const x = vector([0, 0, 0, 0, 2]);
      const y = vector([0, -1, Infinity, NaN, 0]);
      expect(numbers(xlogy(x, y))).toEqual([0, 0, 0, NaN, -Infinity]);
      const [dx, dy] = gradients(sum(xlogy(x, y)), [x, y]).map(numbers) as number[][];
      expect(dx.slice(0, 3)).toEqual([0, 0, Infinity]);
      expect([dy[0], Math.abs(dy[1]), dy[2], dy[4]]).toEqual([0, 0, 0, Infinity]);
    });

    test('entropy has a finite gradient where a probability is 0', () => {
      const p = vector([0, 0.5, 0.5]);
      expect(slope((x) => xlogy(x, x), p)).toEqual([0, Math.log(0.5) + 1, Math.log(0.5) + 1]);
    });

    test('the mixed second derivative of xlogy is 1 / y where the factor is 0', () => {
      const x = vector([0]);
      const y = vector([4]);
      const [dx] = gradients(sum(xlogy(x, y)), [x]);
      expect(slope(() => dx, y)).toEqual([0.25]);
    });

    test('logSigmoid neither overflows nor underflows', () => {
      expect(numbers(logSigmoid(vector([-1000, 0, 800, -Infinity, Infinity])))).toEqual([
        -1000,
        -Math.LN2,
        0,
        -Infinity,
        0,
      ]);
      expect(slope(logSigmoid, vector([-1000, 1000]))).toEqual([1, 0]);
    });

    test('log1mexp ends in a pole, with no value beyond', () => {
      expect(numbers(log1mexp(vector([0, -0, -Infinity, 1e-300, Infinity, NaN])))).toEqual([
        -Infinity,
        -Infinity,
        -0,
        NaN,
        NaN,
        NaN,
      ]);
      const x = vector([0, -0]);
      for (const times of [1, 2, 3])
        expect(numbers(derived(log1mexp, times)(x)), `derivative ${times}`).toEqual([-Infinity, -Infinity]);
    });

    test('log1mexp keeps the digits of its slope where the exponential of -x overflows', () => {
      const x = [-80, -88.9, -95, -103].map(Math.fround);
      const found = evaluate([derived(log1mexp, 1)(vector(x, 'float32'))])[0].data;
      x.forEach((at, i) => {
        const expected = -Math.exp(at);
        expect(Math.abs(found[i] - expected)).toBeLessThanOrEqual(unit(-expected, 'float32'));
      });
    });

    test('log1mexp undoes itself', () => {
      const x = vector([-1e-9, -0.3, -0.69, -0.7, -2, -20]);
      for (const ratio of numbers(div(log1mexp(log1mexp(x)), x)) as number[]) {
        expect(Math.abs(ratio - 1)).toBeLessThan(2e-14);
      }
    });

    test('logit undoes sigmoid', () => {
      const x = vector([-30, -1, -1e-9, 0, 0.1, 5]);
      (numbers(sub(logit(sigmoid(x)), x)) as number[]).forEach((rest) => {
        expect(Math.abs(rest)).toBeLessThan(1e-13);
      });
    });
  });

  describe('the plane', () => {
    test('atan2 tells zeros of both signs apart', () => {
      const a = vector([0, -0, 0, -0, 1, -1]);
      const b = vector([0, 0, -0, -0, 0, -0]);
      const { PI } = Math;
      expect(numbers(atan2(a, b))).toEqual([0, -0, PI, -PI, PI / 2, -PI / 2]);
    });

    test('atan2 takes infinities for directions', () => {
      const a = vector([Infinity, Infinity, -Infinity, 1, -1]);
      const b = vector([Infinity, -Infinity, 5, -Infinity, Infinity]);
      const { PI } = Math;
      expect(numbers(atan2(a, b))).toEqual([PI / 4, (3 * PI) / 4, -PI / 2, PI, -0]);
    });

    test('hypot neither overflows nor underflows, and is infinite beside NaN', () => {
      const a = vector([3e300, 3e-320, Infinity, NaN, 0]);
      const b = vector([4e300, 4e-320, NaN, 1, -0]);
      expect(numbers(hypot(a, b))).toEqual([5e300, 5e-320, Infinity, NaN, 0]);
    });

    test('both have derivatives 0 at the origin, and finite ones far from and near to it', () => {
      const at = (a: number, b: number): Variable[] => [a, b].map((value) => vector([value]));
      for (const f of [atan2, hypot] as readonly Call[]) {
        const origin = at(0, 0);
        const slopes = gradients(sum(f(...origin)), origin).map((each) => evaluate([each])[0].data[0]);
        expect(slopes.map(Math.abs)).toEqual([0, 0]);
      }
      const far = at(3e200, 4e200);
      const slopes = gradients(sum(atan2(far[0], far[1])), far).map((each) => evaluate([each])[0].data[0]);
      expect(slopes[0] / 1.6e-201).toBeCloseTo(1, 12);
      expect(slopes[1] / -1.2e-201).toBeCloseTo(1, 12);
    });
  });

  test('identities hold', () => {
    const x = vector([0.1, 0.4, 1.3, 2.7]);
    // Gamma(x) Gamma(1 - x) = pi / |sin(pi x)| (DLMF 5.5.3), and log Gamma(x + 1) = log Gamma(x) + log x.
    const reflection = sub(add(gammaln(x), gammaln(sub(1, x))), Math.log(Math.PI));
    const sines = mul(-1, log(registry.abs(sin(mul(Math.PI, x)))));
    (numbers(sub(reflection, sines)) as number[]).forEach((rest) =>
      expect(Math.abs(rest)).toBeLessThan(4e-15),
    );
    const step = sub(exp(sub(gammaln(add(x, 1)), gammaln(x))), x);
    (numbers(step) as number[]).forEach((rest) => expect(Math.abs(rest)).toBeLessThan(4e-15));
  });
});
