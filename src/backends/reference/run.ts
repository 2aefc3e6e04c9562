/**
 * The reference backend: every operation as the obvious loop over float64 numbers, rounded to the result's dtype once
 * per element. It is slow and it is the oracle: other backends are tested against it.
 */
import {
  type Application,
  allocate,
  ancestors,
  type Block,
  type Body,
  ChainruleError,
  type Choice,
  type Computation,
  expansionOf,
  type Feeds,
  feedFor,
  type Iteration,
  input,
  Parameter,
  type Rounds,
  type Shape,
  sizeOf,
  stridesOf,
  Tensor,
  type TypedArray,
  type Variable,
  withLine,
} from '../../graph/index.ts';
import { monoid, numberLanguage, store } from '../../operations/scalar.ts';

type Values = Map<Variable, TypedArray>;

/** Evaluates `outputs`; only what they need is computed. */
export function runReference(outputs: readonly Variable[], feeds?: Feeds): Tensor[] {
  const values = evaluateGraph(outputs, (leaf) => leafValue(leaf, feeds));
  return outputs.map((output) => new Tensor(output.shape, output.dtype, read(values, output).slice()));
}

/** The values of everything that `outputs` need. */
function evaluateGraph(outputs: readonly Variable[], valueOf: (leaf: Variable) => TypedArray): Values {
  const values: Values = new Map();
  const { applications, leaves } = ancestors(outputs);
  const used = new Set([...outputs, ...applications.flatMap(({ inputs }) => inputs)]);
  for (const leaf of leaves) values.set(leaf, valueOf(leaf));
  for (const application of applications) computeApplication(application, values, used);
  return values;
}

function leafValue(leaf: Variable, feeds: Feeds | undefined): TypedArray {
  if (leaf instanceof Parameter) return leaf.storage.read();
  if (leaf.source.kind === 'constant') return leaf.source.tensor.data;
  return feedFor(leaf, feeds).data;
}

function read(values: Values, variable: Variable): TypedArray {
  const data = values.get(variable);
  if (data === undefined) throw new ChainruleError(`reference: ${variable.toString()} has no value yet`);
  return data;
}

/**
 * Computes one application's outputs from its inputs' values.
 * @param used what somebody reads: of loops and branches, nothing else is computed
 */
function computeApplication(application: Application, values: Values, used: ReadonlySet<Variable>): void {
  const inputs: Block[] = application.inputs.map((each) => ({ shape: each.shape, data: read(values, each) }));
  // A routine writes all of its outputs.
  const whole = application.operation.computation.kind === 'routine';
  const outputs: Block[] = application.outputs.map((each) => ({
    shape: each.shape,
    data: allocate(each.dtype, whole || used.has(each) ? sizeOf(each.shape) : 0),
  }));
  compute(
    application,
    inputs,
    outputs,
    application.outputs.map((each) => used.has(each)),
  );
  application.outputs.forEach((output, i) => values.set(output, outputs[i].data));
}

function compute(
  application: Application,
  inputs: readonly Block[],
  outputs: readonly Block[],
  used: readonly boolean[],
): void {
  const { attributes } = application;
  const computation: Computation<unknown, Variable> = application.operation.computation;
  const [y] = outputs;
  switch (computation.kind) {
    case 'elementwise':
      return elementwise(application, computation, inputs, y);
    case 'reduction':
      return reduction(application, computation.monoid, inputs[0], y);
    case 'view': {
      const [x] = inputs;
      const view = computation.view(
        { shape: x.shape, strides: stridesOf(x.shape), offset: 0 },
        y.shape,
        attributes,
      );
      if (view === undefined)
        throw new ChainruleError(`${application.operation.name}: no view of contiguous elements`);
      let position = 0;
      forEachIndex(y.shape, (index) => {
        y.data[position++] = x.data[place(view.offset, view.strides, index)];
      });
      return;
    }
    case 'assembly': {
      y.data.fill(store(computation.fill(attributes) ?? 0, application.outputs[0].dtype));
      const shapes = inputs.map((each) => each.shape);
      for (const region of computation.regions(shapes, y.shape, attributes)) {
        const x = inputs[region.input];
        let position = 0;
        forEachIndex(x.shape, (index) => {
          y.data[place(region.offset, region.strides, index)] = x.data[position++];
        });
      }
      return;
    }
    case 'product':
      return product(application, inputs[0], inputs[1], y);
    case 'composition': {
      const stands = application.inputs.map((each) => input(each.shape, { dtype: each.dtype }));
      const expanded = expansionOf(computation, stands, attributes);
      const feeds = new Map(
        stands.map((stand, i) => [stand, new Tensor(stand.shape, stand.dtype, inputs[i].data)] as const),
      );
      const wanted = expanded.map((_, i) => i).filter((i) => used[i]);
      const results = runReference(
        wanted.map((i) => expanded[i]),
        feeds,
      );
      results.forEach(({ data }, k) => {
        outputs[wanted[k]].data.set(data);
      });
      return;
    }
    case 'routine':
      return withLine(application.site.toString(), () => computation.run(inputs, outputs, attributes));
    case 'iteration':
      return iteration(computation, attributes as Rounds, inputs, outputs, used);
    case 'choice':
      return choice(computation, inputs, outputs, used);
  }
}

/** The numbers of some of a body's outputs, given those of its inputs. */
function runBody(
  body: Body<Variable>,
  inputs: readonly TypedArray[],
  outputs: readonly Variable[],
): TypedArray[] {
  const given = new Map(body.inputs.map((each, i) => [each, inputs[i]] as const));
  const values = evaluateGraph(outputs, (leaf) => given.get(leaf) ?? leafValue(leaf, undefined));
  return outputs.map((output) => read(values, output));
}

function iteration(
  { body, carries: count, slices, conditional }: Iteration<Variable>,
  { length = Number.POSITIVE_INFINITY, reverse = false }: Rounds,
  inputs: readonly Block[],
  outputs: readonly Block[],
  used: readonly boolean[],
): void {
  let carries = inputs.slice(0, count).map(({ data }) => data);
  const wanted = body.outputs.map((_, i) => i).filter((i) => i < count || used[i]);
  for (let round = 0; round < length && !(conditional && carries[0][0] === 0); round++) {
    const place = reverse ? length - 1 - round : round;
    const operands = inputs.map(({ data }, i) => {
      if (i < count) return carries[i];
      if (i >= count + slices) return data;
      const size = data.length / length;
      return data.subarray(place * size, (place + 1) * size);
    });
    const results = runBody(
      body,
      operands,
      wanted.map((i) => body.outputs[i]),
    );
    carries = results.slice(0, count);
    results.slice(count).forEach((data, k) => {
      outputs[wanted[count + k]].data.set(data, place * data.length);
    });
  }
  carries.forEach((data, i) => {
    if (used[i]) outputs[i].data.set(data);
  });
}

function choice(
  { bodies, shared }: Choice<Variable>,
  [predicate, ...inputs]: readonly Block[],
  outputs: readonly Block[],
  used: readonly boolean[],
): void {
  const branch = predicate.data[0] !== 0 ? 0 : 1;
  const body = bodies[branch];
  const positions = body.outputs.map((_, i) =>
    i < shared || branch === 0 ? i : i - shared + bodies[0].outputs.length,
  );
  const wanted = body.outputs.map((_, i) => i).filter((i) => used[positions[i]]);
  const results = runBody(
    body,
    inputs.map(({ data }) => data),
    wanted.map((i) => body.outputs[i]),
  );
  results.forEach((data, k) => {
    outputs[positions[wanted[k]]].data.set(data);
  });
}

function elementwise(
  application: Application,
  computation: Extract<Computation<unknown>, { kind: 'elementwise' }>,
  inputs: readonly Block[],
  y: Block,
): void {
  const output = application.outputs[0];
  const dtype = application.inputs.at(-1)?.dtype ?? 'int32';
  const coordinates = new Array<number>(y.shape.length).fill(0);
  const k = numberLanguage(dtype, coordinates);
  const strides = inputs.map((x) => broadcastStrides(x.shape, y.shape));
  const operands = new Array<number>(inputs.length);
  let position = 0;
  forEachIndex(y.shape, (index) => {
    for (let axis = 0; axis < index.length; axis++) coordinates[axis] = index[axis];
    for (let i = 0; i < inputs.length; i++) operands[i] = inputs[i].data[place(0, strides[i], index)];
    y.data[position++] = store(computation.formula(k, operands, application.attributes), output.dtype);
  });
}

function reduction(application: Application, name: Parameters<typeof monoid>[0], x: Block, y: Block): void {
  const { axes, keepDims } = application.attributes as { axes: number[]; keepDims: boolean };
  const { neutral, combine } = monoid(name, application.inputs[0].dtype);
  const totals = new Float64Array(y.data.length).fill(neutral);
  const kept = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  const strides = keepDims || axes.length > 0 ? broadcastStrides(kept, x.shape) : stridesOf(x.shape);
  let position = 0;
  forEachIndex(x.shape, (index) => {
    const at = place(0, strides, index);
    totals[at] = combine(totals[at], x.data[position++]);
  });
  y.data.set(totals);
}

function product(application: Application, a: Block, b: Block, c: Block): void {
  const [n, inner] = a.shape.slice(-2);
  const m = b.shape[b.shape.length - 1];
  const k = numberLanguage(application.outputs[0].dtype);
  const batch = sizeOf(c.shape.slice(0, -2));
  for (let p = 0; p < batch; p++) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < m; j++) {
        let total = 0;
        for (let q = 0; q < inner; q++) {
          total = k.add(total, k.mul(a.data[(p * n + i) * inner + q], b.data[(p * inner + q) * m + j]));
        }
        c.data[(p * n + i) * m + j] = total;
      }
    }
  }
}

/** Strides that read a tensor of shape `from` as if it had shape `to`: 0 along stretched axes. */
function broadcastStrides(from: Shape, to: Shape): number[] {
  const own = stridesOf(from);
  const lead = to.length - from.length;
  return to.map((_, axis) => (axis < lead || from[axis - lead] === 1 ? 0 : own[axis - lead]));
}

function place(offset: number, strides: readonly number[], index: readonly number[]): number {
  let position = offset;
  for (let axis = 0; axis < index.length; axis++) position += strides[axis] * index[axis];
  return position;
}

/** Visits all coordinates of a shape in row-major order; the index array is reused. */
function forEachIndex(shape: Shape, visit: (index: readonly number[]) => void): void {
  const size = sizeOf(shape);
  const index = new Array<number>(shape.length).fill(0);
  for (let i = 0; i < size; i++) {
    visit(index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}
