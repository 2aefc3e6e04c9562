/** Where the time of a compiled function goes, kernel by kernel. */
import type { WasmEngine } from '../../backends/wasm/engine.ts';
import { allKernels } from '../../backends/wasm/marks.ts';
import { isWorthTeam } from '../../backends/wasm/share.ts';
import { maySleep } from '../../backends/wasm/threads/team.ts';
import { compileGraph } from '../../compile/compile.ts';
import { livenessBound } from '../../compile/lifetimes.ts';
import { at, ChainruleError, checkOptions, positiveInteger, wholeNumber } from '../../graph/index.ts';
import { getBackend, wasmEngine } from '../backend.ts';
import { functionBehind, traceFunction, valuesOf } from '../compile.ts';
import { type KernelProfile, measureKernels, median } from './measure.ts';
import { Recorder, type Run } from './recorder.ts';
import { renderTable } from './table.ts';
import { traceOf } from './trace.ts';

/** Threads that have not started after so many milliseconds are not waited for. */
const LONGEST_START = 1000;

export interface ProfileOptions {
  /** Calls that are measured; the median counts. Default 10. */
  repetitions?: number;
  /** Calls before them, in which the engine may still improve the machine code. Default 5. */
  warmUp?: number;
}

/** What a compiled function takes. Times are in seconds and, like all amounts, of one call. */
export interface Profile<Result = unknown> {
  /** What the last call returned. */
  readonly result: Result;
  /** In the order in which they run, those in loops and branches right after the loop or branch. */
  readonly kernels: readonly KernelProfile[];
  /** The time of all kernels: the sum of their medians. */
  readonly time: number;
  /** The time of a whole call, in which arguments and results are copied, too: the median. */
  readonly callTime: number;
  readonly repetitions: number;
  /** Threads that it ran on. */
  readonly threads: number;
  /** Bytes of working memory: all but parameters and constants. */
  readonly arenaBytes: number;
  /** Bytes that each thread takes beside it, for what loops leave for one another. */
  readonly workspaceBytes: number;
  /** The least in which its kernels could run in their order: the most that is alive at one time. */
  readonly livenessBound: number;
  /** The kernels as a table, the slowest first, and the totals. */
  toString(): string;
  /**
   * The call whose time is nearest to `time`, as JSON in the Trace Event Format: write it to a file and open that in Perfetto
   * (ui.perfetto.dev) or chrome://tracing.
   */
  trace(): string;
}

/**
 * Runs a compiled function and measures each of its kernels: time, arithmetic, memory traffic, and from which operations
 * and lines of your program it comes.
 *
 * Every one of the `warmUp + repetitions` calls is a real one: a training step updates its parameters as often. The function is
 * traced anew, and its program gets machine code of its own that takes the time after each kernel; that of other calls
 * stays as it is. Kernels of less than about a microsecond are at the limit of what the clock can tell, and browsers
 * make their clocks coarser.
 *
 * @param compiled what `compile` returned
 * @param args what it is called with: tensors, in arrays and objects as the function takes them
 * @throws ChainruleError for a function that `compile` did not return, and on another backend than wasm
 */
export function profile<Args extends readonly any[], Result>(
  compiled: (...args: Args) => Result,
  args: Args,
  options: ProfileOptions = {},
): Profile<Result> {
  checkOptions('profile', options, { repetitions: positiveInteger, warmUp: wholeNumber });
  const { repetitions = 10, warmUp = 5 } = options;
  const f = functionBehind(compiled);
  if (f === undefined) {
    throw new ChainruleError(
      `profile: ${nameOf(compiled)} is no compiled function; pass what compile(f) returned, and its arguments as a list: ` +
        `profile(step, [images, labels])${at()}`,
    );
  }
  const { name } = getBackend();
  if (name !== 'wasm') {
    throw new ChainruleError(
      `profile: the ${name} backend has no kernels to measure; call setBackend('wasm')${at()}`,
    );
  }
  const { values } = valuesOf(args);
  const { source, assemble } = traceFunction(f, args, values);
  const compiledGraph = compileGraph(source);
  const { program, origins } = compiledGraph;
  const placed = allKernels(program);
  const recorder = new Recorder(placed.map(({ kernel }) => kernel));
  const engine = wasmEngine();
  const executable = engine.load(compiledGraph, recorder);
  const onTeam = isWorthTeam(program);
  if (onTeam) awaitThreads(engine);
  const numbers = values.map(({ data }) => data);
  const runs: Run[] = [];
  const callTimes: number[] = [];
  let result: unknown;
  for (let call = 0; call < warmUp + repetitions; call++) {
    const began = performance.now();
    const run = recorder.record(() => {
      result = assemble(executable.run(numbers));
    });
    if (call < warmUp) continue;
    callTimes.push((performance.now() - began) / 1000);
    runs.push(run);
  }
  const kernels = measureKernels(placed, origins, runs, (kernel) =>
    engine.native.takes(kernel) ? engine.native.blas?.name : undefined,
  );
  const time = kernels.reduce((sum, kernel) => sum + kernel.time, 0);
  const totals = {
    time,
    callTime: median(callTimes),
    repetitions,
    threads: onTeam ? engine.threadsReady : 1,
    arenaBytes: program.arenaBytes,
    workspaceBytes: program.workspaceBytes,
    livenessBound: livenessBound(program),
  };
  const toString = (): string => renderTable(kernels, totals);
  return {
    result: result as Result,
    kernels,
    ...totals,
    toString,
    trace: () => traceOf(nearest(runs, time), kernels),
    // Node's console prints an object by this method.
    ...{ [Symbol.for('nodejs.util.inspect.custom')]: toString },
  };
}

/** Has the threads that a program needs start, and waits for them, if this thread may wait: that of a page may not. */
function awaitThreads(engine: WasmEngine): void {
  engine.startTeam();
  if (!engine.isShared || !maySleep()) return;
  const until = performance.now() + LONGEST_START;
  const word = new Int32Array(new SharedArrayBuffer(4));
  while (engine.threadsReady < engine.threads && performance.now() < until) Atomics.wait(word, 0, 0, 1);
}

/** The run whose kernels took nearest to `time` together. */
function nearest(runs: readonly Run[], time: number): Run {
  const distance = ({ seconds }: Run): number =>
    Math.abs(seconds.reduce((sum, each) => sum + each, 0) - time);
  return runs.reduce((best, run) => (distance(run) < distance(best) ? run : best));
}

function nameOf(value: unknown): string {
  return typeof value === 'function' ? `function ${value.name}`.trim() : String(value);
}
