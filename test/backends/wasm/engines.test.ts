/** Two engines, each with a memory of its own, share a parameter: its numbers follow whichever runs. */
import { expect, test } from 'vitest';
import { WasmEngine } from '../../../src/backends/wasm/engine.ts';
import { compileGraph } from '../../../src/compile/compile.ts';
import { mul, parameter, sum } from '../../../src/index.ts';

test('a parameter moves between engines with its latest numbers', () => {
  const p = parameter([1, 2, 3]);
  const load = () =>
    new WasmEngine().load(
      compileGraph({ outputs: [sum(p)], inputs: [], updates: new Map([[p, mul(p, 2)]]) }),
    );
  const [first, second] = [load(), load()];
  const sums = [first, second, second, first, first, second].map((each) => each.run([])[0].item());
  expect(sums).toEqual([6, 12, 24, 48, 96, 192]);
  expect(p.value.toArray()).toEqual([64, 128, 192]);
});
