/** Looks for koffi, which calls native functions, and for a BLAS that it can load. */
import type { BlasDescription } from './bind.ts';
import { filesOf } from './libraries.ts';
import { probe } from './probe.ts';

/** What was found, or, if nothing, what was tried and how it failed. */
export interface FoundBlas {
  readonly description?: BlasDescription;
  /** One line for each attempt that failed. */
  readonly failures: readonly string[];
}

/** Node's modules are asked for by name at run time: an import would fail in a browser. */
interface NodeProcess {
  readonly platform: string;
  cwd(): string;
  getBuiltinModule(name: 'node:module'): {
    createRequire(base: string): ((path: string) => unknown) & { resolve(name: string): string };
  };
}

/** The `require` of CommonJS, or undefined outside Node. */
export function nodeRequire(): ((path: string) => unknown) | undefined {
  const node = nodeProcess();
  return node?.getBuiltinModule('node:module').createRequire(`${node.cwd()}/package.json`);
}

function nodeProcess(): NodeProcess | undefined {
  const { process } = globalThis as { process?: Partial<NodeProcess> };
  return typeof process?.getBuiltinModule === 'function' ? (process as NodeProcess) : undefined;
}

/** Looks for the BLAS that a choice means: 'auto', a name in `BLAS_NAMES`, or a file. The first that works is taken. */
export function findBlas(choice: string): FoundBlas {
  const node = nodeProcess();
  const load = nodeRequire();
  if (node === undefined || load === undefined) return { failures: ['native libraries need Node'] };
  const koffi = resolveKoffi(node);
  if (koffi === undefined) return { failures: ['the npm package koffi is not installed'] };
  const failures: string[] = [];
  for (const file of filesOf(choice, node.platform)) {
    try {
      return { description: probe(load, koffi, file), failures };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      failures.push(`${file}: ${reason.replace('Failed to load shared library: ', '')}`);
    }
  }
  return { failures };
}

/** koffi's entry file, looked for beside this library first, then from the working directory. */
function resolveKoffi(node: NodeProcess): string | undefined {
  const { createRequire } = node.getBuiltinModule('node:module');
  for (const base of [import.meta.url, `${node.cwd()}/package.json`]) {
    try {
      return createRequire(base).resolve('koffi');
    } catch {
      // Not below this base: the next one.
    }
  }
  return undefined;
}
