/** Vectorising maps: which axes are mapped, what f may capture and return, how transforms nest, what a batch costs. */
import { describe, expect, test } from 'vitest';
import { batchGraph } from '../../src/autodiff/vmap.ts';
import { runReference } from '../../src/backends/reference/run.ts';
import type { Operation } from '../../src/graph/index.ts';
import {
  add,
  ancestors,
  apply,
  argmax,
  cast,
  compile,
  constant,
  countApplications,
  crossEntropy,
  DTypeError,
  dot,
  evaluate,
  expandDims,
  expectClose,
  gather,
  grad,
  input,
  jvp,
  leaf,
  logSumExp,
  matmul,
  max,
  maxWithIndex,
  mul,
  NumericalError,
  oneHot,
  outer,
  pow,
  reshape,
  ShapeError,
  scatterAdd,
  sin,
  softmax,
  square,
  sub,
  sum,
  tanh,
  tensor,
  transpose,
  type Variable,
  valueOf,
  vjp,
  vmap,
  where,
  withSite,
} from '../examples/support.ts';

const float = (data: Parameters<typeof tensor>[0]): Variable => constant(tensor(data, { dtype: 'float64' }));
const whole = (data: Parameters<typeof tensor>[0]): Variable => constant(tensor(data, { dtype: 'int32' }));

const rows = float([
  [1, 2, 3],
  [4, 5, 6],
]);
const columns = transpose(rows);

describe('axes', () => {
  const norm2 = (x: Variable): Variable => sum(square(x));

  test('are 0 for all arguments by default', () => {
    expect(valueOf(vmap(norm2)(rows))).toEqual([14, 77]);
    expect(valueOf(vmap(dot)(rows, rows))).toEqual([14, 77]);
  });

  test('may be any, counted from the front or the end', () => {
    for (const inAxes of [1, -1, [1], [-1]])
      expect(valueOf(vmap(norm2, { inAxes })(columns))).toEqual([14, 77]);
    const cube = reshape(float(Array.from({ length: 24 }, (_, i) => i)), [2, 3, 4]);
    const expected = valueOf(vmap(norm2)(transpose(cube, [1, 0, 2])));
    expect(valueOf(vmap(norm2, { inAxes: 1 })(cube))).toEqual(expected);
    expect(valueOf(vmap(norm2, { inAxes: -2 })(cube))).toEqual(expected);
  });

  test('are null for what is the same for all', () => {
    const scaled = (x: Variable, s: Variable): Variable => mul(x, s);
    expect(valueOf(vmap(scaled, { inAxes: [0, null] })(rows, 2))).toEqual([
      [2, 4, 6],
      [8, 10, 12],
    ]);
    expect(valueOf(vmap(scaled, { inAxes: [null, 0] })(float([1, 10]), float([1, 2, 3])))).toEqual([
      [1, 10],
      [2, 20],
      [3, 30],
    ]);
  });

  test('may be told for each part of an argument', () => {
    type Layer = { w: Variable; b: Variable };
    const f = ({ w, b }: Layer, [x, y]: [Variable, Variable]): Variable => add(mul(dot(w, x), b), y);
    const layer = { w: float([1, 1, 1]), b: float([10, 100]) };
    const found = vmap(f, { inAxes: [{ w: null, b: 0 }, [-1, null]] })(layer, [columns, float(0.5)]);
    expect(valueOf(found)).toEqual([60.5, 1500.5]);
    const all = vmap(f, { inAxes: [null, [0, null]] })({ w: float([1, 1, 1]), b: float(1) }, [
      rows,
      float(0),
    ]);
    expect(valueOf(all)).toEqual([6, 15]);
  });

  test('of results are the first, unless told otherwise', () => {
    const f = (x: Variable): Variable => outer(x, float([1, 10]));
    expect(vmap(f)(rows).shape).toEqual([2, 3, 2]);
    expect(vmap(f, { outAxis: 1 })(rows).shape).toEqual([3, 2, 2]);
    expect(vmap(f, { outAxis: -1 })(rows).shape).toEqual([3, 2, 2]);
    expect(valueOf(vmap(f, { outAxis: -1 })(rows))).toEqual([
      [
        [1, 4],
        [10, 40],
      ],
      [
        [2, 5],
        [20, 50],
      ],
      [
        [3, 6],
        [30, 60],
      ],
    ]);
  });

  test('that do not fit are errors that say which argument is meant', () => {
    const f = (...xs: Variable[]): Variable => xs.reduce((a, b) => add(sum(a), sum(b)));
    const nested = ({ a }: { a: Variable[] }): Variable => sum(a[0]);
    expect(() => vmap(f)(rows, columns)).toThrow(ShapeError);
    expect(() => vmap(f)(rows, columns)).toThrow(
      /^vmap: the mapped axes differ in extent: 2, and 3 for argument 1 of shape \[3, 2\]; say which axis is mapped with inAxes/,
    );
    expect(() => vmap(f)(1)).toThrow(
      /^vmap: argument 0 is a scalar, with no axis to map; pass inAxes with null/,
    );
    expect(() => vmap(nested)({ a: [float(1)] })).toThrow(/^vmap: argument 0\.a\[0\] is a scalar/);
    expect(() => vmap(f, { inAxes: 2 })(rows)).toThrow(/^vmap: axis 2 is out of range for rank 2/);
    expect(() => vmap((x: Variable) => sum(x), { outAxis: 1 })(rows)).toThrow(
      /^vmap: axis 1 is out of range for rank 1/,
    );
    expect(() => vmap(f, { inAxes: null })(rows)).toThrow(/^vmap: no argument is mapped/);
    expect(() => vmap(f, { inAxes: [0, 0] })(rows)).toThrow(
      /^vmap: inAxes is \[0,0\] for 1 argument; give one axis for all, or a list with one entry for each argument/,
    );
    expect(() => vmap(nested, { inAxes: [{ b: 0 }] as never })({ a: [rows] })).toThrow(
      /^vmap: inAxes for argument 0 has the parts \[b\], but argument 0 has the parts \[a\]/,
    );
    expect(() => vmap(f, { inAxes: [[0]] })(rows)).toThrow(
      /^vmap: inAxes for argument 0 has the parts \[0\], but argument 0 is one tensor, \S+ float64\[2, 3\]/,
    );
  });
});

describe('f', () => {
  test('may return its arguments, what it captures, and nested objects of them', () => {
    const outside = float([7, 8]);
    const found = vmap((x: Variable) => ({ same: x, twice: [x, x], outside, sum: sum(x) }))(rows);
    expect(valueOf(found.same)).toEqual(valueOf(rows));
    expect(found.twice.map((each) => valueOf(each))).toEqual([valueOf(rows), valueOf(rows)]);
    expect(valueOf(found.outside)).toEqual([
      [7, 8],
      [7, 8],
    ]);
    expect(valueOf(found.sum)).toEqual([6, 15]);
  });

  test('may read one argument twice, and get one variable as two arguments', () => {
    expect(valueOf(vmap((x: Variable) => dot(x, x))(rows))).toEqual([14, 77]);
    const f = (a: Variable, b: Variable): Variable => outer(a, b);
    expect(valueOf(vmap(f, { inAxes: [0, 1] })(rows, columns))).toEqual(valueOf(vmap(f)(rows, rows)));
    expect(valueOf(vmap(f, { inAxes: [0, null] })(rows, float([1])))).toEqual(valueOf(expandDims(rows, -1)));
  });

  test('is not evaluated, but traced once', () => {
    let calls = 0;
    const f = vmap((x: Variable) => {
      calls++;
      return x;
    });
    f(rows);
    expect(calls).toBe(1);
  });

  test('works on integers and truth values, which stay what they are', () => {
    const [places, found, hot] = vmap((x: Variable) => [
      argmax(x),
      cast(max(x), 'int32'),
      oneHot(argmax(x), 3, 'bool'),
    ])(
      float([
        [1, 5, 2],
        [9, 0, 3],
      ]),
    );
    expect([places.type, found.type, hot.type]).toEqual(['int32[2]', 'int32[2]', 'bool[2, 3]']);
    expect([valueOf(places), valueOf(found)]).toEqual([
      [1, 0],
      [5, 9],
    ]);
  });

  test('of an empty batch has results without elements, of the right shape', () => {
    const none = input([0, 3], { dtype: 'float64' });
    const f = (x: Variable): Variable[] => [
      sum(x),
      softmax(x),
      maxWithIndex(x)[1],
      matmul(
        x,
        float([
          [1, 2],
          [3, 4],
          [5, 6],
        ]),
      ),
      gather(x, [0, 1]),
      crossEntropy(x, whole(1)),
    ];
    const found = vmap(f)(none);
    const values = evaluate(found, new Map([[none, tensor(new Float64Array(0), { shape: [0, 3] })]]));
    expect(values.map(({ shape }) => shape)).toEqual([[0], [0, 3], [0], [0, 2], [0, 2], [0]]);
  });

  test('of batches of one, and of scalars', () => {
    expect(valueOf(vmap((x: Variable) => mul(x, 2))(float([3])))).toEqual([6]);
    expect(valueOf(vmap((x: Variable, y: Variable) => pow(x, y))(float([2, 3]), float([3, 2])))).toEqual([
      8, 9,
    ]);
  });
});

describe('nesting', () => {
  test('maps over several axes, with variables of the outer function captured', () => {
    const table = (f: (x: Variable, y: Variable) => Variable) => (xs: Variable, ys: Variable) =>
      vmap((x: Variable) => vmap((y: Variable) => f(x, y))(ys))(xs);
    expect(valueOf(table((x, y) => sub(mul(10, x), y))(float([1, 2]), float([3, 4, 5])))).toEqual([
      [7, 6, 5],
      [17, 16, 15],
    ]);
    expect(valueOf(table((x, y) => dot(x, y))(rows, rows))).toEqual([
      [14, 32],
      [32, 77],
    ]);
    const inner = vmap((x: Variable) => vmap((y: Variable) => mul(x, y))(x))(rows);
    expect(valueOf(inner)).toEqual(valueOf(vmap((x: Variable) => outer(x, x))(rows)));
  });

  test('maps the same captured matrix with an inner and an outer batch', () => {
    const w = float([
      [1, 2],
      [3, 4],
    ]);
    const x = reshape(float(Array.from({ length: 12 }, (_, i) => i)), [2, 3, 2]);
    const twice = vmap(vmap((row: Variable) => matmul(row, w)))(x);
    expect(valueOf(twice)).toEqual(valueOf(matmul(x, w)));
    const weights = vmap((s: Variable) => vmap((row: Variable) => matmul(row, mul(s, w)))(gather(x, 0)))(
      float([1, 10]),
    );
    expectClose(valueOf(weights), [
      valueOf(matmul(gather(x, 0), w)),
      valueOf(mul(10, matmul(gather(x, 0), w))),
    ] as never);
  });

  test('of vmap(grad(f)): gradients of each example', () => {
    const w = float([1, -2, 0.5]);
    const loss = (weights: Variable, x: Variable): Variable => square(sub(tanh(dot(weights, x)), 1));
    const each = vmap(grad(loss), { inAxes: [null, 0] })(w, rows);
    const alone = [0, 1].map((i) => valueOf(grad(loss)(w, gather(rows, i))));
    expectClose(valueOf(each), alone as never);
    const total = grad((weights: Variable) => sum(vmap((x: Variable) => loss(weights, x))(rows)))(w);
    expectClose(valueOf(total), valueOf(sum(each, 0)));
  });

  test('of grad(vmap(f)), jvp(vmap(f)) and vmap(jvp(f))', () => {
    const f = (x: Variable): Variable => mul(logSumExp(x), sin(gather(x, 1)));
    const batch = vmap(f);
    const perExample = vmap((x: Variable) => grad(f)(x))(rows);
    expectClose(valueOf(grad((x: Variable) => sum(batch(x)))(rows)), valueOf(perExample));
    const v = float([
      [1, 0, -1],
      [0.5, 2, 0],
    ]);
    const expected = valueOf(sum(mul(perExample, v), -1));
    expectClose(valueOf(jvp(batch, [rows], [v])[1]), expected);
    expectClose(valueOf(vmap((x: Variable, along: Variable) => jvp(f, [x], [along])[1])(rows, v)), expected);
  });

  test('gives Jacobians, by either mode', () => {
    const f = (x: Variable): Variable => mul(x, sum(x));
    const x = float([1, 2, 3]);
    const eye = oneHot([0, 1, 2], 3, 'float64');
    const byReverse = vmap((u: Variable) => vjp(f, [x])[1](u)[0])(eye);
    const byForward = vmap((v: Variable) => jvp(f, [x], [v])[1], { outAxis: 1 })(eye);
    const expected = [
      [7, 1, 1],
      [2, 8, 2],
      [3, 3, 9],
    ];
    expectClose(valueOf(byReverse), expected);
    expectClose(valueOf(byForward), expected);
  });

  test('inside compile', () => {
    const f = compile((x: Variable) => vmap((row: Variable) => softmax(mul(2, row)))(x));
    expectClose(f(evaluate(rows)).toArray(), valueOf(softmax(mul(2, rows), 1)));
  });
});

describe('indices', () => {
  const tables = float([
    [10, 11, 12],
    [20, 21, 22],
  ]);

  test('may differ from example to example, and the tables too', () => {
    const places = whole([
      [0, -1],
      [2, 1],
    ]);
    const take = (x: Variable, i: Variable): Variable => gather(x, i);
    expect(valueOf(vmap(take)(tables, places))).toEqual([
      [10, 12],
      [22, 21],
    ]);
    expect(valueOf(vmap(take, { inAxes: [null, 0] })(tables, whole([1, 0])))).toEqual([
      [20, 21, 22],
      [10, 11, 12],
    ]);
    expect(valueOf(vmap(take, { inAxes: [0, null] })(tables, whole([1])))).toEqual([[11], [21]]);
    const column = (x: Variable, i: Variable): Variable => gather(x, i, 1);
    expect(valueOf(vmap(column, { inAxes: [null, 0] })(tables, places))).toEqual([
      [
        [10, 12],
        [20, 22],
      ],
      [
        [12, 11],
        [22, 21],
      ],
    ]);
  });

  test('nest: each level may bring tables, indices, or both', () => {
    const x = reshape(float(Array.from({ length: 24 }, (_, i) => i)), [2, 3, 4]);
    const i = reshape(whole([0, 1, 2, 3, -1, -2]), [2, 3]);
    const take = (row: Variable, place: Variable): Variable => gather(row, place);
    const both = vmap(vmap(take))(x, i);
    expect(valueOf(both)).toEqual([
      [0, 5, 10],
      [15, 19, 22],
    ]);
    const shared = vmap((a: Variable) => vmap(take, { inAxes: [0, null] })(a, whole(1)))(x);
    expect(valueOf(shared)).toEqual([
      [1, 5, 9],
      [13, 17, 21],
    ]);
    const indicesInside = vmap((a: Variable) => vmap((j: Variable) => gather(a, j))(whole([0, 2])))(
      gather(x, 0),
    );
    expect(valueOf(indicesInside)).toEqual([
      [0, 2],
      [4, 6],
      [8, 10],
    ]);
    const tablesInside = vmap((j: Variable) => vmap((a: Variable) => gather(a, j))(gather(x, 0)))(
      whole([0, 2]),
    );
    expect(valueOf(tablesInside)).toEqual([
      [0, 4, 8],
      [2, 6, 10],
    ]);
    const crossed = vmap((j: Variable) => vmap(take, { inAxes: [0, 0] })(gather(x, 0), j))(
      whole([
        [0, 1, 2],
        [3, 3, 3],
      ]),
    );
    expect(valueOf(crossed)).toEqual([
      [0, 5, 10],
      [3, 7, 11],
    ]);
  });

  test('add at places of their own', () => {
    const put = (x: Variable, i: Variable, u: Variable): Variable => scatterAdd(x, i, u);
    const places = whole([
      [0, 0],
      [2, -2],
    ]);
    const updates = float([
      [1, 2],
      [3, 4],
    ]);
    expect(valueOf(vmap(put)(tables, places, updates))).toEqual([
      [13, 11, 12],
      [20, 25, 25],
    ]);
    expect(valueOf(vmap(put, { inAxes: [null, 0, null] })(float([0, 0, 0]), places, float([1, 2])))).toEqual([
      [3, 0, 0],
      [0, 2, 1],
    ]);
    expect(valueOf(vmap(put, { inAxes: [0, null, null] })(tables, whole([1]), float([5])))).toEqual([
      [10, 16, 12],
      [20, 26, 22],
    ]);
    expect(valueOf(vmap(put, { inAxes: [null, null, 0] })(float([1, 1]), whole([0, 0]), updates))).toEqual([
      [4, 1],
      [8, 1],
    ]);
  });

  test('out of bounds are errors, and never read another example', () => {
    const take = vmap((x: Variable, i: Variable) => gather(x, i));
    for (const bad of [3, -4]) {
      const read = take(tables, whole([bad, 0]));
      expect(() => valueOf(read)).toThrow(NumericalError);
      expect(() => valueOf(read)).toThrow(
        new RegExp(
          `^gather: index ${bad} is out of bounds for an axis of extent 3; use -3 to 2 at vmap\\.test\\.ts:`,
        ),
      );
    }
    const one = vmap((i: Variable) => gather(float([1, 2, 3]), i))(whole([0, 3]));
    expect(() => valueOf(one)).toThrow(/index 3 is out of bounds for an axis of extent 3/);
    const put = vmap((x: Variable, i: Variable) => scatterAdd(x, i, float([1])))(tables, whole([[0], [3]]));
    expect(() => valueOf(put)).toThrow(/^scatterAdd: index 3 is out of bounds for an axis of extent 3/);
  });

  test('have gradients that stay with their example', () => {
    const places = whole([
      [0, 0],
      [2, 1],
    ]);
    const f = (x: Variable, i: Variable): Variable => sum(mul(square(gather(x, i)), float([1, 10])));
    const dx = vmap((x: Variable, i: Variable) => grad((z: Variable) => f(z, i))(x))(tables, places);
    expect(valueOf(dx)).toEqual([
      [220, 0, 0],
      [0, 420, 44],
    ]);
    const whole2 = grad((x: Variable) => sum(vmap(f)(x, places)))(tables);
    expect(valueOf(whole2)).toEqual(valueOf(dx));
  });
});

describe('batch axes of gather', () => {
  const x = float([
    [10, 11, 12],
    [20, 21, 22],
  ]);

  test('pair each row with indices of its own', () => {
    expect(valueOf(gather(x, whole([2, 0]), 1, { batchAxes: 1 }))).toEqual([12, 20]);
    expect(
      valueOf(
        gather(
          x,
          whole([
            [0, 1],
            [2, 2],
          ]),
          1,
          { batchAxes: 1 },
        ),
      ),
    ).toEqual([
      [10, 11],
      [22, 22],
    ]);
    expect(valueOf(scatterAdd(x, whole([2, 0]), float([1, 2]), 1, { batchAxes: 1 }))).toEqual([
      [10, 11, 13],
      [22, 21, 22],
    ]);
  });

  test('that the operands do not have in common are an error', () => {
    const message =
      /\[2, 3\] with indices \[3\] along axis 1 have no 1 leading axes in common before that axis/;
    expect(() => gather(x, whole([0, 1, 2]), 1, { batchAxes: 1 })).toThrow(ShapeError);
    expect(() => gather(x, whole([0, 1, 2]), 1, { batchAxes: 1 })).toThrow(message);
    expect(() => gather(x, whole([0, 1]), 0, { batchAxes: 1 })).toThrow(
      /along axis 0 have no 1 leading axes/,
    );
    expect(() => scatterAdd(x, whole([0, 1]), float([1, 2]), 0, { batchAxes: 1 })).toThrow(ShapeError);
    for (const batchAxes of [-1, 0.5, 3])
      expect(() => gather(x, whole([0, 1]), 1, { batchAxes })).toThrow(ShapeError);
  });
});

describe('batching rules', () => {
  const rough = (batch: Operation<Record<string, never>>['batch']): ((x: Variable) => Variable) => {
    const operation: Operation<Record<string, never>> = {
      name: 'rough',
      infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
      bprop: ({ g }) => g,
      batch,
      computation: {
        kind: 'routine',
        run([a], [b]) {
          for (let i = 0; i < a.data.length; i++) b.data[i] = a.data[i] * (i + 1);
        },
      },
    };
    return (x) => apply(operation, [x], {});
  };

  test('that are missing are replaced by one example after the other', () => {
    const f = rough(undefined);
    expect(valueOf(vmap(f)(rows))).toEqual([
      [1, 4, 9],
      [4, 10, 18],
    ]);
    expect(countApplications([vmap(f)(rows)], 'rough')).toBe(2);
    expect(() => vmap(f)(input([0, 3]))).toThrow(
      /^vmap: rough has no batching rule, so an empty batch has no known result; give it one/,
    );
  });

  test('that give something else than a batch are errors that name the operation', () => {
    expect(() => vmap(rough(({ inputs: [x] }) => [sum(x, 0)]))(rows)).toThrow(ShapeError);
    expect(() => vmap(rough(({ inputs: [x] }) => [sum(x, 0)]))(rows)).toThrow(
      /^rough: its batching rule gives float64\[3\] for 2 times float64\[3\]; it must put the batch axis in front at vmap\.test\.ts:/,
    );
    expect(() => vmap(rough(({ inputs: [x] }) => [cast(x, 'float32')]))(rows)).toThrow(DTypeError);
  });
});

describe('cost', () => {
  test('a batch takes the operations of one example, whatever its size', () => {
    const [w, b] = [
      leaf([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
      leaf([1, 2]),
    ];
    const f = (x: Variable, label: Variable): Variable => crossEntropy(tanh(add(matmul(x, w), b)), label);
    const sizes = [2, 50].map((size) => {
      const z = vmap(f)(input([size, 3], { dtype: 'float64' }), input([size], { dtype: 'int32' }));
      return ancestors([z]).applications.length;
    });
    expect(sizes[0]).toBe(sizes[1]);
  });

  test('a batch of rows times one matrix is one matrix product', () => {
    const z = vmap((x: Variable, w: Variable) => matmul(x, w), { inAxes: [0, null] })(
      input([5, 4, 3]),
      input([3, 2]),
    );
    const [product] = ancestors([z]).applications.filter(({ operation }) => operation.name === 'matmul');
    expect(product.inputs.map(({ shape }) => shape)).toEqual([
      [20, 3],
      [3, 2],
    ]);
  });

  test('what is not mapped is computed once', () => {
    const w = input([3, 3]);
    const z = vmap((x: Variable) => matmul(x, matmul(w, tanh(w))))(input([5, 2, 3]));
    const shapes = ancestors([z])
      .applications.filter(({ operation }) => operation.name === 'tanh' || operation.name === 'matmul')
      .map(({ outputs }) => outputs[0].shape);
    expect(shapes).toContainEqual([3, 3]);
    expect(shapes.filter((shape) => shape.length === 2 && shape[0] === 3).length).toBe(2);
  });

  test('a graph 100,000 operations deep is batched in linear space, without recursion', () => {
    const depth = 100_000;
    const x = input([], { dtype: 'float64' });
    let y: Variable = x;
    withSite({ location: () => undefined, toString: () => '' }, () => {
      for (let i = 0; i < depth; i++) y = i % 2 === 0 ? mul(y, 1.00001) : sub(y, 1e-9);
    });
    const [batch] = batchGraph([y], new Map([[x, float([1, 2])]]), 2);
    expect(ancestors([batch]).applications.length).toBeLessThanOrEqual(depth);
    const [{ data }] = runReference([batch]);
    expect((data[1] - data[0]) / 1.00001 ** (depth / 2)).toBeCloseTo(1, 9);
  });
});

test('a branch that an example does not take does no harm to it', () => {
  const f = (x: Variable): Variable => where(sub(x, 1).greater(0), x.log(), 0);
  expectClose(valueOf(vmap(grad(f))(float([0, 2]))), [0, 0.5]);
});
