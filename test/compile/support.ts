/** What tests ask of compiled programs. */
import { compileGraph, type Source } from '../../src/compile/compile.ts';
import type { Access, Kernel, LoopKernel, ProductKernel, Program } from '../../src/compile/program.ts';
import {
  allocate,
  ancestors,
  captureSite,
  type DType,
  Parameter,
  type Shape,
  sizeOf,
  Tensor,
  type Updates,
  type Variable,
  withSite,
} from '../../src/graph/index.ts';
import { uniform } from '../support/random.ts';
import { interpret } from './interpret.ts';

/** The program of `outputs`, with every input they need as an argument. */
export function programOf(outputs: readonly Variable[], updates: Updates = new Map()): Program {
  const inputs = inputsOf([...outputs, ...updates.values()]);
  return compileGraph({ outputs, inputs, updates }).program;
}

export function inputsOf(outputs: readonly Variable[]): Variable[] {
  return ancestors(outputs).leaves.filter(({ source }) => source.kind === 'input');
}

/** The loops of a kernel: itself, or those that go over rows together. */
export const loopsIn = (kernel: Kernel): readonly LoopKernel[] =>
  kernel.kind === 'loop' ? [kernel] : kernel.kind === 'rows' ? kernel.loops : [];

export const loopsOf = ({ kernels }: Program): LoopKernel[] => kernels.flatMap(loopsIn);

export const productsOf = ({ kernels }: Program): ProductKernel[] =>
  kernels.filter((kernel): kernel is ProductKernel => kernel.kind === 'product');

export const kindsOf = ({ kernels }: Program): Kernel['kind'][] => kernels.map(({ kind }) => kind);

/** How often a function is computed, in all loop bodies together. */
export const countOf = (program: Program, op: string): number =>
  loopsOf(program)
    .flatMap(({ nodes }) => nodes)
    .filter((node) => node.op === op).length;

/** A loop that only moves numbers: it loads and stores, and computes nothing. */
export const isCopy = (kernel: Kernel): boolean =>
  kernel.kind === 'loop' && kernel.reduced === 0 && kernel.nodes.every(({ op }) => op === 'load');

/** The accesses that a loop reads. */
export function readsOf({ accesses, stores }: LoopKernel): Access[] {
  const stored = new Set(stores.map(({ access }) => access));
  return accesses.filter((_, i) => !stored.has(i));
}

/** Random numbers of a type. */
export function randomTensor(shape: Shape, dtype: DType, random: () => number): Tensor {
  const data = allocate(dtype, sizeOf(shape));
  for (let i = 0; i < data.length; i++)
    data[i] = dtype === 'bool' ? Number(random() < 0.5) : Math.fround(4 * random() - 2);
  return new Tensor(shape, dtype, data);
}

/** Compiles and interprets: the outputs, and the new numbers of every parameter that the program knows. */
export function runByTheBook(
  source: Source,
  feeds: ReadonlyMap<Variable, Tensor>,
): { outputs: Tensor[]; parameters: Map<Parameter, Tensor>; program: Program } {
  const { program, parameters, routines } = compileGraph(source);
  const values = parameters.map((parameter) => parameter.storage.read());
  const inputs = source.inputs.map((each) => (feeds.get(each) as Tensor).data);
  const outputs = interpret(program, inputs, values, routines).map(
    (data, i) => new Tensor(program.outputs[i].shape, program.outputs[i].dtype, data),
  );
  const after = new Map(
    parameters.map((each, i) => [each, new Tensor(each.shape, each.dtype, values[i])] as const),
  );
  return { outputs, parameters: after, program };
}

/** Random feeds for all inputs of `outputs`. */
export function randomFeeds(outputs: readonly Variable[], seed: number): Map<Variable, Tensor> {
  const random = uniform(seed);
  return new Map(
    inputsOf(outputs).map((each) => [each, randomTensor(each.shape, each.dtype, random)] as const),
  );
}

/** Builds without noting a place for each operation, which takes most of the time of building deep graphs. */
export const quickly = <T>(build: () => T): T => withSite(captureSite(), build);

/** A fully connected network with relu between its layers. */
export function perceptron(
  sizes: readonly number[],
  dtype: DType = 'float32',
  seed = 1,
): { weights: Parameter[]; biases: Parameter[] } {
  const random = uniform(seed);
  const made = (shape: Shape, i: number, name: string): Parameter => {
    const { data } = randomTensor(shape, dtype, random);
    const scale = 1 / Math.sqrt(sizes[i]);
    return new Parameter(
      new Tensor(
        shape,
        dtype,
        data.map((each) => each * scale),
      ),
      `${name}${i}`,
      true,
    );
  };
  const layers = sizes.slice(1);
  return {
    weights: layers.map((size, i) => made([sizes[i], size], i, 'w')),
    biases: layers.map((size, i) => made([size], i, 'b')),
  };
}
