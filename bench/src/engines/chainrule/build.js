/** How long chainrule takes for large graphs: to build them, to differentiate them, and to evaluate the result. */
import { performance } from 'node:perf_hooks';
import { add, evaluate, gradients, input, mul, sin, tensor } from '../../../../dist/index.js';
import { median } from '../../measure.js';

/** Repetitions after the warm-up: enough for a median, but no more are begun once this many seconds have passed. */
const mostRepetitions = 5;
const budgetSeconds = 20;

const at = 0.5;

/** A graph of `size` operations in a row, and the derivative that it must have at `at`. */
const chain = {
  build(x, size) {
    let z = x;
    for (let i = 0; i < size; i++) z = sin(z);
    return z;
  },
  derivative(size) {
    let value = at;
    let product = 1;
    for (let i = 0; i < size; i++) {
      product *= Math.cos(value);
      value = Math.sin(value);
    }
    return product;
  },
};

/** `size` rungs, each with two ways from one value to the next: 2^size paths. */
const ladder = {
  build(x, size) {
    let z = x;
    for (let i = 0; i < size; i++) z = add(mul(z, 0.25), mul(z, 0.75));
    return z;
  },
  derivative: () => 1,
};

/**
 * Seconds for each phase, medians: the graph, its gradient graph, and the evaluation of the gradient, the first time
 * (which compiles it) and again.
 * @param {import('../../cases/alone.js').BuildCase} testCase
 */
export async function measureBuild(testCase, rounds) {
  const { build, derivative } = testCase.graph === 'chain' ? chain : ladder;
  const samples = { graph: [], gradients: [], 'first-evaluation': [], 'next-evaluation': [] };
  const deadline = performance.now() + budgetSeconds * 1000;
  for (let i = 0; i <= Math.min(rounds, mostRepetitions); i++) {
    if (i > 1 && performance.now() > deadline) break;
    const size = testCase.size + i; // a new structure each time, so that no kept program serves
    const right = derivative(size);
    const start = performance.now();
    const x = input([], { dtype: 'float64' });
    const z = build(x, size);
    const built = performance.now();
    const [dx] = gradients(z, [x]);
    const differentiated = performance.now();
    const feeds = new Map([[x, tensor(at, { dtype: 'float64' })]]);
    const value = evaluate(dx, feeds).item();
    const evaluated = performance.now();
    const again = evaluate(dx, feeds).item();
    const end = performance.now();
    if (!(Math.abs(value - right) <= 1e-9 * Math.abs(right)) || again !== value) {
      throw new Error(`${testCase.name}: the gradient is ${value}, then ${again}, where ${right} is right`);
    }
    if (i === 0) continue; // the warm-up
    samples.graph.push((built - start) / 1000);
    samples.gradients.push((differentiated - built) / 1000);
    samples['first-evaluation'].push((evaluated - differentiated) / 1000);
    samples['next-evaluation'].push((end - evaluated) / 1000);
  }
  return Object.fromEntries(Object.entries(samples).map(([phase, seconds]) => [phase, median(seconds)]));
}
