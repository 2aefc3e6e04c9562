import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WasmEngine } from '../../src/backends/wasm/engine.ts';
import { compileGraph } from '../../src/compile/compile.ts';
import { Parameter, structureOf, type Variable } from '../../src/graph/index.ts';
import {
  ancestors,
  ChainruleError,
  checkpoint,
  compile,
  DisconnectedError,
  gradients,
  input,
  MemoryBudgetError,
  operationCount,
  planGradients,
  scan,
  tensor,
  UndefinedGradientError,
  validate,
} from '../../src/index.ts';
import { registry } from '../../src/operations/index.ts';
import { finalize } from '../../src/rewrite/passes.ts';
import { inputsOf, productsOf, programOf, quickly } from '../compile/support.ts';
import { graphOfRecipe, recipes } from '../support/randomGraph.ts';
import {
  arenaOf,
  chain,
  elementwise,
  expectNear,
  expectSameBits,
  feedsOf,
  type Network,
  perceptron,
  residual,
  uShaped,
  weight,
} from './support.ts';

const { add, argmax, cast, matmul, mul, sin, square, sum, tanh } = registry;

/** A plan for a part of the memory that storing everything takes, checked. */
function plan({ z, targets }: Network, part: number) {
  const stored = [z, ...gradients(z, targets)];
  const storedProgram = programOf(stored);
  const memoryBudget = Math.floor(part * storedProgram.arenaBytes);
  const { gradients: found, report } = planGradients(z, targets, { memoryBudget });
  const outputs = [z, ...found];
  const program = programOf(outputs);
  expect(report.budgetBytes).toBe(memoryBudget);
  expect(report.unconstrainedPeakBytes).toBe(storedProgram.arenaBytes);
  expect(report.peakBytes).toBeLessThanOrEqual(memoryBudget);
  expect(report.peakBytes).toBe(program.arenaBytes);
  return { stored, storedProgram, outputs, program, report };
}

test('1,000 layers in a tenth of the memory, for at most 1.6 times the operations', () => {
  quickly(() => {
    const depth = 1000;
    const { outputs, stored, storedProgram, program, report } = plan(chain(depth, 64, 16), 0.1);
    expect(report.unconstrainedPeakBytes).toBeGreaterThan(depth * 64 * 16 * 4);
    expect(report.recomputeFactor).toBeLessThanOrEqual(1.6);
    expect(report.recomputeFactor).toBeGreaterThan(1);
    // Counted by the products of the program itself: forward, two back, and those again.
    expect(productsOf(storedProgram).length).toBe(3 * depth);
    expect(productsOf(program).length).toBeLessThanOrEqual(1.6 * 3 * depth);
    expectSameBits(outputs, stored);
  });
});

describe.each<[string, () => Network, readonly number[]]>([
  ['a chain of layers', () => chain(40, 64, 16), [0.8, 0.5, 0.3]],
  ['a chain of maps', () => elementwise(120, 512), [0.8, 0.5, 0.2]],
  ['a perceptron', () => perceptron(30, 128, 16), [0.8, 0.5, 0.3]],
  ['a residual network', () => residual(16, 128, 16), [0.8, 0.6]],
  ['a network in the shape of a U', () => uShaped(128, [32, 16, 8], 4), [0.9, 0.8, 0.7]],
])('%s', (_, make, parts) => {
  test('keeps to every budget with the same bits, and costs more the less it has', () => {
    quickly(() => {
      const network = make();
      let before = 1;
      for (const part of parts) {
        const { outputs, stored, report } = plan(network, part);
        validate(outputs);
        expectSameBits(outputs, stored);
        expect(report.operations).toBeGreaterThan(operationCount(finalize(stored)) - 1);
        expect(report.recomputeFactor).toBeGreaterThanOrEqual(before - 0.01);
        expect(report.recomputeFactor).toBeLessThan(2);
        before = report.recomputeFactor;
      }
      expect(before).toBeGreaterThan(1);
    });
  });

  test('says what would be enough where a budget is impossible', () => {
    quickly(() => {
      const { z, targets } = make();
      let error: unknown;
      try {
        gradients(z, targets, { memoryBudget: 3000 });
      } catch (caught) {
        error = caught;
      }
      expect(error).toBeInstanceOf(MemoryBudgetError);
      const { leastBytes, message } = error as MemoryBudgetError;
      expect(message).toMatch(`budget of 3000 bytes: the least found is ${leastBytes}`);
      const { report, gradients: found } = planGradients(z, targets, { memoryBudget: leastBytes });
      expect(report.peakBytes).toBeLessThanOrEqual(leastBytes);
      expectSameBits(found, gradients(z, targets));
    });
  });
});

test('a budget that is larger than needed changes nothing', () => {
  const { z, targets } = chain(20, 8, 4);
  const { gradients: found, report } = planGradients(z, targets, { memoryBudget: 1e9 });
  const stored = gradients(z, targets);
  expect(structureOf(found).key).toBe(structureOf(stored).key);
  expect(report.recomputeFactor).toBe(1);
  expect(report.peakBytes).toBe(report.unconstrainedPeakBytes);
  const exact = planGradients(z, targets, { memoryBudget: report.peakBytes });
  expect(structureOf(exact.gradients).key).toBe(structureOf(stored).key);
});

test('the report counts what the backward pass reads of the first run', () => {
  const { z, targets } = chain(20, 64, 16);
  const layer = 64 * 16 * 4;
  const stored = planGradients(z, targets, { memoryBudget: 1e9 }).report;
  expect(stored.storedBytes).toBe(20 * layer);
  const half = planGradients(z, targets, { memoryBudget: stored.peakBytes / 2 }).report;
  expect(half.storedBytes).toBeLessThan(10 * layer);
  expect(half.operations / stored.operations).toBeCloseTo(half.recomputeFactor, 12);
});

test('the wasm engine takes the memory that the report says, and no more', () => {
  const { z, targets } = chain(50, 64, 16);
  const report = plan({ z, targets }, 0.3).report;
  const found = gradients(z, targets, { memoryBudget: report.budgetBytes });
  const outputs = [z, ...found];
  const engine = new WasmEngine();
  const compiled = compileGraph({ outputs, inputs: inputsOf(outputs) });
  const before = engine.bytesInUse;
  const program = engine.load(compiled);
  const round = (bytes: number): number => Math.ceil(bytes / 64) * 64;
  const held = compiled.parameters.reduce((sum, each) => sum + round(each.storage.read().byteLength), 0);
  expect(engine.bytesInUse - before).toBe(report.peakBytes + held);
  const feeds = feedsOf(outputs);
  const values = program.run(
    inputsOf(outputs).map((each) => (feeds.get(each) as { data: Float32Array }).data),
  );
  expect(engine.bytesInUse - before).toBe(report.peakBytes + held);
  expect(values.length).toBe(4);
});

test('a compiled function trains within it', () => {
  const losses = (memoryBudget: number | undefined): number[] => {
    const weights = Array.from({ length: 12 }, (_, i) => weight([8, 8], i + 1));
    const step = compile((x: Variable) => {
      const z = sum(square(weights.reduce<Variable>((h, w) => tanh(matmul(h, w)), x)));
      return [z, ...gradients(z, weights, memoryBudget === undefined ? {} : { memoryBudget })];
    });
    const x = tensor(
      Array.from({ length: 64 }, (_, i) => Array.from({ length: 8 }, (__, k) => Math.sin(i + k))),
    );
    return Array.from({ length: 3 }, () => {
      const [z, ...found] = step(x);
      weights.forEach((w, i) => {
        w.set(w.value.data.map((each, k) => each - 0.01 * found[i].data[k]) as Float32Array);
      });
      return z.item();
    });
  };
  expect(losses(14_000)).toEqual(losses(undefined));
});

describe('also plans', () => {
  test('for two targets, one inside the network', () => {
    const x = input([64, 16]);
    const w = weight([16, 16], 1);
    let h: Variable = x;
    const inner: Variable[] = [];
    for (let i = 0; i < 40; i++) {
      h = tanh(matmul(h, w));
      inner.push(h);
    }
    const network = { z: sum(square(h)), targets: [inner[10], x] };
    const { outputs, stored } = plan(network, 0.4);
    expectSameBits(outputs, stored);
  });

  test('for a tensor with a seed, and a target that it does not depend on', () => {
    const [x, y, seed] = [input([256]), input([3]), input([256])];
    let h: Variable = x;
    for (let i = 0; i < 40; i++) h = sin(registry.cumsum(h, 0));
    const options = { seed, disconnected: 'zero' as const };
    const stored = gradients(h, [x, y], options);
    const found = gradients(h, [x, y], {
      ...options,
      memoryBudget: Math.floor(0.5 * arenaOf([h, ...stored])),
    });
    expectSameBits([h, ...found], [h, ...stored]);
  });

  test('second derivatives of what is planned', () => {
    const x = input([32, 8], { dtype: 'float64' });
    const w = weight([8, 8], 3, 'float64');
    let h: Variable = x;
    for (let i = 0; i < 20; i++) h = tanh(matmul(h, w));
    const z = sum(square(h));
    const second = (first: readonly Variable[]): Variable[] =>
      gradients(sum(mul(first[0], sin(first[0]))), [x, w]);
    const stored = gradients(z, [x]);
    const memoryBudget = Math.floor(0.4 * arenaOf([z, ...stored]));
    const found = gradients(z, [x], { memoryBudget });
    expect(structureOf(found).key).not.toBe(structureOf(stored).key);
    expectNear(second(found), second(stored));
    const planned = gradients(sum(mul(found[0], sin(found[0]))), [x, w], {
      memoryBudget: Math.floor(0.6 * arenaOf(second(stored))),
    });
    expectNear(planned, second(stored));
  });

  test('through loops', () => {
    const w = weight([16, 16], 1);
    const x = input([64, 16]);
    let h: Variable = x;
    for (let i = 0; i < 8; i++)
      h = scan((c: Variable) => [tanh(matmul(c, w)), c] as const, h, null, { length: 4 })[0];
    const { outputs, stored } = plan({ z: sum(square(h)), targets: [x, w] }, 0.7);
    expectSameBits(outputs, stored);
  });

  test('through regions, which it divides as it sees fit', () => {
    const w = weight([16, 16], 1);
    const network = (region: typeof checkpoint): Network => {
      const x = input([64, 16]);
      let h: Variable = x;
      for (let i = 0; i < 40; i += 4) {
        h = region((k: Variable) => {
          let y = k;
          for (let j = 0; j < 4; j++) y = tanh(matmul(y, w));
          return y;
        })(h);
      }
      return { z: sum(square(h)), targets: [x, w] };
    };
    const marked = plan(network(checkpoint), 0.8);
    const plain = network(((f: unknown) => f) as typeof checkpoint);
    expect(marked.report.unconstrainedPeakBytes).toBeLessThan(
      0.6 * arenaOf([plain.z, ...gradients(plain.z, plain.targets)]),
    );
    expectSameBits(marked.outputs, [plain.z, ...gradients(plain.z, plain.targets)]);
  });

  test('what is asked for one after another', () => {
    const { z, targets } = chain(40, 64, 16);
    const [x] = targets;
    const memoryBudget = Math.floor(0.5 * arenaOf([z, ...gradients(z, [x])]));
    const [dx] = gradients(z, [x], { memoryBudget });
    const [again] = gradients(z, [x], { memoryBudget });
    expectSameBits([dx], [again]);
  });
});

describe('any graph', () => {
  test('has the gradients to the bit, in any budget in which it has them at all', () => {
    fc.assert(
      fc.property(
        recipes('every', 14, 'large'),
        fc.double({ min: 0.1, max: 1, noNaN: true }),
        (recipe, part) => {
          const { nodes, inputs } = graphOfRecipe(recipe, 'float32');
          const last = nodes[nodes.length - 1];
          const z = sum(mul(last, last));
          const options = { disconnected: 'zero' as const };
          const stored = gradients(z, inputs, options);
          const peak = arenaOf([z, ...stored]);
          try {
            const { gradients: found, report } = planGradients(z, inputs, {
              ...options,
              memoryBudget: Math.max(1, Math.floor(part * peak)),
            });
            expect(report.peakBytes).toBe(arenaOf([z, ...found]));
            validate(found);
            expectSameBits([z, ...found], [z, ...stored]);
          } catch (error) {
            if (!(error instanceof MemoryBudgetError)) throw error;
            expect(error.leastBytes).toBeLessThanOrEqual(peak);
            const found = gradients(z, inputs, { ...options, memoryBudget: error.leastBytes });
            expectSameBits([z, ...found], [z, ...stored]);
          }
        },
      ),
      { numRuns: 60, seed: 1 },
    );
  });
});

describe('errors', () => {
  const { z, targets } = chain(4, 4, 4);

  test.each([0, -1, Number.NaN])('a budget of %d bytes', (memoryBudget) => {
    expect(() => gradients(z, targets, { memoryBudget })).toThrow(ChainruleError);
    expect(() => gradients(z, targets, { memoryBudget })).toThrow(/must be positive/);
  });

  test('are those of gradients without a budget', () => {
    const memoryBudget = 100;
    expect(() => gradients(z, [input([2])], { memoryBudget })).toThrow(DisconnectedError);
    const x = input([3]);
    const index = cast(argmax(x), 'float32');
    expect(() => gradients(index, [x], { memoryBudget })).toThrow(UndefinedGradientError);
    expect(() => gradients(add(x, 1), [x], { memoryBudget })).toThrow(/not a scalar/);
  });

  test('where there is nothing to plan', () => {
    const x = input([]);
    expect(() => gradients(x, [x], { memoryBudget: 1 })).toThrow(MemoryBudgetError);
    const y = input([4]);
    expect(() =>
      gradients(registry.reshape(y, [2, 2]), [y], { memoryBudget: 1, seed: input([2, 2]) }),
    ).toThrow(MemoryBudgetError);
  });

  test('name the line', () => {
    expect(() => gradients(z, targets, { memoryBudget: 10 })).toThrow(/planner\.test\.ts:\d+/);
  });
});

test('leaves and parameters are found where they were', () => {
  const { z, targets } = perceptron(20, 64, 8);
  const { outputs } = plan({ z, targets }, 0.5);
  const parameters = ancestors(outputs).leaves.filter((leaf) => leaf instanceof Parameter);
  expect(new Set(parameters)).toEqual(new Set(targets));
});
