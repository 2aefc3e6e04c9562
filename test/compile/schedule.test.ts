import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { Dependencies } from '../../src/compile/dependencies.ts';
import { buffersOf, type Kernel } from '../../src/compile/program.ts';
import { hasten } from '../../src/compile/schedule.ts';
import { input, type Variable } from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { sgd } from '../../src/optim/index.ts';
import { perceptron, programOf, quickly } from './support.ts';

const { add, matmul, mul, sin, square, sum, tanh } = registry;

/** A kernel of which only the buffers matter. */
const kernel = (reads: readonly number[], writes: readonly number[], waits?: readonly number[]): Kernel => ({
  kind: 'routine',
  site: '',
  operation: 'any',
  attributes: {},
  inputs: reads.map((buffer) => ({ buffer, offset: 0, shape: [] })),
  outputs: writes.map((buffer) => ({ buffer, offset: 0, shape: [] })),
  ...(waits && { waits }),
});

/** The bytes in use behind each kernel. */
function profile(
  kernels: readonly Kernel[],
  bytesOf: (buffer: number) => number,
  kept: ReadonlySet<number>,
): number[] {
  const last = new Map<number, number>();
  kernels.forEach((each, position) => {
    const { reads, writes } = buffersOf(each);
    for (const buffer of [...reads, ...writes]) last.set(buffer, position);
  });
  const alive = new Set<number>();
  return kernels.map((each, position) => {
    for (const buffer of buffersOf(each).writes) alive.add(buffer);
    for (const buffer of [...alive])
      if (last.get(buffer) === position && !kept.has(buffer)) alive.delete(buffer);
    return [...alive].reduce((total, buffer) => total + bytesOf(buffer), 0);
  });
}

describe('kernels that give memory back', () => {
  test('run as soon as they can', () => {
    const [a, b, c] = [kernel([], [1]), kernel([], [2]), kernel([1], [3])];
    // Buffer 3 is smaller than 1, which it frees.
    const sizes = [0, 100, 100, 10];
    expect(hasten([a, b, c], (buffer) => sizes[buffer], new Set([2, 3]))).toEqual([a, c, b]);
    // What others still read is not freed.
    const d = kernel([1], [4]);
    expect(hasten([a, b, c, d], (buffer) => sizes[buffer] ?? 100, new Set([2, 3, 4]))).toEqual([a, b, c, d]);
    expect(hasten([a, b, c], (buffer) => sizes[buffer], new Set([1, 2, 3]))).toEqual([a, b, c]);
  });

  test('but not before what they wait for', () => {
    const [a, b, c] = [kernel([], [1]), kernel([], [2]), kernel([1], [3], [2])];
    const sizes = [0, 100, 100, 10];
    expect(hasten([a, b, c], (buffer) => sizes[buffer], new Set([2, 3]))).toEqual([a, b, c]);
  });

  test('leave every order valid and no place with more memory in use', () => {
    const recipe = fc.array(
      fc.record({ reads: fc.array(fc.nat(30), { maxLength: 3 }), bytes: fc.nat(20), waits: fc.nat(60) }),
      { minLength: 1, maxLength: 25 },
    );
    fc.assert(
      fc.property(recipe, (steps) => {
        // Step i writes buffer i and reads earlier ones.
        const kernels = steps.map(({ reads, waits }, i) =>
          kernel([...new Set(reads.filter((each) => each < i))], [i], waits < i ? [waits] : undefined),
        );
        const bytesOf = (buffer: number): number => steps[buffer].bytes;
        const kept = new Set([steps.length - 1]);
        const ordered = hasten(kernels, bytesOf, kept);
        expect(new Set(ordered)).toEqual(new Set(kernels));
        const place = new Map(ordered.map((each, position) => [each, position]));
        new Dependencies(kernels).followers.forEach((followers, position) => {
          for (const follower of followers)
            expect(place.get(kernels[follower])).toBeGreaterThan(place.get(kernels[position]) as number);
        });
        const most = (list: readonly Kernel[]): number => Math.max(...profile(list, bytesOf, kept));
        expect(most(ordered)).toBeLessThanOrEqual(most(kernels));
      }),
      { numRuns: 300, seed: 1 },
    );
  });
});

describe('programs', () => {
  const unit = 64 * 16 * 4;
  const layers = (depth: number): { x: Variable; w: Variable; b: Variable; z: Variable } => {
    const [x, w, b] = [input([64, 16]), input([16, 16]), input([16])];
    let h: Variable = x;
    for (let i = 0; i < depth; i++) h = tanh(add(matmul(h, w), b));
    return { x, w, b, z: sum(square(h)) };
  };

  test('of many gradients hold each incoming gradient for one layer only', () => {
    const { x, w, b, z } = layers(60);
    const one = programOf([z, ...gradients(z, [x])]).arenaBytes;
    const all = programOf([z, ...gradients(z, [x, w, b])]).arenaBytes;
    expect(all - one).toBeLessThan(5 * unit);
  });

  test('add the terms of a sum up before many of them are there', () => {
    const { w, z } = layers(60);
    const { buffers, kernels } = programOf([z, ...gradients(z, [w])]);
    // Terms that wait to be added: products of the weight's shape that no kernel has read yet, unless they add to another.
    let [waiting, most] = [0, 0];
    for (const each of kernels) {
      const { reads, writes } = buffersOf(each);
      const isTerm = (buffer: number): boolean =>
        buffers[buffer].length === 256 && buffers[buffer].place.kind === 'arena';
      const fresh = writes.filter((buffer) => isTerm(buffer) && !reads.includes(buffer));
      waiting += each.kind === 'product' ? fresh.length : -reads.filter(isTerm).length;
      most = Math.max(most, waiting);
    }
    expect(most).toBeLessThanOrEqual(10);
  });

  test('update each weight right after its gradient', () => {
    const step = (depth: number): number =>
      quickly(() => {
        const { weights } = perceptron(new Array<number>(depth + 1).fill(64));
        const x = input([4, 64]);
        let h: Variable = x;
        for (const weight of weights) h = tanh(matmul(h, weight));
        const J = sum(square(h));
        return programOf([J], sgd({ learningRate: 0.1 }).minimize(J)).arenaBytes;
      });
    // Gradients are 16 times as large as activations; they do not add up.
    const perLayer = (step(24) - step(12)) / 12;
    expect(perLayer).toBeLessThan(3 * 4 * 64 * 4);
  });

  test('reduce a value before the next is computed, in whatever order they were written', () => {
    const parts = Array.from({ length: 12 }, () => input([16, 16]));
    const large = parts.map((part) => matmul(sin(part), part));
    const total = large.map((each) => sum(mul(each, each))).reduce((a, b) => add(a, b));
    const inputs = parts.length * 16 * 16 * 4;
    expect(programOf([total]).arenaBytes).toBeLessThanOrEqual(inputs + 4 * 16 * 16 * 4);
  });
});

test('a result of many regions, read many times, takes edges in proportion', () => {
  const count = 100;
  const regions = Array.from({ length: count }, (_, i) => kernel([i + 1], [0]));
  const readers = Array.from({ length: count }, (_, i) => kernel([0], [count + 1 + i]));
  const { followers } = new Dependencies([...regions, ...readers]);
  expect(followers.flat().length).toBe(2 * count - 1);
  expect(followers[count - 1]).toEqual(readers.map((_, i) => count + i));
});
