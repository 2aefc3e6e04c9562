/**
 * Forward-mode accumulation, symbol to symbol: tangents travel with the values, from inputs to outputs.
 *
 * Few operations state a rule. The Jacobian of an elementwise operation is diagonal, hence its own transpose: bprop
 * serves both ways. A linear operation is its own derivative. For the rest the rule can be derived by transposing
 * bprop, which is linear in the gradient that comes in (Radul et al., "You Only Linearize Once", 2023).
 */
import {
  type Application,
  applyOperation,
  at,
  DTypeError,
  disconnected,
  type Gradient,
  isFloat,
  prune,
  ShapeError,
  sameShape,
  undefinedGradient,
  Variable,
  withRule,
  zero,
} from '../graph/index.ts';
import { broadcastTo, sum, sumTo } from '../operations/broadcasting.ts';
import { mul } from '../operations/elementwise.ts';
import { full } from '../operations/generators.ts';
import { identity } from '../operations/identity.ts';
import { accumulate, buildGradients, isWhole } from './backprop.ts';

/**
 * The tangents of everything on the way from the keys of `seeds` to `outputs`: what is known of dV for dx = seed.
 * What is not in the table does not move.
 */
export function pushForward(
  outputs: readonly Variable[],
  seeds: ReadonlyMap<Variable, Gradient>,
): Map<Variable, Gradient> {
  // Integers have no tangent space: nothing moves them.
  const table = new Map<Variable, Gradient>(
    [...seeds].filter(([{ dtype }, seed]) => isFloat(dtype) || !(seed instanceof Variable)),
  );
  for (const application of prune(outputs, [...table.keys()]).applications) {
    withRule(application.site, application.operation.name, () => {
      const tangents = tangentsOf(application, table);
      application.outputs.forEach((output, i) => {
        // A seed stands for all that moves its variable.
        if (!seeds.has(output)) table.set(output, tangents[i]);
      });
    });
  }
  return table;
}

/** One tangent for each output. */
function tangentsOf(application: Application, table: ReadonlyMap<Variable, Gradient>): readonly Gradient[] {
  const { operation, inputs, outputs } = application;
  const incoming = inputs.map((input) => table.get(input) ?? disconnected);
  const blocked = outputs.map((output) => undefinedTangent(application, output, incoming));
  const tangents = incoming.map((each) => (each instanceof Variable ? each : undefined));
  const follows = outputs.some((output, i) => isFloat(output.dtype) && blocked[i] === undefined);
  const made = follows && tangents.some((each) => each !== undefined) ? ruleOf(application, tangents) : [];
  return outputs.map((output, i) => {
    const tangent = blocked[i] ?? (isFloat(output.dtype) ? made[i] : undefined) ?? zero;
    return tangent instanceof Variable ? fitted(operation.name, tangent, output) : tangent;
  });
}

/** A tangent in the shape of its output. @throws ShapeError or DTypeError where the rule made something else */
function fitted(name: string, tangent: Variable, output: Variable): Variable {
  const lead = output.rank - tangent.rank;
  const fits = tangent.shape.every((extent, axis) => extent === 1 || extent === output.shape[lead + axis]);
  if (fits && lead >= 0 && tangent.dtype === output.dtype) return broadcastTo(tangent, output.shape);
  throw new (tangent.dtype === output.dtype ? ShapeError : DTypeError)(
    `${name}: its jvp gives ${tangent.type} for an output of type ${output.type}${at()}`,
  );
}

/** Why `output` has no tangent, if it has none: what bprop calls undefined backwards is undefined forwards. */
function undefinedTangent(
  { operation, inputs, outputs, attributes }: Application,
  output: Variable,
  incoming: readonly Gradient[],
): Gradient | undefined {
  for (let index = 0; index < inputs.length; index++) {
    const tangent = incoming[index];
    const moves = tangent instanceof Variable;
    // A float that moves a float is the rule's business; what does not move at all is nobody's.
    if (moves ? isFloat(output.dtype) : tangent.gradient !== 'undefined') continue;
    if (!moves && isWhole(inputs[index]) && isWhole(output)) return tangent;
    // As it comes backwards: an integer gets no gradient but the word that it has none.
    const own = isFloat(output.dtype)
      ? full(output.shape, 1, output.dtype)
      : undefinedGradient(`${output.toString()} is ${output.dtype}, which has no tangent space`);
    const gradients = outputs.map((each) => (each === output ? own : disconnected));
    const g = full(outputs[0].shape, 1, outputs[0].dtype);
    const answer = operation.bprop({ inputs, outputs, attributes, index, g, gradients });
    if (answer instanceof Variable ? !moves : answer.gradient === 'undefined')
      return moves ? answer : tangent;
  }
  return undefined;
}

function ruleOf(application: Application, tangents: readonly (Variable | undefined)[]): readonly Gradient[] {
  const { operation, inputs, outputs, attributes } = application;
  if (operation.jvp !== undefined) return operation.jvp({ inputs, outputs, attributes, tangents });
  if (operation.linear === true) {
    const moved = inputs.map((input, i) =>
      isFloat(input.dtype) ? (tangents[i] ?? full(input.shape, 0, input.dtype)) : input,
    );
    return applyOperation(operation, moved, attributes);
  }
  const diagonal =
    operation.computation.kind === 'elementwise' ? byDiagonal(application, tangents) : undefined;
  return diagonal === undefined
    ? outputs.map((output) => byTransposition(application, tangents, output))
    : [diagonal];
}

/**
 * Elementwise: bprop multiplies by the diagonal of the Jacobian, and so does its transpose. undefined where that does not
 * serve: where bprop changes the dtype, or sums over axes that were broadcast.
 */
function byDiagonal(
  { operation, inputs, outputs, attributes }: Application,
  tangents: readonly (Variable | undefined)[],
): Gradient | undefined {
  const [output] = outputs;
  let total: Gradient = zero;
  for (let index = 0; index < inputs.length; index++) {
    const tangent = tangents[index];
    if (tangent === undefined) continue;
    if (tangent.dtype !== output.dtype) return undefined;
    const g = broadcastTo(tangent, output.shape);
    const term = operation.bprop({ inputs, outputs, attributes, index, g, gradients: [g] });
    if (term instanceof Variable && !sameShape(term.shape, output.shape)) return undefined;
    total = accumulate(total, term);
  }
  return total;
}

/** One output's part of J t, as the gradient of <J^T u, t> with respect to u, on which it does not depend. */
function byTransposition(
  { operation, inputs, outputs, attributes }: Application,
  tangents: readonly (Variable | undefined)[],
  output: Variable,
): Gradient {
  if (!isFloat(output.dtype)) return zero;
  const u = identity(full(output.shape, 0, output.dtype));
  const gradients = outputs.map((each) => (each === output ? u : disconnected));
  const g = output === outputs[0] ? u : full(outputs[0].shape, 0, outputs[0].dtype);
  const products: Variable[] = [];
  for (let index = 0; index < inputs.length; index++) {
    const tangent = tangents[index];
    if (tangent === undefined) continue;
    const back = operation.bprop({ inputs, outputs, attributes, index, g, gradients });
    if (back instanceof Variable) products.push(sum(mul(sumTo(back, inputs[index].shape), tangent)));
    else if (back.gradient === 'undefined') return back;
  }
  const seeds = products.map((each) => full(each.shape, 1, each.dtype));
  return buildGradients(products, [u], seeds).get(u) ?? zero;
}
