/** Which backend computes: the default is `wasm`; `reference` is the oracle of the tests. */
import { runReference } from '../backends/reference/run.ts';
import { WasmEngine } from '../backends/wasm/engine.ts';
import { compileGraph } from '../compile/compile.ts';
import { at, ChainruleError, type Feeds, Tensor, type Updates, type Variable } from '../graph/index.ts';
import { ProgramCache, type Runnable } from './programCache.ts';

export const BACKENDS = ['wasm', 'reference'] as const;
export type BackendName = (typeof BACKENDS)[number];

export interface Backend {
  readonly name: BackendName;
  /** The numbers of `outputs`, now. */
  evaluate(outputs: readonly Variable[], feeds: Feeds | undefined): Tensor[];
  /** Prepares the graph of `outputs`; a call also gives the parameters of `updates` their new values. */
  prepare(outputs: readonly Variable[], inputs: readonly Variable[], updates: Updates): Runnable;
}

/** Loops written out: prepares nothing. */
const reference: Backend = {
  name: 'reference',
  evaluate: runReference,
  prepare: (outputs, inputs, updates) => (values) => {
    const feeds = new Map(
      inputs.map((each, i) => [each, new Tensor(each.shape, each.dtype, values[i])] as const),
    );
    const results = runReference([...outputs, ...updates.values()], feeds);
    [...updates.keys()].forEach((parameter, i) => {
      parameter.storage.write(results[outputs.length + i].data);
    });
    return results.slice(0, outputs.length);
  },
};

let engine: WasmEngine | undefined;

/** The one engine of this process, made at first use. */
export function wasmEngine(): WasmEngine {
  engine ??= new WasmEngine();
  return engine;
}

const programs = new ProgramCache((outputs, inputs) => wasm.prepare(outputs, inputs, new Map()));

const wasm: Backend = {
  name: 'wasm',
  evaluate: (outputs, feeds) => programs.evaluate(outputs, feeds),
  prepare(outputs, inputs, updates) {
    const executable = wasmEngine().load(compileGraph({ outputs, inputs, updates }));
    return (values) => executable.run(values);
  },
};

const backends: Record<BackendName, Backend> = { wasm, reference };

let current: Backend = wasm;

/** Makes `name` the backend of everything evaluated or compiled from now on. @throws ChainruleError */
export function setBackend(name: BackendName): void {
  if (!(name in backends))
    throw new ChainruleError(`setBackend: no backend ${String(name)}; use ${BACKENDS.join(' or ')}${at()}`);
  current = backends[name];
}

export function getBackend(): Backend {
  return current;
}
