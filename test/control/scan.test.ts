/** `scan` against the same graph written out, closed forms and differences. */
import { describe, expect, test } from 'vitest';
import {
  add,
  ancestors,
  compile,
  cumsum,
  full,
  gather,
  grad,
  gradients,
  jacobian,
  jvp,
  matmul,
  mul,
  parameter,
  scan,
  square,
  sub,
  sum,
  tanh,
  tensor,
  transpose,
  type Variable,
  vmap,
  withUpdates,
} from '../../src/index.ts';
import {
  allKernels,
  BACKENDS,
  cell,
  countApplications,
  differencesOf,
  element,
  expectEqualGraphs,
  expectSame,
  f64,
  numbersOf,
  programOf,
  randomParameters,
  recurrent,
  unrolled,
} from './support.ts';

/** Scalars in which all results count, each element with a weight of its own. */
function losses(length: number, options: Parameters<typeof scan>[3] = {}) {
  const network = recurrent(length);
  const { step, h, c, x } = network;
  const random = randomParameters(2);
  const weights = {
    y: random([length, 2, 3]),
    size: random([length, 2]),
    h: random([2, 3]),
    c: random([2, 3]),
  };
  const total = (parts: Variable[]): Variable => parts.reduce((all, part) => add(all, part));
  const [last, ys] = scan(step, { h, c }, x, options);
  const scanned = total([
    sum(mul(last.h, weights.h)),
    sum(mul(last.c, weights.c)),
    sum(mul(ys.y, weights.y)),
    sum(mul(ys.size, weights.size)),
  ]);
  const plain = unrolled(step, { h: h as Variable, c: c as Variable }, x, {
    reverse: options.reverse === true,
  });
  const written = total([
    sum(mul(plain.last.h, weights.h)),
    sum(mul(plain.last.c, weights.c)),
    ...plain.ys.flatMap(({ y, size }, t) => [
      sum(mul(y, element(weights.y, t))),
      sum(mul(size, element(weights.size, t))),
    ]),
  ]);
  return { ...network, last, ys, plain, scanned, written };
}

describe('a recurrent network of 50 steps', () => {
  test.each([false, true])(
    'gives the values and gradients of the graph written out, reverse: %s',
    (reverse) => {
      const { scanned, written, all, last, ys, plain } = losses(50, { reverse });
      expectEqualGraphs([last.h, last.c, element(ys.y, 7)], [plain.last.h, plain.last.c, plain.ys[7].y]);
      expectEqualGraphs([scanned, ...gradients(scanned, all)], [written, ...gradients(written, all)]);
    },
  );

  test('has the gradients that differences have', () => {
    const { scanned, W, U, b, h, c, x } = losses(6);
    const some = [W, U, b, h, c, x];
    expectSame(
      numbersOf(gradients(scanned, some)),
      some.map((each) => differencesOf(scanned, each)),
      1e-9,
    );
  });

  test('has the second derivatives of the graph written out', () => {
    const { scanned, written, all } = losses(5);
    const bend = (J: Variable): Variable[] => {
      const size = gradients(J, all)
        .map((each) => sum(square(each)))
        .reduce((a, b) => add(a, b));
      return gradients(size, all);
    };
    expectEqualGraphs(bend(scanned), bend(written), 1e-11);
  });

  test('pushes tangents as the graph written out does', () => {
    const network = recurrent(50);
    const random = randomParameters(3);
    const { x, W, U, b, h, c } = network;
    const f =
      (written: boolean) =>
      (...[x, W, U, b, h, c]: Variable[]): Variable[] => {
        const step = cell(W, U, b);
        const { h: last, c: end } = written ? unrolled(step, { h, c }, x).last : scan(step, { h, c }, x)[0];
        return [last, end];
      };
    const at = [x, W, U, b, h, c];
    const along = at.map(({ shape }) => random(shape));
    const [values, tangents] = jvp(f(false), at, along);
    const [, expected] = jvp(f(true), at, along);
    expectEqualGraphs([...values, ...tangents], [...f(true)(...at), ...expected]);
  });

  test('takes tangents of gradients and gradients of tangents', () => {
    const { x, h, c, W, U, b } = recurrent(4);
    const direction = randomParameters(4)(U.shape);
    const J =
      (written: boolean) =>
      (U: Variable): Variable => {
        const step = cell(W, U, b);
        const last = written
          ? unrolled(step, { h: h as Variable, c: c as Variable }, x).last
          : scan(step, { h, c }, x)[0];
        return sum(square(last.c));
      };
    const forwardOverReverse = (f: (U: Variable) => Variable): Variable => jvp(grad(f), [U], [direction])[1];
    const reverseOverForward = (f: (U: Variable) => Variable): Variable =>
      grad((U: Variable) => jvp(f, [U], [direction])[1])(U);
    const expected = forwardOverReverse(J(true));
    expectEqualGraphs([forwardOverReverse(J(false))], [expected], 1e-11);
    expectEqualGraphs([reverseOverForward(J(false))], [expected], 1e-11);
  });
});

describe('closed forms', () => {
  // h_t = a h_(t-1) + x_t: h_T = a^T h_0 + sum_t a^(T-t) x_t.
  const linear = (a: Variable, init: Variable, x: Variable): Variable =>
    scan((h: Variable, each: Variable) => [add(mul(a, h), each), null], init, x)[0];

  test('of a linear recurrence of 10,000 steps, and of its derivatives', () => {
    const T = 10_000;
    const a = 0.999;
    const random = randomParameters(5);
    const x = random([T]);
    const numbers = x.value.data;
    const parameterA = f64(a);
    const h0 = f64(2);
    const h = linear(parameterA, h0, x);
    let value = 2 * a ** T;
    let slope = 2 * T * a ** (T - 1);
    numbers.forEach((each, i) => {
      const n = T - 1 - i;
      value += a ** n * each;
      if (n > 0) slope += n * a ** (n - 1) * each;
    });
    const found = gradients(h, [parameterA, h0, x]);
    const expected = [[value], [slope], [a ** T], Array.from(numbers, (_, i) => a ** (T - 1 - i))];
    for (const backend of BACKENDS) expectSame(numbersOf([h, ...found], backend), expected, 1e-11);
    const [, tangent] = jvp((each: Variable) => linear(each, h0, x), [parameterA], [f64(1)]);
    expectSame(numbersOf([tangent]), [[slope]], 1e-11);
  });

  test('graphs and programs are as large for 10,000 steps as for 3', () => {
    const sizes = [3, 10_000].map((T) => {
      const a = f64(0.5);
      const x = parameter(tensor(new Float64Array(T)));
      const h = linear(a, f64(1), x);
      const found = [h, ...gradients(h, [a, x])];
      const second = gradients(sum(found[1]), [a]);
      return [
        countApplications([h]),
        countApplications(found),
        countApplications(second),
        allKernels(programOf(found)).length,
      ];
    });
    expect(sizes[1]).toEqual(sizes[0]);
  });

  test('of powers: x^8 and all its derivatives', () => {
    const x = f64(1.1);
    let y: Variable = scan((p: Variable) => [mul(p, x), null], 1, null, { length: 8 })[0];
    let factor = 1;
    for (let order = 0; order <= 4; order++) {
      for (const backend of BACKENDS)
        expectSame(numbersOf([y], backend), [[factor * 1.1 ** (8 - order)]], 1e-12);
      factor *= 8 - order;
      [y] = gradients(y, [x]);
    }
  });

  test('of a running sum, forwards and in reverse', () => {
    const x = randomParameters(6)([5, 2]);
    const run = (reverse: boolean): Variable =>
      scan(
        (total: Variable, each: Variable) => {
          const next = add(total, each);
          return [next, next];
        },
        full([2], 0, 'float64'),
        x,
        { reverse },
      )[1];
    expectEqualGraphs([run(false)], [cumsum(x, 0)]);
    const backwards = numbersOf([run(true)])[0];
    const numbers = x.value.data;
    for (let t = 4, total = 0; t >= 0; t--) {
      total += numbers[2 * t];
      expect(backwards[2 * t]).toBeCloseTo(total, 14);
    }
  });
});

describe('vmap', () => {
  const random = randomParameters(7);
  const w = random([3, 3]);
  const x = random([5, 3]);
  const h = random([3]);
  const many = { w: random([4, 3, 3]), x: random([4, 5, 3]), h: random([4, 3]) };

  /** Two carries: one that comes to depend on everything, one that depends on nothing mapped. */
  const f = (w: Variable, x: Variable, h: Variable): Variable[] => {
    const [last, ys] = scan(
      ({ h, n }: { h: Variable; n: Variable }, each: Variable) => {
        const next = tanh(add(matmul(h, w), mul(each, n)));
        return [{ h: next, n: mul(n, 0.5) }, [next, n]] as const;
      },
      { h, n: 1 },
      x,
    );
    return [last.h, last.n, ys[0] as Variable, ys[1] as Variable];
  };

  const cases = [
    ['carry', [null, null, 0]],
    ['sequence', [null, 0, null]],
    ['closure', [0, null, null]],
    ['everything', [0, 0, 0]],
  ] as const;

  test.each(cases)('over the %s', (_, inAxes) => {
    const one: readonly Variable[] = [w, x, h];
    const all: readonly Variable[] = [many.w, many.x, many.h];
    const pick = (i: number): Variable[] =>
      inAxes.map((axis, k) => (axis === null ? one[k] : element(all[k], i)));
    const [a, b, c] = inAxes.map((axis, k) => (axis === null ? one[k] : all[k]));
    const batched = vmap(f, { inAxes })(a, b, c);
    const single = Array.from({ length: 4 }, (_, i) => f(pick(i)[0], pick(i)[1], pick(i)[2]));
    batched.forEach((each, k) => {
      expectEqualGraphs(
        Array.from({ length: 4 }, (_, i) => element(each, i)),
        single.map((results) => results[k]),
      );
    });
    // The second carry is the same for the whole batch, and computed once.
    const [loop] = ancestors([batched[3]]).applications.filter(({ operation }) => operation.name === 'scan');
    expect(loop.outputs.map(({ type }) => type)).toContain('float32[5]');
  });

  test('of gradients, and gradients of vmap', () => {
    const J = (w: Variable, x: Variable): Variable => {
      const [last, , ys] = f(w, x, h);
      return add(sum(square(last)), sum(ys));
    };
    const slopes = vmap(grad(J), { inAxes: [null, 0] })(w, many.x);
    const single = Array.from({ length: 4 }, (_, i) => grad(J)(w, element(many.x, i)));
    expectEqualGraphs(
      Array.from({ length: 4 }, (_, i) => element(slopes, i)),
      single,
    );
    const whole = grad((w: Variable) => sum(vmap(J, { inAxes: [null, 0] })(w, many.x)))(w);
    expectEqualGraphs([whole], [single.reduce((a, b) => add(a, b))]);
  });

  test('makes Jacobians, in either mode', () => {
    const last = (h: Variable): Variable => f(w, x, h)[0];
    const byHand = Array.from({ length: 3 }, (_, i) => grad((h: Variable) => element(last(h), i))(h));
    for (const mode of ['forward', 'reverse'] as const) {
      const J = jacobian(last, { mode })(h);
      expectEqualGraphs(
        Array.from({ length: 3 }, (_, i) => element(J, i)),
        byHand,
      );
    }
  });
});

describe('what a body uses from outside', () => {
  test('is computed once if it depends on no round', () => {
    const random = randomParameters(8);
    const [A, B, h] = [random([3, 3]), random([3, 3]), random([2, 3])];
    const step = (h: Variable): readonly [Variable, null] => [tanh(matmul(h, matmul(A, transpose(B)))), null];
    const [last] = scan(step, h, null, { length: 5 });
    let plain: Variable = h;
    for (let t = 0; t < 5; t++) [plain] = step(plain);
    expectEqualGraphs(
      [last, ...gradients(sum(square(last)), [A, B, h])],
      [plain, ...gradients(sum(square(plain)), [A, B, h])],
    );
    const { kernels } = programOf([last]);
    expect(kernels.filter(({ kind }) => kind === 'product')).toHaveLength(1);
    expect(
      allKernels({ kernels, buffers: [], constants: [] }).filter(({ kind }) => kind === 'product'),
    ).toHaveLength(2);
  });

  test('may itself be what is differentiated', () => {
    const a = f64(0.7);
    const twice = mul(a, 2);
    const [last] = scan((h: Variable) => [mul(h, twice), null], 3, null, { length: 4 });
    const [da, dTwice] = numbersOf(gradients(last, [a, twice]));
    expectSame([da, dTwice], [[3 * 4 * 1.4 ** 3 * 2], [3 * 4 * 1.4 ** 3]]);
  });

  test('may be a table that is read at computed places', () => {
    const table = randomParameters(9)([6, 2]);
    const f = (h: Variable, i: Variable): readonly [Variable, Record<string, Variable>] => {
      const next = tanh(add(h, gather(table, i)));
      return [next, {}];
    };
    const places = tensor([4, 0, 4, 5], { dtype: 'int32' });
    const [last] = scan(f, full([2], 0.1, 'float64'), places);
    const plain = unrolled(f, full([2], 0.1, 'float64') as Variable, parameter(places)).last;
    expectEqualGraphs([last, ...gradients(sum(last), [table])], [plain, ...gradients(sum(plain), [table])]);
  });
});

describe('loops in loops', () => {
  const random = randomParameters(10);
  const W = random([3, 3]);
  const x = random([4, 5, 3]);

  const nested = (h: Variable): Variable =>
    scan(
      (outer: Variable, row: Variable) => {
        const [inner, ys] = scan(
          (h: Variable, each: Variable) => {
            const next = tanh(add(add(matmul(h, W), each), mul(outer, 0.1)));
            return [next, next];
          },
          outer,
          row,
        );
        return [add(inner, mul(0.1, sum(ys, 0))), null];
      },
      h,
      x,
    )[0];

  const written = (h: Variable): Variable => {
    let outer = h;
    for (let i = 0; i < 4; i++) {
      let inner = outer;
      let total: Variable | undefined;
      for (let k = 0; k < 5; k++) {
        inner = tanh(add(add(matmul(inner, W), element(element(x, i), k)), mul(outer, 0.1)));
        total = total === undefined ? inner : add(total, inner);
      }
      outer = add(inner, mul(0.1, total as Variable));
    }
    return outer;
  };

  test('have the derivatives of the graph written out, first and second', () => {
    const h = random([3]);
    const derivatives = (f: (h: Variable) => Variable): Variable[] => {
      const J = sum(square(f(h)));
      const first = gradients(J, [W, x, h]);
      const [, second] = jvp(
        grad((each: Variable) => sum(square(f(each)))),
        [h],
        [f64([1, -2, 0.5])],
      );
      return [J, ...first, second];
    };
    expectEqualGraphs(derivatives(nested), derivatives(written), 1e-11);
  });

  test('differentiate gradient descent with respect to its learning rate', () => {
    const target = f64([1, -2]);
    const curvature = f64([1, 4]);
    const loss = (p: Variable): Variable => mul(0.5, sum(mul(curvature, square(sub(p, target)))));
    const rate = f64(0.1);
    const [p] = scan((p: Variable) => [sub(p, mul(rate, grad(loss)(p))), null], f64([0, 0]), null, {
      length: 10,
    });
    const J = loss(p);
    // Each coordinate's error shrinks by 1 - rate c in every step.
    const ends = [1, 4].map((c, i) => ({ c, error: [-1, 2][i] * (1 - 0.1 * c) ** 10 }));
    const value = ends.reduce((all, { c, error }) => all + 0.5 * c * error ** 2, 0);
    const slope = ends.reduce((all, { c, error }) => all + (c * error * error * 10 * -c) / (1 - 0.1 * c), 0);
    for (const backend of BACKENDS)
      expectSame(numbersOf([J, ...gradients(J, [rate])], backend), [[value], [slope]]);
  });
});

test('trains a recurrent network as the graph written out does', () => {
  const train = (written: boolean): number[] => {
    const { W, U, b, h, c } = recurrent(1);
    const parameters = [W, U, b];
    const step = compile((x: Variable, target: Variable) => {
      const f = cell(W, U, b);
      const last = written
        ? unrolled(f, { h: h as Variable, c: c as Variable }, x).last
        : scan(f, { h, c }, x)[0];
      const J = sum(square(sub(last.h, target)));
      const found = gradients(J, parameters);
      return withUpdates(J, new Map(parameters.map((each, i) => [each, sub(each, mul(0.2, found[i]))])));
    });
    const random = randomParameters(11);
    const [x, target] = [random([12, 2, 4]).value, random([2, 3], 0.5).value];
    return Array.from({ length: 30 }, () => step(x, target).item());
  };
  const losses = train(false);
  expectSame([losses], [train(true)], 1e-9);
  expect(losses[29]).toBeLessThan(losses[0] / 5);
});
