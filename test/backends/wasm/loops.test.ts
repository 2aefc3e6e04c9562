import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ModuleBuilder } from '../../../src/backends/wasm/encoder.ts';
import { emitLoop } from '../../../src/backends/wasm/loops/emit.ts';
import { needsWorkspace, WORKSPACE_BYTES } from '../../../src/backends/wasm/loops/keptReduction.ts';
import { planNest } from '../../../src/backends/wasm/loops/nest.ts';
import { dependsOnPlace } from '../../../src/backends/wasm/loops/place.ts';
import { ConstantPool, MathLibrary } from '../../../src/backends/wasm/math/index.ts';
import type { Access, LoopKernel, ScalarNode } from '../../../src/compile/program.ts';
import {
  BYTES,
  DTYPES,
  type DType,
  isFloat,
  type Monoid,
  type ScalarFunction,
  type TypedArray,
  viewBuffer,
} from '../../../src/graph/index.ts';
import { interpretLoop } from '../../compile/interpret.ts';
import { type KernelCase, kernelOfRecipe, kernelRecipes } from '../../compile/randomKernel.ts';
import { uniform } from '../../support/random.ts';

const POOL_BYTES = 8192;
const WORKSPACE = 1024 + POOL_BYTES;
const FIRST_BUFFER = WORKSPACE + WORKSPACE_BYTES;
const GUARD = 64;
const memory = new WebAssembly.Memory({ initial: 64 });
const bytes = new Uint8Array(memory.buffer);

type Fill = (buffer: number, dtype: DType, array: TypedArray) => void;

/** Small whole numbers: arithmetic on them is exact. */
const wholeNumbers =
  (seed: number): Fill =>
  (buffer, dtype, array) => {
    const random = uniform(seed + buffer);
    const low = dtype === 'bool' || dtype === 'uint8' ? 0 : -3;
    const high = dtype === 'bool' ? 1 : 3;
    for (let i = 0; i < array.length; i++) array[i] = low + Math.floor(random() * (high - low + 1));
  };

/** Fractions, and now and then zeros, infinities and NaN. */
const anyNumbers =
  (seed: number): Fill =>
  (buffer, dtype, array) => {
    const random = uniform(seed + buffer);
    const special = [0, -0, NaN, Infinity, -Infinity, 1e10, -2.5, 255, 256];
    for (let i = 0; i < array.length; i++) {
      const value = random() < 0.15 ? special[Math.floor(random() * special.length)] : 20 * random() - 10;
      array[i] = dtype === 'bool' ? Number(value > 0) : value;
    }
  };

/** A kernel in the test memory: where its buffers lie, and where the last of them ends. */
interface Placed {
  readonly addresses: readonly number[];
  readonly end: number;
}

/** Lays out the buffers of a kernel with room around each, and fills them. */
function place({ buffers }: KernelCase, fill: Fill): Placed {
  let next = FIRST_BUFFER;
  const addresses = buffers.map(({ dtype, length }, i) => {
    // Elements stand at multiples of their own size only: vectors are not aligned.
    const address = next + GUARD + ((i * 3) % 5) * 8 + ((i * 7) % 8) * BYTES[dtype];
    next = address + length * BYTES[dtype] + GUARD;
    next = Math.ceil(next / 64) * 64;
    return address;
  });
  if (next > bytes.length) throw new Error('the test memory is too small');
  bytes.fill(0xa5, FIRST_BUFFER, next);
  buffers.forEach(({ dtype, length }, i) => {
    fill(i, dtype, viewBuffer(dtype, memory.buffer, addresses[i], length));
  });
  return { addresses, end: next };
}

/** Runs a kernel as machine code, its outermost axis cut into parts of the given extents, one after the other. */
function runParts({ kernel, buffers }: KernelCase, { addresses }: Placed, parts: readonly number[]): void {
  const module = new ModuleBuilder();
  const constants = new ConstantPool(1024, POOL_BYTES);
  const library = new MathLibrary(module, constants);
  const dtypes = kernel.accesses.map(({ buffer }) => buffers[buffer].dtype);
  for (const extent of new Set(parts)) {
    const extents = kernel.extents.map((whole, axis) => (axis === 0 ? extent : whole));
    module.export(`loop ${extent}`, emitLoop(module, library, { ...kernel, extents }, dtypes));
  }
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), { env: { memory } });
  bytes.set(constants.bytes, 1024);
  let first = 0;
  for (const extent of parts) {
    const pointers = kernel.accesses.map(({ buffer, offset, strides }) => {
      const element = offset + first * (strides[0] ?? 0);
      return addresses[buffer] + element * BYTES[buffers[buffer].dtype];
    });
    const loop = instance.exports[`loop ${extent}`] as (...parameters: number[]) => void;
    if (dependsOnPlace(kernel)) pointers.push(first);
    if (needsWorkspace({ ...kernel, extents: [extent, ...kernel.extents.slice(1)] }, dtypes))
      pointers.push(WORKSPACE);
    expect(loop.length).toBe(pointers.length);
    loop(...pointers);
    first += extent;
  }
}

/** Runs a kernel as machine code and by the book on equal memories; returns what differs, or undefined. */
function difference(kernelCase: KernelCase, fill: Fill): string | undefined {
  const { kernel, buffers } = kernelCase;
  const placed = place(kernelCase, fill);
  const { addresses, end } = placed;
  const expected = memory.buffer.slice(0, end);
  const arrayOf = (buffer: number, from: ArrayBuffer): TypedArray =>
    viewBuffer(buffers[buffer].dtype, from, addresses[buffer], buffers[buffer].length);
  interpretLoop(
    kernel,
    kernel.accesses.map(({ buffer }) => arrayOf(buffer, expected)),
  );
  runParts(kernelCase, placed, [kernel.extents[0] ?? 1]);
  for (let buffer = 0; buffer < buffers.length; buffer++) {
    const want = arrayOf(buffer, expected);
    const found = arrayOf(buffer, memory.buffer);
    for (let i = 0; i < want.length; i++)
      if (!Object.is(want[i], found[i])) return `buffer ${buffer}[${i}] is ${found[i]}, not ${want[i]}`;
    found.set(want); // NaNs may differ in their bits
  }
  const book = new Uint8Array(expected);
  book.set(bytes.subarray(0, FIRST_BUFFER)); // constants and workspace
  const wrong =
    Buffer.compare(bytes.subarray(0, end), book) === 0 ? -1 : book.findIndex((byte, i) => byte !== bytes[i]);
  return wrong < 0 ? undefined : `byte ${wrong} outside all buffers was written`;
}

function check(kernelCase: KernelCase, fill: Fill): void {
  expect(difference(kernelCase, fill)).toBeUndefined();
}

describe('random kernels compute what they say, and write nothing else', () => {
  test('maps', () => {
    fc.assert(
      fc.property(kernelRecipes('map'), fc.nat(1000), (recipe, seed) => {
        check(kernelOfRecipe(recipe), anyNumbers(seed));
      }),
      { numRuns: 400, seed: 1 },
    );
  });

  test('reductions and their epilogues', () => {
    fc.assert(
      fc.property(kernelRecipes('reduction'), fc.nat(1000), (recipe, seed) => {
        check(kernelOfRecipe(recipe), wholeNumbers(seed));
      }),
      { numRuns: 400, seed: 1 },
    );
  });
});

/** Cuts `extent` into parts, most of them short. */
function cut(extent: number, seed: number): number[] {
  const random = uniform(seed);
  const parts: number[] = [];
  for (let rest = extent; rest > 0; rest -= parts[parts.length - 1])
    parts.push(Math.min(rest, 1 + Math.floor(random() * (random() < 0.5 ? 4 : extent))));
  return parts;
}

describe('random kernels cut along the outermost kept axis compute the same, bit for bit', () => {
  const parted = (kind: 'map' | 'reduction', numRuns: number): void => {
    let cuts = 0;
    fc.assert(
      fc.property(kernelRecipes(kind), fc.nat(1000), (recipe, seed) => {
        const kernelCase = kernelOfRecipe(recipe);
        const { kernel } = kernelCase;
        if (kernel.extents.length === kernel.reduced) return;
        const parts = cut(kernel.extents[0], seed);
        if (parts.length > 1) cuts++;
        const results = [[kernel.extents[0]], parts].map((each) => {
          const placed = place(kernelCase, anyNumbers(seed));
          runParts(kernelCase, placed, each);
          return Buffer.from(bytes.slice(FIRST_BUFFER, placed.end));
        });
        expect(results[1].equals(results[0])).toBe(true);
      }),
      { numRuns, seed: 2 },
    );
    expect(cuts).toBeGreaterThan(100);
  };

  test('maps', () => parted('map', 250));
  test('reductions, of fractions too', () => parted('reduction', 800));
});

const row = (buffer: number): Access => ({ buffer, offset: 0, strides: [1] });

/** y[i] = f(x0[i], x1[i], ...) over n elements; `wide` adds a float64 so that vectors have two lanes. */
function mapKernel(
  inputs: readonly DType[],
  output: DType,
  body: (operands: number[]) => ScalarNode,
  n: number,
  wide: boolean,
): KernelCase {
  const loads = inputs.map((dtype, access): ScalarNode => ({ op: 'load', dtype, access }));
  const nodes = [...loads, body(loads.map((_, i) => i))];
  const stores = [{ access: inputs.length, node: loads.length }];
  const dtypes: DType[] = [...inputs, output];
  if (wide) {
    dtypes.push('float64', 'float64');
    nodes.push({ op: 'load', dtype: 'float64', access: inputs.length + 1 });
    stores.push({ access: inputs.length + 2, node: nodes.length - 1 });
  }
  return {
    kernel: {
      kind: 'loop',
      extents: [n],
      reduced: 0,
      accesses: dtypes.map((_, i) => row(i)),
      nodes,
      accumulators: [],
      stores,
    },
    buffers: dtypes.map((dtype) => ({ dtype, length: n })),
  };
}

const SPECIAL: Record<DType, readonly number[]> = {
  bool: [0, 1],
  uint8: [0, 1, 2, 127, 128, 255],
  int32: [0, 1, -1, 7, 255, 256, -300, 2 ** 31 - 1, -(2 ** 31)],
  float32: [0, -0, 1, -1, 0.5, 1.5, 2.5, -2.5, 300, 1e-45, 3e38, -3e9, Infinity, -Infinity, NaN],
  float64: [
    0,
    -0,
    1,
    -1,
    0.5,
    1.5,
    -2.5,
    1e-310,
    1e300,
    -3e9,
    2 ** 31,
    2 ** 52 + 1,
    Infinity,
    -Infinity,
    NaN,
  ],
};

/** All combinations of special values: operand k changes every size^k elements. */
const combinations =
  (count: number): Fill =>
  (buffer, dtype, array) => {
    const values = SPECIAL[dtype];
    const every = buffer < count ? values.length ** buffer : 1;
    for (let i = 0; i < array.length; i++) array[i] = values[Math.floor(i / every) % values.length];
  };

const widths = [false, true];
const NUMBERS: readonly DType[] = ['uint8', 'int32', 'float32', 'float64'];
const FLOATS: readonly DType[] = ['float32', 'float64'];

describe('each function on each dtype, at special values, in vectors of both widths', () => {
  const cases: [ops: ScalarFunction[], arity: number, dtypes: readonly DType[], result?: DType][] = [
    [['add', 'sub', 'mul', 'min', 'max'], 2, NUMBERS],
    [['neg', 'abs'], 1, NUMBERS],
    [['div'], 2, FLOATS],
    [['sqrt', 'floor', 'ceil', 'round'], 1, FLOATS],
    [['eq', 'ne', 'lt', 'le'], 2, DTYPES, 'bool'],
    [['and', 'or'], 2, ['bool'], 'bool'],
    [['not'], 1, ['bool'], 'bool'],
  ];
  for (const [ops, arity, dtypes, result] of cases) {
    test.each(ops)('%s', (op) => {
      for (const dtype of dtypes) {
        for (const wide of widths) {
          const inputs = new Array<DType>(arity).fill(dtype);
          const n = SPECIAL[dtype].length ** arity + 19;
          const body = (args: number[]): ScalarNode => ({ op, dtype: result ?? dtype, args });
          const kernel = mapKernel(inputs, result ?? dtype, body, n, wide);
          expect(difference(kernel, combinations(arity)), `${dtype} ${wide}`).toBeUndefined();
        }
      }
    });
  }

  test.each(['max', 'min'] as const)('%s with a constant on either side', (op) => {
    for (const dtype of NUMBERS) {
      const n = SPECIAL[dtype].length + 19;
      for (const value of SPECIAL[dtype]) {
        for (const args of [
          [0, 1],
          [1, 0],
          [1, 1],
        ]) {
          const kernel: LoopKernel = {
            kind: 'loop',
            extents: [n],
            reduced: 0,
            accesses: [0, 1].map((buffer) => ({ buffer, offset: 0, strides: [1] })),
            nodes: [
              { op: 'load', dtype, access: 0 },
              { op: 'literal', dtype, value },
              { op, dtype, args },
            ],
            accumulators: [],
            stores: [{ access: 1, node: 2 }],
          };
          const buffers = [0, 1].map(() => ({ dtype, length: n }));
          expect(
            difference({ kernel, buffers }, combinations(1)),
            `${dtype} ${args} ${value}`,
          ).toBeUndefined();
        }
      }
    }
  });

  test('cast', () => {
    for (const from of DTYPES) {
      for (const to of DTYPES) {
        for (const wide of widths) {
          const body = (args: number[]): ScalarNode => ({ op: 'cast', dtype: to, args: [args[0]] });
          const kernel = mapKernel([from], to, body, SPECIAL[from].length + 19, wide);
          expect(difference(kernel, combinations(1)), `${from} to ${to} ${wide}`).toBeUndefined();
        }
      }
    }
  });

  test('select', () => {
    for (const dtype of DTYPES) {
      for (const wide of widths) {
        const body = (args: number[]): ScalarNode => ({ op: 'select', dtype, args });
        const n = 2 * SPECIAL[dtype].length ** 2 + 7;
        const kernel = mapKernel(['bool', dtype, dtype], dtype, body, n, wide);
        expect(difference(kernel, combinations(3)), `${dtype} ${wide}`).toBeUndefined();
      }
    }
  });
});

/** y[i] = the combination over j of x[i, j], with x laid out by rows or by columns. */
function reductionKernel(
  monoid: Monoid,
  dtype: DType,
  [n, k]: readonly [number, number],
  by: 'rows' | 'columns',
): KernelCase {
  return {
    kernel: {
      kind: 'loop',
      extents: [n, k],
      reduced: 1,
      accesses: [
        { buffer: 0, offset: 0, strides: by === 'rows' ? [k, 1] : [1, n] },
        { buffer: 1, offset: 0, strides: [1, 0] },
      ],
      nodes: [
        { op: 'load', dtype, access: 0 },
        { op: 'accumulator', dtype, index: 0 },
      ],
      accumulators: [{ monoid, node: 0 }],
      stores: [{ access: 1, node: 1 }],
    },
    buffers: [
      { dtype, length: n * k },
      { dtype, length: n },
    ],
  };
}

describe('reductions', () => {
  const combining: [Monoid, readonly DType[]][] = [
    ['sum', NUMBERS],
    ['prod', NUMBERS],
    ['max', NUMBERS],
    ['min', NUMBERS],
    ['any', ['bool']],
    ['all', ['bool']],
  ];
  test.each(combining)('%s along contiguous and along strided axes', (monoid, dtypes) => {
    for (const dtype of dtypes) {
      for (const by of ['rows', 'columns'] as const) {
        for (const extents of [
          [1, 1],
          [5, 3],
          [4, 16],
          [7, 67],
          [33, 4],
          [3, 0],
          [67, 20],
          [2100, 18],
          [2, 17001],
        ] as const) {
          const fill: Fill = (buffer, of, array) => {
            wholeNumbers(3)(buffer, of, array);
            // Products of floats stay exact: powers of two, some of them negative, and no large ones on the way.
            if (monoid === 'prod' && isFloat(of))
              array.forEach((value, i) => {
                array[i] = (value < 0 ? -1 : 1) * (extents[1] > 100 ? 1 : i % 2 === 0 ? 0.5 : 2);
              });
          };
          const kernel = reductionKernel(monoid, dtype, extents, by);
          expect(difference(kernel, fill), `${dtype} ${by} ${extents}`).toBeUndefined();
        }
      }
    }
  });

  test('an element has the same bits in whatever part of the kept axis it stands', () => {
    const fractions: Fill = (_, __, array) => {
      const random = uniform(11);
      array.forEach((_, i) => {
        array[i] = 0.5 + random();
      });
    };
    for (const monoid of ['sum', 'prod', 'max'] as const) {
      for (const dtype of FLOATS) {
        for (const by of ['rows', 'columns'] as const) {
          for (const [n, k] of [
            [9, 3],
            [9, 70],
            [75, 40],
            [3, 17001],
          ] as const) {
            const kernel = reductionKernel(monoid, dtype, [n, k], by);
            const results = [[n], new Array<number>(n).fill(1), [2, n - 2]].map((parts) => {
              const placed = place(kernel, fractions);
              runParts(kernel, placed, parts);
              return Array.from(viewBuffer(dtype, memory.buffer, placed.addresses[1], n));
            });
            expect(results[1], `${monoid} ${dtype} ${by} ${n} ${k}`).toEqual(results[0]);
            expect(results[2], `${monoid} ${dtype} ${by} ${n} ${k}`).toEqual(results[0]);
          }
        }
      }
    }
  });

  test('NaN and infinities survive, wherever they stand', () => {
    for (const by of ['rows', 'columns'] as const) {
      for (const monoid of ['max', 'min', 'sum'] as const) {
        for (let at = 0; at < 21; at++) {
          for (const value of [NaN, Infinity, -Infinity]) {
            const fill: Fill = (_, __, array) => {
              array.fill(1);
              array[(by === 'rows' ? 21 : 1) + at * (by === 'rows' ? 1 : 4)] = value;
            };
            check(reductionKernel(monoid, 'float32', [4, 21], by), fill);
          }
        }
      }
    }
  });

  test('the sign of a largest and of a smallest zero is right, wherever the others stand', () => {
    for (const dtype of FLOATS)
      for (const by of ['rows', 'columns'] as const)
        for (const monoid of ['max', 'min'] as const)
          for (const k of [1, 5, 40, 17001])
            for (const at of new Set([0, 1, 4, k - 1]))
              for (const [most, one] of [
                [0, -0],
                [-0, 0],
                [-0, -0],
                [monoid === 'max' ? -1 : 1, -0],
                [monoid === 'max' ? -1 : 1, 0],
              ]) {
                const n = k > 1000 ? 2 : 9;
                const fill: Fill = (_, __, array) => {
                  array.fill(most);
                  for (let row = 0; row < n; row++)
                    if (at < k) array[by === 'rows' ? row * k + at : at * n + row] = one;
                };
                const kernel = reductionKernel(monoid, dtype, [n, k], by);
                expect(
                  difference(kernel, fill),
                  `${monoid} ${dtype} ${by} ${k} ${at} ${most} ${one}`,
                ).toBeUndefined();
              }
  });

  test('a total of float32 can be stored as it was gathered, in float64', () => {
    const fill: Fill = (_, __, array) => {
      // Their sums need more digits than float32 has, and are exact in float64.
      const random = uniform(4);
      array.forEach((_, i) => {
        array[i] = Math.floor(random() * 2 ** 24);
      });
    };
    for (const by of ['rows', 'columns'] as const)
      for (const step of [1, 3])
        for (const [n, k] of [
          [1, 1],
          [3, 9],
          [18, 40],
          [2, 17001],
          [2100, 18],
        ] as const) {
          const { kernel, buffers } = reductionKernel('sum', 'float32', [n, k], by);
          const [read, written] = kernel.accesses;
          const wide: KernelCase = {
            kernel: {
              ...kernel,
              accesses: [read, { ...written, strides: [step, 0] }],
              nodes: [kernel.nodes[0], { op: 'accumulator', dtype: 'float64', index: 0 }],
            },
            buffers: [buffers[0], { dtype: 'float64', length: n * step }],
          };
          expect(difference(wide, fill), `${by} ${step} ${n} ${k}`).toBeUndefined();
        }
  });

  test('sums of fractions are close to those of float64', () => {
    for (const by of ['rows', 'columns'] as const) {
      const { kernel, buffers } = reductionKernel('sum', 'float32', [3, 1000], by);
      const module = new ModuleBuilder();
      const library = new MathLibrary(module, new ConstantPool(1024, POOL_BYTES));
      module.export(
        'loop',
        emitLoop(
          module,
          library,
          kernel,
          buffers.map(({ dtype }) => dtype),
        ),
      );
      const instance = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), { env: { memory } });
      const x = new Float32Array(memory.buffer, FIRST_BUFFER, 3000);
      const random = uniform(5);
      x.forEach((_, i) => {
        x[i] = random();
      });
      (instance.exports.loop as (...pointers: number[]) => void)(FIRST_BUFFER, FIRST_BUFFER + 12032);
      const y = new Float32Array(memory.buffer, FIRST_BUFFER + 12032, 3);
      for (let i = 0; i < 3; i++) {
        let total = 0;
        for (let j = 0; j < 1000; j++) total += x[by === 'rows' ? i * 1000 + j : i + 3 * j];
        expect(Math.abs(y[i] - total) / total).toBeLessThan(1e-5);
      }
    }
  });
});

describe('the nest', () => {
  test('lanes run along the contiguous axis', () => {
    expect(planNest(reductionKernel('sum', 'float32', [40, 50], 'rows').kernel, 4).lanes).toBe('reduced');
    expect(planNest(reductionKernel('sum', 'float32', [40, 50], 'columns').kernel, 4).lanes).toBe('kept');
  });

  test('axes that are walked as one melt, in order and with a constant alike', () => {
    const kernel = (strides: readonly number[][]): LoopKernel => ({
      kind: 'loop',
      extents: [2, 3, 5],
      reduced: 0,
      accesses: strides.map((each, buffer) => ({ buffer, offset: 0, strides: each })),
      nodes: [{ op: 'load', dtype: 'float32', access: 0 }],
      accumulators: [],
      stores: [{ access: 1, node: 0 }],
    });
    const melted = (strides: number[][]): number[] =>
      planNest(kernel(strides), 4).kept.map(({ extent }) => extent);
    const whole = [15, 5, 1];
    expect(melted([whole, whole])).toEqual([30]);
    expect(melted([[0, 0, 0], whole])).toEqual([30]);
    expect(melted([[0, 5, 1], whole])).toEqual([2, 15]);
    expect(melted([[3, 1, 0], whole]).length).toBe(2);
    expect(melted([[1, 2, 6], whole]).length).toBe(3);
  });

  test('an element has the same value wherever it stands', () => {
    for (const op of ['exp', 'tanh', 'log', 'sin', 'sigmoid', 'erf'] as const) {
      for (const dtype of FLOATS) {
        const n = 23;
        const module = new ModuleBuilder();
        const constants = new ConstantPool(1024, POOL_BYTES);
        const body = (args: number[]): ScalarNode => ({ op, dtype, args });
        const { kernel } = mapKernel([dtype], dtype, body, n, false);
        module.export('loop', emitLoop(module, new MathLibrary(module, constants), kernel, [dtype, dtype]));
        bytes.set(constants.bytes, 1024);
        const instance = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), {
          env: { memory },
        });
        const x = viewBuffer(dtype, memory.buffer, FIRST_BUFFER, n);
        const y = viewBuffer(dtype, memory.buffer, FIRST_BUFFER + 1024, n);
        x.fill(0.7310585786);
        (instance.exports.loop as (...pointers: number[]) => void)(FIRST_BUFFER, FIRST_BUFFER + 1024);
        expect(new Set(y).size, `${op} ${dtype}`).toBe(1);
        expect(y[0]).not.toBe(x[0]);
      }
    }
  });
});
