/** Graphs in which a rewriting rule fires: the examples that it states, or some made from its pattern. */
import {
  ancestors,
  type DType,
  DTypeError,
  isFloat,
  type Operation,
  type Shape,
  Tensor,
  type TensorLike,
  type Variable,
} from '../../src/graph/index.ts';
import { type Declaration, real, registry } from '../../src/operations/index.ts';
import { rewrite } from '../../src/rewrite/rewriter.ts';
import { isFor, type Rule, type RuleExample } from '../../src/rewrite/rule.ts';
import {
  collectingRules,
  dataRules,
  finalRules,
  generalRules,
  ruleFamilies,
} from '../../src/rewrite/rules/index.ts';
import { RuleTable } from '../../src/rewrite/ruleTable.ts';
import type { Applied, Term } from '../../src/rewrite/term.ts';
import type { RewriteStep } from '../../src/rewrite/trace.ts';
import { build } from './build.ts';
import { drawInputs } from './draw.ts';
import { seedOf } from './random.ts';

/** Every rule, by the part of the documentation in which it stands. */
export const allFamilies: Readonly<Record<string, readonly Rule[]>> = {
  ...ruleFamilies(),
  'constant tensors': dataRules(),
  'like terms': collectingRules(),
  'before compiling': finalRules(),
};

/** The unknowns of a term in the order in which they are met; undefined if it has known numbers or named attributes. */
function unknownsOf(term: Term): string[] | undefined {
  if (term.kind === 'number') return [];
  if (term.kind === 'unknown') return term.known ? undefined : [term.name];
  if (term.attributes !== undefined) return undefined;
  const names: string[] = [];
  for (const operand of term.operands) {
    const found = unknownsOf(operand);
    if (found === undefined) return undefined;
    names.push(...found.filter((each) => !names.includes(each)));
  }
  return names;
}

/** Shapes for the unknowns of a pattern: all alike; then some that only broadcasting joins. */
const SHAPES: readonly ((place: number) => Shape)[] = [() => [3, 4], (place) => [[3, 1], [4], []][place % 3]];

type Call = (...operands: TensorLike[]) => Variable;

/** The public function of each operation, which converts its operands as the operation needs them. */
const calls = new Map<Operation, Call>(
  Object.values(registry).flatMap((each) => {
    const { operation } = (each as { readonly declaration: Declaration }).declaration;
    return operation === undefined ? [] : [[operation, each as Call] as const];
  }),
);

/** A pattern as a user would write it, of tensors in the place of its unknowns. */
function written({ operation, operands }: Applied, tensors: ReadonlyMap<string, Variable>): Variable {
  const given = operands.map((each): TensorLike => {
    if (each.kind === 'number') return each.value as number;
    return each.kind === 'unknown' ? tensors.get(each.name)! : written(each, tensors);
  });
  return calls.get(operation)!(...given);
}

/** The examples that a rule states, or else those of its pattern if that has plain unknowns only. */
export function examplesOf({ pattern, examples }: Rule): readonly RuleExample[] {
  if (examples.length > 0 || pattern === undefined) return examples;
  const names = unknownsOf(pattern);
  if (names === undefined) return [];
  return SHAPES.map((shapeOf) => ({
    inputs: names.map((_, i) => ({ shape: shapeOf(i), domain: real(-3, 3) })),
    call: (...inputs) => written(pattern, new Map(names.map((name, i) => [name, inputs[i]]))),
  }));
}

const DTYPES: Record<Rule['dtypes'], readonly DType[]> = {
  float: ['float32', 'float64'],
  integer: ['int32', 'uint8'],
  number: ['float32', 'float64', 'int32', 'uint8'],
  any: ['float32', 'float64', 'int32', 'uint8', 'bool'],
};

/** An example in one of the dtypes that its rule is for. */
export interface RuleCase {
  readonly rule: Rule;
  readonly example: RuleExample;
  readonly dtype: DType;
  readonly label: string;
  readonly seed: number;
}

/** A case as a graph with numbers for its inputs. */
export interface RuleCall {
  readonly inputs: readonly Variable[];
  readonly outputs: readonly Variable[];
  readonly feeds: Map<Variable, Tensor>;
}

/** The examples of a rule in all its dtypes, but those that an example's operations refuse or convert. */
export function casesOf(rule: Rule): RuleCase[] {
  return examplesOf(rule).flatMap((example, i) => {
    const open = example.inputs.some(({ domain }) => (domain.dtype ?? 'float') === 'float');
    const seen = new Set<string>();
    return DTYPES[rule.dtypes].flatMap((dtype) => {
      const shapes = example.inputs.map(({ shape }) => `[${shape.join(', ')}]`).join(' and ');
      const label = `example ${i}, ${shapes}, in ${dtype}`;
      const made: RuleCase = { rule, example, dtype, label, seed: seedOf(`${rule.name} ${i}`) };
      const call = unlessRefused(() => drawCase(made));
      if (call === undefined || !isFor(rule, call.outputs[0].dtype)) return [];
      const converted = ![dtype, 'bool'].includes(call.outputs[0].dtype);
      if (open && !isFloat(dtype) && converted && !fires(rule, call.outputs)) return [];
      // Inputs of a dtype of their own are the same in every round.
      const types = [...call.inputs, ...call.outputs].map(({ type }) => type).join();
      if (seen.has(types)) return [];
      seen.add(types);
      return [made];
    });
  });
}

/** Whether a rule does something among its companions to the graph of `outputs`. */
function fires(rule: Rule, outputs: readonly Variable[]): boolean {
  const trace: RewriteStep[] = [];
  rewritten(rule, outputs, trace);
  return trace.some(({ rule: name }) => name === rule.name);
}

function unlessRefused<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch (error) {
    if (error instanceof DTypeError) return undefined;
    throw error;
  }
}

/** What `make` makes of an object, made once. */
export function memoized<K extends object, V>(make: (key: K) => V): (key: K) => V {
  const made = new WeakMap<K, { readonly value: V }>();
  return (key) => {
    const entry = made.get(key) ?? { value: make(key) };
    made.set(key, entry);
    return entry.value;
  };
}

const graphOfCase = memoized(({ example, dtype, seed }: RuleCase) =>
  callOn(example, drawInputs(example, dtype, seed)),
);

/** A case with inputs drawn from its domains: one graph, other numbers in each round. */
export function drawCase(each: RuleCase, round = 0): RuleCall {
  return fedWith(graphOfCase(each), drawInputs(each.example, each.dtype, each.seed + round));
}

/** The same graph with other numbers for its inputs. */
export function fedWith(call: RuleCall, tensors: readonly Tensor[]): RuleCall {
  return { ...call, feeds: new Map(call.inputs.map((each, i) => [each, tensors[i]])) };
}

/** An example called on placeholders for `tensors`. */
export function callOn(example: RuleExample, tensors: readonly Tensor[]): RuleCall {
  return build(example, tensors);
}

/** The same call on the same numbers in float64, where nothing in it is of another floating-point dtype. */
export function inDouble({ example }: RuleCase, { inputs, outputs, feeds }: RuleCall): RuleCall | undefined {
  const tensors = inputs.map((each) => asDouble(feeds.get(each)!));
  const call = doubles.get(outputs) ?? callOn(example, tensors);
  doubles.set(outputs, call);
  const { applications } = ancestors(call.outputs);
  const single = applications.some(({ outputs }) => outputs.some(({ dtype }) => dtype === 'float32'));
  return single ? undefined : fedWith(call, tensors);
}

/** Graphs in float64, by the outputs of those in float32. */
const doubles = new WeakMap<readonly Variable[], RuleCall>();

function asDouble(tensor: Tensor): Tensor {
  if (!isFloat(tensor.dtype)) return tensor;
  return new Tensor(tensor.shape, 'float64', Float64Array.from(tensor.data));
}

/** The rules among which a rule lives. */
function companionsOf(rule: Rule): readonly Rule[] {
  if (generalRules().includes(rule)) return generalRules();
  if (dataRules().includes(rule)) return [...dataRules(), ...generalRules()];
  if (collectingRules().includes(rule)) return [...dataRules(), ...generalRules(), ...collectingRules()];
  return finalRules().includes(rule) ? [...finalRules(), ...generalRules()] : [rule];
}

/** What `rewritten` made, by the outputs that it was given; a rule has graphs of its own. */
const results = new WeakMap<readonly Variable[], Variable[]>();

/** The outputs of a case after the rule and its companions have done what they can. */
export function rewritten(rule: Rule, outputs: readonly Variable[], trace?: RewriteStep[]): Variable[] {
  const known = trace === undefined ? results.get(outputs) : undefined;
  if (known !== undefined) return known;
  const level = rule.class === 'fastMath' ? 'fastMath' : 'removesSingularity';
  const isLast = finalRules().includes(rule) && !generalRules().includes(rule);
  const result = rewrite(outputs, {
    rules: new RuleTable(companionsOf(rule), level),
    keepRegions: !isLast,
    derivativesSince: collectingRules().includes(rule) ? 0 : undefined,
    trace,
  });
  results.set(outputs, result);
  return result;
}
