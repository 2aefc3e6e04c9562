/** How the wasm engine works: threads, a native BLAS, relaxed SIMD. */
import type { BlasChoice } from '../backends/wasm/blas/index.ts';
import type { WasmOptions } from '../backends/wasm/engine.ts';
import { MOST_THREADS } from '../backends/wasm/threads/control.ts';
import { availableThreads } from '../backends/wasm/threads/team.ts';
import { at, ChainruleError } from '../graph/index.ts';

export interface EngineOptions {
  /** Threads for large programs, the main thread among them: 1 to 64, or 'auto': as many as the machine has. */
  threads?: number | 'auto';
  /**
   * The native library for large matrix products: 'auto' (the first that is found, if `koffi` is installed), 'off', or the name
   * or path of one.
   */
  blas?: BlasChoice;
  /**
   * Whether chainrule's own products fuse multiplication and addition ('auto': where the machine can). They are faster then, and
   * their last bits are those of the machine; 'off' gives the same bits everywhere.
   */
  relaxedSimd?: 'auto' | 'off';
}

/** Options that leave nothing open. */
export type Configuration = Required<EngineOptions>;

/** The defaults: from the variables CHAINRULE_THREADS, CHAINRULE_BLAS and CHAINRULE_RELAXED_SIMD, or else 'auto'. */
export function defaultConfiguration(): Configuration {
  const variables = globalThis.process?.env ?? {};
  const { CHAINRULE_THREADS: threads, CHAINRULE_BLAS: blas, CHAINRULE_RELAXED_SIMD: relaxed } = variables;
  return checked(
    {
      threads: threads === undefined || threads === 'auto' ? 'auto' : Number(threads),
      blas: blas ?? 'auto',
      relaxedSimd: (relaxed ?? 'auto') as 'auto' | 'off',
    },
    'the environment (CHAINRULE_THREADS, CHAINRULE_BLAS, CHAINRULE_RELAXED_SIMD)',
  );
}

/** The same options, if they make sense. @param from who says so, for errors */
export function checked(configuration: Configuration, from: string): Configuration {
  const { threads, blas, relaxedSimd } = configuration;
  if (threads !== 'auto' && !(Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS)) {
    throw new ChainruleError(
      `${from}: threads is ${threads}; give a whole number from 1 to ${MOST_THREADS}, or 'auto'${at()}`,
    );
  }
  if (relaxedSimd !== 'auto' && relaxedSimd !== 'off')
    throw new ChainruleError(`${from}: relaxedSimd is ${String(relaxedSimd)}; give 'auto' or 'off'${at()}`);
  if (typeof blas !== 'string' || blas === '')
    throw new ChainruleError(`${from}: blas is ${String(blas)}; give 'auto', 'off', a name or a path${at()}`);
  return configuration;
}

/** What the engine is made with. */
export function wasmOptionsOf({ threads, blas, relaxedSimd }: Configuration): WasmOptions {
  return {
    threads: threads === 'auto' ? Math.min(availableThreads(), MOST_THREADS) : threads,
    blas,
    relaxedSimd: relaxedSimd === 'auto',
  };
}
