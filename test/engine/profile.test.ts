/** Profiles: what they say of each kernel, and that to take them changes nothing. */
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import {
  add,
  cholesky,
  compile,
  cond,
  configureEngine,
  crossEntropy,
  exp,
  grad,
  type KernelProfile,
  less,
  matmul,
  parameter,
  profile,
  relu,
  scan,
  setBackend,
  sum,
  Tensor,
  tanh,
  tensor,
  type Variable,
  whileLoop,
  withUpdates,
} from '../../src/index.ts';
import { linear, parameterValues, sequential, setSeed } from '../../src/nn/index.ts';
import { sgd } from '../../src/optim/index.ts';

const source = readFileSync(new URL(import.meta.url), 'utf8').split('\n');

/** The line of this file that holds `text`, as sites name it. */
function lineWith(text: string): string {
  const found = source.findIndex((line) => line.includes(text) && !line.includes('lineWith'));
  expect(found).toBeGreaterThan(0);
  return `profile.test.ts:${found + 1}`;
}

const ones = (rows: number, columns: number): Tensor =>
  tensor(Array.from({ length: rows }, () => new Array<number>(columns).fill(1)));

/** The step of a 784-128-10 network on 32 images, and its parameters. */
function training() {
  setSeed(1);
  const model = sequential(linear(784, 128), relu, linear(128, 10));
  const optimizer = sgd({ learningRate: 0.1 });
  const step = compile((x: Variable, y: Variable) => {
    const J = crossEntropy(model(x), y);
    return withUpdates(J, optimizer.minimize(J));
  });
  const images = tensor(
    Array.from({ length: 32 }, (_, i) => Array.from({ length: 784 }, (_, j) => ((i * j) % 7) / 7)),
  );
  const labels = tensor(
    Array.from({ length: 32 }, (_, i) => i % 10),
    { dtype: 'int32' },
  );
  return { step, images, labels, weights: () => parameterValues(model) };
}

/** The events of a trace that are not about names. */
function eventsOf(trace: string): Record<string, any>[] {
  const { traceEvents } = JSON.parse(trace) as { traceEvents: Record<string, any>[] };
  return traceEvents.filter(({ ph }) => ph !== 'M');
}

const totalOf = (kernels: readonly KernelProfile[], what: 'flops' | 'calls' | 'time'): number =>
  kernels.reduce((total, kernel) => total + kernel[what], 0);

/** Kernels in the loop or branch at `position`. */
const inside = (kernels: readonly KernelProfile[], position: number): KernelProfile[] =>
  kernels.filter((kernel) => kernel.inside === position);

const positionOf = (kernels: readonly KernelProfile[], kind: KernelProfile['kind']): number =>
  kernels.findIndex((kernel) => kernel.kind === kind);

afterEach(() => {
  setBackend('wasm');
  configureEngine({ threads: 'auto', blas: 'auto' });
});

describe('the profile of a training step', () => {
  const { step, images, labels } = training();
  const found = profile(step, [images, labels], { repetitions: 3, warmUp: 1 });
  const { kernels } = found;

  test('counts the operations of its products: forward twice, backward three times', () => {
    const products = kernels.filter(({ kind }) => kind === 'product');
    expect(products.map(({ name }) => name).sort()).toEqual([
      'matmul',
      'matmul',
      "matmul'",
      "matmul' mul sub",
      "matmul' mul sub",
    ]);
    expect(totalOf(products, 'flops')).toBe(2 * 32 * (2 * 784 * 128 + 3 * 128 * 10));
  });

  test('names operations and lines of the program', () => {
    const J = lineWith('const J = crossEntropy(');
    const update = lineWith('optimizer.minimize(J)');
    for (const { sites } of kernels) {
      expect(sites.length).toBeGreaterThan(0);
      for (const site of sites) expect([J, update]).toContain(site);
    }
    const table = String(found).split('\n');
    expect(table.some((row) => /\bmatmul /.test(row) && row.includes(J))).toBe(true);
    expect(table.some((row) => row.includes("relu'") && row.includes(J))).toBe(true);
    expect(table.some((row) => row.includes('crossEntropy ') && row.includes(J))).toBe(true);
    expect(table.some((row) => row.includes('sub') && row.includes(update))).toBe(true);
    expect(table.length).toBe(1 + kernels.length + 2);
  });

  test('tells speeds from work and time', () => {
    for (const { time, flops, bytes, gflops, gbs, calls } of kernels) {
      expect(calls).toBe(1);
      expect(time).toBeGreaterThanOrEqual(0);
      if (time === 0) continue;
      expect(gflops * time).toBeCloseTo(flops / 1e9, 9);
      expect(gbs * time).toBeCloseTo(bytes / 1e9, 9);
    }
    expect(found.time).toBe(totalOf(kernels, 'time'));
    expect(found.repetitions).toBe(3);
    expect(found.livenessBound).toBeGreaterThan(0);
    expect(found.arenaBytes).toBeGreaterThanOrEqual(found.livenessBound);
  });

  test('says how matrices lie', () => {
    const details = kernels.filter(({ kind }) => kind === 'product').map(({ detail }) => detail);
    expect(details).toContain('float32 [32, 784] x [784, 128]');
    expect(details).toContain('float32 [784, 32] x [32, 128], A transposed, added to C');
    expect(details).toContain('float32 [32, 10] x [10, 128], B transposed');
  });

  test('is a trace of one event a kernel, one after another', () => {
    const events = eventsOf(found.trace());
    expect(events.map(({ args }) => args.kernel)).toEqual(kernels.map((_, i) => i));
    let last = 0;
    for (const { name, ph, ts, dur, pid, tid, args } of events) {
      expect(name).toBe(kernels[args.kernel].name);
      expect(ph).toBe('X');
      expect([pid, tid]).toEqual([1, 1]);
      expect(dur).toBeGreaterThanOrEqual(0);
      expect(ts).toBeGreaterThanOrEqual(last - 0.001);
      last = ts + dur;
      expect(args.lines[0]).toMatch(/profile\.test\.ts:\d+:\d+$/);
    }
  });
});

describe('a profile', () => {
  test('makes real calls, and computes what plain ones do, to the last bit', () => {
    const plain = training();
    const measured = training();
    let loss: Tensor | undefined;
    for (let i = 0; i < 5; i++) loss = plain.step(plain.images, plain.labels);
    const { step, images, labels } = measured;
    const { result } = profile(step, [images, labels], { repetitions: 3, warmUp: 2 });
    expect(result.data).toEqual(loss?.data);
    expect(measured.weights()).toEqual(plain.weights());
    expect(step(images, labels).data).toEqual(plain.step(plain.images, plain.labels).data);
  });

  test('leaves no trace in the compiled function', () => {
    const weight = parameter(tensor([1, 2]));
    const double = compile((x: Variable) =>
      withUpdates(sum(x.mul(weight)), new Map([[weight, weight.mul(2)]])),
    );
    const x = tensor([1, 1]);
    expect(double(x).item()).toBe(3);
    expect(profile(double, [x], { repetitions: 1, warmUp: 0 }).result.item()).toBe(6);
    expect(double(x).item()).toBe(12);
  });

  test('returns what the function returns, in the same structure', () => {
    const f = compile(({ x }: { x: Variable }) => ({ twice: [x.mul(2)], thrice: x.mul(3) }));
    const { result } = profile(f, [{ x: tensor([1, 2]) }], { repetitions: 1 });
    expect(result.twice[0].toArray()).toEqual([2, 4]);
    expect(result.thrice.toArray()).toEqual([3, 6]);
  });

  test('tells of kernels in loops round by round', () => {
    const f = compile((xs: Variable, start: Variable) => {
      const [last] = scan((s: Variable, x: Variable) => [tanh(add(matmul(s, s), x)), s], start, xs);
      return last as Variable;
    });
    const xs = tensor(Array.from({ length: 10 }, () => ones(4, 4).toArray() as number[][]));
    const { kernels, trace, result } = profile(f, [xs, ones(4, 4)], { repetitions: 2, warmUp: 0 });
    expect(result.data).toEqual(f(xs, ones(4, 4)).data);
    const loop = positionOf(kernels, 'repeat');
    const inner = inside(kernels, loop);
    expect(kernels[loop]).toMatchObject({ name: 'scan', detail: '10 rounds', calls: 1, flops: 0 });
    expect(inner.map(({ name }) => name)).toEqual(['scan: matmul', 'scan: add tanh']);
    expect(inner.map(({ calls }) => calls)).toEqual([10, 10]);
    expect(inner.map(({ flops }) => flops)).toEqual([10 * 2 * 64, 10 * 2 * 16]);
    const events = eventsOf(trace());
    expect(events.length).toBe(totalOf(kernels, 'calls'));
    const [outer] = events.filter(({ args }) => args.kernel === loop);
    const rounds = events.filter(({ name }) => name.startsWith('scan: '));
    expect(rounds.length).toBe(20);
    for (const { ts, dur, name } of rounds) {
      expect(ts, name).toBeGreaterThanOrEqual(outer.ts);
      expect(ts + dur, name).toBeLessThanOrEqual(outer.ts + outer.dur + 0.001);
    }
  });

  test('on two threads computes what one does, and its kernels stay in their loops', () => {
    const f = compile((xs: Variable, start: Variable) => {
      const [last] = scan((s: Variable, x: Variable) => [tanh(add(matmul(s, s), x)), s], start, xs);
      return last as Variable;
    });
    const noise = (shape: number[]): Tensor => {
      const size = shape.reduce((a, b) => a * b);
      return new Tensor(
        shape,
        'float32',
        Float32Array.from({ length: size }, (_, i) => Math.sin(i)),
      );
    };
    const args = [noise([3, 128, 128]), noise([128, 128])] as const;
    configureEngine({ threads: 1, blas: 'off' });
    const alone = profile(f, [...args], { repetitions: 1 });
    configureEngine({ threads: 2 });
    const together = profile(f, [...args], { repetitions: 3 });
    expect([alone.threads, together.threads]).toEqual([1, 2]);
    expect(together.result.data).toEqual(alone.result.data);
    expect(String(together)).toContain('on 2 threads');
    const { kernels } = together;
    const loop = positionOf(kernels, 'repeat');
    expect(inside(kernels, loop).map(({ calls }) => calls)).toEqual([3, 3]);
    const events = eventsOf(together.trace());
    const [outer] = events.filter(({ args }) => args.kernel === loop);
    let last = outer.ts;
    for (const { ts, dur } of events.filter(({ name }) => name.startsWith('scan: '))) {
      expect(ts).toBeGreaterThanOrEqual(last - 0.001);
      last = ts + dur;
    }
    expect(last).toBeLessThanOrEqual(outer.ts + outer.dur + 0.001);
  });

  test('counts the rounds that there were', () => {
    const f = compile(
      (x: Variable) =>
        whileLoop(
          (s: Variable) => less(sum(s), 100),
          (s: Variable) => add(s, 1),
          x,
        ) as Variable,
    );
    const { kernels } = profile(f, [tensor([0, 90])], { repetitions: 1 });
    const inner = inside(kernels, positionOf(kernels, 'repeat'));
    expect(inner.length).toBeGreaterThan(0);
    for (const { calls } of inner) expect(calls).toBe(5);
  });

  test('tells which of two branches ran', () => {
    const f = compile(
      (x: Variable) =>
        cond(
          less(sum(x), 1),
          () => exp(x),
          () => tanh(x),
        ) as Variable,
    );
    const { kernels } = profile(f, [tensor([3, 4])], { repetitions: 1 });
    const inner = inside(kernels, positionOf(kernels, 'choose'));
    expect(inner.map(({ name, calls }) => [name, calls])).toEqual([
      ['cond: exp', 0],
      ['cond: tanh', 1],
    ]);
  });

  test('keeps so many events of long loops, and says how many it left out', () => {
    const f = compile(
      (xs: Variable) =>
        scan((s: Variable, x: Variable) => [tanh(add(s, x)), s], tensor(0), xs)[0] as Variable,
    );
    const { kernels, trace } = profile(f, [tensor(new Float32Array(30_000))], { repetitions: 1, warmUp: 0 });
    const events = eventsOf(trace());
    const { leftOut } = JSON.parse(trace()).otherData;
    const [outer] = events.filter(({ name }) => name === 'scan');
    expect(leftOut).toBe(totalOf(kernels, 'calls') - 20_000);
    expect(outer.dur).toBeGreaterThan(0);
    // The loop itself, whose end is not among them, ends with the last of its kernels.
    expect(events.length).toBe(20_001);
  });

  test('tells of routines', () => {
    const { kernels } = profile(
      compile((x: Variable) => cholesky(x)),
      [
        tensor([
          [4, 2],
          [2, 5],
        ]),
      ],
    );
    expect(kernels.find(({ kind }) => kind === 'routine')).toMatchObject({
      name: 'cholesky',
      detail: '[2, 2] -> [2, 2]',
      flops: 8,
    });
  });

  test("names the forward operations of what a derivative's derivative is made of", () => {
    const f = compile((x: Variable) => grad((y: Variable) => sum(grad((z: Variable) => sum(tanh(z)))(y)))(x));
    const names = profile(f, [tensor([1, 2])]).kernels.flatMap(({ operations }) => operations);
    expect(names).toContain("tanh'");
    expect(names.some((name) => name.endsWith("''"))).toBe(true);
  });
});

describe('profile refuses', () => {
  const f = (x: Variable): Variable => exp(x);
  const x = tensor([1]);

  test('what compile did not return', () => {
    const plain = f as unknown as (x: Tensor) => Tensor;
    expect(() => profile(plain, [x])).toThrow(
      /profile: function f is no compiled function; pass what compile\(f\)/,
    );
    expect(() => profile(plain, [x])).toThrow(/at profile\.test\.ts:\d+$/);
  });

  test('a backend without kernels', () => {
    setBackend('reference');
    expect(() => profile(compile(f), [x])).toThrow(
      "profile: the reference backend has no kernels to measure; call setBackend('wasm')",
    );
  });

  test('options that make no sense', () => {
    expect(() => profile(compile(f), [x], { repetitions: 0 })).toThrow(
      'profile: repetitions is 0; it must be',
    );
    expect(() => profile(compile(f), [x], { warmUp: -1 })).toThrow('profile: warmUp is -1');
  });
});
