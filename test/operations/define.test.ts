/** Operations that a user defines: as good as the library's own in both modes, batched, compiled, reported on. */
import { describe, expect, test } from 'vitest';
import { runReference } from '../../src/backends/reference/run.ts';
import { checkOperation } from '../../src/check/index.ts';
import { reportKinks } from '../../src/check/kinks.ts';
import { defineOperation } from '../../src/operations/define.ts';
import { real, whole } from '../../src/operations/index.ts';
import {
  abs,
  add,
  applyOperation,
  type Batch,
  ChainruleError,
  compile,
  constant,
  cosh,
  countApplications,
  type DType,
  DTypeError,
  disconnected,
  div,
  equal,
  evaluate,
  expectClose,
  flip,
  getOperation,
  grad,
  gradients,
  input,
  jvp,
  leaf,
  less,
  mul,
  neg,
  numberOf,
  print,
  ShapeError,
  scatterAdd,
  sin,
  square,
  stopGradient,
  sub,
  sum,
  tanh,
  tensor,
  UndefinedGradientError,
  undefinedGradient,
  Variable,
  validate,
  valueOf,
  vmap,
  where,
  zero,
} from '../examples/support.ts';

const float = (data: Parameters<typeof tensor>[0]): Variable => constant(tensor(data, { dtype: 'float64' }));

const softsign = defineOperation({
  name: 'softsign',
  doc: "A sigmoid without exponentials: y = x / (1 + |x|), y' = (1 - |y|)^2.",
  formula: (k, x) => k.div(x, k.add(k.literal(1), k.abs(x))),
  partials: [({ y }) => square(sub(1, abs(y)))],
  kinks: ({ x }) => [{ where: equal(x, 0), point: 'second derivative jumps at 0', convention: '0' }],
  samples: real(-3, 3, { avoid: [0] }),
  special: [0, -0, 1, -1, Infinity, -Infinity, NaN, 1e-40, 3e38],
});

const hypotenuse = defineOperation({
  name: 'hypotenuse',
  doc: 'y = sqrt(a^2 + b^2).',
  formula: (k, a, b) => k.sqrt(k.add(k.mul(a, a), k.mul(b, b))),
  partials: [({ a, y }) => div(a, y), ({ b, y }) => div(b, y)],
  samples: [real(0.5, 3), real(-3, 3)],
});

/** The elements along the last axis in ascending order; the gradient goes back to where they came from. */
const sorted = defineOperation({
  name: 'sorted',
  doc: 'The elements along the last axis in ascending order, and where they came from.',
  arity: 1,
  infer: ([x]) => [
    { shape: x.shape, dtype: x.dtype },
    { shape: x.shape, dtype: 'int32' as DType },
  ],
  compute([x], [values, places]) {
    const extent = x.shape[x.shape.length - 1];
    for (let start = 0; start < x.data.length; start += extent) {
      const order = Array.from({ length: extent }, (_, i) => i);
      order.sort((i, j) => x.data[start + i] - x.data[start + j]);
      order.forEach((from, to) => {
        values.data[start + to] = x.data[start + from];
        places.data[start + to] = from;
      });
    }
  },
  bprop({ inputs: [x], outputs: [, places], gradients: [g, h] }) {
    if (!(h instanceof Variable) && h.gradient !== 'undefined') {
      return scatterAdd(mul(x, 0), places, g as Variable);
    }
    return undefinedGradient('the second output of sorted is an index');
  },
  batch: 'leading',
  samples: [{ inputs: [{ shape: [5], domain: real(-3, 3, { distinct: true }) }] }],
});

const weighted = defineOperation({
  name: 'weighted',
  doc: 'y = sum of w x^power, by loops.',
  arity: 2,
  attributes: { power: 2 },
  infer: ([w, x]) => {
    if (w.rank !== 1 || x.rank !== 1 || w.shape[0] !== x.shape[0]) {
      throw new ShapeError(`weighted: [${w.shape}] and [${x.shape}] differ`);
    }
    return { shape: [], dtype: x.dtype };
  },
  compute([w, x], [y], { power }) {
    let total = 0;
    for (let i = 0; i < x.data.length; i++) total += w.data[i] * x.data[i] ** power;
    y.data[0] = total;
  },
  pullback: ({ inputs: [w, x], g, attributes: { power }, wanted }) => [
    wanted[0] ? mul(g, x.pow(power)) : zero,
    wanted[1] ? mul(g, mul(mul(w, power), x.pow(power - 1))) : zero,
  ],
  batch: ({ inputs: [w, x], attributes: { power } }) => sum(mul(w, x.pow(power)), -1),
  samples: [
    {
      inputs: [
        { shape: [4], domain: real(-2, 2) },
        { shape: [4], domain: real(0.5, 2) },
      ],
      attributes: { power: 3 },
    },
  ],
});

const logCosh = defineOperation({
  name: 'logCosh',
  doc: 'y = log cosh x.',
  expand: ([x]) => cosh(x).log(),
  bprop: ({ inputs: [x], g }) => mul(g, tanh(x)),
  batch: 'leading',
  samples: [{ inputs: [{ shape: [3, 4], domain: real(-2, 2) }] }],
});

describe('the check of operations', () => {
  test.each([softsign, hypotenuse, sorted, weighted, logCosh])('finds no fault', (operation) => {
    const { ok, properties } = checkOperation(operation);
    expect(ok).toBe(true);
    for (const name of ['types', 'reverse', 'forward', 'transpose', 'second', 'batching', 'wasm float32']) {
      expect(properties[name].verdict, name).toBe('ok');
    }
  });

  test('finds the fault in a rule', () => {
    const wrong = defineOperation({
      name: 'wrong',
      expand: ([x]) => square(x),
      bprop: ({ inputs: [x], g }) => mul(g, x),
      samples: [{ inputs: [{ shape: [3], domain: real(1, 2) }] }],
    });
    const { properties } = checkOperation(wrong, { throw: false });
    expect(properties.reverse.verdict).toBe('failed');
    expect(properties.types.verdict).toBe('ok');
  });
});

describe('elementwise', () => {
  const slope = (x: number): number => (1 + Math.abs(x)) ** -2;

  test('is differentiated in both modes, twice', () => {
    const x = float([0.5, -2]);
    expectClose(valueOf(grad((v: Variable) => sum(softsign(v)))(x)), [slope(0.5), slope(-2)]);
    expectClose(valueOf(jvp(softsign, [x], [float([1, 10])])[1]), [slope(0.5), 10 * slope(-2)]);
    const second = jvp(grad(softsign), [float(0.5)], [float(1)])[1];
    expectClose(numberOf(second), -2 * (1 + 0.5) ** -3);
  });

  test('is batched, compiled and reported on', () => {
    const rows = [
      [0, 1],
      [2, -3],
    ];
    expectClose(
      valueOf(vmap(softsign)(float(rows))),
      rows.map((row) => row.map((x) => x / (1 + Math.abs(x)))),
    );
    expect(compile((x: Variable) => softsign(softsign(x)))([1]).toArray()).toEqual([Math.fround(1 / 3)]);
    const x = leaf([0, 1, 0]);
    expect(reportKinks(softsign(x)).kinks).toMatchObject([
      { operation: 'softsign', count: 2, of: 3, example: [0] },
    ]);
  });

  test('broadcasts, and takes numbers, tensors and arrays', () => {
    const y = hypotenuse(float([[3], [5]]), float([4, 12]));
    expect(y.shape).toEqual([2, 2]);
    expect((valueOf(y) as number[][])[1][1]).toBe(13);
    expectClose(numberOf(hypotenuse(float(3), 4)), 5);
    expectClose(valueOf(softsign([1, -1])), [0.5, -0.5]);
    const [a, b] = [leaf([[1], [2]]), leaf([0, 3])];
    const [da, db] = gradients(sum(hypotenuse(a, b)), [a, b]);
    expect([da.shape, db.shape]).toEqual([[2, 1], [2]]);
    expectClose(valueOf(da), [[1 + 1 / Math.hypot(1, 3)], [1 + 2 / Math.hypot(2, 3)]]);
    expectClose(valueOf(db), [0, 3 / Math.hypot(1, 3) + 3 / Math.hypot(2, 3)]);
  });

  test('may route its gradient, or have none', () => {
    const heaviside = defineOperation({
      name: 'heaviside',
      formula: (k, x) => k.select(k.lt(k.literal(0), x), k.literal(1), k.literal(0)),
      routes: [() => zero],
    });
    const gate = defineOperation({
      name: 'gate',
      formula: (k, x, open) => k.select(k.lt(k.literal(0), open), x, k.literal(0)),
      routes: [({ b, g }) => where(less(0, b), g, 0), () => disconnected],
    });
    const noise = defineOperation({
      name: 'noise',
      formula: (k, x) => k.sin(k.mul(x, k.literal(1e9))),
      notDifferentiable: 'it is made to look random',
    });
    const x = leaf([1, -1]);
    expect(valueOf(gradients(sum(heaviside(x)), [x])[0])).toEqual([0, 0]);
    expect(valueOf(gradients(sum(gate(x, x)), [x])[0])).toEqual([1, 0]);
    expect(() => gradients(sum(noise(x)), [x])).toThrow('because it is made to look random');
    expect(() => jvp((v: Variable) => noise(v), [float(1)], [float(1)])).toThrow(UndefinedGradientError);
  });

  test('keeps integers on request', () => {
    const triple = defineOperation({
      name: 'triple',
      operands: 'number',
      formula: (k, x) => k.mul(x, k.literal(3)),
      routes: [({ g }) => mul(g, 3)],
    });
    const y = triple(constant(tensor([1, 2], { dtype: 'int32' })));
    expect(y.dtype).toBe('int32');
    expect(valueOf(y)).toEqual([3, 6]);
  });
});

describe('loops', () => {
  test('may have several outputs, each with its own answer', () => {
    const x = leaf([3, 1, 2]);
    const [values, places] = sorted(x);
    expect([valueOf(values), valueOf(places)]).toEqual([
      [1, 2, 3],
      [1, 2, 0],
    ]);
    expect(valueOf(gradients(sum(mul(values, [1, 10, 100])), [x])[0])).toEqual([100, 1, 10]);
    expect(() => gradients(sum(places.cast('float64')), [x])).toThrow(
      'the second output of sorted is an index',
    );
    const [, tangent] = jvp((v: Variable) => sorted(v)[0], [x], [float([5, 6, 7])]);
    expect(valueOf(tangent)).toEqual([6, 7, 5]);
  });

  test('do not lose the question after an integer output that a rule overlooks', () => {
    const split = defineOperation({
      name: 'split',
      infer: ([x]) => [
        { shape: x.shape, dtype: x.dtype },
        { shape: x.shape, dtype: 'int32' as DType },
      ],
      compute([x], [fraction, whole]) {
        x.data.forEach((each, i) => {
          whole.data[i] = Math.floor(each);
          fraction.data[i] = each - Math.floor(each);
        });
      },
      bprop: ({ g }) => g,
    });
    const x = leaf([1.25, -0.5]);
    expect(valueOf(split(x)[0])).toEqual([0.25, 0.5]);
    expect(valueOf(gradients(sum(split(x)[0]), [x])[0])).toEqual([1, 1]);
    const reason = 'because output 1 of split is int32, which has no derivative';
    expect(() => gradients(sum(split(x)[1].cast('float64')), [x])).toThrow(reason);
    expect(() => jvp((v: Variable) => split(v)[1].cast('float64'), [x], [x])).toThrow(reason);
  });

  test('are applied to each element of a batch without a rule', () => {
    const total = defineOperation({
      name: 'total',
      infer: ([x]) => ({ shape: [], dtype: x.dtype }),
      compute: ([x], [y]) => {
        y.data[0] = Array.from(x.data).reduce((total, each) => total + each * each, 0);
      },
      bprop: ({ inputs: [x], g }) => mul(g, mul(2, x)),
    });
    const rows = float([
      [3, 1, 2],
      [4, 6, 5],
    ]);
    expect(valueOf(vmap(total)(rows))).toEqual([14, 77]);
    expect(valueOf(vmap(grad((row: Variable) => total(row)))(rows))).toEqual([
      [6, 2, 4],
      [8, 12, 10],
    ]);
  });

  test('are batched at once where leading axes are alike', () => {
    const rows = float([
      [3, 1, 2],
      [4, 6, 5],
    ]);
    const batch = vmap((row: Variable) => sorted(row)[0])(rows);
    expect(countApplications([batch], 'sorted')).toBe(1);
    expect(valueOf(batch)).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const slopes = vmap(grad((row: Variable) => sum(mul(sorted(row)[0], [1, 10, 100]))))(rows);
    expect(valueOf(slopes)).toEqual([
      [100, 1, 10],
      [1, 100, 10],
    ]);
  });

  test('run on every backend, compiled with what surrounds them', () => {
    const f = (x: Variable): Variable => mul(sorted(mul(x, -1))[0], 2);
    expect(compile(f)([1, 3, 2]).toArray()).toEqual([-6, -4, -2]);
    expect(runReference([f(float([1, 3, 2]))])[0].toArray()).toEqual([-6, -4, -2]);
  });

  test('take attributes in place of their defaults', () => {
    const [w, x] = [float([1, 2]), float([3, 5])];
    expect(numberOf(weighted(w, x))).toBe(9 + 50);
    expect(numberOf(weighted(w, x, { power: 1 }))).toBe(13);
    expect(numberOf(sub(weighted(w, x, { power: 1 }), weighted(w, x)))).toBe(13 - 59);
    expect(valueOf(grad((v: Variable) => weighted(w, v, { power: 3 }))(x))).toEqual([27, 150]);
    expect(print(weighted(w, x))).toContain('weighted(%0, %1, power=2)');
  });

  test('ask a pullback only for what is wanted', () => {
    const asked: boolean[][] = [];
    const spy = defineOperation({
      name: 'spy',
      infer: ([a]) => ({ shape: a.shape, dtype: a.dtype }),
      compute: ([a, b], [y]) => y.data.set(a.data.map((each, i) => each + b.data[i])),
      pullback({ g, wanted }) {
        asked.push([...wanted]);
        return [g, g];
      },
    });
    const [a, b] = [leaf([1]), leaf([2])];
    gradients(sum(spy(a, b)), [b]);
    expect(asked).toEqual([[false, true]]);
  });
});

describe('compositions', () => {
  test('are differentiated by their rule, and computed by what they expand to', () => {
    const x = leaf([0.3, 400]);
    expectClose(valueOf(gradients(sum(logCosh(x)), [x])[0]), [Math.tanh(0.3), 1]);
    expect(countApplications([logCosh(x)])).toBe(1);
    expectClose(valueOf(logCosh(float([0.3, -0.3]))), [Math.log(Math.cosh(0.3)), Math.log(Math.cosh(0.3))]);
  });

  test('take attributes', () => {
    const scaled = defineOperation({
      name: 'scaled',
      attributes: { by: 2 },
      expand: ([x], { by }) => mul(x, by),
      bprop: ({ g, attributes: { by } }) => mul(g, by),
      linear: true,
    });
    expect(valueOf(scaled([1, 2], { by: 5 }))).toEqual([5, 10]);
    expect(valueOf(jvp((x: Variable) => scaled(x, { by: 5 }), [[1, 2]], [[1, 1]])[1])).toEqual([5, 5]);
  });
});

describe('rules of its own', () => {
  const shape = { infer: ([x]: readonly Variable[]) => ({ shape: x.shape, dtype: x.dtype }) };

  test('for forward mode and batches are used', () => {
    const used: string[] = [];
    const reversed = defineOperation({
      name: 'reversed',
      infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
      compute: ([x], [y]) => {
        const extent = x.shape[x.shape.length - 1];
        y.data.forEach((_, i) => {
          const start = i - (i % extent);
          y.data[i] = x.data[start + extent - 1 - (i - start)];
        });
      },
      bprop: ({ g }) => flip(g, -1),
      jvp({ tangents: [tangent] }) {
        used.push('jvp');
        return flip(tangent as Variable, -1);
      },
      batch({ operation, inputs, attributes }: Batch<Record<string, never>>) {
        used.push('batch');
        return applyOperation(operation, inputs, attributes);
      },
    });
    const x = float([1, 2, 3]);
    expect(valueOf(jvp(reversed, [x], [float([10, 20, 30])])[1])).toEqual([30, 20, 10]);
    const rows = float([
      [1, 2],
      [3, 4],
    ]);
    expect(valueOf(vmap(reversed)(rows))).toEqual([
      [2, 1],
      [4, 3],
    ]);
    expect(used).toEqual(['jvp', 'batch']);
  });

  test('are found out where they answer nonsense', () => {
    const faulty = (rules: object): ((x: Variable) => Variable) =>
      defineOperation({
        name: 'faulty',
        ...shape,
        compute: () => {},
        ...rules,
      } as never) as never;
    const x = leaf([1, 2]);
    const derivative = (rules: object) => () => gradients(sum(faulty(rules)(x)), [x]);
    const push = (rules: object) => () =>
      jvp(faulty({ bprop: () => zero, ...rules }), [float([1, 2])], [float([1, 1])]);
    const batch = (rules: object) => () => vmap(faulty({ bprop: () => zero, ...rules }))(float([[1], [2]]));

    expect(derivative({ bprop: () => undefined })).toThrow(
      'faulty: its bprop answered with undefined; answer with a Variable, zero, disconnected or undefinedGradient(reason)',
    );
    expect(derivative({ bprop: () => 1 })).toThrow('its bprop answered with number');
    expect(derivative({ bprop: () => float([1, 2, 3]) })).toThrow(
      'faulty: its bprop gives a gradient of shape [3] for an input of shape [2]',
    );
    expect(derivative({ bprop: () => constant(tensor([1, 2])) })).toThrow(DTypeError);
    expect(derivative({ pullback: () => [] })).toThrow('faulty: its pullback answered with 0 for 1 input');
    expect(push({ jvp: () => [] })).toThrow('faulty: its jvp answered with 0 for 1 output');
    expect(push({ jvp: () => float([1, 2, 3]) })).toThrow('faulty: its jvp gives a tangent of shape [3]');
    expect(batch({ batch: () => float([1, 2, 3]) })).toThrow('faulty: its batching rule gives float64[3]');
    expect(batch({ batch: () => [] })).toThrow(ChainruleError);
    expect(() => faulty({ bprop: () => zero, infer: () => 'float64' })(x)).toThrow(
      'faulty: its infer must answer with { shape, dtype }',
    );
    expect(() => faulty({ bprop: () => zero, infer: () => ({ shape: [-1], dtype: 'float64' }) })(x)).toThrow(
      ShapeError,
    );
  });

  test('and types that disagree with what an expansion gives are found out', () => {
    const faulty = defineOperation({
      name: 'faulty',
      infer: ([x]: readonly Variable[]) => ({ shape: [...x.shape, 1], dtype: x.dtype }),
      expand: ([x]: readonly Variable[]) => neg(x),
      bprop: () => zero,
    } as never) as unknown as (x: Variable) => Variable;
    expect(() => evaluate(faulty(leaf([1])))).toThrow(
      'faulty: its expand gives float64[1], but its infer float64[1, 1]',
    );
  });
});

describe('one operation', () => {
  test('has one identity: equal calls merge, unless it is opaque', () => {
    let runs = 0;
    const define = (opaque: boolean) =>
      defineOperation({
        name: 'counted',
        opaque,
        infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
        compute([x], [y]) {
          runs++;
          y.data.set(x.data);
        },
        bprop: ({ g }) => g,
      });
    const x = leaf([1, 2]);
    const merged = define(false);
    evaluate(add(merged(x), merged(x)));
    expect(runs).toBe(1);
    const opaque = define(true);
    runs = 0;
    evaluate(add(opaque(x), opaque(x)));
    expect(runs).toBe(2);
  });

  test('may share its name with another', () => {
    const make = (factor: number) =>
      defineOperation({
        name: 'same',
        formula: (k, x) => k.mul(x, k.literal(factor)),
        partials: [({ x }) => add(mul(0, x), factor)],
      });
    const x = leaf(1);
    expect(numberOf(add(make(2)(x), make(3)(x)))).toBe(5);
  });

  test('carries its declaration and the line of its call', () => {
    expect(softsign.declaration).toMatchObject({ name: 'softsign', dtypes: 'float' });
    expect(softsign.declaration.operation?.name).toBe('softsign');
    expect(weighted.declaration.samples.length).toBe(1);
    const y = sorted(leaf([2, 1]))[0];
    expect(getOperation(y)?.site.toString()).toMatch(/^define\.test\.ts:\d+$/);
    validate([y, ...gradients(sum(y), [getOperation(y)?.inputs[0] as Variable])]);
  });

  test('may appear in its own rule', () => {
    // f(x) = sin x with f' = f(x + pi/2), differentiated four times.
    const f = defineOperation({
      name: 'circular',
      formula: (k, x) => k.sin(x),
      partials: [({ x }) => f(add(x, Math.PI / 2))],
    }) as (x: Variable) => Variable;
    expectClose(numberOf(grad(grad(grad(grad(f))))(float(0.4))), Math.sin(0.4));
  });
});

describe('a definition', () => {
  const define = (definition: object) => () => defineOperation(definition as never);
  const base = { name: 'broken', infer: () => ({ shape: [], dtype: 'float32' }), compute: () => {} };

  test('that lacks something is refused with what it lacks', () => {
    expect(define({})).toThrow('defineOperation: give it a name');
    expect(define({ name: 'broken' })).toThrow(
      'defineOperation: broken: nothing says how it is computed; give one of formula (each element from those at its place), ' +
        'compute (loops) or expand (other operations)',
    );
    expect(define({ ...base, expand: () => {} })).toThrow('compute and expand are given');
    expect(define(base)).toThrow('defineOperation: broken: give bprop, its vector-Jacobian product');
    expect(define({ ...base, infer: undefined, bprop: () => zero })).toThrow('compute needs infer');
    expect(define({ name: 'broken', formula: () => 1, partials: [] })).toThrow(
      'its formula takes 0 parameters',
    );
    expect(define({ name: 'broken', formula: (k: never, ...x: never[]) => [k, x], partials: [] })).toThrow(
      'it must take k and one to three operands, each by name',
    );
    const formula = (_: never, x: unknown) => x;
    expect(define({ name: 'broken', formula })).toThrow('give either partials');
    expect(define({ name: 'broken', formula, partials: [() => 1, () => 1] })).toThrow(
      '2 partials for 1 operand',
    );
    expect(define({ name: 'broken', formula, partials: [() => 1], notDifferentiable: 'no' })).toThrow(
      'give either',
    );
    expect(
      define({ name: 'broken', formula, partials: [() => 1], samples: [real(0, 1), whole(0, 1)] }),
    ).toThrow('domains of 2 operands among its samples, but it takes 1');
  });

  test('says how it is called', () => {
    const w = leaf([1, 2]);
    expect(() => weighted(w)).toThrow('weighted: takes 2 operands, not 1');
    expect(() => weighted(w, w, { power: 2, axis: 1 } as never)).toThrow(
      'weighted: there is no attribute axis; use power',
    );
    expect(() => weighted(w, w, 'x' as never)).toThrow(ChainruleError);
    expect(() => weighted(w, null as never)).toThrow('weighted: an operand is null');
    expect(() => weighted(w, leaf([1]))).toThrow(ShapeError);
    expect(() => (softsign as unknown as () => void)()).toThrow('softsign: takes 1 operand, one is missing');
  });

  test('without a derivative says why, in both modes', () => {
    const shuffled = defineOperation({
      ...base,
      name: 'shuffled',
      infer: ([x]: readonly Variable[]) => ({ shape: x.shape, dtype: x.dtype }),
      notDifferentiable: 'the order is drawn anew',
    } as never) as unknown as (x: Variable) => Variable;
    const x = leaf([1, 2]);
    expect(() => gradients(sum(shuffled(x)), [x])).toThrow('because the order is drawn anew');
    expect(() => jvp(shuffled, [x], [float([1, 1])])).toThrow('because the order is drawn anew');
    expect(valueOf(gradients(sum(shuffled(stopGradient(x))), [x])[0])).toEqual([0, 0]);
  });
});

test('an operation of the library can be had by definition: sine, with its derivatives', () => {
  const mine = defineOperation({
    name: 'mine',
    infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
    compute: ([x], [y]) =>
      y.data.forEach((_, i) => {
        y.data[i] = Math.sin(x.data[i]);
      }),
    bprop: ({ inputs: [x], g }) => mul(g, sin(add(x, Math.PI / 2))),
  });
  const x = input([3], { dtype: 'float64' });
  const feeds = new Map([[x, tensor([0.1, 1, 2], { dtype: 'float64' })]]);
  const f = sum(div(mine(x), x));
  const g = sum(div(sin(x), x));
  expectClose(valueOf(gradients(f, [x])[0], feeds), valueOf(gradients(g, [x])[0], feeds));
});
