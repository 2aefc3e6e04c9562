/**
 * The block of shared memory by which threads find one another. Each word has a cache line of its own, since a thread
 * that spins on one would otherwise slow down writers of its neighbours.
 */

const LINE = 64;

/** Offsets in bytes. */
export const CONTROL = {
  /** What to do now: see {@link commandOf}. Workers wait for it to change. */
  command: 0,
  /** How many workers sleep until the command changes. */
  idle: LINE,
  /** How many threads have arrived at the barrier. */
  arrived: 2 * LINE,
  /** How many times the barrier has opened. */
  opened: 3 * LINE,
  /** How many threads sleep at the barrier. */
  sleeping: 4 * LINE,
  /** How many workers have started. */
  ready: 5 * LINE,
  /** Not 0 once a worker has failed. */
  failed: 6 * LINE,
  /** Of the module to load: its number, the address of its bytes, their length. */
  module: 7 * LINE,
} as const;

export const CONTROL_BYTES = 8 * LINE;

/** As many threads as a command can name. */
export const MOST_THREADS = 64;

/** As many modules as a command can name; the number after the last one says that a module is to be loaded. */
export const MOST_MODULES = 0xffff;

/**
 * The command word: one word, so that a thread which reads it late reads all of one command and nothing of another.
 * @param sequence counts the commands, so that each differs from the one before
 * @param threads threads with lower numbers take part
 * @param module the module to run, or `MOST_MODULES`: load one
 */
export function commandOf(sequence: number, threads: number, module: number): number {
  return ((sequence & 0xff) << 24) | (threads << 16) | module;
}
