import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compile, withUpdates } from '../../src/engine/index.ts';
import { type Nested, parameter, tensor } from '../../src/graph/index.ts';
import { add } from '../../src/operations/arithmetic.ts';
import { matmul } from '../../src/operations/linearAlgebra.ts';
import { squaredError } from '../../src/operations/loss.ts';
import { tanh } from '../../src/operations/trigonometric.ts';
import { type AdamOptions, adam, adamw, type SGDOptions, sgd } from '../../src/optim/index.ts';

interface Fixture {
  steps: number;
  x: Nested;
  y: Nested;
  initial: Record<string, Nested>;
  cases: {
    optimizer: 'sgd' | 'adam' | 'adamw';
    options: SGDOptions & AdamOptions;
    losses: number[];
    final: Record<string, Nested>;
  }[];
}

/** Made by pytorch.py. */
const fixture: Fixture = JSON.parse(readFileSync(new URL('pytorch.json', import.meta.url), 'utf8'));

const float64 = { dtype: 'float64' } as const;
const flat = (nested: Nested): number[] => [...tensor(nested, float64).data];

describe("against PyTorch's optimisers", () => {
  it.each(fixture.cases)('$optimizer $options', ({ optimizer: name, options, losses, final }) => {
    const parameters = Object.fromEntries(
      Object.entries(fixture.initial).map(([key, value]) => [
        key,
        parameter(value, { ...float64, name: key }),
      ]),
    );
    const { W1, b1, W2 } = parameters;
    const hidden = tanh(add(matmul(tensor(fixture.x, float64), W1), b1));
    const J = squaredError(matmul(hidden, W2), tensor(fixture.y, float64));
    const optimizer = { sgd, adam, adamw }[name](options);
    const run = compile(() => withUpdates(J, optimizer.minimize(J)));
    losses.forEach((loss, step) => {
      if (step === fixture.steps / 2) optimizer.learningRate.set(options.learningRate / 4);
      expect(run().item()).toBeCloseTo(loss, 12);
    });
    for (const [key, values] of Object.entries(final)) {
      const expected = flat(values);
      parameters[key].value.data.forEach((each: number, i: number) => {
        expect(each).toBeCloseTo(expected[i], 12);
      });
    }
    expect(losses.at(-1)!).toBeLessThan(losses[0]);
  });
});
