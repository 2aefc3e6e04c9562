/** The derivatives of an operation over all its sample calls, or how they are absent. */
import { pushForward } from '../autodiff/forward.ts';
import { gradients } from '../autodiff/index.ts';
import type { Backend } from '../engine/backend.ts';
import {
  DisconnectedError,
  DTypeError,
  type Gradient,
  input,
  isFloat,
  UndefinedGradientError,
  Variable,
} from '../graph/index.ts';
import { type Declaration, registry, type Sample } from '../operations/index.ts';
import { build, type Call, drawCall, eachSample, floatInputs, weighable, weightedSum } from './call.ts';
import type { Comparison, Identity } from './compare.ts';
import { examine } from './derivatives.ts';
import { drawInputs } from './draw.ts';
import { type Finding, failed, notApplicable, ok } from './finding.ts';
import { constantsLike } from './graphs.ts';
import { largest } from './measures.ts';
import { uniform } from './random.ts';
import { describeKink, describeWorst } from './report.ts';
import { evaluateOn } from './run.ts';

const IDENTITIES: readonly Identity[] = ['reverse', 'forward', 'transpose', 'second', 'mixed'];

/** The comparisons of derivatives.ts for every sample that has a float input; the worst of each counts. */
export function examineSamples(
  declaration: Declaration,
  reference: Backend,
  tolerance: number,
): Record<Identity, Finding> {
  const found = new Map<Identity, { error: number; failure: string | undefined }>();
  eachSample(declaration, (sample, seed, label) => {
    for (const comparison of compareSample(sample, seed, reference, tolerance) ?? []) {
      const { identity, error } = comparison;
      const before = found.get(identity) ?? { error: 0, failure: undefined };
      const why = failureOf(comparison);
      found.set(identity, {
        error: Math.max(before.error, error),
        failure: before.failure ?? (why === undefined ? undefined : `${label}: ${why}`),
      });
    }
  });
  const findings = IDENTITIES.map((identity) => {
    const result = found.get(identity);
    if (result === undefined) return [identity, failed('no sample has a float input')] as const;
    const { error, failure } = result;
    return [identity, failure === undefined ? ok({ error }) : failed(failure, error)] as const;
  });
  return Object.fromEntries(findings) as Record<Identity, Finding>;
}

function failureOf(comparison: Comparison): string | undefined {
  if (!comparison.ok) return describeWorst(comparison);
  const [kink] = comparison.kinks;
  return kink === undefined
    ? undefined
    : `the sample meets a kink, which its domain should avoid: ${describeKink(kink)}`;
}

/** The comparisons for one sample; undefined if it has no float input. */
export function compareSample(
  sample: Sample,
  seed: number,
  reference: Backend,
  tolerance: number,
): Comparison[] | undefined {
  const call = drawCall(sample, 'float64', seed);
  if (floatInputs(call).length === 0) return undefined;
  // Integer outputs have slopes too: none.
  const outputs = weighable(call.outputs).map((each) => registry.cast(each, 'float64'));
  const subject = {
    ...call,
    outputs,
    inputNames: call.inputs.map((_, i) => `input ${i}`),
    outputNames: outputs.map((_, i) => `output ${i}`),
  };
  return examine(subject, { backend: reference, order: 2, tolerance, seed: seed + 1, elements: Infinity });
}

/** What `gradients` says of a derivative that is not there. */
type Absence = 'reported as undefined' | 'reported as disconnected' | 'zero';

/** How derivatives are absent of an operation that is declared not to be differentiable: alike in both modes. */
export function checkAbsence(declaration: Declaration, reference: Backend): Finding {
  if (declaration.notDifferentiable === undefined) return notApplicable('it is differentiable');
  const found = new Set<Absence>();
  let failure: string | undefined;
  eachSample(declaration, (sample, seed, label) => {
    const call = callWithFloats(sample, seed);
    const targets = call.inputs.length > 0 ? call.inputs : [input([], { dtype: 'float64' })];
    for (const target of targets) {
      const backward = absenceOf(call, target, seed, reference);
      if (backward === undefined)
        failure ??= `${label}: there is a derivative with respect to ${target.toString()}`;
      else found.add(backward);
      const forward = forwardAbsence(call, target, reference);
      const wanted = backward === 'reported as undefined' && isFloat(target.dtype) ? backward : 'zero';
      if (backward !== undefined && forward !== wanted)
        failure ??= `${label}: with respect to ${target.toString()} the derivative is ${wanted} in reverse mode, ${forward} in forward mode`;
    }
  });
  if (failure !== undefined) return failed(failure);
  return found.size === 0 ? failed('there is no sample') : ok({ detail: [...found].sort().join(' or ') });
}

function absenceOf(call: Call, target: Variable, seed: number, reference: Backend): Absence | undefined {
  const z = weightedSum(weighable(call.outputs), uniform(seed + 1));
  try {
    const [gradient] = evaluateOn(reference, gradients(z, [target]), call.feeds);
    return largest(gradient.data) === 0 ? 'zero' : undefined;
  } catch (error) {
    if (error instanceof UndefinedGradientError) return 'reported as undefined';
    if (error instanceof DisconnectedError) return 'reported as disconnected';
    throw error;
  }
}

function forwardAbsence(call: Call, target: Variable, reference: Backend): Absence | 'there' {
  const outputs = weighable(call.outputs).map((each) => registry.cast(each, 'float64'));
  const [tangent] = constantsLike([target], uniform(1));
  const table = pushForward(outputs, new Map([[target, tangent]]));
  const known: Gradient[] = outputs.flatMap((each) => table.get(each) ?? []);
  if (known.some((each) => !(each instanceof Variable) && each.gradient === 'undefined'))
    return 'reported as undefined';
  const numbers = evaluateOn(
    reference,
    known.filter((each) => each instanceof Variable),
    call.feeds,
  );
  return numbers.every(({ data }) => largest(data) === 0) ? 'zero' : 'there';
}

/** Integer inputs drawn as floats where the operation takes them, so that a derivative can be asked for. */
function callWithFloats(sample: Sample, seed: number): Call {
  const asFloats: Sample = {
    ...sample,
    inputs: sample.inputs.map(({ shape, domain }) => ({ shape, domain: { ...domain, dtype: 'float' } })),
  };
  try {
    return build(asFloats, drawInputs(asFloats, 'float64', seed));
  } catch (error) {
    if (!(error instanceof DTypeError)) throw error;
    return drawCall(sample, 'float64', seed);
  }
}
