/** `checkOperation`: an operation whose declaration is right passes; each kind of error is found, under its name. */
import { describe, expect, test } from 'vitest';
import {
  apply,
  applyOperation,
  type Block,
  type Operation,
  type TensorLike,
  toVariable,
  undefinedGradient,
  type Variable,
  zero,
} from '../../src/graph/index.ts';
import { checkOperation, NumericalError } from '../../src/index.ts';
import { add } from '../../src/operations/arithmetic.ts';
import { sum } from '../../src/operations/broadcasting.ts';
import { cast } from '../../src/operations/conversion.ts';
import { type Declaration, declare, real, whole } from '../../src/operations/declare.ts';
import { mul, unary } from '../../src/operations/elementwise.ts';
import { stopGradient } from '../../src/operations/identity.ts';
import { registry } from '../../src/operations/index.ts';
import { flip } from '../../src/operations/slicing.ts';

type Declared = { readonly declaration: Declaration };

/** The properties that fail. */
function failures(declared: Declared): string[] {
  const { properties } = checkOperation(declared, { throw: false });
  return Object.entries(properties).flatMap(([name, { verdict }]) => (verdict === 'failed' ? [name] : []));
}

type Axis = { axis: number };

/** Running sums along an axis, with some of its rules replaced. */
function runningSums(rules: Partial<Operation<Axis>>, more: Partial<Declaration> = {}): Declared {
  const operation: Operation<Axis> = {
    name: 'runningSums',
    infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
    bprop: ({ g, attributes: { axis } }) => flip(call(flip(g, axis), axis), axis),
    linear: true,
    batch: ({ operation: own, inputs, attributes: { axis } }) =>
      applyOperation(own, inputs, { axis: axis + 1 }),
    computation: {
      kind: 'routine',
      run([x], [y], { axis }) {
        const stride = x.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
        const extent = x.shape[axis];
        for (let i = 0; i < x.data.length; i++) {
          const first = Math.floor(i / stride) % extent === 0;
          y.data[i] = x.data[i] + (first ? 0 : y.data[i - stride]);
        }
      },
    },
    ...rules,
  };
  const call = (x: TensorLike, axis: number): Variable => apply(operation, [toVariable(x)], { axis });
  return declare(call)({
    name: 'runningSums',
    doc: 'y_i = sum of x_j over j <= i.',
    dtypes: 'float',
    operation,
    samples: [
      { inputs: [{ shape: [4], domain: real(-2, 2) }], call: (x) => call(x, 0) },
      { inputs: [{ shape: [2, 3, 2], domain: real(-2, 2) }], call: (x) => call(x, 1) },
    ],
    ...more,
  });
}

describe('an operation that is right', () => {
  test('has every property that applies, and says why the others do not', () => {
    const report = checkOperation(runningSums({}));
    expect(report).toMatchObject({ name: 'runningSums', ok: true });
    const verdicts = Object.fromEntries(
      Object.entries(report.properties).map(([name, { verdict }]) => [name, verdict]),
    );
    const applicable = ['samples', 'types', 'reverse', 'forward', 'transpose', 'second', 'mixed', 'batching'];
    for (const name of [...applicable, 'wasm float32', 'wasm float64'])
      expect(verdicts[name], name).toBe('ok');
    for (const name of ['integers', 'refusal', 'absence', 'wasm special values float32']) {
      expect(report.properties[name].verdict, name).toBe('not applicable');
      expect(report.properties[name].because, name).not.toBe('');
    }
    expect(report.properties.batching.detail).toBe('rule');
    expect(report.properties.reverse.error).toBeLessThan(1e-10);
  });

  test('reads well', () => {
    const lines = checkOperation(runningSums({})).toString().split('\n');
    expect(lines[0]).toBe('checkOperation: runningSums');
    expect(lines).toContain('  ok     gives for a batch what it gives for each example: rule');
    expect(lines).toContain(
      '  -      computes with integers as with whole floats: not applicable, because it computes on float',
    );
    expect(lines.join('\n')).toMatch(/ok {5}reverse mode against differences: largest relative error \S+/);
  });

  test('may leave jvp and batch out: they are derived, and the report says what that costs', () => {
    const plain = checkOperation(runningSums({ linear: undefined, batch: undefined }));
    expect(plain.ok).toBe(true);
    expect(plain.properties.batching.detail).toBe('one example after the other: it has no batching rule');
  });

  test('may be of the library, elementwise, composed, not differentiable, without inputs', () => {
    for (const name of ['tanh', 'maxWithIndex', 'einsum', 'gather', 'argmax', 'iota', 'greater'] as const) {
      expect(checkOperation(registry[name] as unknown as Declared).ok, name).toBe(true);
    }
  });

  test('may be given samples of its own, and backends', () => {
    const square = unary('square', { ...squared, partials: [({ x }) => mul(2, x)] });
    const samples = [{ inputs: [{ shape: [5], domain: real(100, 200) }], call: (x: Variable) => square(x) }];
    const report = checkOperation(square, { samples, backends: [] });
    expect(report.ok).toBe(true);
    expect(Object.keys(report.properties).filter((name) => name.startsWith('wasm'))).toEqual([]);
  });
});

const squared = {
  doc: 'y = x^2.',
  formula: (k: any, x: any) => k.mul(x, x),
  samples: real(1, 2),
};

describe('what is wrong is found', () => {
  test('and thrown, as a report', () => {
    const wrong = unary('wrong', { ...squared, partials: [({ x }) => x] });
    expect(() => checkOperation(wrong)).toThrow(NumericalError);
    expect(() => checkOperation(wrong)).toThrow(
      /FAILED reverse mode against differences: sample 0 of \[3, 4\]: expected \S+, found \S+ at input 0\[\d, \d\]/,
    );
    expect(() => checkOperation(wrong)).toThrow(/\n {2}checked at operation\.test\.ts:\d+$/);
  });

  test('a partial without its factor', () => {
    const wrong = unary('wrong', { ...squared, partials: [({ x }) => x] });
    expect(failures(wrong)).toEqual(['reverse', 'forward']);
  });

  test('a partial that is right in value and cannot be differentiated', () => {
    const wrong = unary('wrong', { ...squared, partials: [({ x }) => mul(2, stopGradient(x))] });
    expect(failures(wrong)).toEqual(['second']);
  });

  test('a Hessian that is not symmetric: not the gradient of anything', () => {
    const [sample] = unary('plain', { ...squared, partials: [({ x }) => x] }).declaration.samples;
    const skew = unary('skew', { ...squared, partials: [({ x }) => mul(x, sum(mul(x, [1, 2, 3])))] });
    const samples = [
      { ...sample, inputs: [{ shape: [3], domain: real(1, 2) }], call: (x: Variable) => skew(x) },
    ];
    const { properties } = checkOperation(skew, { samples, throw: false });
    for (const name of ['reverse', 'second', 'mixed']) expect(properties[name].verdict, name).toBe('failed');
  });

  test('a forward rule that is not the transpose of the backward one', () => {
    const twice = runningSums({ linear: undefined, jvp: ({ tangents: [t] }) => [add(t!, t!)] });
    expect(failures(twice)).toEqual(['forward', 'transpose']);
  });

  test('a forward rule of another dtype', () => {
    const rough = runningSums({
      linear: undefined,
      jvp: ({ outputs: [y], tangents: [t] }) => [
        cast(mul(t!, 1), y.dtype === 'float64' ? 'float32' : 'float64'),
      ],
    });
    const { properties } = checkOperation(rough, { throw: false });
    expect(properties.types.because).toMatch(
      /^runningSums: its jvp gives float64\[4\] for an output of type float32\[4\]/,
    );
  });

  test('an operation that calls itself linear and is not', () => {
    const wrong = unary('wrong', { ...squared, partials: [({ x }) => mul(2, x)] });
    const operation = { ...wrong.declaration.operation!, linear: true as const };
    const call = (x: TensorLike): Variable => apply(operation, [toVariable(x)], {});
    const samples = wrong.declaration.samples.map((sample) => ({ ...sample, call }));
    expect(failures({ declaration: { ...wrong.declaration, operation, samples } })).toEqual([
      'forward',
      'transpose',
    ]);
  });

  test('a batching rule that forgets to move the axis', () => {
    const wrong = runningSums({
      batch: ({ operation, inputs, attributes }) => applyOperation(operation, inputs, attributes),
    });
    const { properties } = checkOperation(wrong, { throw: false });
    expect(properties.batching.because).toMatch(
      /^sample 0 of \[4\] with input 0 mapped, output 0 is \S+ at element 1 of example 0, but \S+ for that example alone$/,
    );
    expect(failures(wrong)).toEqual(['batching']);
  });

  test('a batching rule that puts the batch axis elsewhere', () => {
    const wrong = runningSums({
      batch: ({ inputs }) => [sum(inputs[0], 0, { keepDims: true })],
    });
    const { properties } = checkOperation(wrong, { throw: false });
    expect(properties.batching.because).toMatch(
      /^runningSums: its batching rule gives float64\[1, 4\] for 3 times float64\[4\]; it must put the batch axis in front/,
    );
  });

  test('types that are not those inferred', () => {
    const wrong = runningSums({
      infer: ([x]) => [{ shape: x.shape, dtype: x.dtype === 'float64' ? 'float32' : x.dtype }],
    });
    expect(failures(wrong)).toContain('types');
  });

  test('integers that are not computed as floats are', () => {
    const halved = runningSums(
      {
        computation: {
          kind: 'routine',
          run([x]: readonly Block[], [y]: readonly Block[]) {
            for (let i = 0; i < x.data.length; i++) y.data[i] = x.data[i] / 2;
          },
        },
        bprop: ({ g }) => mul(0.5, g),
      },
      { dtypes: 'number' },
    );
    expect(failures(halved)).toEqual(['integers']);
  });

  test('a missing derivative that is said to be there, and the other way round', () => {
    expect(failures(runningSums({ bprop: () => zero, linear: undefined }))).toEqual(['reverse', 'forward']);
    const claims = { notDifferentiable: 'nobody has worked it out' };
    expect(failures(runningSums({}, claims))).toEqual(['absence']);
    const unknown = undefinedGradient('nobody has worked it out');
    expect(failures(runningSums({ bprop: () => unknown, linear: undefined }, claims))).toEqual([]);
    // Reverse mode refuses, forward mode answers.
    expect(failures(runningSums({ bprop: () => unknown }, claims))).toEqual(['absence']);
  });

  test('samples that meet a corner', () => {
    const corner = unary('corner', {
      doc: 'y = |x|.',
      formula: (k, x) => k.abs(x),
      routes: [({ g }) => mul(0, g)],
      samples: real(0, 0),
    });
    const { properties } = checkOperation(corner, { throw: false });
    expect(properties.reverse.because).toMatch(
      /^sample 0 of \[3, 4\]: the sample meets a kink, which its domain should avoid: corner/,
    );
  });

  test('a declaration without samples', () => {
    const { properties } = checkOperation(runningSums({}, { samples: [] }), { throw: false });
    expect(properties.samples).toMatchObject({ verdict: 'failed' });
    expect(properties.reverse).toMatchObject({ verdict: 'failed', because: 'no sample has a float input' });
  });

  test('an operation that refuses the integers it is declared for is no failure, and says so', () => {
    const strict = declare((x: TensorLike): Variable => registry.gather(x, toVariable(x)))({
      name: 'strict',
      doc: 'Takes x at x.',
      dtypes: 'any',
      samples: [
        { inputs: [{ shape: [3], domain: whole(0, 2) }], call: (x) => registry.gather(x, cast(x, 'bool')) },
      ],
    });
    const { properties } = checkOperation(strict, { throw: false });
    expect(properties.integers).toMatchObject({
      verdict: 'not applicable',
      because: expect.stringMatching(/^it refuses integers: gather: indices are bool/),
    });
  });
});
