/** `scan` at its edges: lengths, structures, dtypes, words instead of gradients, and errors. */
import { describe, expect, test } from 'vitest';
import {
  add,
  argmax,
  cast,
  DisconnectedError,
  DTypeError,
  equal,
  evaluate,
  full,
  gather,
  gradients,
  greater,
  input,
  jvp,
  mul,
  parameter,
  ShapeError,
  scan,
  square,
  stopGradient,
  sum,
  tanh,
  tensor,
  UndefinedGradientError,
  type Variable,
  vmap,
} from '../../src/index.ts';
import { BACKENDS, element, expectEqualGraphs, expectSame, f64, numbersOf } from './support.ts';

describe('lengths', () => {
  const run = (length: number, h: Variable, x: Variable) =>
    scan(
      (h: Variable, each: Variable) => {
        const next = tanh(add(h, each));
        return [next, mul(next, 2)];
      },
      h,
      x,
      { length },
    );

  test('0: the carry stays, the results are empty, gradients are those of no step', () => {
    const h = f64([1, 2]);
    const x = parameter(tensor(new Float64Array(0), { shape: [0, 2] }));
    const [last, ys] = run(0, h, x);
    expect(ys.type).toBe('float64[0, 2]');
    const J = add(sum(square(last)), sum(ys));
    const found = gradients(J, [h, x]);
    for (const backend of BACKENDS) {
      expectSame(numbersOf([last, ys, J], backend), [[1, 2], [], [5]]);
      expectSame(numbersOf(found, backend), [[2, 4], []]);
      expectSame(
        numbersOf(
          jvp((h: Variable) => run(0, h, x)[0], [h], [f64([3, 4])]),
          backend,
        ),
        [
          [1, 2],
          [3, 4],
        ],
      );
    }
    const many = vmap((h: Variable) => run(0, h, x))(
      f64([
        [1, 2],
        [3, 4],
      ]),
    );
    expect(many[1].type).toBe('float64[2, 0, 2]');
    expectSame(numbersOf([many[0]]), [[1, 2, 3, 4]]);
  });

  test('1: one step', () => {
    const [h, x] = [f64([0.1, 0.2]), f64([[0.3, 0.4]])];
    const [last, ys] = run(1, h, x);
    const plain = tanh(add(h, element(x, 0)));
    const J = add(sum(last), sum(ys));
    const expected = mul(3, sum(plain));
    expectEqualGraphs([last, J, ...gradients(J, [h, x])], [plain, expected, ...gradients(expected, [h, x])]);
  });
});

describe('structures', () => {
  test('of any kind go in and come out', () => {
    const [last, ys] = scan(
      ([a, { b }]: [Variable, { b: Variable }], { u, v }: { u: Variable; v: [Variable] }) => [
        [add(a, u), { b: mul(b, v[0]) }] as [Variable, { b: Variable }],
        { sum: add(a, b), list: [u] },
      ],
      [f64(1), { b: f64(2) }],
      { u: f64([1, 2, 3]), v: [f64([1, -1, 2])] },
    );
    expectSame(numbersOf([last[0], last[1].b, ys.sum, ys.list[0]]), [[7], [-4], [3, 4, 2], [1, 2, 3]]);
  });

  test('without leaves: no carry, or nothing but a length', () => {
    const [, squares] = scan((_: null, x: Variable) => [null, square(x)], null, f64([1, 2, 3]));
    const [, ones] = scan(() => [null, full([2], 1, 'float64')], null, null, { length: 2 });
    expectSame(numbersOf([squares, ones]), [
      [1, 4, 9],
      [1, 1, 1, 1],
    ]);
  });

  test('of plain numbers and tensors are accepted where Variables are', () => {
    const [last] = scan((h: Variable, x: Variable) => [add(h, x), null], 0, [1, 2, 3]);
    expect(last.type).toBe('float32[]');
    expect(evaluate(last).item()).toBe(6);
  });
});

describe('dtypes', () => {
  test('a plain number takes the one that the function gives it', () => {
    const x = f64([0.1, 0.2]);
    const [total] = scan((h: Variable, each: Variable) => [add(h, each), null], 0, x);
    expect(total.type).toBe('float64[]');
    expectSame(numbersOf([total]), [[0.1 + 0.2]]);
    const [best] = scan((_: Variable, each: Variable) => [argmax(each, 0), null], 0, f64([[1, 2]]));
    expect(best.type).toBe('int32[]');
  });

  test('integers and booleans go round, and are stacked', () => {
    const [count, ys] = scan(
      ({ n, odd }: { n: Variable; odd: Variable }) => [
        { n: add(n, 3), odd: equal(odd, false) },
        [n, odd] as const,
      ],
      { n: tensor(1, { dtype: 'int32' }), odd: tensor(true) },
      null,
      { length: 4, reverse: true },
    );
    for (const backend of BACKENDS)
      expectSame(numbersOf([count.n, count.odd, ys[0], ys[1]], backend), [
        [13],
        [1],
        [10, 7, 4, 1],
        [0, 1, 0, 1],
      ]);
  });
});

describe('where there is no gradient', () => {
  const x = f64([
    [1, 5, 2],
    [7, 3, 4],
  ]);

  test('an index says why, however many rounds it has gone round', () => {
    const table = f64([0.5, 1.5, 2.5, 3.5, 4.5, 5.5]);
    const last = (x: Variable) =>
      scan(
        ({ at, total }: { at: Variable; total: Variable }, each: Variable) => [
          { at: argmax(each, 0), total: add(total, mul(cast(at, 'float64'), gather(table, at))) },
          null,
        ],
        { at: tensor(0, { dtype: 'int32' }), total: 0 },
        x,
      )[0];
    const { total } = last(x);
    expect(() => gradients(total, [x])).toThrow(UndefinedGradientError);
    expect(() => jvp((x: Variable) => last(x).total, [x], [x])).toThrow(UndefinedGradientError);
    expectSame(numbersOf(gradients(total, [table])), [[0, 1, 0, 0, 0, 0]]);
  });

  test('what is held constant, compared or left out is zero or disconnected', () => {
    const w = f64(2);
    const b = f64(3);
    const [last] = scan(
      (h: Variable, each: Variable) => [
        add(mul(h, w), add(mul(stopGradient(b), 2), cast(greater(sum(each), 9), 'float64'))),
        null,
      ],
      1,
      x,
    );
    const zeros = gradients(last, [b, x], { disconnected: 'zero' });
    expectSame(numbersOf(zeros), [[0], [0, 0, 0, 0, 0, 0]]);
    const unused = f64(1);
    expect(() => gradients(last, [unused])).toThrow(DisconnectedError);
    const [, apart] = scan(
      ({ a, b }: { a: Variable; b: Variable }) => [{ a: mul(a, 2), b: mul(b, 3) }, b],
      { a: w, b },
      null,
      { length: 2 },
    );
    expect(() => gradients(sum(apart), [w])).toThrow(DisconnectedError);
    expectSame(numbersOf(gradients(sum(apart), [b])), [[4]]);
  });

  test('counting rounds beside the values does not disturb', () => {
    const h = f64(0.5);
    const [{ h: last }] = scan(
      ({ h, t }: { h: Variable; t: Variable }) => [{ h: mul(h, cast(t, 'float64')), t: add(t, 1) }, null],
      { h, t: tensor(1, { dtype: 'int32' }) },
      null,
      { length: 5 },
    );
    for (const backend of BACKENDS)
      expectSame(numbersOf([last, ...gradients(last, [h])], backend), [[60], [120]]);
    expectSame(numbersOf([jvp((h: Variable) => mul(last, h), [h], [f64(1)])[1]]), [[60]]);
  });
});

describe('errors', () => {
  const h = input([3], { name: 'h' });
  const step =
    (
      f: (h: Variable, x: Variable) => unknown,
      init: any = h,
      xs: any = null,
      options: object = { length: 2 },
    ) =>
    () =>
      scan(f as never, init, xs, options);

  test.each([
    [step((h) => [{ h }, null]), ShapeError, 'starts with carry and has carry.h after a step'],
    [
      step((h) => [cast(h, 'float64'), null]),
      DTypeError,
      'carry is float32[3] at the start and float64[3] after a step',
    ],
    [
      step(({ a }: any) => [{ a: sum(a) }, null], { a: h }),
      ShapeError,
      'carry.a is float32[3] at the start and float32[] after a step',
    ],
    [
      step((h) => [add(h, full([3], 1)), null], 0),
      ShapeError,
      'carry is float32[] at the start and float32[3]',
    ],
    [step((h) => h), DTypeError, 'must return [carry, y]'],
    [step((h) => [h, null], h, null, {}), ShapeError, 'give { length }'],
    [step((h) => [h, null], h, null, { length: 1.5 }), ShapeError, 'a length of 1.5'],
    [step((h) => [h, null], h, f64(1), {}), ShapeError, 'xs is a scalar'],
    [
      step((h) => [h, null], h, { a: f64([1, 2]), b: f64([1, 2, 3]) }, {}),
      ShapeError,
      'xs.b of shape [3] has 3 elements along axis 0, but there are 2 rounds (the extent of xs.a)',
    ],
    [step((h) => [h, null], h, f64([1, 2, 3]), { length: 2 }), ShapeError, '(the length given)'],
    [step((h) => [h, null], h, f64([1, 2]), { segment: 0 }), ShapeError, 'a segment of 0 rounds'],
  ] as const)('%#: name the leaf, both types and the line', (run, kind, message) => {
    expect(run).toThrow(kind);
    expect(run).toThrow(message);
    expect(run).toThrow(/ at scanEdges\.test\.ts:\d+$/);
  });

  test('that only the numbers show name the line, inside a loop too', () => {
    const table = f64([1, 2]);
    const [last] = scan(
      (h: Variable, i: Variable) => [add(h, gather(table, i)), null],
      0,
      tensor([0, 5], { dtype: 'int32' }),
    );
    for (const backend of BACKENDS) {
      expect(() => numbersOf([last], backend)).toThrow(/gather.* at scanEdges\.test\.ts:\d+$/);
    }
  });
});
