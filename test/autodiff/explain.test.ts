/** explainGradient says of every target what gradients would do, and why. */
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { explainGradient } from '../../src/autodiff/explain.ts';
import type { GradientExplanation } from '../../src/autodiff/explanation.ts';
import {
  add,
  apply,
  argmax,
  cast,
  DisconnectedError,
  disconnected,
  equal,
  floor,
  type Gradient,
  gather,
  gradients,
  greater,
  jvp,
  leaf,
  maxWithIndex,
  mul,
  type Operation,
  oneHot,
  parameter,
  relu,
  sign,
  sin,
  square,
  stopGradient,
  sum,
  UndefinedGradientError,
  undefinedGradient,
  type Variable,
  valueOf,
  where,
  zero,
} from '../examples/support.ts';

const float = (x: Variable): Variable => cast(x, 'float64');
const operationsOf = ({ path }: GradientExplanation): string[] =>
  path.map(({ application }) => application.operation.name);
const cutsOf = ({ cuts }: GradientExplanation): string[] =>
  cuts.map(({ application, operand, word }) => `${application.operation.name} ${operand} ${word}`);

function answering(name: string, answer: (g: Variable) => Gradient): (x: Variable) => Variable {
  const operation: Operation<Record<string, never>> = {
    name,
    infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
    bprop: ({ g }) => answer(g),
    computation: { kind: 'view', view: (view) => view },
  };
  return (x) => apply(operation, [x], {});
}

describe('defined', () => {
  const x = leaf([1, -2]);
  const w = leaf([3, 4]);

  test('comes with a shortest path that carries the derivative', () => {
    const z = sum(add(mul(sin(sin(x)), w), x));
    const found = explainGradient(z, x);
    expect(found.status).toBe('defined');
    expect(operationsOf(found)).toEqual(['add', 'sum']);
    expect(found.path.map(({ operand }) => operand)).toEqual([1, 0]);
    expect(found.path.at(-1)?.output).toBe(z);
    expect(found.cuts).toEqual([]);
    expect(found.reason).toBe('2 operations from it to z carry the derivative');
  });

  test('names the dead paths beside it', () => {
    const z = sum(where(greater(x, 0), x, 0));
    const found = explainGradient(z, x);
    expect(found.status).toBe('defined');
    expect(operationsOf(found)).toEqual(['where', 'sum']);
    expect(cutsOf(found)).toEqual(['where 0 zero']);
  });

  test('does not go by a shorter path that is dead', () => {
    const z = sum(add(stopGradient(x), sin(square(x))));
    const found = explainGradient(z, x);
    expect(operationsOf(found)).toEqual(['square', 'sin', 'add', 'sum']);
    expect(cutsOf(found)).toEqual(['stopGradient 0 zero']);
  });

  test('is z with respect to itself, and to what lies on the way', () => {
    const middle = sin(x);
    const z = sum(middle);
    expect(explainGradient(z, z)).toMatchObject({ status: 'defined', path: [], reason: 'it is z itself' });
    expect(operationsOf(explainGradient(z, middle))).toEqual(['sum']);
  });
});

describe('zero', () => {
  const x = leaf([1.5, -2]);

  test('names the operation that makes it so, and the path through it', () => {
    const found = explainGradient(sum(square(floor(mul(x, 3)))), x);
    expect(found.status).toBe('zero');
    expect(operationsOf(found)).toEqual(['mul', 'floor', 'square', 'sum']);
    expect(found.path.map(({ word }) => word)).toEqual([undefined, 'zero', undefined, undefined]);
    expect(found.reason).toMatch(/^floor at explain\.test\.ts:\d+ counts as constant in its operand$/);
  });

  test('names all of them where several paths are dead', () => {
    const z = sum(add(sign(x), where(greater(x, 0), 1, stopGradient(x))));
    expect(cutsOf(explainGradient(z, x)).sort()).toEqual([
      'sign 0 zero',
      'stopGradient 0 zero',
      'where 0 zero',
    ]);
  });

  test('names the one nearest to z where a path is dead twice', () => {
    const found = explainGradient(sum(sign(floor(x))), x);
    expect(cutsOf(found)).toEqual(['sign 0 zero']);
    expect(operationsOf(found)).toEqual(['floor', 'sign', 'sum']);
  });

  test('says that a condition and a truth value are not numbers', () => {
    const condition = explainGradient(sum(where(greater(x, 0), 1, 2)), x);
    expect(condition.reason).toMatch(/^where at .* counts as constant in its operand 0 \(bool\)$/);
    const truth = explainGradient(sum(float(greater(x, 0))), x);
    expect(truth.status).toBe('zero');
    expect(truth.reason).toMatch(
      /^greater at .* counts as constant in its operand 0 \(its result is bool\)$/,
    );
    expect(explainGradient(sum(float(cast(x, 'int32'))), x).reason).toMatch(
      /^cast at .*\(its result is int32\)$/,
    );
  });

  test('beside disconnected is zero, and both cuts are named', () => {
    const cut = answering('cut', () => disconnected);
    const found = explainGradient(sum(add(cut(x), floor(x))), x);
    expect(found.status).toBe('zero');
    expect(found.reason).toMatch(/^floor/);
    expect(cutsOf(found).sort()).toEqual(['cut 0 disconnected', 'floor 0 zero']);
  });
});

describe('disconnected', () => {
  const x = leaf([1, 2]);
  const table = leaf([3, 4, 5]);

  test('is a target from which nothing leads to z', () => {
    expect(explainGradient(sum(table), x)).toMatchObject({
      status: 'disconnected',
      reason: 'no operation leads from it to z',
      path: [],
      cuts: [],
    });
  });

  test('is a target that is computed from z', () => {
    const z = sum(x);
    expect(explainGradient(z, square(z)).reason).toBe('the target is computed from z, not z from it');
  });

  test('is what only chooses, by an index', () => {
    const found = explainGradient(sum(gather(table, cast(x, 'int32'))), x);
    expect(found.status).toBe('disconnected');
    expect(operationsOf(found)).toEqual(['cast', 'gather', 'sum']);
    expect(found.path[1].word).toBe('disconnected');
    expect(found.reason).toMatch(
      /^gather at .* does not depend on its operand 1 \(int32\) in any differentiable way$/,
    );
  });
});

describe('undefined', () => {
  const x = leaf([1, 3, 2]);

  test('names the operation and its reason', () => {
    const found = explainGradient(mul(float(argmax(sin(x))), 2), x);
    expect(found.status).toBe('undefined');
    expect(found.reason).toBe(
      'the second output of maxWithIndex is an index: it jumps from one integer to another and has no derivative',
    );
    expect(operationsOf(found)).toEqual(['sin', 'maxWithIndex', 'cast', 'mul']);
    expect(found.path[1]).toMatchObject({ operand: 0, word: 'undefined' });
    expect(found.path[1].output.dtype).toBe('int32');
  });

  test('comes before whatever else there is', () => {
    const rough = answering('rough', () => undefinedGradient('it is rough'));
    const found = explainGradient(sum(add(add(x, floor(x)), rough(square(x)))), x);
    expect(found).toMatchObject({ status: 'undefined', reason: 'it is rough' });
    expect(operationsOf(found)).toEqual(['square', 'rough', 'add', 'sum']);
    expect(cutsOf(found)).toEqual(['floor 0 zero']);
  });

  test('is what an integer has, at either end', () => {
    const n = parameter([1, 2, 3], { dtype: 'int32', name: 'n' });
    const whole = explainGradient(sum(mul(n, 0.5)), n);
    expect(whole).toMatchObject({
      status: 'undefined',
      reason: 'the target is int32, which has no tangent space',
    });
    expect(operationsOf(whole)).toEqual(['cast', 'mul', 'sum']);
    expect(explainGradient(argmax(x), x)).toMatchObject({
      status: 'undefined',
      reason: 'z is int32, which has no tangent space',
    });
  });
});

describe('agrees with what derivatives do', () => {
  const x = leaf([1, 3, 2]);
  const table = leaf([4, 5, 6]);
  const cut = answering('cut', () => disconnected);
  const rough = answering('rough', () => undefinedGradient('it is rough'));
  const dead = answering('dead', () => zero);
  const functions: [string, (v: Variable) => Variable, GradientExplanation['status']][] = [
    ['square', square, 'defined'],
    ['relu of floor', (v) => relu(floor(v)), 'zero'],
    ['x times floor', (v) => mul(v, floor(v)), 'defined'],
    ['a comparison as a factor', (v) => mul(v, float(greater(v, 2))), 'defined'],
    ['an index', (v) => float(argmax(v)), 'undefined'],
    ['an index and more', (v) => add(float(add(argmax(v), 1)), v), 'undefined'],
    ['an index that selects', (v) => gather(v, argmax(v)), 'defined'],
    ['an index into another', (v) => gather(table, argmax(v)), 'disconnected'],
    ['a label', (v) => sum(mul(table, oneHot(argmax(v), 3, 'float64'))), 'zero'],
    ['an index compared', (v) => float(equal(argmax(v), 1)), 'zero'],
    [
      'a value and its index, held',
      (v) => add(maxWithIndex(v)[0], stopGradient(float(maxWithIndex(v)[1]))),
      'defined',
    ],
    ['an index of what is held', (v) => add(v, float(argmax(stopGradient(v)))), 'defined'],
    ['an index of what is constant in pieces', (v) => float(argmax(floor(v))), 'zero'],
    ['nothing', () => table, 'disconnected'],
    ['a cut', cut, 'disconnected'],
    ['a cut of floor', (v) => cut(floor(v)), 'disconnected'],
    ['floor of a cut', (v) => floor(cut(v)), 'zero'],
    ['rough', rough, 'undefined'],
    ['rough behind floor', (v) => rough(floor(v)), 'zero'],
    ['floor of rough', (v) => floor(rough(v)), 'zero'],
    ['rough twice', (v) => rough(rough(v)), 'undefined'],
    ['rough beside dead', (v) => add(dead(v), rough(v)), 'undefined'],
    ['integers', (v) => float(mul(cast(v, 'int32'), 2)), 'zero'],
  ];

  test.each(functions)('on %s', (_, f, status) => {
    const z = sum(f(x));
    const found = explainGradient(z, x);
    expect(found.status).toBe(status);
    const reverse = (): unknown => valueOf(gradients(z, [x])[0]);
    if (status === 'undefined') {
      expect(reverse).toThrow(UndefinedGradientError);
      expect(reverse).toThrow(found.reason);
    } else if (status === 'disconnected') expect(reverse).toThrow(DisconnectedError);
    else if (status === 'zero') expect(reverse()).toEqual([0, 0, 0]);
    else expect((reverse() as number[]).some((each) => each !== 0)).toBe(true);

    const forward = (): unknown => valueOf(jvp(f, [x], [x])[1]);
    if (status === 'undefined') expect(forward).toThrow(UndefinedGradientError);
    else if (status === 'defined') expect(flat(forward()).some((each) => each !== 0)).toBe(true);
    else expect(flat(forward()).every((each) => each === 0)).toBe(true);
  });

  const flat = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);

  test.each(functions)('with a path that leads from target to z, on %s', (_, f) => {
    const z = sum(f(x));
    const { path } = explainGradient(z, x);
    let here: Variable = x;
    for (const { application, operand, output } of path) {
      expect(application.inputs[operand]).toBe(here);
      expect(application.outputs).toContain(output);
      here = output;
    }
    if (path.length > 0) expect(here).toBe(z);
  });
});

describe('as text', () => {
  test('gives the answer, the path and the other cuts, a line each', () => {
    const w = parameter([3, 4], { dtype: 'float64', name: 'w' });
    const z = sum(add(floor(mul(w, 2)), stopGradient(w)));
    const lines = String(explainGradient(z, w)).replaceAll(/explain\.test\.ts:\d+/g, 'LINE');
    expect(lines).toBe(
      [
        'sum float64[] with respect to parameter w float64[2]: zero, because stopGradient at LINE counts as constant in its operand',
        '  parameter w float64[2]',
        '  -> stopGradient float64[2] at LINE  (zero from here back)',
        '  -> add float64[2], operand 1 at LINE',
        '  -> sum float64[] at LINE',
        '  another path: zero, because floor at LINE counts as constant in its operand',
      ].join('\n'),
    );
  });

  test('is what the console shows', () => {
    const x = leaf([1]);
    const found = explainGradient(sum(square(x)), x);
    expect(inspect(found)).toBe(found.toString());
    expect(`${found}`).toContain(': defined, because');
  });

  test('leaves out the middle of a long path, and most of many cuts', () => {
    const x = leaf([1]);
    let y: Variable = x;
    for (let i = 0; i < 40; i++) y = add(sin(y), floor(y));
    const text = explainGradient(sum(y), x).toString();
    expect(text).toContain('  ... 69 operations ...');
    expect(text).toContain('and 34 more cuts');
    expect(text.split('\n').length).toBe(2 + 12 + 1 + 6 + 1);
  });
});

test('takes a list of targets, in one pass', () => {
  const [x, y, n] = [leaf([1]), leaf([2]), parameter([1], { dtype: 'int32' })];
  const z = sum(add(mul(x, floor(y)), n));
  expect(explainGradient(z, [x, y, n]).map(({ status }) => status)).toEqual(['defined', 'zero', 'undefined']);
});

describe('large graphs', () => {
  test('100,000 operations deep', () => {
    const x = leaf([0.5]);
    let y: Variable = x;
    for (let i = 0; i < 100_000; i++) y = sin(y);
    const found = explainGradient(y, x);
    expect([found.status, found.path.length]).toEqual(['defined', 100_000]);
    expect(found.toString().split('\n').length).toBe(15);

    let dead: Variable = floor(x);
    for (let i = 0; i < 20_000; i++) dead = sin(dead);
    const cut = explainGradient(dead, x);
    expect([cut.status, cut.path.length, cut.cuts.length]).toEqual(['zero', 20_001, 1]);
  });

  test('with 2^60 paths', () => {
    const x = leaf([0.5]);
    let y: Variable = x;
    for (let i = 0; i < 60; i++) y = add(sin(y), floor(y));
    const found = explainGradient(y, x);
    expect([found.status, found.path.length, found.cuts.length]).toEqual(['defined', 120, 60]);
  });
});
