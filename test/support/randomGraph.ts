/** Random graphs for property tests: a recipe that fast-check draws and shrinks, and the graph it describes. */
import fc from 'fast-check';
import {
  allocate,
  broadcastShapes,
  constant,
  type FloatDType,
  input,
  type Shape,
  ShapeError,
  sameShape,
  sizeOf,
  Tensor,
  type Variable,
} from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { uniform } from './random.ts';

const r = registry;

/** One step: an operation on nodes made before (`a` and `b` choose them), with `k` to choose axes and the like. */
type Build = (a: Variable, b: Variable, k: number) => Variable;

const axisOf = (x: Variable, k: number): number => k % x.rank;
const needsAxis =
  (build: Build): Build =>
  (a, b, k) =>
    a.rank === 0 ? build(r.expandDims(a, 0), b, k) : build(a, b, k);
const broadcasting =
  (build: Build): Build =>
  (a, b, k) =>
    build(a, meets(a.shape, b.shape) ? b : r.mean(b), k);

function meets(a: Shape, b: Shape): boolean {
  try {
    broadcastShapes('meets', a, b);
    return true;
  } catch (error) {
    if (error instanceof ShapeError) return false;
    throw error;
  }
}

const swapLast = (x: Variable): Variable => {
  const axes = x.shape.map((_, axis) => axis);
  return r.transpose(x, [...axes.slice(0, -2), x.rank - 1, x.rank - 2]);
};

/** A fixed pattern of truth values, and of indices. */
const pattern = (shape: Shape, k: number): Variable =>
  constant(
    new Tensor(
      shape,
      'bool',
      Uint8Array.from({ length: sizeOf(shape) }, (_, i) => ((i * 7 + k) >> 1) & 1),
    ),
  );
const places = (x: Variable, axis: number, k: number): Variable =>
  constant(
    new Tensor(
      [3],
      'int32',
      Int32Array.from([k, 2 * k + 1, 0], (i) => i % x.shape[axis]),
    ),
  );

/** Operations with derivatives of all orders; arguments are kept where functions stay tame. */
const SMOOTH: Record<string, Build> = {
  add: broadcasting((a, b) => r.add(a, b)),
  sub: broadcasting((a, b) => r.sub(a, b)),
  mul: broadcasting((a, b) => r.mul(a, b)),
  div: broadcasting((a, b) => r.div(a, r.add(1, r.square(b)))),
  pow: broadcasting((a, b) => r.pow(r.add(1, r.square(a)), r.tanh(b))),
  where: broadcasting((a, b, k) => r.where(pattern(a.shape, k), a, b)),
  neg: (a) => r.neg(a),
  tanh: (a) => r.tanh(a),
  sin: (a) => r.sin(a),
  sigmoid: (a) => r.sigmoid(a),
  softplus: (a) => r.softplus(a),
  gelu: (a) => r.gelu(a),
  exp: (a) => r.exp(r.tanh(a)),
  sqrt: (a) => r.sqrt(r.add(1, r.square(a))),
  log: (a) => r.log(r.add(1.5, r.cos(a))),
  sum: needsAxis((a, _, k) => r.sum(a, axisOf(a, k), { keepDims: k % 2 === 0 })),
  mean: needsAxis((a, _, k) => r.mean(a, axisOf(a, k), { keepDims: k % 2 === 0 })),
  sumAll: (a) => r.sum(a),
  prod: needsAxis((a, _, k) => r.prod(r.tanh(a), axisOf(a, k))),
  logSumExp: needsAxis((a, _, k) => r.logSumExp(a, axisOf(a, k))),
  softmax: needsAxis((a, _, k) => r.softmax(a, axisOf(a, k))),
  logSoftmax: needsAxis((a, _, k) => r.logSoftmax(a, axisOf(a, k))),
  variance: needsAxis((a, _, k) => r.variance(a, axisOf(a, k), { keepDims: k % 2 === 0 })),
  cumsum: needsAxis((a, _, k) => r.cumsum(a, axisOf(a, k), { reverse: k % 2 === 0 })),
  transpose: (a, _, k) =>
    r.transpose(
      a,
      a.shape.map((__, axis) => (axis + k) % a.rank),
    ),
  flatten: (a) => r.reshape(a, [-1]),
  reshape: needsAxis((a) => r.reshape(a, [a.shape[0], -1])),
  expandDims: (a, _, k) => r.expandDims(a, k % (a.rank + 1)),
  squeeze: (a) => r.squeeze(a),
  broadcastTo: (a) => r.broadcastTo(a, [2, ...a.shape]),
  slice: needsAxis((a, _, k) =>
    r.slice(
      a,
      a.shape.map((n, i) => (i === axisOf(a, k) && n > 1 ? 1 : 0)),
      [...a.shape],
    ),
  ),
  stride: needsAxis((a) => r.slice(a, [0], [a.shape[0]], [2])),
  pad: (a, _, k) =>
    r.pad(
      a,
      a.shape.map((__, i) => (i + k) % 2),
      a.shape.map((__, i) => (i + k + 1) % 2),
    ),
  flip: needsAxis((a, _, k) => r.flip(a, axisOf(a, k))),
  concat: needsAxis((a, b, k) =>
    r.concat(sameShape(a.shape, b.shape) ? [a, b] : [a, r.tanh(a)], axisOf(a, k)),
  ),
  stack: (a, b) => r.stack(sameShape(a.shape, b.shape) ? [a, b] : [a, a]),
  matmul: needsAxis((a, b) => {
    const [left, right] = [a.rank === 1 ? r.expandDims(a, 0) : a, b.rank === 2 ? b : undefined];
    return right !== undefined && left.shape.at(-1) === right.shape[0]
      ? r.matmul(left, right)
      : r.matmul(left, swapLast(left));
  }),
  dot: (a) => r.dot(r.reshape(a, [-1]), r.reshape(r.tanh(a), [-1])),
  gather: needsAxis((a, _, k) => r.gather(a, places(a, axisOf(a, k), k), axisOf(a, k))),
  scatterAdd: needsAxis((a, _, k) => {
    const axis = axisOf(a, k);
    return r.scatterAdd(a, places(a, axis, k), r.sin(r.gather(a, places(a, axis, k + 1), axis)), axis);
  }),
};

/** Continuous operations with kinks: values can be compared, finite differences not. */
const KINKED: Record<string, Build> = {
  relu: (a) => r.relu(a),
  abs: (a) => r.abs(a),
  leakyRelu: (a) => r.leakyRelu(a, 0.1),
  clip: (a) => r.clip(a, -0.7, 0.9),
  maximum: broadcasting((a, b) => r.maximum(a, b)),
  minimum: broadcasting((a, b) => r.minimum(a, b)),
  max: needsAxis((a, _, k) => r.max(a, axisOf(a, k), { keepDims: k % 2 === 0 })),
  min: needsAxis((a, _, k) => r.min(a, axisOf(a, k))),
  maxWithIndex: needsAxis((a, _, k) => r.maxWithIndex(a, axisOf(a, k))[0]),
};

const EVERY = { ...SMOOTH, ...KINKED };

export interface Recipe {
  readonly leaves: readonly Shape[];
  readonly steps: readonly {
    readonly op: string;
    readonly a: number;
    readonly b: number;
    readonly k: number;
  }[];
  readonly seed: number;
}

/** Extents of a graph's axes: few elements, or enough for several vectors and a rest. */
const EXTENTS = {
  small: [[2, 3, 4]],
  large: [
    [2, 3, 4],
    [2, 2, 33],
    [3, 1, 18],
    [1, 40, 3],
  ],
} as const;

/** Shapes that broadcast with each other: the last axes of `extents`, some stretched from 1. */
const shapesWithin = (extents: readonly number[]): fc.Arbitrary<Shape> =>
  fc
    .tuple(fc.integer({ min: 0, max: 3 }), fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()))
    .map(([rank, ones]) => extents.slice(3 - rank).map((extent, i) => (ones[i] ? 1 : extent)));

/** Recipes of up to `size` steps; `smooth` ones can be differentiated anywhere. */
export function recipes(
  kind: 'smooth' | 'every',
  size: number,
  extents: keyof typeof EXTENTS,
): fc.Arbitrary<Recipe> {
  const names = Object.keys(kind === 'smooth' ? SMOOTH : EVERY);
  const step = fc.record({ op: fc.constantFrom(...names), a: fc.nat(20), b: fc.nat(20), k: fc.nat(5) });
  return fc.record({
    leaves: fc
      .constantFrom(...EXTENTS[extents])
      .chain((axes) => fc.array(shapesWithin(axes), { minLength: 1, maxLength: 3 })),
    steps: fc.array(step, { minLength: 1, maxLength: size }),
    seed: fc.nat(1000),
  });
}

/** Nodes beyond this many elements are left out, so that a graph stays small. */
const LARGEST_NODE = 600;

export interface RandomGraph {
  readonly inputs: readonly Variable[];
  /** Leaves and the result of each step, in order; steps share them freely. */
  readonly nodes: readonly Variable[];
  readonly feeds: Map<Variable, Tensor>;
}

/** The graph of a recipe. Its numbers are float32 numbers in either dtype. */
export function graphOfRecipe({ leaves, steps, seed }: Recipe, dtype: FloatDType): RandomGraph {
  const random = uniform(seed);
  const feeds = new Map<Variable, Tensor>();
  const inputs = leaves.map((leaf, i) => {
    const data = allocate(dtype, sizeOf(leaf)).map(() => Math.fround(2 * random() - 1));
    const placeholder = input(leaf, { dtype, name: 'xyz'[i] });
    feeds.set(placeholder, new Tensor(leaf, dtype, data));
    return placeholder;
  });
  const nodes: Variable[] = [...inputs];
  for (const { op, a, b, k } of steps) {
    const pick = (from: number): Variable => nodes[Math.max(0, nodes.length - 1 - (from % nodes.length))];
    const made = EVERY[op](pick(a), pick(b), k);
    if (sizeOf(made.shape) <= LARGEST_NODE) nodes.push(made);
  }
  return { inputs, nodes, feeds };
}
