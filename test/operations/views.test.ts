/** Movement operations as index maps: chains of views read the elements that the reference computes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  constant,
  getInputs,
  getOperation,
  sizeOf,
  stridesOf,
  Tensor,
  type Variable,
  type View,
} from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { reshapeView } from '../../src/operations/movement.ts';
import { reference } from '../support/backends.ts';

const r = registry;

/** Steps that re-index, each for any tensor of rank at least 1; `k` chooses axes. */
const STEPS: Record<string, (x: Variable, k: number) => Variable> = {
  reverse: (x) => r.transpose(x),
  rotate: (x, k) =>
    r.transpose(
      x,
      x.shape.map((_, axis) => (axis + k) % x.rank),
    ),
  flip: (x, k) => r.flip(x, k % x.rank),
  stride: (x) => r.slice(x, [0], [x.shape[0]], [2]),
  drop: (x, k) =>
    r.slice(
      x,
      x.shape.map((n, i) => (i === k % x.rank && n > 1 ? 1 : 0)),
      [...x.shape],
    ),
  flatten: (x) => r.reshape(x, [-1]),
  merge: (x) => r.reshape(x, [x.shape[0], -1]),
  split: (x) =>
    r.reshape(
      x,
      x.shape.flatMap((n) => (n % 2 === 0 ? [2, n / 2] : [n])),
    ),
  expand: (x, k) => r.expandDims(x, k % (x.rank + 1)),
  squeeze: (x) => (x.shape.every((n) => n === 1) ? x : r.squeeze(x)),
  repeat: (x) => (sizeOf(x.shape) > 300 ? x : r.broadcastTo(x, [2, ...x.shape])),
  widen: (x) => (sizeOf(x.shape) > 300 ? x : r.broadcastTo(r.expandDims(x, -1), [...x.shape, 3])),
  diagonal: (x, k) => (x.rank < 2 ? x : r.diagonal(x, { offset: (k % 3) - 1 })),
};

const positions = (shape: readonly number[]): Variable =>
  constant(
    new Tensor(
      shape,
      'int32',
      Int32Array.from({ length: sizeOf(shape) }, (_, i) => i),
    ),
  );

/** The positions that `view` reads, in row-major order. */
function read({ shape, strides, offset }: View): number[] {
  let places = [offset];
  shape.forEach((extent, axis) => {
    places = places.flatMap((place) => Array.from({ length: extent }, (_, i) => place + i * strides[axis]));
  });
  return places;
}

/** The view of the leaf that `variable` is, or undefined where a copy would be needed on the way. */
function viewOf(variable: Variable): View | undefined {
  const chain: Variable[] = [];
  let leaf = variable;
  for (; getOperation(leaf) !== undefined; [leaf] = getInputs(leaf)) chain.unshift(leaf);
  let view: View | undefined = { shape: leaf.shape, strides: stridesOf(leaf.shape), offset: 0 };
  for (const step of chain) {
    const { operation, attributes } = getOperation(step)!;
    if (operation.computation.kind !== 'view') throw new Error(`${operation.name} is no view`);
    view = view && operation.computation.view(view, step.shape, attributes);
  }
  return view;
}

test('chains of views read what the reference computes', () => {
  const shape = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 3 });
  const step = fc.record({ name: fc.constantFrom(...Object.keys(STEPS)), k: fc.nat(5) });
  let views = 0;
  const property = fc.property(shape, fc.array(step, { maxLength: 6 }), (from, steps) => {
    let x = positions(from);
    for (const { name, k } of steps) if (x.rank > 0) x = STEPS[name](x, k);
    const view = viewOf(x);
    if (view === undefined) return;
    views++;
    expect(view.shape).toEqual(x.shape);
    expect(read(view)).toEqual([...reference.evaluate([x])[0].data]);
  });
  fc.assert(property, { seed: 20250101, numRuns: 1500 });
  expect(views).toBeGreaterThan(1000);
});

test('a reshape that only regroups contiguous axes needs no copy', () => {
  const view: View = { shape: [2, 3, 4], strides: [100, 4, 1], offset: 7 };
  expect(reshapeView(view, [2, 12])).toEqual({ shape: [2, 12], strides: [100, 1], offset: 7 });
  expect(reshapeView(view, [2, 1, 6, 2])?.strides).toEqual([100, 0, 2, 1]);
  expect(reshapeView(view, [6, 4])).toBeUndefined();
  expect(reshapeView({ ...view, strides: [0, 0, 0] }, [24])?.strides).toEqual([0]);
});
