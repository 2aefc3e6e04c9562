/** Where the command writes, so that it can run inside another program (a test) as well as in a terminal. */
import { ChainruleError } from '../graph/index.ts';

/** A stream to write text to. */
export interface Output {
  write(text: string): unknown;
  /** Whether a person sees it as it is written: only then are lines overwritten. */
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface IO {
  /** Results. */
  readonly stdout: Output;
  /** Errors and progress. */
  readonly stderr: Output;
}

/** What the caller asked for cannot be done as asked: one line on stderr, exit code 2. */
export class UsageError extends ChainruleError {}

/** Writes one line of results. */
export function printLine(io: IO, line = ''): void {
  io.stdout.write(`${line}\n`);
}
