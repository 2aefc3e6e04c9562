/** A finished training run, as the report and the history tell it. */
import type { Source } from './source.ts';
import type { Outcome, TrainingOptions } from './training.ts';

/** Everything that is known of a finished run. */
export interface Run {
  readonly source: Source;
  readonly layers: readonly number[];
  readonly training: TrainingOptions;
  readonly outcome: Outcome;
  /** The command that repeats it. */
  readonly command: string;
  /** When it began. */
  readonly date: Date;
  readonly seconds: number;
}
