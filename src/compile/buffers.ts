/** The memory of a program under construction: which buffer stands for which variable. */
import {
  at,
  type DType,
  EvaluationError,
  type Operation,
  Parameter,
  type Shape,
  sizeOf,
  type Tensor,
  type TypedArray,
  type Variable,
} from '../graph/index.ts';
import { uniformValue } from '../operations/uniform.ts';
import type { BufferTable } from './lower.ts';
import type { Buffer, Kernel, Place } from './program.ts';

export class Buffers implements BufferTable {
  readonly buffers: Buffer[] = [];
  readonly inputs: number[] = [];
  readonly parameters: Parameter[] = [];
  readonly constants: TypedArray[] = [];
  readonly routines = new Map<string, Operation>();
  private readonly numbers = new Map<Variable, number>();

  constructor(inputs: readonly Variable[], targets: readonly Parameter[], leaves: readonly Variable[]) {
    for (const each of inputs) {
      const buffer = this.add(each.dtype, each.shape);
      this.inputs.push(buffer);
      this.numbers.set(each, buffer);
    }
    for (const leaf of [...leaves, ...targets]) if (!this.numbers.has(leaf)) this.addLeaf(leaf);
  }

  add(dtype: DType, shape: Shape, place: Place = { kind: 'nowhere' }): number {
    return this.buffers.push({ dtype, length: sizeOf(shape), place }) - 1;
  }

  private addLeaf(leaf: Variable): void {
    if (leaf instanceof Parameter) {
      const index = this.parameters.push(leaf) - 1;
      this.numbers.set(leaf, this.add(leaf.dtype, leaf.shape, { kind: 'parameter', index }));
    } else if (leaf.source.kind !== 'constant') {
      throw new EvaluationError(
        `compile: ${leaf.toString()} has no value: it is not an argument of the compiled function; make it one, or a ` +
          `constant or a parameter${at()}`,
      );
    }
  }

  private addConstant(leaf: Variable, { data }: Tensor): void {
    const index = this.constants.push(data) - 1;
    this.numbers.set(leaf, this.add(leaf.dtype, leaf.shape, { kind: 'constant', index }));
  }

  define(variable: Variable): void {
    this.numbers.set(variable, this.add(variable.dtype, variable.shape));
  }

  bufferOf(variable: Variable): number | undefined {
    // Scalar constants are literals in loops; only a routine or a product asks for their memory.
    if (variable.source.kind === 'constant' && !this.numbers.has(variable))
      this.addConstant(variable, variable.source.tensor);
    return this.numbers.get(variable);
  }

  literalOf(variable: Variable): number | undefined {
    return uniformValue(variable);
  }

  routineName(operation: Operation): string {
    let name = operation.name;
    for (let n = 2; (this.routines.get(name) ?? operation) !== operation; n++)
      name = `${operation.name} ${n}`;
    this.routines.set(name, operation);
    return name;
  }

  parameterBuffer(parameter: Parameter): number {
    return this.numbers.get(parameter) as number;
  }

  /** A kernel that copies one whole buffer over another. */
  copy(from: number, to: number): Kernel {
    const { length, dtype } = this.buffers[from];
    return {
      kind: 'loop',
      extents: [length],
      reduced: 0,
      accesses: [
        { buffer: from, offset: 0, strides: [1] },
        { buffer: to, offset: 0, strides: [1] },
      ],
      nodes: [{ op: 'load', dtype, access: 0 }],
      accumulators: [],
      stores: [{ access: 1, node: 0 }],
    };
  }
}
