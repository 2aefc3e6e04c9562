/** Programs on several threads: the same bits as on one, whatever they compute, and nothing that hangs. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { WasmEngine } from '../../../src/backends/wasm/engine.ts';
import { compileGraph } from '../../../src/compile/compile.ts';
import {
  add,
  cond,
  crossEntropy,
  cumsum,
  defineOperation,
  exp,
  gradients,
  input,
  logSumExp,
  matmul,
  max,
  mean,
  mul,
  parameter,
  relu,
  scan,
  softmax,
  sub,
  sum,
  type Tensor,
  tensor,
  transpose,
  type Variable,
} from '../../../src/index.ts';
import { registry } from '../../../src/operations/index.ts';
import { adam } from '../../../src/optim/index.ts';

const engines = [1, 2, 3].map((threads) => new WasmEngine({ threads, relaxedSimd: false, blas: 'off' }));

afterAll(() => {
  for (const engine of engines) engine.stop();
});

/** Numbers without a pattern, the same in every run. */
function noise(length: number, seed = 1): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** Waits until all threads of an engine take part. */
async function allThreads(engine: WasmEngine): Promise<void> {
  engine.startTeam();
  const end = Date.now() + 20_000;
  while (engine.threadsReady < engine.threads && Date.now() < end)
    await new Promise((resolve) => setTimeout(resolve, 5));
  expect(engine.threadsReady).toBe(engine.threads);
}

interface Case {
  outputs: readonly Variable[];
  inputs?: readonly Variable[];
  feeds?: readonly (Float32Array | Int32Array | Uint8Array)[];
  updates?: Map<ReturnType<typeof parameter>, Variable>;
}

/** The results of three runs on each engine, the last of which all its threads take part in. */
async function results(make: () => Case): Promise<Tensor[][]> {
  const all: Tensor[][] = [];
  for (const engine of engines) {
    const { outputs, inputs = [], feeds = [], updates = new Map() } = make();
    const executable = engine.load(compileGraph({ outputs, inputs, updates }));
    executable.run(feeds);
    await allThreads(engine);
    executable.run(feeds);
    all.push(executable.run(feeds));
  }
  return all;
}

async function expectSameBits(make: () => Case): Promise<void> {
  const [one, ...others] = await results(make);
  expect(one.length).toBeGreaterThan(0);
  for (const other of others)
    other.forEach((each, i) => {
      expect(Buffer.compare(Buffer.from(each.data.buffer), Buffer.from(one[i].data.buffer))).toBe(0);
    });
}

const wide = (rows: number, columns: number, seed = 1): Variable =>
  parameter(tensor(noise(rows * columns, seed), { shape: [rows, columns] }));

describe('the same bits on 1, 2 and 3 threads', () => {
  test('a training step of a perceptron', () =>
    expectSameBits(() => {
      const weights = [wide(123, 97, 1), wide(97, 65, 2), wide(65, 10, 3)];
      const [x, y] = [input([64, 123]), input([64], { dtype: 'int32' })];
      const logits = weights.reduce<Variable>((h, w, i) => (i === 0 ? matmul(h, w) : matmul(relu(h), w)), x);
      const J = crossEntropy(logits, y);
      const updates = adam({ learningRate: 0.01 }).minimize(J) as Case['updates'];
      const labels = Int32Array.from({ length: 64 }, (_, i) => i % 10);
      return { outputs: [J, ...weights], inputs: [x, y], feeds: [noise(64 * 123, 9), labels], updates };
    }));

  test('softmax and its derivative over rows, and over columns', () =>
    expectSameBits(() => {
      const x = wide(301, 203);
      const z = add(sum(mul(softmax(x), wide(301, 203, 5))), sum(logSumExp(mul(x, 3), 0)));
      return { outputs: [softmax(x), ...gradients(z, [x])] };
    }));

  test('sums, means and maxima to one number, of rows, of columns', () =>
    expectSameBits(() => {
      const x = wide(1009, 211);
      const parts = [sum(x), mean(exp(x)), max(x), sum(x, 0), sum(x, 1), max(x, 0), mean(mul(x, x), 0)];
      return { outputs: [...parts, sub(x, mean(x, 0)), add(transpose(x), 1)] };
    }));

  test('float64', () =>
    expectSameBits(() => {
      const numbers = Float64Array.from(noise(400 * 300));
      const x = parameter(tensor(numbers, { shape: [400, 300], dtype: 'float64' }));
      return { outputs: [sum(exp(x)), matmul(transpose(x), x), sum(x, 0)] };
    }));

  test('products in batches', () =>
    expectSameBits(() => {
      const [a, b] = [noise(9 * 64 * 33, 3), noise(9 * 33 * 48, 4)];
      const x = parameter(tensor(a, { shape: [9, 64, 33] }));
      return { outputs: [matmul(x, parameter(tensor(b, { shape: [9, 33, 48] })))] };
    }));

  test('loops and branches', () =>
    expectSameBits(() => {
      const [w, x] = [wide(96, 96, 2), wide(64, 96, 3)];
      const { last, history } = loop(x, w);
      const branch = cond(
        sum(x).greater(0),
        () => matmul(last, w),
        () => matmul(last, transpose(w)),
      );
      return { outputs: [last, history, branch, ...gradients(sum(branch), [w])] };
    }));

  test('operations with loops of their own among the others', () =>
    expectSameBits(() => {
      const x = wide(300, 200);
      return { outputs: [exp(cumsum(exp(x), 1)), sum(cumsum(x, 0), 0)] };
    }));
});

function loop(x: Variable, w: Variable): { last: Variable; history: Variable } {
  const round = (h: Variable): [Variable, Variable] => [add(mul(matmul(h, w), 0.01), h), sum(h, 1)];
  const [last, history] = scan(round, x, null, { length: 5 });
  return { last, history };
}

test('an operation that fails in the middle says so, and the next run is whole', async () => {
  const numbers = Float32Array.from({ length: 90_000 }, (_, i) => i % 7);
  const careful = defineOperation({
    name: 'careful',
    infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
    compute: ([x], [y]) => {
      if (x.data[0] < 0) throw new RangeError('careful: a negative number');
      y.data.set(x.data);
    },
    bprop: ({ g }) => g,
  });
  const x = input([300, 300]);
  const engine = engines[2];
  const executable = engine.load(compileGraph({ outputs: [sum(exp(careful(mul(exp(x), x))))], inputs: [x] }));
  await allThreads(engine);
  const [whole] = executable.run([numbers]);
  expect(() => executable.run([numbers.map(() => -1)])).toThrow('careful: a negative number');
  expect(executable.run([numbers])[0].item()).toBe(whole.item());
  await allThreads(engine);
  expect(executable.run([numbers])[0].item()).toBe(whole.item());
});

test('an update is not made where an operation before it fails', async () => {
  const w = parameter(tensor(noise(200 * 200), { shape: [200, 200] }));
  const engine = engines[1];
  const executable = engine.load(
    compileGraph({ outputs: [sum(exp(w))], inputs: [], updates: new Map([[w, registry.cholesky(w)]]) }),
  );
  const before = w.value.data.slice();
  await allThreads(engine);
  for (let i = 0; i < 3; i++) expect(() => executable.run([])).toThrow(/cholesky/);
  expect(w.value.data).toEqual(before);
});

describe('a worker that fails', () => {
  /** An engine whose workers make their native products by the text of `bind`. */
  function engineWith(bind: string): WasmEngine {
    const engine = new WasmEngine({ threads: 2, relaxedSimd: false, blas: 'off' });
    const nothing = (): void => {};
    Object.defineProperties(engine.native, {
      takes: { value: () => true },
      imports: { value: { gemm_f32: nothing, gemm_f64: nothing } },
      forWorkers: { value: { data: null, bind } },
    });
    return engine;
  }
  const nextWarning = (): Promise<Error> => new Promise((resolve) => process.once('warning', resolve));
  const x = input([200, 200]);
  const program = compileGraph({ outputs: [matmul(x, x)], inputs: [x] });

  test('to start is told in a warning, and the work is done without it', async () => {
    const engine = engineWith('() => { throw new Error("no library here"); }');
    const executable = engine.load(program);
    const warning = nextWarning();
    engine.startTeam();
    expect((await warning).message).toContain('no library here');
    expect(engine.threadsReady).toBe(1);
    expect(executable.run([noise(40_000)])).toHaveLength(1);
    engine.stop();
  });

  test('in the middle of a program fails the run, and a warning says why', async () => {
    const engine = engineWith('() => ({ gemm_f32: () => { throw new Error("out of luck"); } })');
    const executable = engine.load(program);
    executable.run([noise(40_000)]);
    await allThreads(engine);
    const warning = nextWarning();
    expect(() => executable.run([noise(40_000)])).toThrow(/a worker thread failed in the middle/);
    expect((await warning).message).toContain('out of luck');
    engine.stop();
  });
});

test('an operation that evaluates something in its own loops is told not to', () => {
  const nested = defineOperation({
    name: 'nested',
    infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
    compute: (_, [y]) =>
      y.data.fill(
        sum(parameter([1, 2]))
          .evaluate()
          .item(),
      ),
    bprop: ({ g }) => g,
  });
  expect(() => nested(parameter([1, 2])).evaluate()).toThrow(/evaluated something in its own compute/);
  expect(
    sum(parameter([1, 2]))
      .evaluate()
      .item(),
  ).toBe(3);
});

test('worker threads keep no process alive', async () => {
  const script = `
    import { configureEngine, compile, describeEngine, exp, sum, tensor } from ${JSON.stringify(new URL('../../../dist/index.js', import.meta.url).href)};
    configureEngine({ threads: 3, blas: 'off' });
    const f = compile((x) => sum(exp(x)));
    const x = tensor(new Float32Array(1e6), { shape: [1000, 1000] });
    for (let i = 0; describeEngine().threadsReady < 3 && i < 2000; i++) {
      f(x);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    console.log(f(x).item(), describeEngine().threadsReady);
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 20_000,
  });
  expect(stdout.trim()).toBe('1000000 3');
});
