/** What a rewriting rule is held to, each as a function that says what is wrong with one case, or undefined. */
import { gradients, operationCount } from '../../src/autodiff/index.ts';
import { runReference } from '../../src/backends/reference/run.ts';
import { compileGraph } from '../../src/compile/compile.ts';
import { wasmEngine } from '../../src/engine/backend.ts';
import {
  constant,
  isFloat,
  type Shape,
  type Tensor,
  UndefinedGradientError,
  type Variable,
} from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { withRewriting } from '../../src/rewrite/level.ts';
import type { Rule } from '../../src/rewrite/rule.ts';
import { ruleFamilies } from '../../src/rewrite/rules/index.ts';
import type { RewriteStep } from '../../src/rewrite/trace.ts';
import { drawWeights } from './draw.ts';
import { largest } from './numeric.ts';
import { uniform } from './random.ts';
import { drawCase, inDouble, type RuleCall, type RuleCase, rewritten } from './ruleExamples.ts';
import { agrees, broken, inputsText, isElementwise, measure } from './ruleNumbers.ts';
import { specialCalls } from './specialCalls.ts';

const { add, mul, sum } = registry;

/** Draws of each case. */
const ROUNDS = 3;

const rounds = (each: RuleCase): RuleCall[] => Array.from({ length: ROUNDS }, (_, i) => drawCase(each, i));

/** What `check` finds wrong with the first of `list` with which it finds anything wrong. */
function firstOf<T>(list: Iterable<T>, check: (each: T) => string | undefined): string | undefined {
  for (const each of list) {
    const why = check(each);
    if (why !== undefined) return why;
  }
  return undefined;
}

/** The numbers that the compiled program of `outputs`, as they are, computes. */
function runCompiled(outputs: readonly Variable[], { inputs, feeds }: RuleCall): Tensor[] {
  return withRewriting('none', () => {
    const executable = wasmEngine().load(compileGraph({ outputs, inputs }));
    return executable.run(inputs.map((each) => feeds.get(each)!.data));
  });
}

export function fires(each: RuleCase): string | undefined {
  const trace: RewriteStep[] = [];
  rewritten(each.rule, drawCase(each).outputs, trace);
  if (trace.some(({ rule }) => rule === each.rule.name)) return undefined;
  const others = trace.map(({ rule, before, after }) => `${rule}: ${before} -> ${after}`);
  return others.length === 0 ? 'no rule fires' : `only these rules fire: ${others.join('; ')}`;
}

export function staysInNormalForm(each: RuleCase): string | undefined {
  const once = rewritten(each.rule, drawCase(each).outputs);
  const trace: RewriteStep[] = [];
  const twice = rewritten(each.rule, once, trace);
  if (twice.every((output, i) => output === once[i])) return undefined;
  const steps = trace.map(({ rule, before, after }) => `${rule}: ${before} -> ${after}`);
  return `a second pass changes the graph: ${steps.join('; ')}`;
}

/** What is cancelled goes for good, and with it the NaN that it may be: the value does not depend on it. */
const FORGETFUL = new Set(ruleFamilies().cancellation.map(({ name }) => name));

/** The first element at which a rule breaks its promise on the numbers of `call`. */
function brokenOn(each: RuleCase, call: RuleCall): string | undefined {
  const outputs = rewritten(each.rule, call.outputs);
  const wide = each.dtype === 'float32' ? inDouble(each, call) : undefined;
  const truth = wide && measure(wide.outputs, wide.feeds);
  const left = measure(call.outputs, call.feeds, FORGETFUL.has(each.rule.name) ? outputs : call.outputs);
  return broken(each.rule.class, left, runReference(outputs, call.feeds), truth, call.feeds);
}

export function agreesOnDraws(each: RuleCase): string | undefined {
  return firstOf(rounds(each), (call) => brokenOn(each, call));
}

export function liesWhereItIsDefined(each: RuleCase): string | undefined {
  const numbers = rounds(each).flatMap(({ outputs, feeds }) =>
    runReference(outputs, feeds).flatMap(({ data }) => Array.from(data)),
  );
  const finite = numbers.filter(Number.isFinite).length;
  return finite >= numbers.length / 4
    ? undefined
    : `only ${finite} of ${numbers.length} drawn numbers are finite`;
}

export function compilesAlike(each: RuleCase): string | undefined {
  const call = drawCase(each);
  const outputs = rewritten(each.rule, call.outputs);
  const expected = measure(outputs, call.feeds);
  for (const [i, { data, dtype, shape }] of runCompiled(outputs, call).entries()) {
    const bad = data.findIndex((value, place) => {
      const right = expected.values[i].data[place];
      return isFloat(dtype)
        ? !agrees(value, right, dtype, () => expected.uncertainty(i, place))
        : value !== right;
    });
    if (bad < 0) continue;
    return `${inputsText(shape, bad, call.feeds)}: compiled ${data[bad]}, reference ${expected.values[i].data[bad]}`;
  }
  return undefined;
}

export function agreesAtSpecialValues(each: RuleCase): string | undefined {
  return firstOf(specialCalls(each), (call) => brokenOn(each, call));
}

/** The gradients, and theirs in turn, of the sum of `outputs` with weights; undefined where there are none. */
function derivatives(
  outputs: readonly Variable[],
  inputs: readonly Variable[],
): { first: Variable[]; second: Variable[] } | undefined {
  const random = uniform(11);
  const weigh = (variables: readonly Variable[]): Variable =>
    variables
      .map((v) => sum(mul(constant(drawWeights(v.shape, v.dtype, random)), v)))
      .reduce((a, b) => add(a, b));
  const targets = inputs.filter(({ dtype }) => isFloat(dtype));
  const results = outputs.filter(({ dtype }) => isFloat(dtype));
  if (targets.length === 0 || results.length === 0) return undefined;
  return withRewriting('none', () => {
    const first = gradients(weigh(results), targets, { disconnected: 'zero' });
    return { first, second: gradients(weigh(first), targets, { disconnected: 'zero' }) };
  });
}

interface BothDerivatives {
  readonly left: NonNullable<ReturnType<typeof derivatives>>;
  readonly right: NonNullable<ReturnType<typeof derivatives>>;
}

const known = new WeakMap<readonly Variable[], BothDerivatives | 'none'>();

/** {@link derivatives} of both sides, made once for each graph; undefined where the left side has none. */
function bothDerivatives(each: RuleCase, { inputs, outputs }: RuleCall): BothDerivatives | undefined {
  const found = known.get(outputs) ?? derivativesOfSides(each.rule, outputs, inputs) ?? 'none';
  known.set(outputs, found);
  return found === 'none' ? undefined : found;
}

function derivativesOfSides(
  rule: Rule,
  outputs: readonly Variable[],
  inputs: readonly Variable[],
): BothDerivatives | undefined {
  let left: ReturnType<typeof derivatives>;
  try {
    left = derivatives(outputs, inputs);
  } catch (error) {
    if (error instanceof UndefinedGradientError) return undefined;
    throw error;
  }
  return left && { left, right: derivatives(rewritten(rule, outputs), inputs)! };
}

const ORDERS = ['first', 'second'] as const;

/** Derivatives in float64 on draws, up to rounding relative to the largest. */
export function differentiatesAlike(each: RuleCase): string | undefined {
  if (each.dtype !== 'float64') return undefined;
  return firstOf(rounds(each), (call) => {
    const both = bothDerivatives(each, call);
    if (both === undefined) return undefined;
    const outside = outsideDomain(call);
    return firstOf(ORDERS, (order) => {
      const expected = runReference(both.left[order], call.feeds);
      const found = runReference(both.right[order], call.feeds);
      const scale = Math.max(
        1e-3,
        ...expected.map(({ data }) => largest(Array.from(data).filter(Number.isFinite))),
      );
      return firstOf([...expected.entries()], ([i, { data, shape }]) => {
        const bad = data.findIndex((value, place) => {
          if (outside(shape, place) || !Number.isFinite(value)) return false;
          return !(Math.abs(value - found[i].data[place]) <= 1e-10 * scale);
        });
        if (bad < 0) return undefined;
        const where = `${order} derivative, input ${i}, ${inputsText(shape, bad, call.feeds)}`;
        return `${where}: left ${data[bad]}, right ${found[i].data[bad]}`;
      });
    });
  });
}

/** Where the left side has a derivative at a special value, the right has the same: conventions at kinks among them. */
export function differentiatesAlikeAtSpecialValues(each: RuleCase): string | undefined {
  if (each.dtype !== 'float32') return undefined;
  return firstOf(specialCalls(each, 'plain'), (call) => {
    const both = bothDerivatives(each, call);
    const wide = inDouble(each, call);
    const real = wide && bothDerivatives(each, wide);
    if (both === undefined || wide === undefined || real === undefined) return undefined;
    const outside = outsideDomain(call);
    return firstOf(ORDERS, (order) => {
      const left = measure(both.left[order], call.feeds);
      const right = runReference(both.right[order], call.feeds);
      const truth = runReference(real.left[order], wide.feeds);
      return firstOf([...left.values.entries()], ([i, { data, shape }]) => {
        const bad = data.findIndex((value, place) => {
          const [found, exact] = [right[i].data[place], truth[i].data[place]];
          if (!Number.isFinite(value) || !Number.isFinite(exact)) return false;
          // A convention is a matter of whole numbers and halves; digits in the tails are those of the values.
          if (Math.abs(found - exact) <= 1e-5 * Math.max(1, Math.abs(exact))) return false;
          if (agrees(found, value, 'float32', () => left.uncertainty(i, place))) return false;
          return !(Math.abs(found - exact) <= 2 * Math.abs(value - exact)) && !outside(shape, place);
        });
        if (bad < 0) return undefined;
        const where = `${order} derivative, input ${i}, ${inputsText(shape, bad, call.feeds)}`;
        return `${where}: left ${data[bad]}, right ${right[i].data[bad]}, in float64 ${truth[i].data[bad]}`;
      });
    });
  });
}

/** Where a formula's value is NaN, the derivatives that its rules still give have no meaning. */
function outsideDomain({ outputs, feeds }: RuleCall): (shape: Shape, place: number) => boolean {
  const values = runReference(outputs, feeds);
  const local = isElementwise(outputs);
  return (shape, place) =>
    values.some(({ data, shape: own }) =>
      local && own.join() === shape.join() ? Number.isNaN(data[place]) : data.some(Number.isNaN),
    );
}

/**
 * The measured cost does not rise, operands being of one shape: where some are smaller, what moves outwards (a sign, say) is
 * done to more elements, in the loop in which they are made anyhow.
 */
export function costsNoMore(each: RuleCase): string | undefined {
  const { inputs, outputs } = drawCase(each);
  if (inputs.some(({ shape }) => shape.join() !== inputs[0].shape.join())) return undefined;
  const [before, after] = [operationCount(outputs), operationCount(rewritten(each.rule, outputs))];
  return after <= before ? undefined : `the right side takes ${after} scalar operations, the left ${before}`;
}
