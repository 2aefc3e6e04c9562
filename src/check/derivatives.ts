/**
 * The derivatives of a graph at a point, held against numerical differences and against each other: what both
 * `checkGradients` and `checkOperation` look at.
 *
 * With outputs y, inputs x, random weights w for the outputs and random directions u, v for the inputs, five identities
 * say all that a gradient promises:
 * - reverse: J^T w is what differences of <w, y> find, element by element;
 * - forward: J v is what differences of y along v find;
 * - transpose: <w, J v> = <J^T w, v>;
 * - second: the gradient of <J^T w, u> is what differences of J^T w along u find, which also shows that the Hessian is
 *   symmetric;
 * - mixed: forward mode over reverse mode gives the same.
 */
import type { Backend } from '../engine/backend.ts';
import { constant, isFloat, sizeOf, Tensor, type Variable } from '../graph/index.ts';
import { type Call, floatInputs } from './call.ts';
import {
  type Comparison,
  compareInnerProducts,
  compareNumbers,
  compareSlopes,
  dot,
  type Measured,
  type Named,
} from './compare.ts';
import { STEP, slopesAlong } from './differences.ts';
import { drawWeights } from './draw.ts';
import { pullBack, push } from './graphs.ts';
import { largest } from './measures.ts';
import { shuffle, uniform } from './random.ts';
import { evaluateOn, prepare } from './run.ts';

/** A function as a graph at a point, and how its tensors are called. */
export interface Subject extends Call {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
}

export interface Examination {
  readonly backend: Backend;
  readonly order: 1 | 2;
  /** The largest relative error against differences; identities without differences are held to 1e-4 and 1e-2 of it. */
  readonly tolerance: number;
  readonly seed: number;
  /** At most so many elements of each input are moved one by one. */
  readonly elements: number;
}

/** One tensor's part in all this: an input with its value, or an output. */
interface Part {
  readonly variable: Variable;
  readonly name: string;
}

const pick = (variables: readonly Variable[], names: readonly string[]): Part[] =>
  variables.flatMap((variable, i) => (isFloat(variable.dtype) ? [{ variable, name: names[i] }] : []));

/**
 * Compares the derivatives of the float outputs of `subject` with respect to its float inputs; it has some of both.
 * @throws UndefinedGradientError where a derivative does not exist
 */
export function examine(subject: Subject, options: Examination): Comparison[] {
  const { backend, tolerance, order } = options;
  const inputs = pick(subject.inputs, subject.inputNames);
  const outputs = pick(subject.outputs, subject.outputNames);
  const xs = floatInputs(subject);
  const ys = outputs.map(({ variable }) => variable);
  const random = uniform(options.seed);
  const draw = (like: readonly Variable[]): Tensor[] =>
    like.map(({ shape }) => drawWeights(shape, 'float64', random));
  const w = draw(ys);
  const [v, u] = [draw(xs), draw(xs)].map((list) =>
    list.map((direction, i) => stretch(direction, subject.feeds.get(xs[i]) as Tensor)),
  );
  const [weights, directions, others] = [w, v, u].map((list) => list.map((each) => constant(each)));
  const gradient = pullBack(ys, xs, weights);
  const tangent = push(ys, xs, directions);
  const second = order === 2 ? pullBack(gradient, xs, others) : [];
  const mixed = order === 2 ? push(gradient, xs, others) : [];
  const numbers = evaluateOn(backend, [...gradient, ...tangent, ...second, ...mixed], subject.feeds);
  const [j, t, h, m] = [gradient, tangent, second, mixed].map((list) => numbers.splice(0, list.length));

  const data = (list: readonly Tensor[]) => list.map((each) => each.data);
  const pairs = (a: readonly Tensor[], b: readonly Tensor[]) =>
    a.map((each, i) => [each.data, b[i].data] as const);
  const named = (list: readonly Tensor[], parts: readonly Part[]): Named[] =>
    list.map((each, i) => ({ name: parts[i].name, shape: each.shape, data: each.data }));
  const moving = { subject, backend, xs };
  const comparisons = [
    compareSlopes('reverse', tolerance, slopesOfElements(moving, inputs, ys, w, options), data(j)),
    compareSlopes('forward', tolerance, slopesAlongDirection(moving, v, ys, outputs), data(t)),
    compareInnerProducts('transpose', 1e-4 * tolerance, pairs(w, t), pairs(j, v)),
  ];
  if (order === 1) return comparisons;
  return [
    ...comparisons,
    compareSlopes('second', tolerance, slopesAlongDirection(moving, u, gradient, inputs), data(h)),
    compareNumbers('mixed', 1e-2 * tolerance, named(h, inputs), data(m)),
  ];
}

/** Steps and directions are relative to elements that are larger than 1. */
const reach = (x: number): number => Math.max(1, Math.abs(x));

function stretch({ shape, data }: Tensor, at: Tensor): Tensor {
  return new Tensor(
    shape,
    'float64',
    Float64Array.from(data, (value, i) => value * reach(at.data[i])),
  );
}

/** A point that can be moved. */
interface Moving {
  readonly subject: Subject;
  readonly backend: Backend;
  readonly xs: readonly Variable[];
}

/** The slopes of the inner product of `ys` with `w` along each element of each input. */
function slopesOfElements(
  { subject: { feeds }, backend }: Moving,
  inputs: readonly Part[],
  ys: readonly Variable[],
  w: readonly Tensor[],
  { elements, seed }: Examination,
): Measured[] {
  const run = prepare(backend, ys, [...feeds.keys()]);
  const weights = concatenated(w);
  const random = uniform(seed + 1);
  return inputs.map(({ variable, name }) => {
    const { shape } = variable;
    const at = feeds.get(variable) as Tensor;
    const moved = new Tensor(shape, 'float64', Float64Array.from(at.data));
    const values = [...feeds].map(([x, value]) => (x === variable ? moved : value));
    const curve = (place: number) => (t: number) => {
      moved.data[place] = at.data[place] + t;
      const numbers = concatenated(run(values));
      moved.data[place] = at.data[place];
      return numbers;
    };
    const places = choose(at.data.length, elements, random);
    const steps = places.map((place) => STEP * reach(at.data[place]));
    const measured = places.map((place, k) => slopesAlong(curve(place), steps[k]));
    return {
      name,
      shape,
      places,
      steps,
      slopes: measured.map(({ slopes }) => dot(weights, slopes)),
      // Numbers that do not move bring no rounding.
      sizes: measured.map(({ slopes, sizes }) => largest(sizes.filter((_, i) => slopes[i] !== 0))),
      suspects: measured.map(({ suspects }) => suspects.includes(true)),
      curve: (k) => {
        const middle = curve(places[k])(0);
        return (t) =>
          dot(
            weights,
            curve(places[k])(t).map((value, i) => value - middle[i]),
          );
      },
    };
  });
}

/** The slopes of all elements of `of`, with all inputs moving along `direction`. */
function slopesAlongDirection(
  { subject: { feeds }, backend, xs }: Moving,
  direction: readonly Tensor[],
  of: readonly Variable[],
  parts: readonly Part[],
): Measured[] {
  const run = prepare(backend, of, [...feeds.keys()]);
  const at = (t: number): Tensor[] =>
    run(
      [...feeds].map(([x, value]) => {
        const i = xs.indexOf(x);
        if (i < 0) return value;
        const data = Float64Array.from(value.data, (each, k) => each + t * direction[i].data[k]);
        return new Tensor(value.shape, 'float64', data);
      }),
    );
  const { slopes, sizes, suspects } = slopesAlong((t) => concatenated(at(t)));
  let start = 0;
  return parts.map(({ variable: { shape }, name }, i) => {
    const count = sizeOf(shape);
    const range = [start, start + count] as const;
    start += count;
    return {
      name,
      shape,
      places: Array.from({ length: count }, (_, k) => k),
      steps: new Array<number>(count).fill(STEP),
      slopes: slopes.subarray(...range),
      sizes: sizes.subarray(...range),
      suspects: suspects.slice(...range),
      curve: (k) => (t) => at(t)[i].data[k],
    };
  });
}

function concatenated(tensors: readonly Tensor[]): Float64Array {
  const whole = new Float64Array(tensors.reduce((total, { data }) => total + data.length, 0));
  let start = 0;
  for (const { data } of tensors) {
    whole.set(data, start);
    start += data.length;
  }
  return whole;
}

/** At most `most` of the numbers below `count`, ascending. */
function choose(count: number, most: number, random: () => number): number[] {
  const all = Array.from({ length: count }, (_, i) => i);
  return count <= most
    ? all
    : shuffle(all, random)
        .slice(0, most)
        .sort((a, b) => a - b);
}
