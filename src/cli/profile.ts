/** `chainrule train --profile`: where the time of a training step goes. */
import { writeFile } from 'node:fs/promises';
import { profile } from '../engine/index.ts';
import { type IO, printLine, UsageError } from './io.ts';
import type { Network } from './network.ts';
import type { Examples } from './source.ts';
import { compileStep, type TrainingOptions } from './training.ts';

/**
 * Measures steps on these examples, prints the table of their kernels and writes the trace to `file`. The steps change the
 * weights of `network`: it should be one of its own.
 * @throws UsageError where the file cannot be written
 */
export async function profileStep(
  network: Network,
  { inputs, labels }: Examples,
  options: TrainingOptions,
  file: string,
  io: IO,
): Promise<void> {
  const found = profile(compileStep(network, options), [inputs, labels]);
  await writeFile(file, found.trace()).catch((error: Error) => {
    throw new UsageError(`--profile ${file}: cannot write the trace: ${error.message}`);
  });
  printLine(io, found.toString());
  printLine(io, `trace written to ${file}: open it at https://ui.perfetto.dev`);
  printLine(io);
}
