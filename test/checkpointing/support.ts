/** What these tests share: numbers compared to the bit, programs, and networks to plan for. */
import { expect } from 'vitest';
import { buffersOf, type Program } from '../../src/compile/program.ts';
import { type DType, Parameter, type Shape, sizeOf, Tensor, type Variable } from '../../src/graph/index.ts';
import { evaluate, input } from '../../src/index.ts';
import { registry } from '../../src/operations/index.ts';
import { inputsOf, loopsIn, programOf, randomTensor } from '../compile/support.ts';
import { uniform } from '../support/random.ts';

const { add, concat, flip, matmul, mean, mul, relu, sin, square, sum, tanh } = registry;

/** Random numbers for every input of `outputs`, the same at each call. */
export function feedsOf(outputs: readonly Variable[]): Map<Variable, Tensor> {
  const random = uniform(5);
  return new Map(
    inputsOf(outputs)
      .sort((a, b) => a.id - b.id)
      .map((each) => [each, randomTensor(each.shape, each.dtype, random)] as const),
  );
}

/** Expects `found` to have the numbers of `expected`, to the bit, for the same inputs in order of creation. */
export function expectSameBits(found: readonly Variable[], expected: readonly Variable[]): void {
  const a = evaluate<readonly Variable[]>(found, feedsOf(found)) as Tensor[];
  const b = evaluate<readonly Variable[]>(expected, feedsOf(expected)) as Tensor[];
  expect(a.length).toBe(b.length);
  a.forEach((tensor, i) => {
    expect(tensor.shape).toEqual(b[i].shape);
    expect(bitsOf(tensor), `output ${i}`).toEqual(bitsOf(b[i]));
  });
}

/** Expects numbers that agree but for the order in which terms were added. */
export function expectNear(found: readonly Variable[], expected: readonly Variable[]): void {
  const a = evaluate<readonly Variable[]>(found, feedsOf(found)) as Tensor[];
  const b = evaluate<readonly Variable[]>(expected, feedsOf(expected)) as Tensor[];
  expect(a.length).toBe(b.length);
  a.forEach(({ data }, i) => {
    const scale = Math.max(...Array.from(b[i].data, Math.abs));
    data.forEach((each, k) => {
      expect(Math.abs(each - b[i].data[k]), `output ${i}, element ${k}`).toBeLessThanOrEqual(2e-6 * scale);
    });
  });
}

function bitsOf({ data }: Tensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** The working memory of the program of `outputs`. */
export function arenaOf(outputs: readonly Variable[]): number {
  return programOf(outputs).arenaBytes;
}

/** Positions of the kernels whose bodies compute `op`. */
export function positionsOf({ kernels }: Program, op: string): number[] {
  return kernels.flatMap((kernel, position) =>
    loopsIn(kernel).flatMap(({ nodes }) => nodes.filter((node) => node.op === op).map(() => position)),
  );
}

/** The position of the kernel that finishes an output. */
export function writerOf(program: Program, output: number): number {
  const { buffer } = program.outputs[output];
  return program.kernels.findLastIndex((kernel) => buffersOf(kernel).writes.includes(buffer));
}

/** A parameter with random numbers, scaled so that activations keep their size. */
export function weight(shape: Shape, seed: number, dtype: DType = 'float32'): Parameter {
  const random = uniform(seed);
  const { data } = randomTensor(shape, dtype, random);
  const scale = 1 / Math.sqrt(shape[0]);
  return new Parameter(
    new Tensor(shape, dtype, data.map((each) => each * scale) as typeof data),
    undefined,
    true,
  );
}

export interface Network {
  readonly z: Variable;
  readonly targets: readonly Variable[];
}

/** x -> tanh(x W + b), with the same W and b in each layer. */
export function chain(depth: number, batch: number, width: number): Network {
  const x = input([batch, width]);
  const [w, b] = [weight([width, width], 1), weight([width], 2)];
  let h: Variable = x;
  for (let i = 0; i < depth; i++) h = tanh(add(matmul(h, w), b));
  return { z: sum(square(h)), targets: [x, w, b] };
}

/** x -> sin(x + c): nothing but maps. */
export function elementwise(depth: number, size: number): Network {
  const x = input([size]);
  let h: Variable = x;
  // Turned round each time: otherwise all of it would go over a few elements after the other, and store nothing.
  for (let i = 0; i < depth; i++) h = sin(add(flip(h), i / depth));
  return { z: sum(h), targets: [x] };
}

/** A fully connected network with a weight of its own in each layer. */
export function perceptron(depth: number, batch: number, width: number): Network {
  const weights = Array.from({ length: depth }, (_, i) => weight([width, width], i + 1));
  let h: Variable = input([batch, width]);
  for (const w of weights) h = relu(matmul(h, w));
  return { z: mean(square(h)), targets: weights };
}

/** h -> h + tanh(h W) V. */
export function residual(depth: number, batch: number, width: number): Network {
  const x = input([batch, width]);
  const weights: Parameter[] = [];
  let h: Variable = x;
  for (let i = 0; i < depth; i++) {
    const [w, v] = [weight([width, width], 2 * i + 1), weight([width, width], 2 * i + 2)];
    weights.push(w, v);
    h = add(h, mul(matmul(tanh(matmul(h, w)), v), 0.3));
  }
  return { z: mean(square(h)), targets: [x, ...weights] };
}

/** Narrower and narrower, then wider and wider, with a skip across for each width. */
export function uShaped(batch: number, widths: readonly number[], depth: number): Network {
  const weights: Parameter[] = [];
  const layers = (x: Variable, width: number): Variable => {
    let h = x;
    for (let i = 0; i < depth; i++) {
      const w = weight([h.shape[1], width], weights.length + 1);
      weights.push(w);
      h = tanh(matmul(h, w));
    }
    return h;
  };
  const skips: Variable[] = [];
  let h: Variable = input([batch, widths[0]]);
  for (const width of widths) {
    h = layers(h, width);
    skips.push(h);
  }
  for (const width of [...widths].reverse()) h = concat([layers(h, width), skips.pop() as Variable], 1);
  return { z: mean(square(h)), targets: weights };
}

/** How many bytes the numbers of variables take. */
export function bytesOf(variables: readonly Variable[]): number {
  return variables.reduce((total, { shape }) => total + 4 * sizeOf(shape), 0);
}
