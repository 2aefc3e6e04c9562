/** `cond` against the branch that is meant, and what must not happen in the other one. */
import { describe, expect, test } from 'vitest';
import { apply, type Operation } from '../../src/graph/index.ts';
import {
  add,
  cond,
  DTypeError,
  div,
  evaluate,
  exp,
  full,
  grad,
  gradients,
  greater,
  input,
  jvp,
  less,
  log,
  matmul,
  mul,
  type Parameter,
  print,
  ShapeError,
  scan,
  sigmoid,
  sqrt,
  square,
  sub,
  sum,
  tanh,
  tensor,
  type Variable,
  validate,
  vmap,
} from '../../src/index.ts';
import { inputsOf, runByTheBook } from '../compile/support.ts';
import {
  allKernels,
  BACKENDS,
  element,
  expectEqualGraphs,
  expectSame,
  f64,
  numbersOf,
  programOf,
  randomParameters,
} from './support.ts';

/** Sets x in turn, and compares the outputs on both backends with what `expected` makes of the same x. */
function atEach(
  x: Parameter,
  values: readonly number[],
  outputs: readonly Variable[],
  expected: (x: number) => number[],
  tolerance = 1e-13,
): void {
  for (const value of values) {
    x.set(value);
    for (const backend of BACKENDS)
      expectSame(
        numbersOf(outputs, backend),
        expected(value).map((each) => [each]),
        tolerance,
      );
  }
}

describe('values and derivatives', () => {
  test('are those of the branch taken; NaN of the other does not leak', () => {
    const x = f64(1);
    const y = cond(
      greater(x, 0),
      () => mul(log(x), sqrt(x)),
      () => square(sub(x, 1)),
    );
    const [slope] = gradients(y, [x]);
    const [bend] = gradients(slope, [x]);
    const [, tangent] = jvp(
      (x: Variable) =>
        cond(
          greater(x, 0),
          () => mul(log(x), sqrt(x)),
          () => square(sub(x, 1)),
        ),
      [x],
      [f64(2)],
    );
    atEach(x, [-2, -0.5, 0, 0.5, 3], [y, slope, bend, tangent], (x) => {
      if (x <= 0) return [(x - 1) ** 2, 2 * (x - 1), 2, 4 * (x - 1)];
      const root = Math.sqrt(x);
      const first = Math.log(x) / (2 * root) + 1 / root;
      return [Math.log(x) * root, first, -Math.log(x) / (4 * x * root), 2 * first];
    });
  });

  test('flow to operands, and to what is captured by one branch or both', () => {
    const random = randomParameters(30);
    const [w, a, b] = [random([3, 3]), random([3]), random([3])];
    const p = f64(1);
    const first = (h: Variable, { a }: { a: Variable }): Variable[] => [tanh(matmul(h, w)), mul(a, 2)];
    const second = (h: Variable, { a }: { a: Variable }): Variable[] => [mul(h, b), add(a, sum(w, 0))];
    const h = random([3]);
    const chosen = cond(greater(p, 0), first, second, h, { a });
    const J = (parts: readonly Variable[]): Variable =>
      add(sum(square(parts[0])), sum(mul(parts[1], parts[0])));
    const leaves = [w, a, b, h];
    for (const [value, branch] of [
      [1, first],
      [-1, second],
    ] as const) {
      p.set(value);
      const plain = branch(h, { a });
      expectEqualGraphs(
        [...chosen, ...gradients(J(chosen), leaves)],
        [...plain, ...gradients(J(plain), leaves, { disconnected: 'zero' })],
      );
      const second = (of: readonly Variable[]): Variable[] => {
        const [dh] = gradients(J(of), [h]);
        return gradients(sum(square(dh)), leaves, { disconnected: 'zero' });
      };
      expectEqualGraphs(second(chosen), second(plain));
    }
  });

  test('inside a scan, and with scans inside', () => {
    const random = randomParameters(31);
    const [x, w] = [random([9, 2]), random([2, 2])];
    const up = (h: Variable): Variable =>
      scan((h: Variable) => [tanh(matmul(h, w)), null], h, null, { length: 3 })[0];
    const down = (h: Variable): Variable => mul(h, 0.5);
    const [last, ys] = scan(
      (h: Variable, each: Variable) => {
        const next = cond(
          greater(sum(each), 0),
          () => add(up(h), each),
          () => sub(down(h), each),
        );
        return [next, sum(next)];
      },
      full([2], 1, 'float64'),
      x,
    );
    let plain: Variable = full([2], 1, 'float64');
    let total: Variable | undefined;
    for (let t = 0; t < 9; t++) {
      const each = element(x, t);
      plain =
        x.value.data[2 * t] + x.value.data[2 * t + 1] > 0 ? add(up(plain), each) : sub(down(plain), each);
      total = total === undefined ? sum(plain) : add(total, sum(plain));
    }
    const found = add(sum(ys), sum(square(last)));
    const expected = add(total as Variable, sum(square(plain)));
    expectEqualGraphs([found, ...gradients(found, [x, w])], [expected, ...gradients(expected, [x, w])]);
    expectEqualGraphs(
      gradients(sum(square(gradients(found, [w])[0])), [x]),
      gradients(sum(square(gradients(expected, [w])[0])), [x]),
      1e-11,
    );
  });

  test('in branches of branches', () => {
    const x = f64(1);
    const y = cond(
      less(x, 0),
      () =>
        cond(
          less(x, -1),
          () => exp(x),
          () => mul(x, 3),
        ),
      () =>
        cond(
          less(x, 1),
          () => square(x),
          () => div(1, x),
        ),
    );
    atEach(x, [-2, -0.5, 0.5, 4], [y, ...gradients(y, [x])], (x) => {
      if (x < -1) return [Math.exp(x), Math.exp(x)];
      if (x < 0) return [3 * x, 3];
      return x < 1 ? [x * x, 2 * x] : [1 / x, -1 / x ** 2];
    });
  });
});

describe('vmap', () => {
  const x = f64([-1, 0.5, 2]);
  const f = (p: Variable, x: Variable): Variable =>
    cond(
      greater(p, 0),
      (x: Variable) => mul(x, 3),
      (x: Variable) => add(square(x), p),
      x,
    );

  test('over operands: one branch for the whole batch', () => {
    for (const [p, expected] of [
      [1, [-3, 1.5, 6]],
      [-1, [0, -0.75, 3]],
    ] as const) {
      const many = vmap(f, { inAxes: [null, 0] })(f64(p), x);
      for (const backend of BACKENDS) expectSame(numbersOf([many], backend), [expected]);
      expect(programOf([many]).kernels.some(({ kind }) => kind === 'choose')).toBe(true);
    }
  });

  test('over predicates: each element its own', () => {
    const p = f64([1, -1, 0]);
    const outputs = [
      vmap(f)(p, x),
      vmap(f, { inAxes: [0, null] })(p, f64(2)),
      vmap(grad(f, { argument: 1 }))(p, x),
    ];
    for (const backend of BACKENDS)
      expectSame(numbersOf(outputs, backend), [
        [-3, -0.75, 4],
        [6, 3, 4],
        [3, 1, 4],
      ]);
  });
});

describe('the branch not taken', () => {
  test('is not computed: a routine in it is not called', () => {
    const calls: string[] = [];
    const noisy = (name: string): Operation => ({
      name,
      infer: ([{ shape, dtype }]) => [{ shape, dtype }],
      bprop: ({ g }) => apply(noisy(`${name} backwards`), [g], {}),
      computation: {
        kind: 'routine',
        run: ([x], [y]) => {
          calls.push(name);
          y.data.set(x.data);
        },
      },
    });
    const [left, right] = [noisy('left'), noisy('right')];
    const p = f64(1);
    const x = f64([1, 2]);
    const y = cond(
      greater(p, 0),
      () => apply(left, [x], {}),
      () => apply(right, [x], {}),
    );
    const outputs = [y, ...gradients(sum(y), [x])];
    for (const backend of BACKENDS) {
      for (const [value, name] of [
        [1, 'left'],
        [-1, 'right'],
      ] as const) {
        p.set(value);
        calls.length = 0;
        numbersOf(outputs, backend);
        expect(calls).toEqual([name, `${name} backwards`]);
      }
    }
  });

  test('costs nothing: neither do intermediate results that no gradient wants', () => {
    const x = input([1000]);
    const p = input([], { dtype: 'bool' });
    const y = cond(
      p,
      () => sigmoid(tanh(exp(x))),
      () => mul(x, 2),
    );
    const program = programOf([y]);
    expect(program.kernels.map(({ kind }) => kind)).toEqual(['choose']);
    // x, the predicate and the result.
    expect(program.arenaBytes).toBeLessThan(2 * 4096 + 256);
    expect(allKernels(program).filter(({ kind }) => kind === 'loop')).toHaveLength(2);
    expect(print(y)).toBe(
      [
        '%0 = input : bool[]',
        '%1 = input : float32[1000]',
        '%2 = cond(%0, %1) : float32[1000]',
        '  if (%0 : float32[1000])',
        '    %1 = exp(%0) : float32[1000]',
        '    %2 = tanh(%1) : float32[1000]',
        '    %3 = sigmoid(%2) : float32[1000]',
        '    return %3',
        '  else (%0 : float32[1000])',
        '    %1 = mul(%0, 2) : float32[1000]',
        '    return %1',
        'return %2',
      ].join('\n'),
    );
  });

  test('the gradient reads what the branch has computed, and computes nothing expensive again', () => {
    const x = input([10]);
    const y = cond(
      input([], { dtype: 'bool' }),
      () => sigmoid(exp(x)),
      () => tanh(x),
    );
    const outputs = [y, ...gradients(sum(y), [x])];
    const nodes = allKernels(programOf(outputs)).flatMap((kernel) =>
      kernel.kind === 'loop' ? kernel.nodes : [],
    );
    for (const op of ['exp', 'sigmoid', 'tanh'])
      expect(nodes.filter((node) => node.op === op)).toHaveLength(1);
    validate(outputs);
  });

  test('leaves garbage that no result depends on', () => {
    const [p, x] = [input([], { dtype: 'bool' }), input([3], { dtype: 'float64' })];
    const y = cond(
      p,
      () => [sigmoid(exp(x)), x],
      () => [tanh(x), square(x)],
    );
    const J = add(sum(square(y[0])), sum(y[1]));
    const outputs = [...y, ...gradients(J, [x])];
    for (const taken of [true, false]) {
      const feeds = new Map<Variable, ReturnType<typeof tensor>>([
        [p, tensor(taken)],
        [x, tensor([0.1, -2, 1], { dtype: 'float64' })],
      ]);
      const { outputs: found, program } = runByTheBook({ outputs, inputs: inputsOf(outputs) }, feeds);
      expect(structuredClone(program)).toEqual(program);
      const expected = evaluate(outputs, feeds);
      expectSame(
        found.map(({ data }) => [...data]),
        expected.map(({ data }) => [...data]),
      );
    }
  });
});

describe('errors', () => {
  const x = input([2]);
  const p = input([], { dtype: 'bool' });

  test.each([
    [
      () =>
        cond(
          sum(x),
          () => x,
          () => x,
        ),
      DTypeError,
      'the condition is float32[], not a bool; compare it (greater(x, 0))',
    ],
    [
      () =>
        cond(
          greater(x, 0),
          () => x,
          () => x,
        ),
      ShapeError,
      'the condition is bool[2], not a scalar',
    ],
    [
      () =>
        cond(
          p,
          () => ({ a: x }),
          () => ({ b: x }) as never,
        ),
      ShapeError,
      'the first branch returns result.a, the second result.b',
    ],
    [
      () =>
        cond(
          p,
          () => [x],
          () => [sum(x)] as never,
        ),
      ShapeError,
      'result[0] is float32[2] in the first branch and float32[] in the second; reshape or broadcast',
    ],
    [
      () =>
        cond(
          p,
          () => x,
          () => full([2], 0, 'float64'),
        ),
      DTypeError,
      'result is float32[2] in the first branch and float64[2] in the second; cast',
    ],
  ] as const)('%#: say what is wrong, and where', (run, kind, message) => {
    expect(run).toThrow(kind);
    expect(run).toThrow(message);
    expect(run).toThrow(/ at cond\.test\.ts:\d+$/);
  });

  test('a plain number takes the dtype of the other branch; a plain predicate is one too', () => {
    const y = f64(3);
    expect(
      cond(
        p,
        () => y,
        () => 0 as unknown as Variable,
      ).type,
    ).toBe('float64[]');
    expectSame(
      numbersOf([
        cond(
          true,
          () => y,
          () => mul(y, 2),
        ),
        cond(
          false,
          () => y,
          () => mul(y, 2),
        ),
      ]),
      [[3], [6]],
    );
  });
});
