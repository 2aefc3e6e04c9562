/** Convolutions and pooling against loops that follow the definitions, in any number of dimensions. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gradients, vmap } from '../../src/autodiff/index.ts';
import { compileGraph } from '../../src/compile/compile.ts';
import {
  allocate,
  constant,
  input,
  type Nested,
  print,
  ShapeError,
  sizeOf,
  stridesOf,
  Tensor,
  tensor,
  type Variable,
} from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { backends, reference } from '../support/backends.ts';
import { relativeError } from '../support/numeric.ts';
import { uniform } from '../support/random.ts';

const { avgPool, conv, convTranspose, maxPool, mul, relu, square, sum, windows } = registry;

const random = uniform(5);

function draw(...shape: number[]): Tensor {
  const data = allocate('float64', sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = 2 * random() - 1;
  return new Tensor(shape, 'float64', data);
}

/** All coordinates of a shape. */
function* coordinates(shape: readonly number[]): Generator<number[]> {
  const index = shape.map(() => 0);
  for (let i = 0; i < sizeOf(shape); i++) {
    yield [...index];
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) index[axis] = 0;
  }
}

const place = (shape: readonly number[], index: readonly number[]): number =>
  stridesOf(shape).reduce((total, stride, axis) => total + stride * index[axis], 0);

interface Geometry {
  strides: number[];
  dilations: number[];
  padding: [number, number][];
  groups: number;
}

/** Calls `visit(x, w, y, places)` for each product in the definition of a convolution. */
function eachProduct(
  x: readonly number[],
  w: readonly number[],
  y: readonly number[],
  { strides, dilations, padding, groups }: Geometry,
  visit: (inX: number, inW: number, inY: number) => void,
): void {
  const perGroup = w[0] / groups;
  for (const at of coordinates(y)) {
    const [b, o, ...t] = at;
    for (const [c, ...k] of coordinates(w.slice(1))) {
      const s = t.map((place, i) => place * strides[i] + k[i] * dilations[i] - padding[i][0]);
      if (s.some((each, i) => each < 0 || each >= x[i + 2])) continue;
      const channel = Math.floor(o / perGroup) * w[1] + c;
      visit(place(x, [b, channel, ...s]), place(w, [o, c, ...k]), place(y, at));
    }
  }
}

/** Random geometries of one to three spatial axes. */
const geometry = fc.integer({ min: 1, max: 3 }).chain((n) => {
  const each = (min: number, max: number) =>
    fc.array(fc.integer({ min, max }), { minLength: n, maxLength: n });
  return fc.record({
    extents: each(1, n === 1 ? 9 : 4),
    sizes: each(1, 3),
    strides: each(1, 3),
    dilations: each(1, 3),
    padding: fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { minLength: n, maxLength: n }),
    groups: fc.integer({ min: 1, max: 3 }),
    batch: fc.integer({ min: 1, max: 2 }),
    c: fc.integer({ min: 1, max: 2 }),
    o: fc.integer({ min: 1, max: 2 }),
  });
});

describe.each([reference, ...backends])('$name', ({ evaluate }) => {
  const numbers = (x: Variable): Nested => evaluate([x])[0].toArray();

  test('conv and its gradients follow the definition, whatever the geometry', () => {
    fc.assert(
      fc.property(geometry, ({ extents, sizes, batch, c, o, ...rest }) => {
        const { strides, dilations, padding, groups } = rest;
        const counts = extents.map(
          (extent, i) =>
            Math.floor(
              (extent + padding[i][0] + padding[i][1] - (sizes[i] - 1) * dilations[i] - 1) / strides[i],
            ) + 1,
        );
        fc.pre(counts.every((count) => count > 0));
        const x = draw(batch, groups * c, ...extents);
        const w = draw(groups * o, c, ...sizes);
        const g = draw(batch, groups * o, ...counts);
        const operands = [constant(x), constant(w)] as const;
        const y = conv(...operands, { stride: strides, dilation: dilations, padding, groups });
        const found = evaluate([y, ...gradients(sum(mul(y, constant(g))), [...operands])]);
        const expected = [g, x, w].map(({ data }) => new Float64Array(data.length));
        eachProduct(x.shape, w.shape, g.shape, rest, (inX, inW, inY) => {
          expected[0][inY] += x.data[inX] * w.data[inW];
          expected[1][inX] += g.data[inY] * w.data[inW];
          expected[2][inW] += g.data[inY] * x.data[inX];
        });
        expect(found[0].shape).toEqual(g.shape);
        found.forEach(({ data }, i) => expect(relativeError(data, expected[i])).toBeLessThan(1e-14));
      }),
      { numRuns: 50 },
    );
  });

  test('convTranspose is the transpose of conv, output padding included', () => {
    fc.assert(
      fc.property(geometry, fc.nat(2), ({ extents: counts, sizes, batch, c, o, ...rest }, extra) => {
        const { strides, dilations, padding, groups } = rest;
        const outputPadding = strides.map((stride) => extra % stride);
        const extents = counts.map(
          (count, i) =>
            (count - 1) * strides[i] +
            (sizes[i] - 1) * dilations[i] +
            1 +
            outputPadding[i] -
            padding[i][0] -
            padding[i][1],
        );
        fc.pre(extents.every((extent) => extent > 0));
        const [y, w, g] = [
          draw(batch, groups * o, ...counts),
          draw(groups * o, c, ...sizes),
          draw(batch, groups * c, ...extents),
        ];
        const operands = [constant(y), constant(w)] as const;
        const options = { stride: strides, dilation: dilations, padding, groups, outputPadding };
        const x = convTranspose(...operands, options);
        const found = evaluate([x, ...gradients(sum(mul(x, constant(g))), [...operands])]);
        const expected = [g, y, w].map(({ data }) => new Float64Array(data.length));
        eachProduct(g.shape, w.shape, y.shape, rest, (inX, inW, inY) => {
          expected[0][inX] += y.data[inY] * w.data[inW];
          expected[1][inY] += g.data[inX] * w.data[inW];
          expected[2][inW] += g.data[inX] * y.data[inY];
        });
        expect(found[0].shape).toEqual(g.shape);
        found.forEach(({ data }, i) => expect(relativeError(data, expected[i])).toBeLessThan(1e-14));
      }),
      { numRuns: 25 },
    );
  });

  test('gradients of gradients: each of the three products of x, w and g is a gradient of the others', () => {
    const options = { stride: 2, padding: 1, dilation: [1, 2], groups: 2 };
    const [x, w] = [constant(draw(2, 4, 5, 6)), constant(draw(6, 2, 3, 2))];
    const y = conv(x, w, options);
    const g = constant(draw(...y.shape));
    const form = sum(mul(g, y));
    const all = [x, w, g];
    for (const [first, second] of [
      [0, 1],
      [1, 2],
      [2, 0],
      [1, 0],
      [2, 1],
      [0, 2],
    ]) {
      // The form is linear in each: with the gradient's own operand put in, the mixed derivative gives back the first one.
      const [outer] = gradients(form, [all[first]]);
      const [mixed] = gradients(sum(mul(outer, all[first])), [all[second]]);
      const [expected] = gradients(form, [all[second]]);
      const [a, b] = evaluate([mixed, expected]);
      expect(relativeError(a.data, b.data)).toBeLessThan(1e-13);
    }
  });

  test('padding same keeps the extents, or divides them by the stride', () => {
    const x = constant(draw(1, 1, 7, 6));
    const w = constant(draw(1, 1, 4, 3));
    expect(conv(x, w, { padding: 'same' }).shape).toEqual([1, 1, 7, 6]);
    expect(conv(x, w, { padding: 'same', stride: [2, 4] }).shape).toEqual([1, 1, 4, 2]);
    expect(convTranspose(x, w, { padding: 'same', stride: [3, 1] }).shape).toEqual([1, 1, 21, 6]);
    // The odd element of padding stands at the end.
    const ones = constant(tensor([[[1, 1, 1]]], { dtype: 'float64' }));
    expect(
      numbers(conv(ones, constant(tensor([[[1, 10]]], { dtype: 'float64' })), { padding: 'same' })),
    ).toEqual([[[11, 11, 1]]]);
  });

  test('an empty batch convolves to one, and learns nothing', () => {
    const x = constant(new Tensor([0, 2, 4], 'float64', new Float64Array(0)));
    const w = constant(draw(3, 2, 2));
    const y = conv(x, w);
    expect(evaluate([y])[0].shape).toEqual([0, 3, 3]);
    expect(evaluate(gradients(sum(y), [w]))[0].data.every((each) => each === 0)).toBe(true);
  });

  test('kernels of each example become groups, and gradients of each example one correlation', () => {
    const [x, w] = [draw(3, 2, 4, 5, 5), draw(3, 6, 4, 3, 3)].map((each) => constant(each));
    const one = (a: Variable, b: Variable): Variable => conv(a, b, { padding: 1, stride: 2 });
    const perExample = vmap((a: Variable, b: Variable) => gradients(sum(square(one(a, b))), [a, b]))(x, w);
    expect(print(perExample)).not.toContain('concat');
    const [dx, dw] = evaluate(perExample as Variable[]);
    const slices = [0, 1, 2].map((i) => {
      const [a, b] = [x, w].map((each) =>
        registry.reshape(registry.slice(each, [i], [i + 1]), each.shape.slice(1)),
      );
      return evaluate(gradients(sum(square(one(a, b))), [a, b]));
    });
    expect(
      relativeError(
        dx.data,
        slices.flatMap(([each]) => [...each.data]),
      ),
    ).toBeLessThan(1e-13);
    expect(
      relativeError(
        dw.data,
        slices.flatMap(([, each]) => [...each.data]),
      ),
    ).toBeLessThan(1e-13);
  });

  test('windows are a view, and their gradient counts how many windows read an element', () => {
    const x = constant(tensor([1, 2, 3, 4, 5, 6], { dtype: 'float64' }));
    expect(numbers(windows(x, 3, { stride: 2 }))).toEqual([
      [1, 2, 3],
      [3, 4, 5],
    ]);
    expect(numbers(gradients(sum(windows(x, 3, { stride: 2 })), [x])[0])).toEqual([1, 1, 2, 1, 1, 0]);
    expect(numbers(gradients(sum(windows(x, 2, { dilation: 3 })), [x])[0])).toEqual([1, 1, 1, 1, 1, 1]);
    expect(numbers(gradients(sum(windows(x, 2, { stride: 3, dilation: 2 })), [x])[0])).toEqual([
      1, 0, 1, 1, 0, 1,
    ]);
  });

  test('pooling follows the definition', () => {
    const x = constant(tensor([[[1, 5, 2, 2, 7]]], { dtype: 'float64' }));
    expect(numbers(maxPool(x, 2))).toEqual([[[5, 2]]]);
    expect(numbers(maxPool(x, 3, { stride: 2, padding: 'same' }))).toEqual([[[5, 5, 7]]]);
    expect(numbers(avgPool(x, 2, { stride: 1 }))).toEqual([[[3, 3.5, 2, 4.5]]]);
    expect(numbers(avgPool(x, 3, { stride: 2, padding: 1 }))).toEqual([[[2, 3, 3]]]);
    expect(numbers(avgPool(x, 3, { stride: 2, padding: 1, countPadding: false }))).toEqual([[[3, 3, 4.5]]]);
    const whole = constant(tensor([[[-4, -2, -9]]], { dtype: 'int32' }));
    expect(numbers(maxPool(whole, 3, { stride: 1, padding: 1 }))).toEqual([[[-2, -2, -2]]]);
  });

  test('a tie in a window shares the gradient evenly, windows that overlap add up', () => {
    const x = constant(tensor([[[2, 2, 1, 3]]], { dtype: 'float64' }));
    expect(numbers(gradients(sum(maxPool(x, 2)), [x])[0])).toEqual([[[0.5, 0.5, 0, 1]]]);
    expect(numbers(gradients(sum(maxPool(x, 2, { stride: 1 })), [x])[0])).toEqual([[[0.5, 1.5, 0, 1]]]);
  });
});

test('a training step keeps no patches of its layers, which are as many times larger as the kernel has places', () => {
  const memory = (layers: number): number => {
    const x = input([4, 8, 12, 12]);
    const kernels = Array.from({ length: layers }, () => input([8, 8, 3, 3]));
    const y = kernels.reduce<Variable>((each, w) => relu(conv(each, w, { padding: 'same' })), x);
    const outputs = gradients(sum(square(y)), kernels);
    return compileGraph({ outputs, inputs: [x, ...kernels] }).program.arenaBytes;
  };
  const activation = 4 * sizeOf([4, 8, 12, 12]);
  expect(memory(8) - memory(4)).toBeLessThan(4 * 4 * activation);
});

describe('it is a mistake to give', () => {
  const x = constant(draw(2, 3, 8, 8));
  const w = constant(draw(4, 3, 3, 3));
  const other = constant(draw(3, 2, 3, 3));

  test.each([
    [
      'other channels',
      () => conv(x, constant(draw(4, 2, 3, 3))),
      /x \[2, 3, 8, 8\] has 3 channels and w \[4, 2, 3, 3\] takes 2/,
    ],
    [
      'groups that divide nothing',
      () => conv(x, w, { groups: 3 }),
      /takes 3 in each of 3 groups, for 4 outputs/,
    ],
    ['half a group', () => conv(x, w, { groups: 1.5 }), /1.5 groups/],
    [
      'kernels of fewer axes',
      () => conv(x, constant(draw(4, 3, 3))),
      /x is \[batch, channels, ...spatial\], and w has as many axes/,
    ],
    ['no spatial axis', () => conv(constant(draw(2, 3)), constant(draw(4, 3))), /batch, channels/],
    [
      'a kernel too large',
      () => conv(x, constant(draw(4, 3, 9, 3))),
      /a window of 9 does not fit axis 2 of .*8 in all; pad more/,
    ],
    [
      'a dilation too large',
      () => conv(x, w, { dilation: [1, 4] }),
      /a window of 3 \(9 with dilation 4\) does not fit axis 3/,
    ],
    [
      'no stride',
      () => conv(x, w, { stride: 0 }),
      /stride \[0, 0\] for 2 axes; give a whole number of at least 1/,
    ],
    ['too many strides', () => conv(x, w, { stride: [1, 2, 3] }), /stride \[1, 2, 3\] for 2 axes/],
    [
      'too few paddings',
      () => conv(x, w, { padding: [1] }),
      /padding \[1\] for 2 axes; give 'same', 'valid'/,
    ],
    ['negative padding', () => conv(x, w, { padding: -1 }), /padding -1/],
    ['unknown padding', () => conv(x, w, { padding: 'full' as 'same' }), /padding "full"/],
    [
      'other channels to a transpose',
      () => convTranspose(x, w),
      /has 3 channels and w \[4, 3, 3, 3\] takes 4/,
    ],
    [
      'output padding of a stride',
      () => convTranspose(x, other, { stride: 2, outputPadding: 2 }),
      /outputPadding \[2, 2\] for strides \[2, 2\]/,
    ],
    ['padding that cuts everything', () => convTranspose(x, other, { padding: 6 }), /leaves -2 elements/],
    [
      'windows too large',
      () => windows(x, 9),
      /a window of 9 does not fit axis 3 of \[2, 3, 8, 8\]; pad it first/,
    ],
    ['an axis twice', () => windows(x, [2, 2], { axis: [1, 1] }), /2 sizes for axes \[1, 1\]/],
    ['an axis that is not there', () => windows(x, 2, { axis: 4 }), /axis 4 is out of range/],
    ['windows of padding alone', () => maxPool(x, 2, { padding: 2 }), /must not lie in the padding alone/],
    [
      'a pool no spatial axis',
      () => avgPool(constant(draw(4, 4)), 2),
      /x is \[batch, channels, ...spatial\]/,
    ],
  ] as const)('%s', (_, call, message) => {
    expect(call).toThrow(ShapeError);
    expect(call).toThrow(message);
  });
});
