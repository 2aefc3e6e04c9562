import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { runReference } from '../../src/backends/reference/run.ts';
import { compileGraph } from '../../src/compile/compile.ts';
import { livenessBound } from '../../src/compile/lifetimes.ts';
import {
  type Access,
  blocksOf,
  buffersOf,
  type LoopKernel,
  type Program,
  type RowsKernel,
} from '../../src/compile/program.ts';
import { BYTES, input, type Tensor, type Variable } from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { adam, sgd } from '../../src/optim/index.ts';
import { withRewriting } from '../../src/rewrite/level.ts';
import { disagreement } from '../support/kernels.ts';
import { graphOfRecipe, type Recipe, recipes } from '../support/randomGraph.ts';
import {
  convolutionLoss,
  type Loss,
  perceptronLoss,
  recurrentLoss,
  residualLoss,
  transformerLoss,
} from './networks.ts';
import { inputsOf, perceptron, programOf, quickly, randomFeeds, runByTheBook } from './support.ts';

const { add, mul, exp, sin, sum, relu, matmul, concat, transpose, squaredError } = registry;

/** When a buffer in the arena holds something: from its first write to its last use, by positions of kernels. */
interface Life {
  readonly buffer: number;
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  readonly bytes: number;
}

function livesOf({ buffers, kernels, inputs, outputs }: Program): Life[] {
  const start = new Map<number, number>(inputs.map((buffer) => [buffer, -1]));
  const end = new Map<number, number>();
  kernels.forEach((kernel, position) => {
    const { reads, writes } = buffersOf(kernel);
    for (const buffer of writes) if (!start.has(buffer)) start.set(buffer, position);
    for (const buffer of [...reads, ...writes]) end.set(buffer, position);
  });
  for (const { buffer } of outputs) end.set(buffer, kernels.length);
  return buffers.flatMap(({ dtype, length, place }, buffer) => {
    if (place.kind !== 'arena') return [];
    const first = start.get(buffer);
    if (first === undefined) throw new Error(`buffer ${buffer} has memory, and nobody writes it`);
    const last = end.get(buffer) ?? first;
    return [{ buffer, start: first, end: last, offset: place.offset, bytes: BYTES[dtype] * length }];
  });
}

/** Whether the map at `position` may write `next` over `old`: it reads each element of it only to replace it. */
function inPlace({ kernels, buffers }: Program, position: number, old: Life, next: Life): boolean {
  const kernel = kernels[position];
  if (old.offset !== next.offset) return false;
  if (BYTES[buffers[old.buffer].dtype] !== BYTES[buffers[next.buffer].dtype]) return false;
  if (kernel.kind === 'rows') return inPlaceByRows(kernel, old, next);
  if (kernel.kind !== 'loop' || kernel.reduced > 0) return false;
  const [store] = kernel.stores
    .map(({ access }) => kernel.accesses[access])
    .filter(({ buffer }) => buffer === next.buffer);
  return kernel.accesses
    .filter(({ buffer }) => buffer === old.buffer)
    .every(({ offset, strides }) => offset === store.offset && `${strides}` === `${store.strides}`);
}

/** The same for loops that go row by row, told from the elements that the first two rows touch. */
function inPlaceByRows({ loops }: RowsKernel, old: Life, next: Life): boolean {
  const touched = ({ offset, strides }: Access, { extents }: LoopKernel, row: number): Set<number> => {
    let found = new Set([offset + row * strides[0]]);
    extents.forEach((extent, axis) => {
      if (axis > 0)
        found = new Set(
          [...found].flatMap((at) => Array.from({ length: extent }, (_, i) => at + i * strides[axis])),
        );
    });
    return found;
  };
  const using = (life: Life) =>
    loops.flatMap((loop, position) =>
      loop.accesses
        .filter(({ buffer }) => buffer === life.buffer)
        .map((access) => ({ loop, position, access })),
    );
  return using(old).every((read) =>
    using(next).every((store) => {
      const meet = (readRow: number, storedRow: number): boolean => {
        const read0 = touched(read.access, read.loop, readRow);
        return [...touched(store.access, store.loop, storedRow)].some((each) => read0.has(each));
      };
      if (meet(0, 1) || meet(1, 0)) return false;
      if (read.position < store.position) return true;
      if (read.position > store.position) return !meet(0, 0);
      return read.loop.reduced === 0 && `${read.access.strides}` === `${store.access.strides}`;
    }),
  );
}

/** The first pair of buffers that disturb each other, described. */
function clash(program: Program): string | undefined {
  const lives = livesOf(program);
  for (const a of lives) {
    if (a.offset % 64 !== 0 || a.offset + a.bytes > program.arenaBytes)
      return `buffer ${a.buffer} is misplaced`;
    for (const b of lives) {
      const together = a.start <= b.start && b.start <= a.end && a.buffer !== b.buffer;
      const overlap = a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
      if (!together || !overlap) continue;
      if (b.start === a.end && a.start < b.start && inPlace(program, b.start, a, b)) continue;
      return `buffers ${a.buffer} and ${b.buffer} meet at kernel ${b.start}`;
    }
  }
  return undefined;
}

/** The bound by the book: for each kernel what is alive, less what results may be stored over. */
function lowerBound(program: Program): number {
  const lives = livesOf(program).map((life) => ({
    ...life,
    bytes: Math.ceil(Math.max(1, life.bytes) / 64) * 64,
  }));
  let most = 0;
  for (let position = -1; position <= program.kernels.length; position++) {
    const alive = lives.filter(({ start, end }) => start <= position && position <= end);
    const ending = alive.filter(({ start, end }) => start < position && end === position);
    /** What the results from the n-th on save at most, by trying every operand for each. */
    const saved = (results: readonly Life[], operands: readonly Life[]): number => {
      const [next, ...others] = results;
      if (next === undefined) return 0;
      const fitting = operands.filter(
        (old) => old.bytes === next.bytes && inPlace(program, position, old, { ...next, offset: old.offset }),
      );
      return Math.max(
        saved(others, operands),
        ...fitting.map(
          (old) =>
            next.bytes +
            saved(
              others,
              operands.filter((each) => each !== old),
            ),
        ),
      );
    };
    const results = position < 0 ? [] : alive.filter(({ start }) => start === position);
    const bytes = alive.reduce((sum, life) => sum + life.bytes, 0);
    most = Math.max(most, bytes - saved(results, ending));
  }
  return most;
}

/** The blocks that a program runs, as programs of their own. */
function blocksIn({ kernels, buffers }: Program): Program[] {
  return kernels.flatMap((kernel) => {
    const arenaBytes = 'workspace' in kernel ? buffers[kernel.workspace].length : 0;
    return blocksOf(kernel).flatMap((block) => {
      const empty = { inputs: [], outputs: [], parameters: [], workspaceBytes: 0 };
      const inner: Program = { ...block, ...empty, arenaBytes };
      return [inner, ...blocksIn(inner)];
    });
  });
}

describe('buffers', () => {
  test('of a chain of large values share two places', () => {
    let y: Variable = input([50, 60]);
    const steps = 20;
    for (let i = 0; i < steps; i++) y = matmul(y, input([60, 60]));
    const program = programOf([y]);
    const matrices = steps * 60 * 60 * 4;
    expect(clash(program)).toBeUndefined();
    expect(program.arenaBytes).toBeLessThanOrEqual(matrices + 2.2 * 50 * 60 * 4);
  });

  test('are written over by the map that reads them last', () => {
    const x = matmul(input([30, 30]), input([30, 30]));
    const program = programOf([matmul(relu(x), input([30, 30]))]);
    const [first, , second] = program.kernels;
    const place = (kernel: typeof first): unknown => program.buffers[buffersOf(kernel).writes[0]].place;
    expect(place(program.kernels[1])).toEqual(place(first));
    expect(place(second)).not.toEqual(place(first));
  });

  test('are not written over where another element is read', () => {
    const x = matmul(input([30, 30]), input([30, 30]));
    const program = withRewriting('none', () => programOf([matmul(exp(transpose(x)), input([30, 30]))]));
    expect(clash(program)).toBeUndefined();
    const written = program.kernels.map((kernel) => program.buffers[buffersOf(kernel).writes[0]].place);
    expect(written[1]).not.toEqual(written[0]);
  });

  test('of results stay', () => {
    const x = input([10]);
    const [a, b] = [exp(x), sum(sin(x))];
    const program = programOf([a, b, concat([a, a], 0), matmul(a, a)]);
    expect(clash(program)).toBeUndefined();
  });
});

describe('random programs', () => {
  const outputsOf = (recipe: Recipe): { outputs: Variable[]; feeds: Map<Variable, Tensor> } => {
    const { nodes, inputs, feeds } = graphOfRecipe(recipe, 'float64');
    const last = nodes[nodes.length - 1];
    const found = gradients(sum(mul(last, last)), inputs, { disconnected: 'zero' });
    return { outputs: [last, nodes[nodes.length >> 1], ...found], feeds };
  };

  test('no two buffers that live at one time overlap', () => {
    fc.assert(
      fc.property(recipes('every', 16, 'large'), (recipe) => {
        const program = programOf(outputsOf(recipe).outputs);
        for (const each of [program, ...blocksIn(program)]) {
          expect(clash(each)).toBeUndefined();
          expect(livenessBound(each)).toBe(lowerBound(each));
          expect(each.arenaBytes).toBeGreaterThanOrEqual(lowerBound(each));
        }
      }),
      { numRuns: 120, seed: 1 },
    );
  });

  test('compute by the book what the reference computes', () => {
    fc.assert(
      fc.property(recipes('every', 12, 'small'), (recipe) => {
        const { outputs, feeds } = outputsOf(recipe);
        const expected = runReference(outputs, feeds);
        const found = runByTheBook({ outputs, inputs: inputsOf(outputs) }, feeds).outputs;
        found.forEach((value, i) => {
          expect(disagreement(expected[i], value, { ulps: 64, magnitude: 100 })).toBeUndefined();
        });
      }),
      { numRuns: 60, seed: 1 },
    );
  });
});

describe('a deep network', () => {
  const step = (depth: number): Program =>
    quickly(() => {
      const sizes = new Array<number>(depth + 1).fill(64);
      const { weights, biases } = perceptron(sizes);
      const [x, y] = [input([32, 64]), input([32, 64])];
      let h: Variable = x;
      weights.forEach((weight, i) => {
        h = relu(add(matmul(h, weight), biases[i]));
      });
      const J = squaredError(h, y);
      const updates = sgd({ learningRate: 0.1 }).minimize(J);
      return compileGraph({ outputs: [J], inputs: [x, y], updates }).program;
    });

  test('trains in hardly more memory than must be alive at one time', () => {
    const program = step(40);
    expect(clash(program)).toBeUndefined();
    expect(livenessBound(program)).toBe(lowerBound(program));
    expect(program.arenaBytes).toBeLessThanOrEqual(1.01 * lowerBound(program));
  });

  test('takes memory for each layer by its product and its activation, and for nothing else', () => {
    const [shallow, deep] = [step(10), step(40)];
    const matrices = 2 * 30 * 32 * 64 * 4;
    expect(deep.arenaBytes - shallow.arenaBytes).toBeLessThanOrEqual(matrices);
  });

  test('evaluates forward in memory that does not grow with depth', () => {
    const forward = (depth: number): Program => {
      const { weights } = perceptron(new Array<number>(depth + 1).fill(64));
      let h: Variable = input([32, 64]);
      for (const weight of weights) h = relu(matmul(h, weight));
      return programOf([h]);
    };
    expect(forward(40).arenaBytes).toBe(forward(10).arenaBytes);
  });
});

describe.each<[string, () => Loss]>([
  ['a small perceptron', () => perceptronLoss([784, 128, 10], 64)],
  ['a perceptron', () => perceptronLoss([784, 512, 512, 10], 128)],
  ['a perceptron with a bottleneck', () => perceptronLoss([784, 200, 50, 10, 50, 200, 784], 100)],
  ['a perceptron of 100 layers', () => perceptronLoss(new Array<number>(101).fill(32), 256)],
  ['a residual network of 100 layers', () => residualLoss(100, 64, 32)],
  ['a transformer', () => transformerLoss(3, 2, 128, 32)],
  ['a network of convolutions', () => convolutionLoss(4, 8, 28, 8)],
  ['a recurrent network', () => recurrentLoss(20, 16, 32)],
])('a training step of %s', (_, make) => {
  test.each([
    ['SGD', () => sgd({ learningRate: 0.1 })],
    ['momentum', () => sgd({ learningRate: 0.1, momentum: 0.9 })],
    ['Adam', () => adam()],
  ])('with %s takes at most 1.1 times what must be alive at one time', (__, optimizer) => {
    const program = quickly(() => {
      const { loss, inputs } = make();
      return compileGraph({ outputs: [loss], inputs, updates: optimizer().minimize(loss) }).program;
    });
    for (const each of [program, ...blocksIn(program)]) {
      expect(clash(each)).toBeUndefined();
      expect(each.arenaBytes).toBeLessThanOrEqual(1.1 * livenessBound(each));
      expect(each.arenaBytes).toBeGreaterThanOrEqual(livenessBound(each));
    }
  });
});

test('programs run twice in one memory give the same: nothing counts on zeros', () => {
  const x = input([5, 3]);
  const outputs = [registry.pad(x, [1, 1], [1, 1]), concat([x, sin(x)], 1), registry.cumsum(x, 0)];
  const feeds = randomFeeds(outputs, 3);
  const expected = runReference(outputs, feeds);
  const found = runByTheBook({ outputs, inputs: [x] }, feeds).outputs;
  found.forEach((value, i) => {
    expect(disagreement(expected[i], value, { ulps: 4 })).toBeUndefined();
  });
});
