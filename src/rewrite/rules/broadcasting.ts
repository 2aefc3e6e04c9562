/**
 * Broadcasts: none where the operands imply it, one in the place of several, and as late as possible, since what is
 * computed before it is computed once. In a compiled loop a broadcast is a stride of 0 and costs nothing by itself.
 */
import {
  type Application,
  apply,
  broadcastShapes,
  getOperation,
  sameShape,
  scalar,
  sizeOf,
  type Variable,
} from '../../graph/index.ts';
import { asksForPlace } from '../../operations/formula.ts';
import { registry } from '../../operations/index.ts';
import { uniformValue } from '../../operations/uniform.ts';
import { addsLeadingOnes, beneathBroadcasts, beneathOneBroadcast, operationOf } from '../axes.ts';
import { rule } from '../rule.ts';
import { attributes, terms, unknown } from '../term.ts';
import { counted, exampleOf } from './examples.ts';

const { add, broadcastTo, exp, flip, logicalNot, mul, neg, reshape, transpose, where } = registry;
const x = unknown('x');
const common = { class: 'exact', dtypes: 'any' } as const;

/** The operands without broadcasts that the others imply. */
function withoutImplied({ operation, inputs, outputs: [y] }: Application): readonly Variable[] | undefined {
  const operands = [...inputs];
  let changed = false;
  for (let i = 0; i < operands.length; i++) {
    const implies = (operand: Variable): boolean => {
      const shapes = operands.map((each, j) => (j === i ? operand : each).shape);
      return sameShape(broadcastShapes(operation.name, ...shapes), y.shape);
    };
    for (
      let smaller = beneathOneBroadcast(operands[i]);
      smaller !== undefined && implies(smaller);
      smaller = beneathOneBroadcast(smaller)
    ) {
      operands[i] = smaller;
      changed = true;
    }
  }
  return changed ? operands : undefined;
}

const keepsApart = ['identity', 'stopGradient'].map((name) => operationOf(name as 'identity'));

/** The scalar constant of which a variable is made, if it is one number everywhere. */
function constantOf(variable: Variable): Variable | undefined {
  if (uniformValue(variable) === undefined) return undefined;
  let v = variable;
  for (let made = getOperation(v); made !== undefined; made = getOperation(v)) v = made.inputs[0];
  return v;
}

export const broadcastingRules = () => [
  rule({
    name: 'view of one number everywhere',
    ...common,
    on: 'view',
    says: 'view(broadcastTo(c, shape)) -> broadcastTo(c, shape of the view), for a number c',
    replacement: (_, { application: { operation, inputs, outputs } }) => {
      const value = inputs.length === 1 ? constantOf(inputs[0]) : undefined;
      if (value === undefined || keepsApart.includes(operation) || operation.opaque === true)
        return undefined;
      const settled = operation === operationOf('broadcastTo') && inputs[0] === value;
      return settled ? undefined : broadcastTo(value, outputs[0].shape);
    },
    examples: (['float32', 'int32', 'bool'] as const).flatMap((dtype) => {
      const ones = (): Variable => broadcastTo(scalar(1, dtype), [2, 3]);
      return [
        { inputs: [], call: () => reshape(ones(), [3, 2]) },
        { inputs: [], call: () => transpose(ones()) },
        { inputs: [], call: () => flip(ones(), 1) },
      ];
    }),
  }),
  rule({
    name: 'broadcast to its own shape',
    ...common,
    pattern: terms.broadcastTo(x, attributes('to')),
    where: ({ variables: { x }, attributes: { to } }) => sameShape(x.shape, to.shape),
    replacement: x,
    examples: [exampleOf([[2, 3]], (v) => apply(operationOf('broadcastTo'), [v], { shape: [2, 3] }))],
  }),
  rule({
    name: 'broadcast of a broadcast',
    ...common,
    pattern: terms.broadcastTo(terms.broadcastTo(x, attributes('inner')), attributes('to')),
    replacement: terms.broadcastTo(x, attributes('to')),
    examples: [
      exampleOf([[3]], (v) => broadcastTo(broadcastTo(v, [2, 3]), [4, 2, 3])),
      exampleOf([[2, 1]], (v) => broadcastTo(broadcastTo(v, [1, 2, 3]), [5, 2, 3])),
    ],
  }),
  rule({
    name: 'broadcast behind leading ones',
    ...common,
    pattern: terms.broadcastTo(terms.reshape(x, attributes('inner')), attributes('to')),
    where: ({ variables: { x }, attributes: { inner } }) => addsLeadingOnes(x.shape, inner.shape),
    replacement: terms.broadcastTo(x, attributes('to')),
    examples: [exampleOf([[3]], (v) => broadcastTo(reshape(v, [1, 1, 3]), [4, 2, 3]))],
  }),
  rule({
    name: 'implied broadcast',
    ...common,
    on: 'elementwise',
    says: 'f(broadcastTo(x, shape), y) -> f(x, y), where y has that shape',
    replacement: (_, { application }) => {
      const operands = withoutImplied(application);
      return operands && apply(application.operation, operands, application.attributes);
    },
    examples: [
      exampleOf([[3], [2, 3]], (a, b) => mul(broadcastTo(a, [2, 3]), b)),
      exampleOf([[3], [2, 3]], (a, b) => add(counted(b), reshape(counted(a), [1, 3]))),
      exampleOf([[3], [2, 1]], (a, b) => add(broadcastTo(a, [2, 3]), broadcastTo(b, [2, 3]))),
      exampleOf([[3], [2, 1], [2, 3]], (a, b, c) => where(broadcastTo(a, [2, 3]), broadcastTo(b, [2, 3]), c)),
    ],
  }),
  rule({
    name: 'computed before it is broadcast',
    ...common,
    on: 'elementwise',
    says: 'f(broadcastTo(x, shape), broadcastTo(y, shape)) -> broadcastTo(f(x, y), shape)',
    replacement: (_, { application }) => {
      const { operation, inputs, attributes, outputs } = application;
      const operands = inputs.map(beneathBroadcasts);
      if (operation.opaque === true || operands.every((each, i) => each === inputs[i])) return undefined;
      const common = broadcastShapes(operation.name, ...operands.map(({ shape }) => shape));
      if (sizeOf(common) >= sizeOf(outputs[0].shape) || asksForPlace(application)) return undefined;
      return broadcastTo(apply(operation, operands, attributes), outputs[0].shape);
    },
    examples: [
      exampleOf([[3]], (a) => neg(broadcastTo(a, [2, 3]))),
      exampleOf([[2, 1]], (a) => exp(broadcastTo(a, [2, 3]))),
      exampleOf([[3], [3]], (a, b) => mul(broadcastTo(a, [2, 3]), broadcastTo(b, [2, 3]))),
      exampleOf([[2, 1]], (a) => logicalNot(broadcastTo(a, [2, 3]))),
    ],
  }),
];
