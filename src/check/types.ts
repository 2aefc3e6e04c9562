/** The types that an operation's rules promise are those that come out; integers compute as whole floats do. */
import { gradients } from '../autodiff/index.ts';
import type { Backend } from '../engine/backend.ts';
import {
  allocate,
  type DType,
  DTypeError,
  type FloatDType,
  isFloat,
  Tensor,
  UndefinedGradientError,
  type Variable,
  validate,
} from '../graph/index.ts';
import type { Declaration, Sample } from '../operations/index.ts';
import { build, eachSample, floatInputs, weighable, weightedSum } from './call.ts';
import { drawInputs } from './draw.ts';
import { type Finding, notApplicable, unless } from './finding.ts';
import { derivativesOf } from './graphs.ts';
import { uniform } from './random.ts';
import { evaluateOn } from './run.ts';

export const FLOATS: readonly FloatDType[] = ['float32', 'float64'];

/** Outputs, gradients and tangents have the types that were inferred: tensors as well as variables. */
export function checkTypes(declaration: Declaration, reference: Backend): Finding {
  let failure: string | undefined;
  eachSample(declaration, (sample, seed, label) => {
    for (const dtype of FLOATS) {
      const call = build(sample, drawInputs(sample, dtype, seed));
      const differentiable = declaration.notDifferentiable === undefined;
      const { gradients: found, tangents } = differentiable
        ? derivativesOf(call, uniform(7))
        : { gradients: [], tangents: [] };
      const all = [...call.outputs, ...found, ...tangents];
      validate(all);
      const wrong =
        evaluateOn(reference, all, call.feeds)
          .map((tensor, i) => wrongType(tensor, all[i]))
          .find(Boolean) ??
        unlike('gradient', found, floatInputs(call)) ??
        unlike(
          'tangent',
          tangents,
          call.outputs.filter((each) => isFloat(each.dtype)),
        );
      failure ??= wrong === undefined ? undefined : `${label} in ${dtype}: ${wrong}`;
    }
  });
  return unless(failure);
}

function wrongType({ dtype, shape, data }: Tensor, promised: Variable): string | undefined {
  const right =
    dtype === promised.dtype &&
    shape.join() === promised.shape.join() &&
    data instanceof allocate(dtype, 0).constructor &&
    (dtype !== 'bool' || data.every((value) => value <= 1));
  return right ? undefined : `${promised.toString()} comes out as ${dtype}[${shape.join(', ')}]`;
}

function unlike(what: string, found: readonly Variable[], like: readonly Variable[]): string | undefined {
  const i = found.findIndex((each, k) => each.type !== like[k].type);
  return i < 0 ? undefined : `the ${what} of ${like[i].toString()} is ${found[i].type}`;
}

/** Integer dtypes that an operation takes where a sample has floats. */
export function integerDTypes({ dtypes }: Declaration): DType[] {
  if (dtypes.startsWith('any')) return ['int32', 'uint8', 'bool'];
  return dtypes.startsWith('number') ? ['int32', 'uint8'] : [];
}

/** Small integers give the same numbers in an integer dtype as in float64. */
export function checkIntegers(declaration: Declaration, reference: Backend): Finding {
  const [integer] = integerDTypes(declaration);
  if (integer === undefined) return notApplicable(`it computes on ${declaration.dtypes}`);
  let failure: string | undefined;
  const compare = (sample: Sample, seed: number, label: string): void => {
    const tensors = drawInputs(sample, integer, seed);
    const floats = tensors.map((x, i) => (isFloatDomain(sample, i) ? asFloat(x) : x));
    const [whole, real] = [build(sample, tensors), build(sample, floats)];
    const found = evaluateOn(reference, whole.outputs, whole.feeds);
    evaluateOn(reference, real.outputs, real.feeds).forEach((expected, i) => {
      const bad = expected.data.findIndex((value, k) => found[i].data[k] !== value);
      if (bad < 0) return;
      failure ??= `${label}, output ${i}: element ${bad} is ${found[i].data[bad]} in ${integer}, ${expected.data[bad]} in float64`;
    });
  };
  return ifTaken(() => {
    eachSample(declaration, compare);
    return unless(failure);
  });
}

/** An operation may refuse integers. */
export function ifTaken(check: () => Finding): Finding {
  try {
    return check();
  } catch (error) {
    if (error instanceof DTypeError) return notApplicable(`it refuses integers: ${error.message}`);
    throw error;
  }
}

const isFloatDomain = ({ inputs }: Sample, i: number): boolean =>
  (inputs[i].domain.dtype ?? 'float') === 'float';

const asFloat = ({ shape, data }: Tensor): Tensor => new Tensor(shape, 'float64', Float64Array.from(data));

/** Integers have no tangent space: a gradient with respect to them is refused, not answered with zeros. */
export function checkRefusal(declaration: Declaration): Finding {
  const [integer = 'float64'] = integerDTypes(declaration);
  let [failure, met]: [string | undefined, boolean] = [undefined, false];
  const refuse = (sample: Sample, seed: number, label: string): void => {
    const { inputs, outputs } = build(sample, drawInputs(sample, integer, seed));
    const z = weightedSum(weighable(outputs), uniform(1));
    for (const target of inputs.filter(({ dtype }) => !isFloat(dtype))) {
      met = true;
      if (!refuses(z, target))
        failure ??= `${label}: there is a gradient with respect to ${target.toString()}`;
    }
  };
  return ifTaken(() => {
    eachSample(declaration, refuse);
    return met ? unless(failure) : notApplicable('no sample has an integer input');
  });
}

function refuses(z: Variable, target: Variable): boolean {
  try {
    gradients(z, [target]);
    return false;
  } catch (error) {
    if (error instanceof UndefinedGradientError) return true;
    throw error;
  }
}
