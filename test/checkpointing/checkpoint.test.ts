import { describe, expect, test } from 'vitest';
import { runReference } from '../../src/backends/reference/run.ts';
import { compileGraph } from '../../src/compile/compile.ts';
import { apply, type Operation, structureOf, type Variable } from '../../src/graph/index.ts';
import {
  checkpoint,
  compile,
  DisconnectedError,
  EvaluationError,
  evaluate,
  grad,
  gradients,
  hvp,
  input,
  jvp,
  operationCount,
  scan,
  tensor,
  UndefinedGradientError,
  validate,
  vmap,
  withUpdates,
} from '../../src/index.ts';
import { registry } from '../../src/operations/index.ts';
import { sgd } from '../../src/optim/index.ts';
import { countOf, loopsIn, programOf } from '../compile/support.ts';
import { arenaOf, expectNear, expectSameBits, feedsOf, positionsOf, weight } from './support.ts';

const { add, argmax, cast, matmul, mul, sin, square, stopGradient, sub, sum, tanh } = registry;

const [W, b] = [weight([6, 6], 1), weight([6], 2)];
const layer = (h: Variable): Variable => tanh(add(matmul(h, W), b));
const layers =
  (count: number) =>
  (x: Variable): Variable => {
    let h = x;
    for (let i = 0; i < count; i++) h = layer(h);
    return h;
  };

/** `depth` layers in regions of `size`, and the gradients of what they give. */
function inRegions(depth: number, size: number, region = checkpoint): Variable[] {
  const x = input([64, 6]);
  let h: Variable = x;
  for (let i = 0; i < depth; i += size) h = region(layers(size))(h);
  const z = sum(square(h));
  return [z, ...gradients(z, [x, W, b])];
}

const plainly = ((f: unknown) => f) as typeof checkpoint;

describe('gives the same numbers', () => {
  test('of values and gradients, to the bit', () => {
    const outputs = (region: typeof checkpoint): Variable[] => {
      const x = input([64, 6]);
      const weights = Array.from({ length: 12 }, (_, i) => weight([6, 6], i + 1));
      let h: Variable = x;
      for (let i = 0; i < 12; i += 3) {
        h = region((k: Variable) => weights.slice(i, i + 3).reduce((y, w) => tanh(matmul(y, w)), k))(h);
      }
      const z = sum(square(h));
      return [z, ...gradients(z, [x, ...weights])];
    };
    expectSameBits(outputs(checkpoint), outputs(plainly));
    const numbers = (found: Variable[]) => runReference(found, feedsOf(found)).map((each) => each.toArray());
    expect(numbers(outputs(checkpoint))).toEqual(numbers(outputs(plainly)));
  });

  test('of weights that several regions share, but for the order of addition', () => {
    expectNear(inRegions(12, 3), inRegions(12, 3, plainly));
  });

  test('of functions of trees, with several results, some of them integers', () => {
    const f = ({ a, c: [p, q] }: { a: Variable; c: [Variable, Variable] }) => ({
      s: mul(tanh(a), p),
      t: [sin(q), argmax(mul(a, p), 1)] as const,
    });
    const outputs = (region: typeof checkpoint): Variable[] => {
      const [a, p, q] = [input([3, 4]), input([3, 4]), input([4])];
      const { s, t } = region(f)({ a, c: [p, q] });
      const z = sum(mul(mul(s, t[0]), stopGradient(sum(cast(t[1], 'float32')))));
      return [z, t[1], ...gradients(z, [a, p, q])];
    };
    expectSameBits(outputs(checkpoint), outputs(plainly));
  });

  test('of a region of whose results one is read', () => {
    const x = tensor([1, 2], { dtype: 'float64' });
    const [, second] = checkpoint((x: Variable) => [sin(x), square(x)])(x);
    expect([...runReference([second])[0].data]).toEqual([1, 4]);
    expect([...second.evaluate().data]).toEqual([1, 4]);
  });

  test('of what a region takes from outside: parameters, variables, other regions', () => {
    const outputs = (region: typeof checkpoint): Variable[] => {
      const [x, y] = [input([5, 6]), input([5, 6])];
      const outer = sin(y);
      const first = region((h: Variable) => mul(layer(h), outer))(x);
      const second = region((h: Variable) => add(layer(h), mul(first, outer)))(first);
      const z = sum(second);
      return [z, ...gradients(z, [x, y, outer, W, b])];
    };
    expectNear(outputs(checkpoint), outputs(plainly));
  });

  test('where a region hands its argument, an outer variable or a number straight on', () => {
    const outputs = (region: typeof checkpoint): Variable[] => {
      const [x, y] = [input([3]), input([3])];
      const [p, q, r, s] = region((a: Variable) => [a, y, registry.broadcastTo(2, [3]), sin(a)])(x);
      const z = sum(mul(mul(p, q), mul(r, s)));
      return [z, ...gradients(z, [x, y])];
    };
    expectSameBits(outputs(checkpoint), outputs(plainly));
  });

  test('where one variable is two arguments', () => {
    const x = input([3]);
    const [dx] = gradients(sum(checkpoint((a: Variable, c: Variable) => mul(a, c))(x, x)), [x]);
    expectSameBits([dx], [add(x, x)]);
  });

  test('in a region within a region within a region', () => {
    const nest = (region: typeof checkpoint) => (x: Variable) =>
      region((h: Variable) => region((k: Variable) => region(layers(2))(region(layers(2))(k)))(layer(h)))(x);
    const outputs = (region: typeof checkpoint): Variable[] => {
      const x = input([4, 6]);
      const z = sum(nest(region)(x));
      return [z, ...gradients(z, [x, W, b])];
    };
    validate(outputs(checkpoint));
    expectNear(outputs(checkpoint), outputs(plainly));
  });

  test('for grad of a function of trees', () => {
    const f = (region: typeof checkpoint) => (p: { w: Variable; x: Variable }) =>
      sum(region((q: typeof p) => tanh(matmul(q.x, q.w)))(p));
    const [w, x] = [input([6, 6]), input([2, 6])];
    const [found, expected] = [grad(f(checkpoint))({ w, x }), grad(f(plainly))({ w, x })];
    expectSameBits([found.w, found.x], [expected.w, expected.x]);
  });

  test('for plain numbers and tensors as arguments', () => {
    const z = checkpoint((x: Variable, c: Variable) => mul(x, c))(tensor([1, 2]), 3);
    expect(z.evaluate().toArray()).toEqual([3, 6]);
  });

  test('for a loop inside a region, and a region inside a loop', () => {
    const outputs = (region: typeof checkpoint): Variable[] => {
      const x = input([4, 6]);
      const inside = region((h: Variable) => scan((c: Variable) => [layer(c), c], h, null, { length: 3 })[0])(
        x,
      );
      const around = scan((c: Variable) => [region(layers(2))(c), c], inside, null, { length: 3 })[0];
      const z = sum(around);
      return [z, ...gradients(z, [x, W, b])];
    };
    expectNear(outputs(checkpoint), outputs(plainly));
  });
});

test('the gradient of what a region in a loop computes from outside alone', () => {
  const w = tensor(0.5, { dtype: 'float64' });
  const slopes = [checkpoint, plainly].map((region) =>
    grad((w: Variable) => {
      const step = region((h: Variable) => [tanh(add(h, mul(2, w))), sin(w)]);
      const next = (h: Variable): Variable => {
        const [a, b] = step(h);
        return mul(a, b);
      };
      return scan((h: Variable) => [next(h), null], w, null, { length: 3 })[0];
    })(w)
      .evaluate()
      .item(),
  );
  expect(slopes[0]).toBeCloseTo(slopes[1], 12);
});

describe('under other transformations', () => {
  test('forward mode recomputes nothing', () => {
    const x = input([4, 6]);
    const outputs = (region: typeof checkpoint) => jvp(region(layers(5)), [x], [sin(x)]);
    expectSameBits(outputs(checkpoint), outputs(plainly));
    expect(countOf(programOf(outputs(checkpoint)), 'tanh')).toBe(5);
  });

  test('vmap, inside and outside of grad', () => {
    const xs = input([3, 2, 6]);
    const f = (region: typeof checkpoint) => (x: Variable) => sum(square(region(layers(3))(x)));
    expectSameBits([vmap(f(checkpoint))(xs)], [vmap(f(plainly))(xs)]);
    expectSameBits([vmap(grad(f(checkpoint)))(xs)], [vmap(grad(f(plainly)))(xs)]);
    const total = (region: typeof checkpoint) => (x: Variable) => sum(vmap(f(region))(x));
    expectSameBits([grad(total(checkpoint))(xs)], [grad(total(plainly))(xs)]);
  });

  test('vmap where only what comes from outside is mapped', () => {
    const [x, ys] = [input([6]), input([3, 6])];
    const f = (region: typeof checkpoint) => (y: Variable) =>
      grad((a: Variable) => sum(region((h: Variable) => sin(mul(h, y)))(a)))(x);
    expectSameBits([vmap(f(checkpoint))(ys)], [vmap(f(plainly))(ys)]);
  });

  test('second derivatives, in every order of the modes', () => {
    const [x, v] = [input([4, 6]), input([4, 6])];
    const f = (region: typeof checkpoint) => (h: Variable) => sum(square(region(layers(3))(h)));
    const reverseTwice = (region: typeof checkpoint): Variable => {
      const [dx] = gradients(f(region)(x), [x]);
      return gradients(sum(mul(dx, v)), [x])[0];
    };
    const reverseOverForward = (region: typeof checkpoint): Variable =>
      gradients(jvp(f(region), [x], [v])[1], [x])[0];
    for (const second of [reverseTwice, reverseOverForward, (r: typeof checkpoint) => hvp(f(r), x, v)]) {
      const feeds = feedsOf([x, v]);
      const [found, expected] = evaluate([second(checkpoint), second(plainly)], feeds);
      found.data.forEach((each, i) => {
        expect(Math.abs(each - expected.data[i])).toBeLessThanOrEqual(
          1e-5 * (1 + Math.abs(expected.data[i])),
        );
      });
    }
  });

  test('training in one program follows the same path', () => {
    const train = (region: typeof checkpoint): number[] => {
      const w = weight([6, 6], 9);
      const step = compile((x: Variable) => {
        const J = sum(square(sub(region((h: Variable) => tanh(matmul(tanh(matmul(h, w)), w)))(x), 0.5)));
        return withUpdates(J, sgd({ learningRate: 0.05 }).minimize(J));
      });
      const x = tensor(
        Array.from({ length: 3 }, (_, i) => Array.from({ length: 6 }, (__, k) => Math.sin(6 * i + k))),
      );
      return Array.from({ length: 20 }, () => step(x).item());
    };
    expect(train(checkpoint)).toEqual(train(plainly));
  });
});

describe('trades memory for operations', () => {
  test('each layer is computed twice, and the compiler merges none of it away', () => {
    const program = programOf(inRegions(12, 4));
    expect(countOf(programOf(inRegions(12, 4, plainly)), 'tanh')).toBe(12);
    expect(countOf(program, 'tanh')).toBe(24);
    expect(operationCount(inRegions(12, 4))).toBeLessThan(1.5 * operationCount(inRegions(12, 4, plainly)));
  });

  test('memory falls with the square root of the depth', () => {
    const unit = 64 * 6 * 4;
    const [plain, four, eight] = [
      arenaOf(inRegions(64, 64, plainly)),
      arenaOf(inRegions(64, 4)),
      arenaOf(inRegions(64, 8)),
    ];
    expect(plain).toBeGreaterThan(64 * unit);
    // What the regions take from before, what is inside one of them, x and dx, and a few values under way.
    expect(eight).toBeLessThan((8 + 8 + 8) * unit);
    expect(four).toBeLessThan((16 + 4 + 8) * unit);
  });

  test('regions within regions take less than either', () => {
    const nested = (x: Variable): Variable => {
      let h = x;
      for (let i = 0; i < 4; i++) h = checkpoint(layers(4))(h);
      return h;
    };
    const [x, y] = [input([64, 6]), input([64, 6])];
    const outputs = (f: (h: Variable) => Variable, from: Variable): Variable[] => {
      let h = from;
      for (let i = 0; i < 4; i++) h = checkpoint(f)(h);
      const z = sum(h);
      return [z, ...gradients(z, [from])];
    };
    expect(arenaOf(outputs(nested, y))).toBeLessThan(0.8 * arenaOf(outputs(layers(16), x)));
  });

  test('nothing is computed again before its gradient is there', () => {
    const program = programOf(inRegions(8, 2));
    const positions = positionsOf(program, 'tanh');
    const products = program.kernels.flatMap((kernel, i) => (kernel.kind === 'product' ? [i] : []));
    // Eight layers forward; then for each region two layers again, and four products back.
    const again = positions.slice(8);
    for (let region = 1; region < 4; region++) {
      const [first] = again.slice(2 * region);
      const before = products.filter((position) => position < first).length;
      expect(before).toBeGreaterThanOrEqual(8 + region * 5);
    }
  });

  test('also where maps are fused, and where the gradient is a number known at once', () => {
    const x = input([1000]);
    const far = (h: Variable): Variable => {
      let y = h;
      for (let i = 0; i < 6; i++) y = sin(add(y, i));
      return y;
    };
    const halves = [checkpoint(far)(x), checkpoint(far)(mul(x, 2))];
    const z = add(sum(halves[0]), sum(halves[1]));
    const program = programOf([z, ...gradients(z, [x])]);
    // 12 forward; again all but the last sine of each region, which no derivative reads.
    expect(countOf(program, 'sin')).toBe(22);
    // Both sums, which end the forward pass, come before anything is computed again.
    const sums = program.kernels.flatMap((kernel, i) =>
      loopsIn(kernel).some(({ reduced }) => reduced > 0) ? [i] : [],
    );
    expect(positionsOf(program, 'sin').filter((position) => position > Math.max(...sums)).length).toBe(10);
  });

  test('no number is copied to cross a barrier', () => {
    const x = input([16, 6]);
    const z = sum(checkpoint((h: Variable) => tanh(matmul(tanh(matmul(h, W)), W)))(x));
    const program = programOf([z, ...gradients(z, [x, W])]);
    const copies = program.kernels.filter(
      (kernel) =>
        kernel.kind === 'loop' && kernel.reduced === 0 && kernel.nodes.every(({ op }) => op === 'load'),
    );
    expect(copies).toEqual([]);
  });

  test('a graph built anew has the structure of the one before', () => {
    expect(structureOf(inRegions(4, 2)).key).toBe(structureOf(inRegions(4, 2)).key);
  });
});

describe('random numbers', () => {
  let drawn = 0;
  const noise: Operation<Record<string, never>> = {
    name: 'noise',
    infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
    bprop: ({ g }) => g,
    computation: {
      kind: 'routine',
      run([x], [y]) {
        drawn++;
        x.data.forEach((each, i) => {
          y.data[i] = each + Math.random();
        });
      },
    },
    opaque: true,
  };
  const noisy = (h: Variable): Variable => square(apply(noise, [sin(h)], {}));

  test.each<[string, (x: Variable) => Variable]>([
    ['a region', checkpoint(noisy)],
    ['a region within a region', checkpoint((h: Variable) => mul(checkpoint(noisy)(h), 1))],
  ])('are drawn once by %s, and gradients go back through them', (_, region) => {
    drawn = 0;
    const x = input([4]);
    const y = region(x);
    const [dx] = gradients(sum(y), [x]);
    const [value, slope] = evaluate([y, dx], new Map([[x, tensor([0, 0.1, 0.2, 0.3])]]));
    expect(drawn).toBe(1);
    value.data.forEach((each, i) => {
      expect(slope.data[i]).toBeCloseTo(2 * Math.sqrt(each) * Math.cos(i / 10), 5);
    });
  });
});

describe('what cannot be', () => {
  const escaped = (): { x: Variable; y: Variable; inner: Variable } => {
    const x = input([3]);
    let inner: Variable = x;
    const y = checkpoint((h: Variable) => {
      inner = sin(h);
      return mul(inner, inner);
    })(x);
    return { x, y, inner };
  };

  test('a value of the inside that has been carried out has no number', () => {
    const { x, inner } = escaped();
    expect(() => evaluate(inner, new Map([[x, tensor([1, 2, 3])]]))).toThrow(EvaluationError);
  });

  test('nor is anything a function of it', () => {
    const { y, inner } = escaped();
    expect(() => gradients(sum(y), [inner])).toThrow(DisconnectedError);
  });

  test('undefined derivatives inside are undefined outside', () => {
    const x = input([3]);
    const y = checkpoint((h: Variable) => mul(cast(argmax(h), 'float32'), sum(h)))(x);
    expect(() => gradients(y, [x])).toThrow(UndefinedGradientError);
  });
});

test('a region leaves no trace in a program that only goes forward', () => {
  const x = input([4, 6]);
  const [marked, plain] = [checkpoint(layers(3))(x), layers(3)(x)];
  expect(compileGraph({ outputs: [marked], inputs: [x] }).program).toEqual(
    compileGraph({ outputs: [plain], inputs: [x] }).program,
  );
});
