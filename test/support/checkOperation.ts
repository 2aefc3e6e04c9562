/**
 * The tests that every operation passes, generated from its declaration alone: call `checkOperation` inside a test
 * file and it registers them.
 */
import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { allocate, isFloat, Tensor, UndefinedGradientError, validate } from '../../src/graph/index.ts';
import type { Declaration, Sample } from '../../src/operations/index.ts';
import { type Backend, backends, reference } from './backends.ts';
import { build } from './build.ts';
import { checkKernels } from './checkKernels.ts';
import { type Absence, absences, derivativeErrors, integerTargets } from './derivatives.ts';
import { drawInputs } from './draw.ts';
import { differentiable, eachSample, FLOATS, gradientsOf, integerDTypes } from './samples.ts';

/** What the tests found out about an operation. */
export interface OperationReport {
  /** The order of derivatives verified; 0 where there is none. */
  order: 0 | 1 | 2;
  /** Worst relative errors of first and second derivatives. */
  errors: number[];
  /** How the derivative of an operation without one is absent. */
  absence: string | undefined;
}

/** Finite differences resolve about 1e-11 of a derivative here: anything near the bound is a wrong rule. */
const LARGEST_ERROR = 1e-8;

/** Registers the generated tests of an operation, for every backend under test. The report is filled as they run. */
export function checkOperation(
  name: string,
  declared: { readonly declaration: Declaration },
  under: readonly Backend[] = backends,
): OperationReport {
  const report: OperationReport = { order: 0, errors: [], absence: undefined };
  describe(name, () => {
    const { declaration } = declared;
    test('is declared', () => {
      expect(declaration.name).toBe(name);
      expect(declaration.doc).toMatch(/\.$/);
      expect(declaration.samples.length).toBeGreaterThan(0);
    });
    checkTypes(declaration);
    checkIntegers(declaration);
    if (declaration.notDifferentiable === undefined) checkDerivatives(declaration, report);
    else checkAbsence(declaration, report);
    for (const backend of under) checkKernels(declaration, backend);
  });
  return report;
}

/** The types that the rules promise are those that come out, on outputs and on gradients. */
function checkTypes(declaration: Declaration): void {
  test('infers the shapes and dtypes that come out', () => {
    eachSample(declaration, (sample, seed, label) => {
      for (const dtype of FLOATS) {
        const { inputs, outputs, feeds } = build(sample, drawInputs(sample, dtype, seed));
        const targets = inputs.filter((each) => isFloat(each.dtype));
        const found = differentiable(declaration) ? gradientsOf(outputs, targets, dtype) : [];
        const all = [...outputs, ...found];
        validate(all);
        reference.evaluate(all, feeds).forEach((tensor, i) => {
          expect(`${tensor.dtype}[${tensor.shape}]`, label).toBe(`${all[i].dtype}[${all[i].shape}]`);
          expect(tensor.data, label).toBeInstanceOf(allocate(tensor.dtype, 0).constructor);
          if (tensor.dtype === 'bool') expect(Math.max(0, ...tensor.data), label).toBeLessThanOrEqual(1);
        });
        found.forEach((each, i) => expect(each.type, label).toBe(targets[i].type));
      }
    });
  });
}

/** Small integers give the same numbers in int32 as in float64, and carry no derivative. */
function checkIntegers(declaration: Declaration): void {
  const [integer] = integerDTypes(declaration);
  if (integer !== undefined) {
    test('computes with integers as with whole floats', () => {
      eachSample(declaration, (sample, seed, label) => {
        const tensors = drawInputs(sample, integer, seed);
        const floats = tensors.map((x, i) => (isFloatDomain(sample, i) ? asFloat(x) : x));
        const [whole, real] = [build(sample, tensors), build(sample, floats)];
        const results = reference.evaluate(whole.outputs, whole.feeds);
        reference.evaluate(real.outputs, real.feeds).forEach((expected, i) => {
          expect([...asFloat(results[i]).data], label).toEqual(Array.from(expected.data, (x) => x + 0));
        });
      });
    });
  }
  test('refuses gradients with respect to integers', () => {
    eachSample(declaration, (sample, seed, label) => {
      const { z, targets } = integerTargets(sample, drawInputs(sample, integer ?? 'float64', seed));
      for (const target of targets) {
        expect(() => gradients(z, [target]), label).toThrow(UndefinedGradientError);
      }
    });
  });
}

const isFloatDomain = ({ inputs }: Sample, i: number): boolean =>
  (inputs[i].domain.dtype ?? 'float') === 'float';

const asFloat = ({ shape, data }: Tensor): Tensor => new Tensor(shape, 'float64', Float64Array.from(data));

function checkDerivatives(declaration: Declaration, report: OperationReport): void {
  test('has the derivatives that finite differences find, to second order', () => {
    let checked = 0;
    let [first, second] = [0, 0];
    eachSample(declaration, (sample, seed, label) => {
      const errors = derivativeErrors(sample, seed);
      if (errors === undefined) return;
      checked++;
      expect(errors.first, `${label}: gradient`).toBeLessThanOrEqual(LARGEST_ERROR);
      expect(errors.second, `${label}: gradient of the gradient`).toBeLessThanOrEqual(LARGEST_ERROR);
      expect(errors.asymmetry, `${label}: u^T H v - v^T H u`).toBeLessThanOrEqual(1e-12);
      first = Math.max(first, errors.first);
      second = Math.max(second, errors.second);
    });
    expect(checked, 'samples with a float input').toBeGreaterThan(0);
    report.errors = [first, second];
    report.order = 2;
  });
}

function checkAbsence(declaration: Declaration, report: OperationReport): void {
  test(`has no derivative, because ${declaration.notDifferentiable}`, () => {
    const found = new Set<Absence>();
    eachSample(declaration, (sample, seed) => {
      for (const absence of absences(sample, seed)) found.add(absence);
    });
    expect(found.size).toBeGreaterThan(0);
    report.absence = [...found].sort().join(' or ');
  });
}
