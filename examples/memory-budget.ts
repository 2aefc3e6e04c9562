/**
 * Memory for operations: how little a deep network needs to be differentiated, and what that costs.
 *
 * The backward pass reads what the forward pass has computed. All of it can be stored; or part of it, and the rest is
 * computed again when the backward pass comes to it. Between the two lies a best plan for every amount of memory, which
 * `memoryBudget` asks for.
 *
 * See A. Griewank and A. Walther, "Algorithm 799: revolve", ACM Transactions on Mathematical Software 26 (2000).
 */
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { add, input, matmul, parameter, planGradients, sum, tanh, tensor, type Variable } from 'chainrule';

export interface Size {
  readonly layers: number;
  readonly batch: number;
  readonly units: number;
}

export interface Row {
  /** The working memory of the program, in bytes. */
  readonly bytes: number;
  /** Its operations, by what they are with everything stored. */
  readonly operations: number;
}

/** The plans for all of the memory, and for `parts` of it. */
export function main(
  print: (line: string) => void = console.log,
  { layers, batch, units }: Size = { layers: 1000, batch: 256, units: 64 },
  parts: readonly number[] = [0.5, 0.2, 0.1, 0.05],
): Row[] {
  const weights = Float32Array.from({ length: units * units }, (_, i) => Math.sin(i) / Math.sqrt(units));
  const w = parameter(tensor(weights, { shape: [units, units] }));
  const b = parameter(new Float32Array(units).fill(0.1));
  const x = input([batch, units]);
  let h: Variable = x;
  for (let layer = 0; layer < layers; layer++) h = tanh(add(matmul(h, w), b));

  print(`${layers} layers tanh(x W + b), ${batch} examples of ${units} units: gradients of x, W and b`);
  print('working memory  operations');
  let everything = Number.POSITIVE_INFINITY;
  return [1, ...parts].map((part) => {
    const { report } = planGradients(sum(h), [x, w, b], { memoryBudget: part * everything });
    everything = report.unconstrainedPeakBytes;
    const row = { bytes: report.peakBytes, operations: report.recomputeFactor };
    print(`${(row.bytes / 1e6).toFixed(2).padStart(11)} MB  ${row.operations.toFixed(2).padStart(10)}`);
    return row;
  });
}

if (argv[1] === fileURLToPath(import.meta.url)) main();
