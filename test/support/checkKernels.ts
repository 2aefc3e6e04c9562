/** The generated tests of a backend: it computes what the reference computes. */
import { expect, test } from 'vitest';
import { allocate, type FloatDType, isFloat, sizeOf, Tensor } from '../../src/graph/index.ts';
import type { Declaration } from '../../src/operations/index.ts';
import { type Backend, reference } from './backends.ts';
import { build } from './build.ts';
import { drawInputs } from './draw.ts';
import { disagreement, type Tolerance } from './kernels.ts';
import { largest } from './numeric.ts';
import { differentiable, eachSample, FLOATS, gradientsOf, integerDTypes } from './samples.ts';

/** Units in the last place by which one formula may differ: what the vectorised functions may be off, twice. */
const FORMULA_ULPS = 4;

/** Operations with formulas that lose more digits, on one side or the other. */
const LOOSER: Record<string, Tolerance> = {
  gelu: { ulps: FORMULA_ULPS, magnitude: 1 }, // 1 + erf(x / sqrt 2) cancels for negative x
};

const formulaTolerance = (name: string): Tolerance => LOOSER[name] ?? { ulps: FORMULA_ULPS };

/** A backend computes what the reference computes: values, gradients, and special values one by one. */
export function checkKernels(declaration: Declaration, backend: Backend): void {
  const elementwise = declaration.operation?.computation.kind === 'elementwise';
  const formula = formulaTolerance(declaration.name);
  const expectSame = (expected: Tensor, found: Tensor, tolerance: Tolerance, label: string): void =>
    expect(disagreement(expected, found, tolerance), label).toBeUndefined();

  test.each(FLOATS)(`${backend.name} agrees with the reference in %s`, (dtype) => {
    eachSample(declaration, (sample, seed, label) => {
      const tensors = drawInputs(sample, dtype, seed);
      const { inputs, outputs, feeds } = build(sample, tensors);
      const targets = inputs.filter((each) => isFloat(each.dtype));
      const found = differentiable(declaration) ? gradientsOf(outputs, targets, dtype) : [];
      const expected = reference.evaluate([...outputs, ...found], feeds);
      const terms = Math.max(1, ...tensors.map((tensor) => sizeOf(tensor.shape)));
      const size = tensors.reduce((product, { data }) => product * Math.max(1, largest(data)), 1);
      backend.evaluate([...outputs, ...found], feeds).forEach((tensor, i) => {
        const magnitude = Math.max(size, largest(expected[i].data));
        const single = elementwise && i < outputs.length;
        const tolerance = single ? formula : { ulps: 4 + terms / 4, magnitude };
        expectSame(expected[i], tensor, tolerance, label);
      });
    });
  });

  const integers = integerDTypes(declaration);
  if (integers.length > 0) {
    test.each(integers)(`${backend.name} agrees with the reference in %s`, (dtype) => {
      eachSample(declaration, (sample, seed, label) => {
        const { outputs, feeds } = build(sample, drawInputs(sample, dtype, seed));
        const expected = reference.evaluate(outputs, feeds);
        backend.evaluate(outputs, feeds).forEach((found, i) => {
          expectSame(expected[i], found, formula, label);
        });
      });
    });
  }

  const { special, samples } = declaration;
  if (special === undefined) return;
  test.each(FLOATS)(`${backend.name} treats special values as the reference in %s`, (dtype) => {
    const tensors = combinations(special, samples[0].inputs.length, dtype);
    const { outputs, feeds } = build(samples[0], tensors);
    const [expected] = reference.evaluate(outputs, feeds);
    const [found] = backend.evaluate(outputs, feeds);
    const failure = disagreement(expected, found, { ...formula, signedZeros: true });
    const bad = Number(/^element (\d+)/.exec(failure ?? '')?.[1]);
    expect(failure, `at ${tensors.map((tensor) => tensor.data[bad])}`).toBeUndefined();
  });
}

/** All combinations of `values` for `arity` operands: one vector an operand. */
export function combinations(values: readonly number[], arity: number, dtype: FloatDType): Tensor[] {
  const count = values.length ** arity;
  return Array.from({ length: arity }, (_, operand) => {
    const data = allocate(dtype, count);
    for (let i = 0; i < count; i++)
      data[i] = values[Math.floor(i / values.length ** operand) % values.length];
    return new Tensor([count], dtype, data);
  });
}
