/** configureEngine and describeEngine. */
import { afterEach, describe, expect, test } from 'vitest';
import { defaultConfiguration } from '../../src/engine/configuration.ts';
import {
  compile,
  configureEngine,
  describeEngine,
  evaluate,
  matmul,
  mul,
  parameter,
  sum,
  tensor,
  type Variable,
  withUpdates,
} from '../../src/index.ts';

const defaults = defaultConfiguration();
afterEach(() => configureEngine(defaults));

describe('configureEngine', () => {
  test('says what computes from then on', () => {
    configureEngine({ threads: 3, blas: 'off', relaxedSimd: 'off' });
    expect(describeEngine()).toEqual({
      backend: 'wasm',
      threads: 3,
      threadsReady: 1,
      blas: undefined,
      blasProblems: [],
      simd: 'plain',
      sharedMemory: true,
    });
    configureEngine({ threads: 1 });
    expect(describeEngine()).toMatchObject({ threads: 1, blas: undefined, simd: 'plain' });
  });

  test('compiled functions go on with the numbers of their parameters', () => {
    const w = parameter([1, 2, 3]);
    const double = compile((factor: Variable) => withUpdates(sum(w), new Map([[w, mul(w, factor)]])));
    expect(double(2).item()).toBe(6);
    configureEngine({ threads: 2, blas: 'off' });
    expect(double(2).item()).toBe(12);
    configureEngine({ threads: 1 });
    expect(double(2).item()).toBe(24);
    expect(w.value.toArray()).toEqual([8, 16, 24]);
    expect(evaluate(sum(w)).item()).toBe(48);
  });

  test('a product is the same to rounding, whoever computes it', () => {
    const numbers = (seed: number): Float32Array =>
      Float32Array.from({ length: 100 * 80 }, (_, i) => Math.sin(seed + i));
    const [a, b] = [tensor(numbers(1), { shape: [100, 80] }), tensor(numbers(2), { shape: [80, 100] })];
    const product = (): Float32Array => matmul(a, b).evaluate().data as Float32Array;
    configureEngine({ blas: 'off', relaxedSimd: 'off' });
    const own = product();
    configureEngine({ blas: 'auto' });
    product().forEach((each, i) => expect(Math.abs(each - own[i])).toBeLessThan(1e-4));
  });

  test.each<[Parameters<typeof configureEngine>[0], string]>([
    [{ threads: 0 }, 'threads is 0; give a whole number from 1 to 64'],
    [{ threads: 2.5 }, 'threads is 2.5'],
    [{ threads: 65 }, 'threads is 65'],
    [{ relaxedSimd: 'yes' as 'auto' }, "relaxedSimd is yes; give 'auto' or 'off'"],
    [{ blas: '' }, "give 'auto', 'off', a name or a path"],
    [{ blas: 'libnone.so.1' }, "cannot use 'libnone.so.1'"],
  ])('%o is an error', (options, message) => {
    const before = describeEngine();
    expect(() => configureEngine(options)).toThrow(message);
    expect(describeEngine()).toEqual(before);
  });
});

describe('the environment', () => {
  const read = (variables: Record<string, string>) => {
    const kept = { ...process.env };
    Object.assign(process.env, variables);
    try {
      return defaultConfiguration();
    } finally {
      for (const name of Object.keys(variables)) {
        if (kept[name] === undefined) delete process.env[name];
        else process.env[name] = kept[name];
      }
    }
  };

  test('gives the defaults', () => {
    const variables = { CHAINRULE_THREADS: '5', CHAINRULE_BLAS: 'openblas', CHAINRULE_RELAXED_SIMD: 'off' };
    expect(read(variables)).toEqual({ threads: 5, blas: 'openblas', relaxedSimd: 'off' });
    expect(read({ CHAINRULE_THREADS: 'auto' }).threads).toBe('auto');
  });

  test('is checked', () => {
    expect(() => read({ CHAINRULE_THREADS: 'many' })).toThrow(/CHAINRULE_THREADS.*threads is NaN/);
    expect(() => read({ CHAINRULE_RELAXED_SIMD: 'on' })).toThrow(/relaxedSimd is on/);
  });
});
