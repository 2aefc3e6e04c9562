/**
 * Why a gradient is what it is: which of the three words stands for it, who said so, and on which path.
 *
 * Nothing is decided here. Back-propagation runs as it does for `gradients`, and its edges are written down as it passes
 * them; the rest is a search through what was written.
 */
import { type Application, disconnected, type Gradient, isFloat, prune, Variable } from '../graph/index.ts';
import { full } from '../operations/generators.ts';
import { buildGradients } from './backprop.ts';
import {
  type Cut,
  count,
  explanation,
  type GradientExplanation,
  type GradientStatus,
  reasonOf,
  type Step,
} from './explanation.ts';

/**
 * Says of each target whether dz/dx is defined, zero, disconnected or undefined, and why: along which path, or by
 * which operation, and on which line of the program.
 *
 * ```ts
 * console.log(explainGradient(loss, w));
 * ```
 * Costs one back-propagation, and one search through the graph for each target.
 * @param z of any shape and dtype
 * @param x one variable, or a list of them for a list of explanations
 */
export function explainGradient(z: Variable, x: Variable): GradientExplanation;
export function explainGradient(z: Variable, x: readonly Variable[]): GradientExplanation[];
export function explainGradient(
  z: Variable,
  x: Variable | readonly Variable[],
): GradientExplanation | GradientExplanation[] {
  const targets = x instanceof Variable ? [x] : x;
  const record = recordGradients(z, targets);
  const explanations = targets.map((target) => explainTarget(record, target));
  return x instanceof Variable ? explanations[0] : explanations;
}

/** An edge of the pruned graph, with what back-propagation made of it. */
interface Edge {
  readonly application: Application;
  readonly operand: number;
  /** What passed to the operand; `disconnected` where nothing arrived at the application. */
  readonly term: Gradient;
  /** Whether the operation's own rule gave the term, rather than what arrived from above. */
  readonly own: boolean;
}

interface Record {
  readonly z: Variable;
  readonly table: ReadonlyMap<Variable, Gradient>;
  /** The edges that leave each variable towards z. */
  readonly leaving: ReadonlyMap<Variable, readonly Edge[]>;
}

const isWord = (gradient: Gradient, word: 'zero' | 'disconnected' | 'undefined'): boolean =>
  !(gradient instanceof Variable) && gradient.gradient === word;

/** Something that can still become a derivative, or the lack of one. */
const isAlive = (gradient: Gradient): boolean =>
  gradient instanceof Variable || isWord(gradient, 'undefined');

function recordGradients(z: Variable, targets: readonly Variable[]): Record {
  const { applications, reached } = prune([z], targets);
  const passed = new Map<Application, Edge[]>();
  const seed = full(z.shape, 1, z.dtype);
  const table = buildGradients([z], targets, [seed], ({ application, index, incoming, term }) => {
    const edges = passed.get(application) ?? [];
    passed.set(application, edges);
    edges[index] = { application, operand: index, term, own: isOwn(term, incoming) };
  });
  const leaving = new Map<Variable, Edge[]>();
  for (const application of applications) {
    application.inputs.forEach((input, operand) => {
      if (!reached.has(input)) return;
      const silent = { application, operand, term: disconnected, own: false };
      const edges = leaving.get(input) ?? [];
      edges.push(passed.get(application)?.[operand] ?? silent);
      leaving.set(input, edges);
    });
  }
  return { z, table, leaving };
}

/** The rule spoke if it was asked: it is not where nothing alive arrives, nor where what is undefined is handed on. */
function isOwn(term: Gradient, incoming: readonly Gradient[]): boolean {
  if (term instanceof Variable) return true;
  return term.gradient === 'undefined' ? !incoming.includes(term) : incoming.some(isAlive);
}

/** The first `end` that a breadth-first search from `sources` meets, with the edges that lead there. */
function findPath(
  { leaving }: Record,
  sources: readonly Variable[],
  follow: (edge: Edge, output: Variable) => boolean,
  isEnd: (edge: Edge, output: Variable) => boolean,
): Step[] | undefined {
  const reachedBy = new Map<Variable, { step: Step; from: Variable } | undefined>();
  for (const source of sources) reachedBy.set(source, undefined);
  const queue = [...sources];
  for (let head = 0; head < queue.length; head++) {
    const from = queue[head];
    for (const edge of leaving.get(from) ?? []) {
      for (const output of edge.application.outputs) {
        const end = isEnd(edge, output);
        if (!end && (reachedBy.has(output) || !follow(edge, output))) continue;
        const step = stepOf(edge, output);
        if (end) return [...walkBack(reachedBy, from), step];
        reachedBy.set(output, { step, from });
        queue.push(output);
      }
    }
  }
  return undefined;
}

function walkBack(
  reachedBy: ReadonlyMap<Variable, { step: Step; from: Variable } | undefined>,
  last: Variable,
): Step[] {
  const steps: Step[] = [];
  for (let came = reachedBy.get(last); came !== undefined; came = reachedBy.get(came.from))
    steps.push(came.step);
  return steps.reverse();
}

function stepOf({ application, operand, term, own }: Edge, output: Variable): Step {
  const word = own && !(term instanceof Variable) ? term.gradient : undefined;
  return {
    application,
    operand,
    output,
    word,
    // Lines are found when they are read: a path can be 100,000 operations long.
    get line() {
      return application.site.toString();
    },
  };
}

/** From `target` through the edge that `isOrigin` names, and on to z along what is alive. */
function pathThrough(
  record: Record,
  target: Variable,
  follow: (edge: Edge, output: Variable) => boolean,
  isOrigin: (edge: Edge) => boolean,
): Step[] {
  const isAliveAt = (output: Variable): boolean => isAlive(record.table.get(output) ?? disconnected);
  const there = findPath(record, [target], follow, (edge, output) => isOrigin(edge) && isAliveAt(output));
  if (there === undefined) return [];
  const turn = there[there.length - 1].output;
  if (turn === record.z) return there;
  const on = (edge: Edge, output: Variable): boolean => isAlive(edge.term) && isAliveAt(output);
  const rest = findPath(record, [turn], on, (edge, output) => on(edge, output) && output === record.z);
  return [...there, ...(rest ?? [])];
}

/** The edges at which a rule ends a path from `target`, by breadth-first search; what lies behind one is not searched. */
function findCuts({ leaving }: Record, target: Variable): Edge[] {
  const seen = new Set<Variable>([target]);
  const queue = [target];
  const cuts: Edge[] = [];
  for (let head = 0; head < queue.length; head++) {
    for (const edge of leaving.get(queue[head]) ?? []) {
      if (edge.own && !isAlive(edge.term)) {
        cuts.push(edge);
        continue;
      }
      for (const output of edge.application.outputs) {
        if (seen.has(output)) continue;
        seen.add(output);
        queue.push(output);
      }
    }
  }
  return cuts;
}

function explainTarget(record: Record, target: Variable): GradientExplanation {
  const { z, table } = record;
  const gradient = table.get(target) ?? disconnected;
  const cutEdges = findCuts(record, target);
  const cuts = cutEdges.map(cutOf);
  const explain = (status: GradientStatus, reason: string, path: Step[]): GradientExplanation =>
    explanation({ z, target, status, reason, path, cuts });
  const always = (): boolean => true;

  for (const [name, end] of [['z', z] as const, ['the target', target] as const]) {
    if (isFloat(end.dtype)) continue;
    const path = findPath(record, [target], always, (_, output) => output === z) ?? [];
    return explain('undefined', `${name} is ${end.dtype}, which has no tangent space`, path);
  }
  if (gradient instanceof Variable) {
    if (target === z) return explain('defined', 'it is z itself', []);
    const carries = ({ term }: Edge, output: Variable): boolean =>
      term instanceof Variable && table.get(output) instanceof Variable;
    const path =
      findPath(record, [target], carries, (edge, output) => carries(edge, output) && output === z) ?? [];
    return explain('defined', `${count(path.length, 'operation')} from it to z carry the derivative`, path);
  }
  if (gradient.gradient === 'undefined') {
    const same = ({ term }: Edge): boolean => term === gradient;
    const path = pathThrough(
      record,
      target,
      (edge, output) => same(edge) && table.get(output) === gradient,
      (edge) => same(edge) && edge.own,
    );
    return explain('undefined', gradient.reason, path);
  }
  const { gradient: word } = gradient;
  const first = cutEdges.find(({ term }) => isWord(term, word));
  if (first === undefined) return explain(word, notReached(z, target), []);
  const path = pathThrough(
    record,
    target,
    (edge) => !edge.own || isAlive(edge.term),
    (edge) => edge === first,
  );
  return explain(word, cutOf(first).reason, path);
}

function notReached(z: Variable, target: Variable): string {
  const after = prune([target], [z]).reached.has(target);
  return after ? 'the target is computed from z, not z from it' : 'no operation leads from it to z';
}

function cutOf({ application, operand, term }: Edge): Cut {
  const word = isWord(term, 'zero') ? 'zero' : 'disconnected';
  return {
    application,
    operand,
    word,
    get reason() {
      return reasonOf(application, operand, word);
    },
  };
}
