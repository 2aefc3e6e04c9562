/**
 * The threads of an engine: the main thread, number 0, and workers on the same memory. A run takes one word of shared memory
 * to start and a barrier to end; no message is sent.
 */
import { ChainruleError } from '../../../graph/index.ts';
import type { Heap } from '../memory.ts';
import { CONTROL, commandOf, MOST_MODULES } from './control.ts';
import { serve, type WorkerStart } from './worker.ts';

/** How long to wait for workers to leave a program, in milliseconds. */
const LONGEST_END = 5000;

/** How long workers that have left a program are given to end by themselves, in milliseconds. */
const TIME_TO_TELL = 5000;

const WORKER_FAILED =
  'threads: a worker thread failed in the middle of a program, whose results and updates are not complete; a warning says what went wrong there. The next run starts other workers';

/** A worker thread, as Node or a browser has it. */
interface WorkerHandle {
  terminate(): unknown;
}

/** A module that the team can run. */
export interface TeamProgram {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly entry: (thread: number, threads: number) => void;
}

export interface TeamOptions {
  readonly heap: Heap;
  readonly control: number;
  /** The main thread's instance of the runtime. */
  readonly runtime: WebAssembly.Exports;
  /** The module for workers, which may sleep. */
  readonly workerRuntime: WebAssembly.Module;
  /** Threads in all, the main thread among them. */
  readonly threads: number;
  /** The native product: data for workers, and the text of a function that makes the product of it (or `undefined`). */
  readonly native: { readonly data: unknown; readonly bind: string };
}

export class Team {
  readonly threads: number;
  private readonly options: TeamOptions;
  private readonly workers: WorkerHandle[];
  /** Whether it has been stopped, or has failed. */
  isStopped = false;
  private sequence = 0;
  private modules = 0;
  private readonly free: number[] = [];
  private readonly numbers = new WeakMap<TeamProgram, number>();
  private readonly collected = new FinalizationRegistry<number>((number) => this.free.push(number));

  /** Starts the workers. They come when they come: until then {@link isReady} says no. */
  constructor(options: TeamOptions) {
    this.options = options;
    this.threads = options.threads;
    const { heap, control, workerRuntime: runtime, native } = options;
    this.words().fill(0);
    const source = `const serve = ${serve.toString()};\nconst bind = ${native.bind};\n`;
    this.workers = Array.from({ length: options.threads - 1 }, (_, i) =>
      startWorker(source, {
        memory: heap.memory,
        runtime,
        control,
        words: CONTROL,
        load: MOST_MODULES,
        thread: i + 1,
        native: native.data,
      }),
    );
  }

  private words(): Int32Array {
    return new Int32Array(this.options.heap.memory.buffer, this.options.control, CONTROL.module / 4 + 3);
  }

  /** Whether all workers have started, and none has failed or been stopped. */
  get isReady(): boolean {
    const words = this.words();
    return (
      !this.isStopped &&
      Atomics.load(words, CONTROL.ready / 4) === this.threads - 1 &&
      Atomics.load(words, CONTROL.failed / 4) === 0
    );
  }

  /** Runs a program on all threads. If one of them throws, so does this, and the team has been stopped. */
  run(program: TeamProgram): void {
    const number = this.numbers.get(program) ?? this.load(program);
    this.together(number, () => program.entry(0, this.threads));
  }

  /** Gives all workers a command, does the main thread's part of it, and waits for theirs. */
  private together(number: number, ownPart: () => void): void {
    const { give_command: give, barrier } = this.options.runtime as Record<string, (word: number) => void>;
    try {
      give(commandOf(++this.sequence, this.threads, number));
      ownPart();
      barrier(this.threads);
    } catch (error) {
      const isElsewhere = Atomics.load(this.words(), CONTROL.failed / 4) === 1;
      this.abandon();
      throw isElsewhere ? new ChainruleError(WORKER_FAILED) : error;
    }
  }

  /** Ends the workers in the middle of a program, and waits until they no longer write to the memory. */
  private abandon(): void {
    const words = this.words();
    Atomics.store(words, CONTROL.failed / 4, 1);
    Atomics.notify(words, CONTROL.opened / 4);
    const until = performance.now() + LONGEST_END;
    // Each leaves at its next barrier.
    const remain = (): boolean => Atomics.load(words, CONTROL.ready / 4) > 0;
    while (remain() && performance.now() < until);
    this.isStopped = true;
    if (remain()) return this.stop();
    // What went wrong in one of them is on its way here; terminated at once, it could no longer tell.
    const timer: { unref?(): unknown } | number = setTimeout(() => this.stop(), TIME_TO_TELL);
    if (typeof timer !== 'number') timer.unref?.();
  }

  /** Has all workers load a program. */
  private load(program: TeamProgram): number {
    const { heap } = this.options;
    const { bytes } = program;
    const number = this.free.pop() ?? this.modules++;
    if (number >= MOST_MODULES)
      throw new ChainruleError(`threads: ${MOST_MODULES} large programs are alive; let some be collected`);
    const address = heap.allocate(bytes.length);
    new Uint8Array(heap.memory.buffer, address, bytes.length).set(bytes);
    this.words().set([number, address, bytes.length], CONTROL.module / 4);
    this.together(MOST_MODULES, () => {});
    heap.release(address);
    this.numbers.set(program, number);
    this.collected.register(program, number);
    return number;
  }

  /** Ends the workers. */
  stop(): void {
    this.isStopped = true;
    for (const worker of this.workers) worker.terminate();
  }
}

/** A worker of Node, where there are such, or of the page; it never keeps a process alive. */
function startWorker(source: string, start: WorkerStart): WorkerHandle {
  const threads = globalThis.process?.getBuiltinModule?.('node:worker_threads');
  if (threads !== undefined) {
    const text = `${source}serve(require('node:worker_threads').workerData, bind);`;
    const worker = new threads.Worker(text, { eval: true, workerData: start, execArgv: [] });
    worker.unref();
    worker.on('error', warn);
    return worker;
  }
  const text = `${source}self.onmessage = ({ data }) => serve(data, bind);`;
  const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
  const worker = new Worker(url);
  worker.onerror = (event) => {
    event.preventDefault();
    warn(event);
  };
  worker.postMessage(start);
  URL.revokeObjectURL(url);
  return worker;
}

/** Says what went wrong in a worker: what it was needed for goes on without it, or fails at its next barrier. */
function warn({ message }: { readonly message: string }): void {
  const text = `chainrule: a worker thread failed (${message}); programs run on without it`;
  if (globalThis.process?.emitWarning === undefined) console.warn(text);
  else globalThis.process.emitWarning(text);
}

/** How many threads the machine has for us. */
export function availableThreads(): number {
  const os = globalThis.process?.getBuiltinModule?.('node:os');
  return os?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
}

/** Whether this thread may block: the main thread of a page may not. */
export function maySleep(): boolean {
  try {
    // The word is not 1, so this returns at once, if it may be called at all.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
    return true;
  } catch {
    return false;
  }
}
