/**
 * The wasm engine: one linear memory for all programs and parameters, the threads that work on it, and the loading of
 * programs.
 */
import type { Compiled } from '../../compile/compile.ts';
import { alignUp } from '../../compile/lifetimes.ts';
import { type Block, blocksOf } from '../../compile/program.ts';
import {
  at,
  ChainruleError,
  type Parameter,
  type Storage,
  Tensor,
  type TypedArray,
  viewBuffer,
} from '../../graph/index.ts';
import { addressesIn, type Layout } from './addresses.ts';
import type { BlasChoice } from './blas/index.ts';
import { copyOut } from './copyOut.ts';
import { emitProgram } from './emit.ts';
import { gemmScratchBytes } from './gemm/index.ts';
import { WORKSPACE_BYTES } from './loops/keptReduction.ts';
import type { Marks } from './marks.ts';
import { ConstantPool } from './math/index.ts';
import { Heap } from './memory.ts';
import { NativeProducts } from './native.ts';
import { planRoutines } from './routines.ts';
import { emitRuntime, hasRelaxedSimd } from './runtime.ts';
import { isWorthTeam } from './share.ts';
import { CONTROL_BYTES } from './threads/control.ts';
import { maySleep, Team, type TeamProgram } from './threads/team.ts';

const POOL_BYTES = 8192;

export interface WasmOptions {
  /** Threads in all. More than one needs shared memory. */
  readonly threads: number;
  /** Whether own products fuse multiplication and addition where the machine can. */
  readonly relaxedSimd: boolean;
  /** The native library for large products. */
  readonly blas: BlasChoice;
}

const NESTED =
  'an operation has evaluated something in its own compute, while the program that it stands in was running; compute with ' +
  'plain numbers there, or build the operation from others (expand)';

/** One thread and nothing native: the same bits everywhere. */
const PLAIN: WasmOptions = { threads: 1, relaxedSimd: false, blas: 'off' };

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
    return copyOut(this.view(), this.parameter.dtype);
  }

  write(data: TypedArray): void {
    this.view().set(data);
  }
}

export class WasmEngine {
  readonly options: WasmOptions;
  readonly native: NativeProducts;
  private readonly heap = new Heap();
  private readonly constants: ConstantPool;
  /** The address of the block by which threads find one another. */
  private readonly control: number | undefined;
  /** The main thread's runtime. Where the main thread may sleep, as in Node, that of the workers is the same. */
  private readonly runtimeModule: WebAssembly.Module;
  private readonly runtime: WebAssembly.Exports;
  private team: Team | undefined;
  private isStopped = false;
  /** Programs run one at a time, so they share working memory: the largest arena so far. */
  private isRunning = false;
  private arena = { address: 0, bytes: 0 };
  /** The workspaces of all threads, one after another. */
  private workspaces = { address: 0, bytes: 0 };
  /** Blocks of collected parameters and programs go back to the heap. */
  private readonly collected = new FinalizationRegistry<readonly number[]>((addresses) => {
    for (const address of addresses) this.heap.release(address);
  });

  constructor(options: WasmOptions = PLAIN) {
    const { isShared, memory } = this.heap;
    this.options = { ...options, threads: isShared ? options.threads : 1 };
    this.native = new NativeProducts(options.blas, memory);
    this.constants = new ConstantPool(this.heap.allocate(POOL_BYTES), POOL_BYTES);
    this.control = isShared ? this.heap.allocate(CONTROL_BYTES) : undefined;
    this.runtimeModule = this.makeRuntime(maySleep());
    this.runtime = new WebAssembly.Instance(this.runtimeModule, { env: { memory } }).exports;
    this.growWorkspaces(gemmScratchBytes());
  }

  /** The runtime of a thread that may sleep, or may not. */
  private makeRuntime(sleeps: boolean): WebAssembly.Module {
    const relaxed = this.relaxedSimd;
    return new WebAssembly.Module(emitRuntime({ control: this.control, maySleep: sleeps, relaxed }));
  }

  /** Whether products are computed with relaxed SIMD. */
  get relaxedSimd(): boolean {
    return this.options.relaxedSimd && hasRelaxedSimd();
  }

  get isShared(): boolean {
    return this.heap.isShared;
  }

  get threads(): number {
    return this.options.threads;
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

  private growArena(bytes: number): number {
    if (bytes > this.arena.bytes) {
      const size = Math.max(bytes, Math.ceil(1.25 * this.arena.bytes));
      this.arena = { address: this.heap.allocate(size), bytes: size };
    }
    return this.arena.address;
  }

  /** Makes each thread's workspace at least so large. Programs that are there already keep the workspaces they have. */
  private growWorkspaces(bytes: number): void {
    if (bytes <= this.workspaces.bytes) return;
    const each = alignUp(Math.max(bytes, 1.25 * this.workspaces.bytes));
    this.workspaces = { address: this.heap.allocate(each * this.threads), bytes: each };
  }

  /** Starts the worker threads, if there are to be any and they have not been started. */
  startTeam(): Team | undefined {
    if (this.control === undefined || this.threads === 1 || this.isStopped) return undefined;
    this.team ??= new Team({
      heap: this.heap,
      control: this.control,
      runtime: this.runtime,
      workerRuntime: maySleep() ? this.runtimeModule : this.makeRuntime(true),
      threads: this.threads,
      native: this.native.forWorkers,
    });
    return this.team;
  }

  /** How many threads work on a large program now: the workers take a moment to start. */
  get threadsReady(): number {
    return this.team?.isReady ? this.threads : 1;
  }

  /**
   * Compiles a program to machine code and gives its buffers their addresses.
   * @param marks whom to tell when a kernel has run
   */
  load({ program, parameters, routines }: Omit<Compiled, 'origins'>, marks?: Marks): Executable {
    const constants = new Map(constantsOf(program).map((data) => [data, this.store(data)]));
    const homes = parameters.map((parameter) => this.adopt(parameter));
    this.growWorkspaces(program.workspaceBytes + WORKSPACE_BYTES);
    const layout: Layout = {
      arena: this.growArena(program.arenaBytes),
      parameters: homes,
      constants,
      workspace: this.workspaces.address,
      workspaceBytes: this.workspaces.bytes,
    };
    const addresses = addressesIn(program, layout).map(({ base }) => base);
    const forTeam = this.threads > 1 && isWorthTeam(program);
    const bytes = emitProgram(program, layout, this.constants, {
      shared: this.heap.isShared,
      threads: forTeam ? this.threads : 1,
      isNative: (kernel) => this.native.takes(kernel),
      marked: marks?.numbers,
    });
    new Uint8Array(this.buffer, this.constants.address, POOL_BYTES).set(this.constants.bytes);
    const calls = planRoutines(program, routines);
    const callRoutine = (number: number, ...operands: readonly number[]): void =>
      calls[number](this.buffer, operands);
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
      env: { memory: this.heap.memory },
      runtime: this.runtime,
      blas: this.native.imports,
      host: { routine: callRoutine, mark: (number: number) => marks?.mark(number) },
    });
    const entry = instance.exports.run as TeamProgram['entry'];
    const shared: TeamProgram = { bytes, entry };
    let isFirst = true;
    const start = (): void => {
      this.isRunning = true;
      try {
        // What runs only once need not wait for workers to start.
        const team = forTeam && !isFirst ? this.startTeam() : undefined;
        if (team?.isReady) team.run(shared);
        else entry(0, 1);
      } finally {
        this.isRunning = false;
        isFirst = false;
        // A team that has failed is of no more use: the next run makes another.
        if (this.team?.isStopped) this.team = undefined;
      }
    };
    const views = new Views(
      this,
      [...program.inputs, ...program.outputs.map(({ buffer }) => buffer)].map((buffer) => ({
        address: addresses[buffer],
        ...program.buffers[buffer],
      })),
    );
    const { outputs } = program;
    const executable: Executable = {
      run: (values) => {
        this.refuseWhileRunning();
        // Parameters that have moved to another engine since come back.
        for (let i = 0; i < homes.length; i++) {
          const { storage } = parameters[i];
          if (!(storage instanceof EngineStorage && storage.engine === this && storage.address === homes[i]))
            this.restore(parameters[i], homes[i]);
        }
        const memory = views.now();
        for (let i = 0; i < values.length; i++) memory[i].set(values[i]);
        start();
        return outputs.map(
          ({ shape, dtype }, i) => new Tensor(shape, dtype, copyOut(memory[values.length + i], dtype)),
        );
      },
    };
    this.collected.register(executable, [...constants.values()]);
    return executable;
  }

  /** @throws ChainruleError inside of an operation's own loops: the program that calls them would lose its memory. */
  refuseWhileRunning(): void {
    if (this.isRunning) throw new ChainruleError(`${NESTED}${at()}`);
  }

  private restore(parameter: Parameter, address: number): void {
    const back = new EngineStorage(this, address, parameter);
    back.write(parameter.storage.read());
    parameter.storage = back;
  }

  /** Ends the worker threads, if there are any; programs that are loaded run on with one thread. */
  stop(): void {
    this.isStopped = true;
    this.team?.stop();
  }
}

/** A buffer of a program, in memory. */
interface Placed {
  readonly address: number;
  readonly dtype: Parameters<typeof viewBuffer>[0];
  readonly length: number;
}

/** Views of buffers in the engine's memory, made anew when it has grown. */
class Views {
  private readonly engine: WasmEngine;
  private readonly buffers: readonly Placed[];
  private memory: ArrayBuffer | undefined;
  private views: TypedArray[] = [];

  constructor(engine: WasmEngine, buffers: readonly Placed[]) {
    this.engine = engine;
    this.buffers = buffers;
  }

  now(): readonly TypedArray[] {
    const { buffer } = this.engine;
    if (buffer !== this.memory) {
      this.memory = buffer;
      this.views = this.buffers.map(({ address, dtype, length }) =>
        viewBuffer(dtype, buffer, address, length),
      );
    }
    return this.views;
  }
}

/** The constants of a program and of the blocks in it, each once. */
function constantsOf(block: Block): TypedArray[] {
  const inside = block.kernels.flatMap(blocksOf).flatMap(constantsOf);
  return [...new Set([...block.constants, ...inside])];
}
