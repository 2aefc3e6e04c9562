/** Which backend computes: the default is `wasm`; `reference` is the oracle of the tests. */
import { runReference } from '../backends/reference/run.ts';
import { WasmEngine } from '../backends/wasm/engine.ts';
import { compileGraph } from '../compile/compile.ts';
import { at, ChainruleError, type Feeds, Tensor, type Updates, type Variable } from '../graph/index.ts';
import {
  type Configuration,
  checked,
  defaultConfiguration,
  type EngineOptions,
  wasmOptionsOf,
} from './configuration.ts';
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

let configuration: Configuration | undefined;
let engine: WasmEngine | undefined;
let engines = 0;

/** The one engine of this process, made at first use. */
export function wasmEngine(): WasmEngine {
  configuration ??= defaultConfiguration();
  engine ??= new WasmEngine(wasmOptionsOf(configuration));
  return engine;
}

/**
 * Says how everything that is compiled or evaluated from now on is computed: on how many threads, with which native library.
 * What is not named stays as it is. The defaults can be given in the environment: CHAINRULE_THREADS=1, CHAINRULE_BLAS=off,
 * CHAINRULE_RELAXED_SIMD=off.
 * @throws ChainruleError for a BLAS that was asked for by name and cannot be used, and for options that make no sense
 */
export function configureEngine(options: EngineOptions): void {
  engine?.refuseWhileRunning();
  const next = checked({ ...(configuration ?? defaultConfiguration()), ...options }, 'configureEngine');
  const made = new WasmEngine(wasmOptionsOf(next));
  if (next.blas !== 'auto') made.native.blas;
  engine?.stop();
  engine = made;
  configuration = next;
  // Programs belong to the engine that loaded them; parameters move to the one that runs.
  engines++;
  programs.clear();
}

/** What computes now. */
export interface EngineDescription {
  readonly backend: BackendName;
  /** Threads that large programs run on. */
  readonly threads: number;
  /** How many of them are there: workers start when a large program runs for the second time, which takes some milliseconds. */
  readonly threadsReady: number;
  /** The native library of large matrix products; undefined where all of them are chainrule's own. */
  readonly blas: { readonly name: string; readonly version: string; readonly path: string } | undefined;
  /** Why there is no such library, a line for each that was tried; empty where there is one, or none may be used. */
  readonly blasProblems: readonly string[];
  /** 'relaxed' where own products fuse multiplication and addition. */
  readonly simd: 'plain' | 'relaxed';
  /** Whether memory is shared, as threads need it; pages must be cross-origin isolated for it. */
  readonly sharedMemory: boolean;
}

/** Tells what everything evaluated or compiled now is computed with. Looks for a native library if nobody has yet. */
export function describeEngine(): EngineDescription {
  const { threads, threadsReady, native, relaxedSimd, isShared } = wasmEngine();
  const { blas } = native;
  return {
    backend: current.name,
    threads,
    threadsReady,
    blas: blas && { name: blas.name, version: blas.version, path: blas.path },
    blasProblems: native.problems,
    simd: relaxedSimd ? 'relaxed' : 'plain',
    sharedMemory: isShared,
  };
}

/** Names what programs are prepared for: one prepared under another name must not be used. */
export function backendKey(): string {
  return `${current.name} ${engines}`;
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

/** The backend of what is evaluated or compiled now. */
export function getBackend(): Backend {
  return current;
}
