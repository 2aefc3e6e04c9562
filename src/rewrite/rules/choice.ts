/** Choices between two values, and what is done to them. */
import { apply, scalar, type Variable } from '../../graph/index.ts';
import { asksForPlace } from '../../operations/formula.ts';
import { real, registry, truth } from '../../operations/index.ts';
import { uniformValue } from '../../operations/uniform.ts';
import { madeBy, operationOf } from '../axes.ts';
import { isOrdinary } from '../literals.ts';
import { type Place, type Rule, type RuleExample, rule } from '../rule.ts';
import { type Applied, type Bindings, number, type Term, terms, unknown } from '../term.ts';
import { elementwiseExamples } from './examples.ts';

const { where, logicalNot: not, add, sub, mul, neg } = terms;
const c = unknown('c');
const x = unknown('x');
const y = unknown('y');
const z = unknown('z');
const a = number('a');
const b = number('b');
const of = registry;
const any = { class: 'exact', dtypes: 'any' } as const;
const numeric = { class: 'exact', dtypes: 'number' } as const;

/** Of a condition and up to two values. */
const choosing = (call: (c: Variable, x: Variable, y: Variable) => Variable): RuleExample[] =>
  elementwiseExamples(call, truth, real(-3, 3), real(-3, 3));

/** Of truth values. */
const judging = (call: (c: Variable, d: Variable) => Variable): RuleExample[] =>
  elementwiseExamples(call, truth, truth);

const choices = (): readonly Rule[] => [
  rule({
    name: 'choice that is made',
    ...any,
    pattern: where(1, x, y),
    replacement: x,
    examples: choosing((_, x, y) => of.where(true, x, y)),
  }),
  rule({
    name: 'choice that is made against',
    ...any,
    pattern: where(0, x, y),
    replacement: y,
    examples: choosing((_, x, y) => of.where(false, x, y)),
  }),
  rule({
    name: 'choice between the same',
    ...any,
    pattern: where(c, x, x),
    replacement: x,
    examples: choosing((c, x) => of.where(c, x, x)),
  }),
  rule({
    name: 'choice by a denial',
    ...any,
    pattern: where(not(c), x, y),
    replacement: where(c, y, x),
    examples: choosing((c, x, y) => of.where(of.logicalNot(c), x, y)),
  }),
  rule({
    name: 'choice within a choice made',
    ...any,
    pattern: where(c, where(c, x, y), z),
    replacement: where(c, x, z),
    examples: choosing((c, x, y) => of.where(c, of.where(c, x, y), y)),
  }),
  rule({
    name: 'choice within a choice made against',
    ...any,
    pattern: where(c, x, where(c, y, z)),
    replacement: where(c, x, z),
    examples: choosing((c, x, y) => of.where(c, x, of.where(c, x, y))),
  }),
  rule({
    name: 'choice of truth',
    ...any,
    pattern: where(c, 1, 0),
    where: (_, place) => isTruth(place),
    replacement: c,
    examples: judging((c) => of.where(c, true, false)),
  }),
  rule({
    name: 'choice of untruth',
    ...any,
    pattern: where(c, 0, 1),
    where: (_, place) => isTruth(place),
    replacement: not(c),
    examples: judging((c) => of.where(c, false, true)),
  }),
];

function isTruth({ application: { outputs } }: Place): boolean {
  return outputs[0].dtype === 'bool';
}

const castOperation = operationOf('cast');
const whereOperation = operationOf('where');

/** An application of the operation of `place` to other inputs. */
const again = ({ application: { operation, attributes } }: Place, inputs: readonly Variable[]): Variable =>
  apply(operation, inputs, attributes);

/** What was converted from a truth value, in a comparison with a known number. */
function comparedTruth(place: Place): Variable | undefined {
  const { inputs, outputs } = place.application;
  if (place.application.operation.opaque === true || asksForPlace(place.application)) return undefined;
  if (outputs[0].dtype !== 'bool' || inputs.length !== 2) return undefined;
  const at = inputs.findIndex((each) => madeBy(each, castOperation)?.inputs[0].dtype === 'bool');
  if (at < 0 || uniformValue(inputs[1 - at]) === undefined) return undefined;
  const [condition] = madeBy(inputs[at], castOperation)?.inputs ?? [];
  const when = (value: number): Variable => again(place, inputs.with(at, scalar(value, inputs[at].dtype)));
  return of.where(condition, when(1), when(0));
}

/** An operation on choices by one condition, and on numbers, where both choices are between numbers. */
function chosenNumbers(place: Place): Variable | undefined {
  const { operation, inputs } = place.application;
  if (operation === whereOperation || operation.opaque === true || asksForPlace(place.application))
    return undefined;
  const made = inputs.map((each) => madeBy(each, whereOperation));
  const conditions = new Set(made.flatMap((each) => (each === undefined ? [] : [each.inputs[0]])));
  if (conditions.size !== 1) return undefined;
  const branches = ([1, 2] as const).map((position) =>
    inputs.map((each, i) => made[i]?.inputs[position] ?? each),
  );
  if (branches.flat().some((each) => uniformValue(each) === undefined)) return undefined;
  const [condition] = conditions;
  const [first, second] = branches.map((values) => again(place, values));
  return apply(whereOperation, [condition, first, second], {});
}

/** Of choices by one condition, of which one side is known: the sum is the choice of a sum. */
const sums = (): readonly Rule[] =>
  (
    [
      ['sum', add, of.add, (a: number, b: number) => a + b],
      ['difference', sub, of.sub, (a: number, b: number) => a - b],
    ] as const
  ).flatMap(([name, combine, call, joint]) => {
    const known = number(({ numbers: { a, b } }) => joint(a, b));
    return [
      rule({
        ...numeric,
        name: `${name} of choices for`,
        pattern: combine(where(c, x, a), where(c, y, b)),
        replacement: where(c, combine(x, y), known),
        examples: choosing((c, x, y) => call(of.where(c, x, 0), of.where(c, y, 1))),
      }),
      rule({
        ...numeric,
        name: `${name} of choices against`,
        pattern: combine(where(c, a, x), where(c, b, y)),
        replacement: where(c, known, combine(x, y)),
        examples: choosing((c, x, y) => call(of.where(c, 2, x), of.where(c, 0, y))),
      }),
    ];
  });

/** A number times a choice between a multiple of x and 0. */
function scaledChoice(name: string, chosen: (multiple: Term) => Applied, example: RuleExample[]): Rule {
  const joint = ({ numbers: { a, b } }: Bindings): number => a * b;
  return rule({
    name,
    class: 'removesSingularity',
    pattern: mul(a, chosen(mul(b, x))),
    where: (found) => isOrdinary(joint(found), found.variables.x.dtype),
    replacement: chosen(mul(number(joint), x)),
    examples: example,
  });
}

const movedInward = (): readonly Rule[] => [
  rule({
    ...any,
    name: 'comparison of a truth value with a number',
    on: 'elementwise',
    replacement: (_, place) => comparedTruth(place),
    says: 'greater(cast(c), 0) -> c, and other comparisons with numbers',
    examples: [
      ...judging((c) => of.greater(of.cast(c, 'float32'), 0)),
      ...judging((c) => of.equal(of.cast(c, 'int32'), 0)),
      ...judging((c) => of.lessEqual(of.cast(c, 'float64'), 1)),
    ],
  }),
  rule({
    ...any,
    name: 'operation on a choice of numbers',
    on: 'elementwise',
    replacement: (_, place) => chosenNumbers(place),
    says: 'f(where(c, 1, 2)) -> where(c, f(1), f(2))',
    examples: [
      ...choosing((c) => of.exp(of.where(c, 1, 2))),
      ...choosing((c) => of.div(of.where(c, 1, 2), of.where(c, 3, 5))),
      ...choosing((c) => of.less(of.where(c, 1, 2), 1.5)),
    ],
  }),
  ...sums(),
  rule({
    ...numeric,
    name: 'sum of either and or',
    pattern: add(where(c, x, 0), where(c, 0, y)),
    replacement: where(c, x, y),
    examples: choosing((c, x, y) => of.add(of.where(c, 0, x), of.where(c, y, 0))),
  }),
  rule({
    ...numeric,
    name: 'difference of either and or',
    pattern: sub(where(c, x, 0), where(c, 0, y)),
    replacement: where(c, x, neg(y)),
    examples: choosing((c, x, y) => of.sub(of.where(c, x, 0), of.where(c, 0, y))),
  }),
  rule({
    ...numeric,
    name: 'difference of or and either',
    pattern: sub(where(c, 0, x), where(c, y, 0)),
    replacement: where(c, neg(y), x),
    examples: choosing((c, x, y) => of.sub(of.where(c, 0, x), of.where(c, y, 0))),
  }),
  scaledChoice(
    'number times a choice of a multiple',
    (multiple) => where(c, multiple, 0),
    choosing((c, x) => of.mul(3, of.where(c, of.mul(5, x), 0))),
  ),
  scaledChoice(
    'number times a choice against a multiple',
    (multiple) => where(c, 0, multiple),
    choosing((c, x) => of.mul(3, of.where(c, 0, of.mul(5, x)))),
  ),
];

export const choiceRules = (): readonly Rule[] => [...choices(), ...movedInward()];
