/** The backends that the generated tests hold against the reference. */

import { runReference } from '../../src/backends/reference/run.ts';
import { type BackendName, evaluate, setBackend } from '../../src/engine/index.ts';
import type { Feeds, Tensor, Variable } from '../../src/graph/index.ts';

export type Evaluate = (outputs: readonly Variable[], feeds?: Feeds) => Tensor[];

export interface Backend {
  readonly name: string;
  readonly evaluate: Evaluate;
}

/** The oracle. */
export const reference: Backend = { name: 'reference', evaluate: runReference };

/** Every other backend, one line each. */
export const backends: readonly Backend[] = [compiled('wasm')];

function compiled(name: BackendName): Backend {
  return {
    name,
    evaluate: (outputs, feeds) => {
      setBackend(name);
      return evaluate(outputs, feeds) as Tensor[];
    },
  };
}
