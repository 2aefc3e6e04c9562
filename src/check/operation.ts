/** The check of an operation: everything that its declaration promises. */
import { BACKENDS, type Backend, type BackendName } from '../engine/backend.ts';
import { NumericalError, once } from '../graph/index.ts';
import type { Declaration, Sample } from '../operations/index.ts';
import { examineBatching } from './batching.ts';
import { eachSample } from './call.ts';
import type { Identity } from './compare.ts';
import { type Finding, failed, notApplicable, ok, unless } from './finding.ts';
import {
  compareIntegerKernels,
  compareKernels,
  compareSpecialValues,
  type KernelOptions,
} from './kernels.ts';
import type { Tolerance } from './measures.ts';
import { IDENTITIES, shortNumber, signed } from './report.ts';
import { backendNamed } from './run.ts';
import { checkAbsence, examineSamples } from './sampleDerivatives.ts';
import { checkIntegers, checkRefusal, checkTypes, FLOATS, ifTaken, integerDTypes } from './types.ts';

export interface OperationCheckOptions {
  /** Sample calls in place of those that are declared. */
  samples?: readonly Sample[];
  /** The largest relative error of derivatives against differences. Default 1e-7. */
  tolerance?: number;
  /** How far an element of a formula may be off on a backend. Default 4 units in the last place. */
  formula?: Tolerance;
  /** The backends to hold against the reference. Default: all others. */
  backends?: readonly BackendName[];
  /** Whether to throw where a property fails. Default true. */
  throw?: boolean;
}

/** A property, and the check of it, to be run when it is wanted. */
export interface Property {
  readonly name: string;
  /** What it says of the operation: `infers the shapes and dtypes that come out`. */
  readonly title: string;
  check(): Finding;
}

/** Every property that an operation can have, in order. */
export function propertiesOf(declared: Declaration, options: OperationCheckOptions = {}): Property[] {
  const { tolerance = 1e-7, formula = { ulps: 4 }, samples = declared.samples } = options;
  const declaration: Declaration = { ...declared, samples };
  const reference = backendNamed('reference');
  const names = options.backends ?? BACKENDS.filter((name) => name !== 'reference');
  const derivatives = once(() => examineSamples(declaration, reference, tolerance));
  const identity = (name: Identity): Property => ({
    name,
    title: IDENTITIES[name],
    check: () =>
      declaration.notDifferentiable === undefined
        ? derivatives()[name]
        : notApplicable(declaration.notDifferentiable),
  });
  return [
    {
      name: 'samples',
      title: 'has sample calls',
      check: () => (samples.length > 0 ? ok() : failed('it declares no samples: nothing can be checked')),
    },
    {
      name: 'types',
      title: 'infers the shapes and dtypes that come out',
      check: () => checkTypes(declaration, reference),
    },
    {
      name: 'integers',
      title: 'computes with integers as with whole floats',
      check: () => checkIntegers(declaration, reference),
    },
    {
      name: 'refusal',
      title: 'refuses gradients with respect to integers',
      check: () => checkRefusal(declaration),
    },
    ...(['reverse', 'forward', 'transpose', 'second', 'mixed'] as const).map(identity),
    {
      name: 'absence',
      title: 'reports the absence of derivatives alike in both modes',
      check: () => checkAbsence(declaration, reference),
    },
    {
      name: 'batching',
      title: 'gives for a batch what it gives for each example',
      check: () => checkBatching(declaration, reference),
    },
    ...names.flatMap((name) =>
      kernelProperties(declaration, { backend: backendNamed(name), reference, formula }),
    ),
  ];
}

/** Where a batching rule comes from: the kind of computation that it is derived from, `rule`, or `parts`. */
function batchingOf({ operation }: Declaration): string {
  if (operation === undefined) return 'parts';
  return operation.batch === undefined ? operation.computation.kind : 'rule';
}

function checkBatching(declaration: Declaration, reference: Backend): Finding {
  let failure: string | undefined;
  let [looped, mapped] = [false, false];
  let more: string | undefined;
  eachSample(declaration, (sample, seed, label) => {
    const result = examineBatching(sample, seed, reference, declaration.notDifferentiable === undefined);
    failure ??= result.failure === undefined ? undefined : `${label} ${result.failure}`;
    looped ||= result.looped;
    mapped ||= sample.inputs.length > 0;
    const { one, batch } = result.operations;
    if (batch > one) more ??= `${batch} operations for ${one}`;
  });
  if (failure !== undefined) return failed(failure);
  if (!mapped) return notApplicable('it has no inputs to map');
  if (looped) return ok({ detail: 'one example after the other: it has no batching rule' });
  return ok({ detail: `${batchingOf(declaration)}${more === undefined ? '' : ` (${more})`}` });
}

function kernelProperties(declaration: Declaration, options: KernelOptions): Property[] {
  const { name } = options.backend;
  const integers = integerDTypes(declaration);
  return [
    ...FLOATS.map((dtype) => ({
      name: `${name} ${dtype}`,
      title: `${name} agrees with the reference in ${dtype}`,
      check: () => unless(compareKernels(declaration, dtype, options)),
    })),
    ...integers.map((dtype) => ({
      name: `${name} ${dtype}`,
      title: `${name} agrees with the reference in ${dtype}`,
      check: () => ifTaken(() => unless(compareIntegerKernels(declaration, dtype, options))),
    })),
    ...FLOATS.map((dtype) => ({
      name: `${name} special values ${dtype}`,
      title: `${name} treats special values as the reference in ${dtype}`,
      check: () =>
        declaration.special === undefined
          ? notApplicable('it declares no special values')
          : unless(compareSpecialValues(declaration, dtype, options)),
    })),
  ];
}

/** What {@link checkOperation} found. */
export interface OperationReport {
  /** The operation's. */
  readonly name: string;
  readonly ok: boolean;
  /** By property: ok, not applicable because ..., or failed because .... */
  readonly properties: Readonly<Record<string, Finding>>;
  /** The report as text. */
  toString(): string;
}

/**
 * Checks an operation, one's own or the library's, on the sample calls of its declaration: types, derivatives in
 * both modes and to second order, batching, and every backend's kernels against the reference.
 *
 * ```ts
 * const softsign = defineOperation({ ..., samples: real(-3, 3, { avoid: [0] }) });
 * checkOperation(softsign);
 * ```
 * @throws NumericalError with the report where a property fails, unless `{ throw: false }`
 */
export function checkOperation(
  { declaration }: { readonly declaration: Declaration },
  options: OperationCheckOptions = {},
): OperationReport {
  const found = propertiesOf(declaration, options).map(({ name, title, check }) => {
    try {
      return { name, title, finding: check() };
    } catch (error) {
      return { name, title, finding: failed(error instanceof Error ? error.message : String(error)) };
    }
  });
  const report: OperationReport = {
    name: declaration.name,
    ok: found.every(({ finding }) => finding.verdict !== 'failed'),
    properties: Object.fromEntries(found.map(({ name, finding }) => [name, finding])),
    toString: () =>
      [
        `checkOperation: ${declaration.name}`,
        ...found.map(({ title, finding }) => `  ${lineOf(title, finding)}`),
      ].join('\n'),
  };
  if (!report.ok && options.throw !== false) throw new NumericalError(signed(report));
  return report;
}

function lineOf(title: string, { verdict, because, error, detail }: Finding): string {
  if (verdict === 'not applicable') return `-      ${title}: not applicable, because ${because}`;
  if (verdict === 'failed') return `FAILED ${title}: ${because}`;
  const rest = [error === undefined ? undefined : `largest relative error ${shortNumber(error)}`, detail];
  const told = rest.filter((each) => each !== undefined).join(', ');
  return `ok     ${title}${told === '' ? '' : `: ${told}`}`;
}
