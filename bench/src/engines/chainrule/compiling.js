/**
 * How long chainrule takes to make a program of a training step and to run it for the first time: trace, differentiate,
 * rewrite, schedule, emit.
 */
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { compileGraph } from '../../../../dist/compile/compile.js';
import { wasmEngine } from '../../../../dist/engine/backend.js';
import {
  add,
  compile,
  crossEntropy,
  evaluate,
  input,
  matmul,
  mean,
  parameter,
  relu,
  setBackend,
  square,
  sub,
  tanh,
  tensor,
  withUpdates,
} from '../../../../dist/index.js';
import { linear, sequential } from '../../../../dist/nn/index.js';
import { adam } from '../../../../dist/optim/index.js';
import { labelsOf, sizeOf, uniform } from '../../cases/draw.js';
import { median } from '../../measure.js';

/** Repetitions that do not count last this long at least: V8 compiles a function when it has run for a while. */
const warmUpSeconds = 2;

/** Repetitions after that: enough for a median, but no more are begun once this many seconds have passed. */
const mostRepetitions = 15;
const budgetSeconds = 15;

/** The depths between which the exponent of the time is fitted. */
const depths = [50, 100, 200, 400, 800];

const numbers = (shape, scale, seed) => tensor(uniform(sizeOf(shape), scale, seed), { shape });

/** Three layers of 784-128-64-10 units with relu between them, and the cross-entropy. */
function perceptron(batch) {
  const model = sequential(linear(784, 128), relu, linear(128, 64), relu, linear(64, 10));
  return {
    loss: (x, y) => crossEntropy(model(x), y),
    data: [numbers([batch, 784], 1, 4001), tensor(labelsOf(batch, 10))],
  };
}

/** `depth` layers h + tanh(h W + b) of 32 units, and the mean squared error. */
function residual(depth, batch) {
  const width = 32;
  const layers = Array.from({ length: depth }, (_, i) => ({
    w: parameter(numbers([width, width], 0.5 / Math.sqrt(width * depth), 4100 + i)),
    b: parameter(numbers([width], 0.1 / depth, 5100 + i)),
  }));
  const loss = (x, y) => {
    let h = x;
    for (const { w, b } of layers) h = add(h, tanh(add(matmul(h, w), b)));
    return mean(square(sub(h, y)));
  };
  return { loss, data: [numbers([batch, width], 1, 4002), numbers([batch, width], 1, 4003)] };
}

const models = {
  'mlp-3': { make: perceptron, batch: 32 },
  'residual-200': { make: (batch) => residual(200, batch), batch: 16 },
};

/** The training step as a user writes it. */
function stepOf({ loss }) {
  const optimizer = adam();
  return compile((x, y) => {
    const J = loss(x, y);
    return withUpdates(J, optimizer.minimize(J));
  });
}

/** Seconds for a new step's first call. */
function wholeTime(model) {
  const start = performance.now();
  const step = stepOf(model);
  step(...model.data).item();
  return (performance.now() - start) / 1000;
}

/** Seconds for each of the stages that the first call consists of. */
function stageTimes({ loss, data }) {
  const optimizer = adam();
  const marks = [performance.now()];
  const mark = () => marks.push(performance.now());
  const inputs = data.map(({ shape, dtype }) => input(shape, { dtype }));
  const J = loss(...inputs);
  mark();
  const updates = optimizer.minimize(J);
  mark();
  const compiled = compileGraph({ outputs: [J], inputs, updates });
  mark();
  const executable = wasmEngine().load(compiled);
  mark();
  executable.run(data.map((each) => each.data));
  mark();
  return ['trace', 'gradients', 'program', 'load', 'first-run'].map((stage, i) => [
    stage,
    (marks[i + 1] - marks[i]) / 1000,
  ]);
}

/** @throws unless the loss is the one that the reference backend computes, and one step lowers it */
function check(name, { loss, data }) {
  const step = stepOf({ loss });
  setBackend('reference');
  const expected = evaluate(loss(...data)).item();
  setBackend('wasm');
  const [first, second] = [step(...data).item(), step(...data).item()];
  if (!(Math.abs(first - expected) <= 1e-3 * expected && second < first)) {
    throw new Error(`${name}: the losses are ${first}, then ${second}, where the first is ${expected}`);
  }
}

/**
 * Calls `sample(i)`, which gives seconds by name, until there are enough of them. In between, the event loop turns, as
 * memory of the engine is given back in a task of its own.
 * @returns {Promise<Map<string, number>>} the medians, by name
 */
async function repeat(rounds, sample) {
  const start = performance.now();
  const elapsed = () => (performance.now() - start) / 1000;
  const samples = new Map();
  let count = 0;
  for (let i = 0; count < Math.min(rounds, mostRepetitions); i++) {
    if (count > 0 && elapsed() > warmUpSeconds + budgetSeconds) break;
    const counts = elapsed() > warmUpSeconds;
    await setImmediate();
    const found = sample(i);
    if (!counts) continue;
    count++;
    for (const [name, seconds] of found) samples.set(name, [...(samples.get(name) ?? []), seconds]);
  }
  return new Map([...samples].map(([name, list]) => [name, median(list)]));
}

/**
 * Seconds for the whole, under the name '', and for each of its stages. Every time, the parameters are new and the batch
 * is of another size: neither chainrule nor V8, which keeps the machine code of modules it has seen, has met the program.
 */
async function measureStages({ name, of }, rounds) {
  const { make, batch } = models[of];
  check(name, make(batch));
  const seconds = await repeat(rounds, (i) => [
    ['', wholeTime(make(batch + 2 * i + 1))],
    ...stageTimes(make(batch + 2 * i + 2)),
  ]);
  return { seconds: Object.fromEntries(seconds) };
}

/** Seconds for each depth, and the exponent k for which depth^k fits them best. */
async function measureExponent({ name }, rounds) {
  check(name, residual(depths[0], 16));
  const seconds = await repeat(rounds, (i) =>
    depths.map((depth) => [String(depth), wholeTime(residual(depth, 16 + i))]),
  );
  return {
    seconds: Object.fromEntries(seconds),
    exponent: slope(depths.map(Math.log), [...seconds.values()].map(Math.log)),
  };
}

/** The slope of the line through the points by least squares. */
function slope(xs, ys) {
  const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
  const [x0, y0] = [mean(xs), mean(ys)];
  const over = (f) => xs.reduce((sum, x, i) => sum + f(x - x0, ys[i] - y0), 0);
  return over((dx, dy) => dx * dy) / over((dx) => dx * dx);
}

/**
 * Seconds by name, medians, and the exponent where the case is about one.
 * @param {import('../../cases/alone.js').CompileCase} testCase
 * @returns {Promise<{ seconds: Record<string, number>, exponent?: number }>}
 */
export function measureCompile(testCase, rounds) {
  return testCase.of === 'residual-exponent'
    ? measureExponent(testCase, rounds)
    : measureStages(testCase, rounds);
}
