/** The memory of a program under construction: which buffer stands for which variable. */
import {
  type Application,
  at,
  type DType,
  EvaluationError,
  type Operation,
  Parameter,
  type Shape,
  sizeOf,
  stridesOf,
  type Tensor,
  type TypedArray,
  type Variable,
  type View,
} from '../graph/index.ts';
import { uniformValue } from '../operations/uniform.ts';
import type { BufferTable } from './lower.ts';
import type { Access, Buffer, Kernel, Place } from './program.ts';
import { contiguous } from './views.ts';

/** Something that is there before the first kernel runs. */
export interface Given {
  readonly variable: Variable;
  readonly place: Place;
  /** Where its elements lie, from `place` on. */
  readonly view: View;
}

/** What a program and the blocks in it have in common. */
export class Register {
  /** Operations whose own loops are called, by the name that kernels give them. */
  readonly routines = new Map<string, Operation>();
  /** The applications that kernels compute, with their numbers. */
  readonly origins = new Map<Application, number>();
}

export class Buffers implements BufferTable {
  readonly buffers: Buffer[] = [];
  readonly inputs: number[] = [];
  readonly parameters: Parameter[] = [];
  readonly constants: TypedArray[] = [];
  private readonly register: Register;
  private readonly numbers = new Map<Variable, number>();
  private readonly views = new Map<Variable, View>();

  constructor(
    inputs: readonly Given[],
    targets: readonly Parameter[],
    leaves: readonly Variable[],
    register: Register,
  ) {
    this.register = register;
    for (const { variable, place, view } of inputs) {
      const buffer = this.add(variable.dtype, variable.shape, place);
      this.inputs.push(buffer);
      this.lay(variable, buffer, view);
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
    this.lay(variable, this.add(variable.dtype, variable.shape));
  }

  /** Says where the elements of a variable lie. */
  lay(variable: Variable, buffer: number, view = contiguous(variable.shape)): void {
    this.numbers.set(variable, buffer);
    this.views.set(variable, view);
  }

  bufferOf(variable: Variable): number | undefined {
    // Scalar constants are literals in loops; only a routine or a product asks for their memory.
    if (variable.source.kind === 'constant' && !this.numbers.has(variable))
      this.addConstant(variable, variable.source.tensor);
    return this.numbers.get(variable);
  }

  /** Whether a buffer holds the elements of `variable`, in order, and nothing else. */
  isWhole(variable: Variable): boolean {
    const { offset } = this.viewOf(variable);
    const buffer = this.numbers.get(variable);
    return buffer !== undefined && offset === 0 && this.buffers[buffer].length === sizeOf(variable.shape);
  }

  viewOf(variable: Variable): View {
    return this.views.get(variable) ?? contiguous(variable.shape);
  }

  literalOf(variable: Variable): number | undefined {
    return uniformValue(variable);
  }

  routineName(operation: Operation): string {
    const { routines } = this.register;
    let name = operation.name;
    for (let n = 2; (routines.get(name) ?? operation) !== operation; n++) name = `${operation.name} ${n}`;
    routines.set(name, operation);
    return name;
  }

  originOf(application: Application): number {
    const { origins } = this.register;
    const known = origins.get(application);
    if (known !== undefined) return known;
    origins.set(application, origins.size);
    return origins.size - 1;
  }

  parameterBuffer(parameter: Parameter): number {
    return this.numbers.get(parameter) as number;
  }

  /** A kernel that copies a leaf into memory of its own, where its elements lie in order; the copy is read from then on. */
  copyLeaf(leaf: Variable): Kernel {
    const buffer = this.add(leaf.dtype, leaf.shape);
    const { strides, offset } = this.viewOf(leaf);
    const from = this.bufferOf(leaf) as number;
    this.lay(leaf, buffer);
    return copyLoop(
      leaf.dtype,
      leaf.shape,
      { buffer: from, offset, strides },
      { buffer, offset: 0, strides: stridesOf(leaf.shape) },
    );
  }

  /** A kernel that copies one whole buffer over another. */
  copy(from: number, to: number): Kernel {
    const { length, dtype } = this.buffers[from];
    const whole = (buffer: number): Access => ({ buffer, offset: 0, strides: [1] });
    return copyLoop(dtype, [length], whole(from), whole(to));
  }
}

function copyLoop(dtype: DType, extents: Shape, from: Access, to: Access): Kernel {
  return {
    kind: 'loop',
    extents,
    reduced: 0,
    accesses: [from, to],
    nodes: [{ op: 'load', dtype, access: 0 }],
    accumulators: [],
    stores: [{ access: 1, node: 0 }],
  };
}
