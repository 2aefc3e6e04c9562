/**
 * The tests that every operation passes, generated from its declaration alone: call `checkOperation` inside a test
 * file and it registers them. They are the properties of the library's own `checkOperation`, held more strictly.
 */
import { describe, expect, test } from 'vitest';
import type { Finding } from '../../src/check/index.ts';
import type { Tolerance } from '../../src/check/measures.ts';
import { propertiesOf } from '../../src/check/operation.ts';
import { integerDTypes } from '../../src/check/types.ts';
import type { Declaration } from '../../src/operations/index.ts';

/** What the tests found out about an operation, by property. */
export type OperationReport = Map<string, Finding>;

/** Finite differences resolve about 1e-11 of a derivative here: anything near the bound is a wrong rule. */
const LARGEST_ERROR = 1e-8;

/** Units in the last place by which one formula may differ: what the vectorised functions may be off, twice. */
const FORMULA_ULPS = 4;

/** Operations with formulas that lose more digits, on one side or the other. */
const LOOSER: Record<string, Tolerance> = {
  gelu: { ulps: FORMULA_ULPS, magnitude: 1 }, // 1 + erf(x / sqrt 2) cancels for negative x
  logaddexp: { ulps: FORMULA_ULPS, magnitude: 1 }, // the larger operand and the rest cancel near 0
};

/** Registers the generated tests of an operation, for every backend. The report is filled as they run. */
export function checkOperation(
  name: string,
  { declaration }: { readonly declaration: Declaration },
): OperationReport {
  const report: OperationReport = new Map();
  const needed = requiredOf(declaration);
  describe(name, () => {
    test('is declared', () => {
      expect(declaration.name).toBe(name);
      expect(declaration.doc).toMatch(/\.$/);
    });
    const options = { tolerance: LARGEST_ERROR, formula: LOOSER[name] ?? { ulps: FORMULA_ULPS } };
    for (const { name: property, title, check } of propertiesOf(declaration, options)) {
      test(title, () => {
        const finding = check();
        report.set(property, finding);
        if (finding.verdict === 'failed') expect.fail(finding.because);
        if (needed.includes(property)) expect(finding.verdict, finding.because).toBe('ok');
      });
    }
    test('needs no loop for a batch', () => {
      const { verdict, detail } = report.get('batching')!;
      if (verdict === 'ok') expect(detail).not.toContain('no batching rule');
    });
  });
  return report;
}

/** Properties that must not be waived: what is declared differentiable has derivatives, what takes integers computes with them. */
function requiredOf(declaration: Declaration): string[] {
  const dtypes = integerDTypes(declaration);
  const integers = dtypes.length > 0 ? ['integers', ...dtypes.map((dtype) => `wasm ${dtype}`)] : [];
  const derivatives =
    declaration.notDifferentiable === undefined
      ? ['reverse', 'forward', 'transpose', 'second', 'mixed']
      : ['absence'];
  return ['samples', 'types', ...integers, ...derivatives];
}
