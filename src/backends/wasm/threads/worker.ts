/** What a worker thread runs. */
import type { CONTROL } from './control.ts';

/** What a worker is told at its start: plain data, but for the memory, which is shared. */
export interface WorkerStart {
  readonly memory: WebAssembly.Memory;
  /** Products and waiting: see runtime.ts. */
  readonly runtime: WebAssembly.Module;
  /** The address of the control block, and where its words are. */
  readonly control: number;
  readonly words: typeof CONTROL;
  /** The number that says, in a command, to load a module. */
  readonly load: number;
  /** Its own number, from 1. */
  readonly thread: number;
  /** What finds the native matrix product here as well. */
  readonly native: unknown;
}

type Entry = (thread: number, threads: number) => void;

/** The native matrix product, as modules import it. */
export type NativeImports = Record<'gemm_f32' | 'gemm_f64', (...parameters: number[]) => void>;

/**
 * Serves commands until the process ends or the worker is terminated; it never goes back to an event loop. Its source text is
 * what a worker is made from, so it may use nothing from outside.
 * @param bind makes the native product from `start.native`
 */
export function serve(
  start: WorkerStart,
  bind: (native: unknown, memory: WebAssembly.Memory) => NativeImports | undefined,
): void {
  const { memory, runtime, control, words, load, thread, native } = start;
  const at = (offset: number): number => (control + offset) / 4;
  const word = new Int32Array(memory.buffer, 0, at(0) + 1024);
  const shared = new WebAssembly.Instance(runtime, { env: { memory } }).exports;
  const nothing = (): void => {};
  const imports = {
    env: { memory },
    runtime: shared,
    blas: { gemm_f32: nothing, gemm_f64: nothing, ...bind(native, memory) },
    // Routines are JavaScript of the main thread, which runs them alone.
    host: { routine: nothing, mark: nothing },
  };
  const nextCommand = shared.next_command as (seen: number) => number;
  const barrier = shared.barrier as (threads: number) => void;
  const entries: Entry[] = [];
  try {
    let seen = Atomics.load(word, at(words.command));
    Atomics.add(word, at(words.ready), 1);
    for (;;) {
      seen = nextCommand(seen);
      const threads = (seen >>> 16) & 0xff;
      const number = seen & 0xffff;
      if (thread >= threads) continue;
      if (number === load) {
        const [index, address, length] = word.subarray(at(words.module), at(words.module) + 3);
        // Another thread may have grown the memory, of which this one learns late.
        if (memory.buffer.byteLength < (address >>> 0) + length) memory.grow(0);
        // Compiling does not take shared memory.
        const bytes = new Uint8Array(memory.buffer, address >>> 0, length).slice();
        const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
        entries[index] = instance.exports.run as Entry;
      } else entries[number](thread, threads);
      barrier(threads);
    }
  } catch (error) {
    const isFirst = Atomics.exchange(word, at(words.failed), 1) === 0;
    Atomics.notify(word, at(words.opened));
    Atomics.sub(word, at(words.ready), 1);
    // The others only leave a program that cannot be finished.
    if (isFirst) throw error;
  }
}
