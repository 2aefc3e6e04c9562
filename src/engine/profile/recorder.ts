/** Times of kernels, taken while a program runs. */
import { BEGIN, type Marks, WAITED } from '../../backends/wasm/marks.ts';
import type { Kernel } from '../../compile/program.ts';

/** Runs of kernels that are kept one by one; beyond so many they are only added up. */
const MOST_EVENTS = 20_000;

/** One run of one kernel. Times are in milliseconds, as `performance.now()` gives them. */
export interface Event {
  readonly kernel: number;
  readonly begin: number;
  /** When it had run on all threads. */
  end: number;
}

/** One run of a program. */
export interface Run {
  /** For each kernel, the time of all its runs in seconds, without that of the kernels in its blocks. */
  readonly seconds: Float64Array;
  /** How often each kernel ran. */
  readonly calls: Float64Array;
  /** The runs of kernels, in the order in which they ended. */
  readonly events: Event[];
  /** How many runs of kernels there were. */
  total: number;
}

/** Takes the time at every mark. What it needs for itself counts for no kernel. */
export class Recorder implements Marks {
  readonly numbers: ReadonlyMap<Kernel, number>;
  private run: Run;
  private last = 0;
  private lastKernel: number | undefined;

  constructor(kernels: readonly Kernel[]) {
    this.numbers = new Map(kernels.map((kernel, number) => [kernel, number]));
    this.run = this.emptyRun();
  }

  private emptyRun(): Run {
    const { size } = this.numbers;
    return { seconds: new Float64Array(size), calls: new Float64Array(size), events: [], total: 0 };
  }

  /** Runs `body`, a run of the program. */
  record(body: () => void): Run {
    this.run = this.emptyRun();
    this.lastKernel = undefined;
    body();
    return this.run;
  }

  mark(number: number): void {
    const now = performance.now();
    if (number === WAITED) this.extend(now);
    else if (number !== BEGIN) this.add(number, now);
    this.last = performance.now();
  }
  private add(kernel: number, now: number): void {
    const { run, last } = this;
    run.seconds[kernel] += (now - last) / 1000;
    run.calls[kernel]++;
    run.total++;
    if (run.events.length < MOST_EVENTS) run.events.push({ kernel, begin: last, end: now });
    this.lastKernel = kernel;
  }

  /** The kernel before has run on until now, on other threads. */
  private extend(now: number): void {
    const { run, last, lastKernel } = this;
    if (lastKernel === undefined) return;
    run.seconds[lastKernel] += (now - last) / 1000;
    if (run.total === run.events.length) run.events[run.events.length - 1].end = now;
  }
}
