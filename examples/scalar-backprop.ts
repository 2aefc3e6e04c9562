/**
 * Back-propagation on scalars, small enough to read at one sitting, and without any library.
 *
 * It follows algorithms 6.1 and 6.2 of Goodfellow, Bengio and Courville, "Deep Learning" (2016): nodes u(1) .. u(n)
 * stand in a list, each after its parents. The forward pass visits them in order and computes their values; the
 * backward pass visits them in reverse and fills a table of derivatives, one product for every edge. That is the whole
 * idea: however many paths lead from an input to the output, every edge is visited once.
 *
 * The example at the end is J = e^2 with e = (x w + b) - y: change its numbers and compare with your own by hand.
 * Run it with a Node that reads TypeScript (22.18 or newer): `node examples/scalar-backprop.ts`.
 */
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';

/** A simple function of numbers, with its partial derivative with respect to each argument. */
interface ScalarFunction {
  compute(...inputs: number[]): number;
  partials(...inputs: number[]): number[];
}

export const plus: ScalarFunction = { compute: (a, b) => a + b, partials: () => [1, 1] };
export const minus: ScalarFunction = { compute: (a, b) => a - b, partials: () => [1, -1] };
export const product: ScalarFunction = { compute: (a, b) => a * b, partials: (a, b) => [b, a] };
export const squared: ScalarFunction = { compute: (a) => a * a, partials: (a) => [2 * a] };
export const sine: ScalarFunction = { compute: (a) => Math.sin(a), partials: (a) => [Math.cos(a)] };

/** One node: an input (no function), or a function of earlier nodes, which are named by their place in the list. */
interface Node {
  readonly function?: ScalarFunction;
  readonly parents: readonly number[];
}

/** A graph in topological order: `add` only ever refers to nodes that are there already. */
export class ScalarGraph {
  readonly nodes: Node[] = [];

  input(): number {
    return this.nodes.push({ parents: [] }) - 1;
  }

  add(f: ScalarFunction, ...parents: number[]): number {
    return this.nodes.push({ function: f, parents }) - 1;
  }

  /** Algorithm 6.1: the value of every node, given those of the inputs. */
  forward(inputs: readonly number[]): number[] {
    const values: number[] = [];
    let given = 0;
    for (const node of this.nodes) {
      const parents = node.parents.map((parent) => values[parent]);
      values.push(node.function === undefined ? inputs[given++] : node.function.compute(...parents));
    }
    return values;
  }

  /** Algorithm 6.2: the derivative of node `output` with respect to every node, given all values. */
  backward(values: readonly number[], output = this.nodes.length - 1): number[] {
    const gradTable = new Array<number>(this.nodes.length).fill(0);
    gradTable[output] = 1;
    for (let i = output; i >= 0; i--) {
      const { function: f, parents } = this.nodes[i];
      if (f === undefined) continue;
      // By the time node i is reached, all its consumers have added their terms: its own derivative is complete.
      const partials = f.partials(...parents.map((parent) => values[parent]));
      parents.forEach((parent, k) => {
        gradTable[parent] += gradTable[i] * partials[k];
      });
    }
    return gradTable;
  }
}

/** J = e^2 with u = x w, yhat = u + b, e = yhat - y, at x = 1, w = 5, b = 1, y = 2. */
export function main(print: (line: string) => void = console.log): Record<string, number> {
  const graph = new ScalarGraph();
  const [x, w, b, y] = [graph.input(), graph.input(), graph.input(), graph.input()];
  const u = graph.add(product, x, w);
  const yhat = graph.add(plus, u, b);
  const e = graph.add(minus, yhat, y);
  const J = graph.add(squared, e);

  const values = graph.forward([1, 5, 1, 2]);
  const gradients = graph.backward(values);
  const names = Object.entries({ x, w, b, y, u, yhat, e, J });
  for (const [name, node] of names) {
    print(
      `${name.padEnd(4)} = ${String(values[node]).padStart(2)}    dJ/d${name.padEnd(4)} = ${gradients[node]}`,
    );
  }
  return Object.fromEntries(names.map(([name, node]) => [name, gradients[node]]));
}

if (argv[1] === fileURLToPath(import.meta.url)) main();
