/** reportKinks finds the points at which a derivative holds by convention only, and no others. */
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type KinkReport, reportKinks } from '../../src/check/kinks.ts';
import {
  abs,
  add,
  apply,
  ChainruleError,
  constant,
  div,
  equal,
  floor,
  full,
  gradients,
  greater,
  input,
  leaf,
  max,
  maximum,
  mul,
  norm,
  type Operation,
  parameter,
  relu,
  sin,
  sqrt,
  square,
  stopGradient,
  sub,
  sum,
  tensor,
  type Variable,
  where,
} from '../examples/support.ts';

const found = ({ kinks }: KinkReport): string[] =>
  kinks.map(({ operation, count, of }) => `${operation} ${count}/${of}`);

describe('what is found', () => {
  const x = leaf([
    [0, 2, -3],
    [1, 0, 0],
  ]);

  test('has a count, a total, the first place, a line and a convention', () => {
    const { kinks } = reportKinks(relu(x));
    expect(kinks).toHaveLength(1);
    expect(kinks[0]).toMatchObject({
      operation: 'relu',
      point: 'corner at 0',
      convention: '0',
      count: 3,
      of: 6,
      example: [0, 0],
    });
    expect(kinks[0].line).toMatch(/^kinks\.test\.ts:\d+$/);
    expect(reportKinks(relu(sub(1, x))).kinks[0].example).toEqual([1, 0]);
    expect(reportKinks(abs(leaf(0))).kinks[0]).toMatchObject({ count: 1, of: 1, example: [] });
  });

  test('is listed in the order of computation, every application on its own', () => {
    const y = relu(x);
    expect(found(reportKinks(sum(maximum(abs(y), 1))))).toEqual(['relu 3/6', 'abs 4/6', 'maximum 1/6']);
    expect(found(reportKinks([relu(x), relu(add(x, 3))]))).toEqual(['relu 3/6', 'relu 1/6']);
  });

  test('is counted in the shape of what ties', () => {
    const rows = leaf([
      [1, 3, 3],
      [3, 2, 1],
    ]);
    const [kink] = reportKinks(max(rows, 1)).kinks;
    expect(kink).toMatchObject({ operation: 'max', count: 1, of: 2, example: [0, 0] });
    expect(found(reportKinks(max(rows)))).toEqual(['max 1/1']);
    expect(
      found(
        reportKinks(
          norm(
            leaf([
              [0, 0],
              [1, 0],
            ]),
            1,
          ),
        ),
      ),
    ).toEqual(['norm 1/2']);
  });

  test('depends on the numbers fed', () => {
    const v = input([2], { name: 'v' });
    const z = sqrt(v);
    expect(found(reportKinks(z, new Map([[v, [0, 1]]])))).toEqual(['sqrt 1/2']);
    expect(found(reportKinks(z, new Map([[v, [2, 1]]])))).toEqual([]);
  });

  test('is found in derivatives as well', () => {
    const w = leaf([0, 2]);
    const [slope] = gradients(sum(mul(w, abs(w))), [w]);
    expect(found(reportKinks(slope))).toEqual(['abs 1/2']);
  });
});

describe('what counts', () => {
  const x = leaf([0, 1]);

  test('is what lies between a leaf and z, with a derivative all the way', () => {
    expect(found(reportKinks(add(x, stopGradient(abs(x)))))).toEqual([]);
    expect(found(reportKinks(abs(stopGradient(x))))).toEqual([]);
    expect(found(reportKinks(where(greater(abs(x), 0), x, 1)))).toEqual([]);
    expect(found(reportKinks(sin(x)))).toEqual([]);
  });

  test('ends at an operation that is constant in pieces, whose jumps count', () => {
    expect(found(reportKinks(relu(floor(x))))).toEqual(['floor 2/2']);
    expect(found(reportKinks(floor(relu(x))))).toEqual(['floor 2/2']);
  });

  test('can be narrowed to what some targets lead to', () => {
    const y = leaf([0, 0]);
    const z = mul(abs(x), relu(y));
    expect(found(reportKinks(z))).toEqual(['abs 1/2', 'relu 2/2']);
    expect(found(reportKinks(z, undefined, { targets: [y] }))).toEqual(['relu 2/2']);
    const middle = sub(x, 1);
    expect(found(reportKinks(relu(add(abs(x), middle)), undefined, { targets: [middle] }))).toEqual([]);
  });

  test('does not begin at constants, unless they are named', () => {
    const c = constant(tensor([0, 1]));
    expect(found(reportKinks(mul(x, abs(c))))).toEqual([]);
    expect(found(reportKinks(abs(c), undefined, { targets: [c] }))).toEqual(['abs 1/2']);
    expect(() => reportKinks(abs(c))).toThrow(ChainruleError);
    expect(() => reportKinks(abs(c))).toThrow(
      'reportKinks: abs float32[2] depends on no parameter and no input; pass { targets }',
    );
  });

  test('is told apart from what merely looks like it: a smooth operation that hits 0', () => {
    expect(reportKinks(square(x))).toMatchObject({ kinks: [], examined: 0 });
    expect(found(reportKinks(div(x, add(x, 1))))).toEqual([]);
  });
});

test('an operation of the user declares its own points', () => {
  const operation: Operation<Record<string, never>> = {
    name: 'tent',
    infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
    bprop: ({ inputs: [x], g }) => where(greater(x, 0), g, mul(-1, g)),
    kinks: ({ inputs: [x], outputs: [y] }) => [
      { where: equal(x, 0), point: 'ridge', convention: '-1' },
      { where: greater(y, 10), point: 'height', convention: 'as below' },
    ],
    computation: { kind: 'composition', expand: ([x]) => abs(x) },
  };
  const tent = (x: Variable): Variable => apply(operation, [x], {});
  expect(reportKinks(tent(leaf([0, 20, -30]))).kinks).toMatchObject([
    { operation: 'tent', point: 'ridge', count: 1, example: [0] },
    { operation: 'tent', point: 'height', count: 2, example: [1] },
  ]);
});

describe('as text', () => {
  test('is a table', () => {
    const x = parameter([0, 2, 0], { name: 'x' });
    const text = String(reportKinks(sum(relu(mul(x, 2))))).replaceAll(
      /kinks\.test\.ts:\d+/g,
      'kinks.test.ts:7',
    );
    expect(text.replaceAll(/ {2,}/g, ' | ').split('\n')).toEqual([
      'operation | line | point | derivative taken | elements | first',
      'relu | kinks.test.ts:7 | corner at 0 | 0 | 2 of 3 | [0]',
      '(1 operation with such points examined)',
    ]);
  });

  test('says so where nothing is found, and is what the console shows', () => {
    const report = reportKinks([relu(leaf([1])), abs(leaf([2]))]);
    expect(inspect(report)).toBe(
      'no element stands at a point without a derivative (2 operations with such points examined)',
    );
  });
});

test('takes nothing, and tensors without elements', () => {
  expect(reportKinks(relu(leaf([])))).toMatchObject({ kinks: [], examined: 0 });
  expect(reportKinks(sum(relu(full([0, 3], 0))), undefined, { targets: [] }).kinks).toEqual([]);
});

test('goes through graphs thousands of operations deep', () => {
  let y: Variable = leaf([1, 0]);
  for (let i = 0; i < 3000; i++) y = sin(y);
  expect(found(reportKinks(relu(y)))).toEqual(['relu 1/2']);
});
