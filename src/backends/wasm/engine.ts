/**
 * The wasm engine: one linear memory for all programs and parameters, and the loading and running of programs.
 */
import type { Compiled } from '../../compile/compile.ts';
import { type Block, blocksOf } from '../../compile/program.ts';
import { type Parameter, type Storage, Tensor, type TypedArray, viewBuffer } from '../../graph/index.ts';
import { addressesIn, type Layout } from './addresses.ts';
import { emitProgram } from './emit.ts';
import { ModuleBuilder } from './encoder.ts';
import { buildGemm, gemmScratchBytes } from './gemm/index.ts';
import { ConstantPool } from './math/index.ts';
import { Heap } from './memory.ts';
import { planRoutines } from './routines.ts';

const POOL_BYTES = 8192;

/** A loaded program: call `run` with the numbers of its inputs. */
export interface Executable {
  run(inputs: readonly TypedArray[]): Tensor[];
}

/** A parameter's numbers in the engine's memory. */
class EngineStorage implements Storage {
  readonly engine: WasmEngine;
  readonly address: number;
  private readonly parameter: Pick<Parameter, 'dtype'>;
  private readonly length: number;

  constructor(engine: WasmEngine, address: number, parameter: Parameter) {
    this.engine = engine;
    this.address = address;
    this.parameter = { dtype: parameter.dtype };
    this.length = parameter.shape.reduce((size, extent) => size * extent, 1);
  }

  private view(): TypedArray {
    return viewBuffer(this.parameter.dtype, this.engine.buffer, this.address, this.length);
  }

  read(): TypedArray {
    return this.view().slice();
  }

  write(data: TypedArray): void {
    this.view().set(data);
  }
}

export class WasmEngine {
  private readonly heap = new Heap();
  private readonly constants: ConstantPool;
  private readonly scratch: number;
  private readonly gemm: WebAssembly.Exports;
  /** Programs run one at a time, so they share working memory: the largest arena so far. */
  private arena = { address: 0, bytes: 0 };
  /** Blocks of collected parameters and programs go back to the heap. */
  private readonly collected = new FinalizationRegistry<readonly number[]>((addresses) => {
    for (const address of addresses) this.heap.release(address);
  });

  constructor() {
    this.constants = new ConstantPool(this.heap.allocate(POOL_BYTES), POOL_BYTES);
    this.scratch = this.heap.allocate(gemmScratchBytes());
    const module = new ModuleBuilder();
    buildGemm(module);
    const instance = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), {
      env: { memory: this.heap.memory },
    });
    this.gemm = instance.exports;
  }

  /** The memory itself; a new object whenever it has grown. */
  get buffer(): ArrayBuffer {
    return this.heap.memory.buffer as ArrayBuffer;
  }

  /** Bytes of the memory that parameters, constants and working memory hold. */
  get bytesInUse(): number {
    return this.heap.bytesInUse;
  }

  /** Moves a parameter's numbers into this memory, once; returns their address. */
  private adopt(parameter: Parameter): number {
    const { storage } = parameter;
    if (storage instanceof EngineStorage && storage.engine === this) return storage.address;
    const data = storage.read();
    const address = this.heap.allocate(data.byteLength);
    const adopted = new EngineStorage(this, address, parameter);
    adopted.write(data);
    parameter.storage = adopted;
    this.collected.register(parameter, [address]);
    return address;
  }

  /** Copies numbers into memory of their own; returns its address. */
  private store(data: TypedArray): number {
    const address = this.heap.allocate(data.byteLength);
    new Uint8Array(this.buffer, address, data.byteLength).set(
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    );
    return address;
  }

  private workspace(bytes: number): number {
    if (bytes > this.arena.bytes) {
      const size = Math.max(bytes, Math.ceil(1.25 * this.arena.bytes));
      this.arena = { address: this.heap.allocate(size), bytes: size };
    }
    return this.arena.address;
  }

  /** Compiles a program to machine code and gives its buffers their addresses. */
  load({ program, parameters, routines }: Compiled): Executable {
    const constants = new Map(constantsOf(program).map((data) => [data, this.store(data)]));
    const homes = parameters.map((parameter) => this.adopt(parameter));
    const layout: Layout = {
      arena: this.workspace(program.arenaBytes),
      parameters: homes,
      constants,
      scratch: this.scratch,
    };
    const addresses = addressesIn(program, layout).map(({ base }) => base);
    const bytes = emitProgram(program, layout, this.constants);
    new Uint8Array(this.buffer, this.constants.address, POOL_BYTES).set(this.constants.bytes);
    const calls = planRoutines(program, routines);
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
      env: { memory: this.heap.memory },
      gemm: this.gemm,
      host: {
        routine: (number: number, ...operands: readonly number[]) => calls[number](this.buffer, operands),
      },
    });
    const run = instance.exports.run as () => void;
    const inputs = program.inputs.map((buffer) => ({
      address: addresses[buffer],
      ...program.buffers[buffer],
    }));
    const outputs = program.outputs.map(({ buffer, shape, dtype }) => ({
      address: addresses[buffer],
      length: program.buffers[buffer].length,
      shape,
      dtype,
    }));
    const executable: Executable = {
      run: (values) => {
        // Parameters that have moved to another engine since come back.
        parameters.forEach((parameter, i) => {
          const { storage } = parameter;
          const home =
            storage instanceof EngineStorage && storage.engine === this && storage.address === homes[i];
          if (!home) this.restore(parameter, homes[i]);
        });
        inputs.forEach(({ address, dtype, length }, i) => {
          viewBuffer(dtype, this.buffer, address, length).set(values[i]);
        });
        run();
        return outputs.map(({ address, dtype, length, shape }) => {
          const data = viewBuffer(dtype, this.buffer, address, length).slice();
          return new Tensor(shape, dtype, data);
        });
      },
    };
    this.collected.register(executable, [...constants.values()]);
    return executable;
  }

  private restore(parameter: Parameter, address: number): void {
    const back = new EngineStorage(this, address, parameter);
    back.write(parameter.storage.read());
    parameter.storage = back;
  }
}

/** The constants of a program and of the blocks in it, each once. */
function constantsOf(block: Block): TypedArray[] {
  const inside = block.kernels.flatMap(blocksOf).flatMap(constantsOf);
  return [...new Set([...block.constants, ...inside])];
}
