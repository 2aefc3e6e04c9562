/**
 * Forward-mode accumulation (R17), symbol to symbol: tangents travel with the values, from inputs to outputs.
 *
 * Few operations state a rule. The Jacobian of an elementwise operation is diagonal, hence its own transpose: bprop
 * serves both ways. A linear operation is its own derivative. For the rest the rule can be derived by transposing
 * bprop, which is linear in the gradient that comes in (Radul et al., "You Only Linearize Once", 2023).
 */
import {
  type Application,
  applyOperation,
  DTypeError,
  disconnected,
  type Gradient,
  isFloat,
  prune,
  Variable,
  withSite,
  zero,
} from '../graph/index.ts';
import { add } from '../operations/arithmetic.ts';
import { broadcastTo, sum, sumTo } from '../operations/broadcasting.ts';
import { mul } from '../operations/elementwise.ts';
import { full } from '../operations/generators.ts';
import { identity } from '../operations/identity.ts';
import { buildGradients, isWhole } from './backprop.ts';

/**
 * The tangents of everything on the way from the keys of `seeds` to `outputs`: what is known of dV for dx = seed.
 * What is not in the table does not move.
 */
export function pushForward(
  outputs: readonly Variable[],
  seeds: ReadonlyMap<Variable, Variable>,
): Map<Variable, Gradient> {
  const table = new Map<Variable, Gradient>(seeds);
  for (const application of prune(outputs, [...seeds.keys()]).applications) {
    withSite(application.site, () => {
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
  const moves = tangents.some((each) => each !== undefined);
  const made = moves ? ruleOf(application, tangents) : outputs.map(() => zero);
  return outputs.map((output, i) => {
    const tangent = blocked[i] ?? (isFloat(output.dtype) ? made[i] : zero);
    if (!(tangent instanceof Variable)) return tangent;
    const whole = broadcastTo(tangent, output.shape);
    if (whole.dtype !== output.dtype) {
      throw new DTypeError(
        `${operation.name}: its jvp gives ${tangent.type} for an output of type ${output.type}`,
      );
    }
    return whole;
  });
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
    const gradients = outputs.map((each) =>
      each === output ? full(each.shape, 1, each.dtype) : disconnected,
    );
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
  return operation.computation.kind === 'elementwise'
    ? [diagonal(application, tangents)]
    : transposed(application, tangents);
}

/** Elementwise: bprop multiplies by the diagonal of the Jacobian, and so does its transpose. */
function diagonal(
  { operation, inputs, outputs, attributes }: Application,
  tangents: readonly (Variable | undefined)[],
): Gradient {
  let total: Gradient = zero;
  tangents.forEach((g, index) => {
    if (g === undefined) return;
    const term = operation.bprop({ inputs, outputs, attributes, index, g, gradients: [g] });
    if (term instanceof Variable) total = total instanceof Variable ? add(total, term) : term;
    else if (term.gradient === 'undefined') total = term;
  });
  return total;
}

/** J t as the gradient of <J^T u, t> with respect to u, on which it does not depend. */
function transposed(
  { operation, inputs, outputs, attributes }: Application,
  tangents: readonly (Variable | undefined)[],
): Gradient[] {
  const cotangents = outputs.map((each) => identity(full(each.shape, 0, each.dtype)));
  const gradients = outputs.map((each, i) => (isFloat(each.dtype) ? cotangents[i] : disconnected));
  const products: Variable[] = [];
  tangents.forEach((tangent, index) => {
    if (tangent === undefined) return;
    const back = operation.bprop({ inputs, outputs, attributes, index, g: cotangents[0], gradients });
    if (back instanceof Variable) products.push(sum(mul(sumTo(back, inputs[index].shape), tangent)));
  });
  const seeds = products.map((each) => full(each.shape, 1, each.dtype));
  const table = buildGradients(products, cotangents, seeds);
  return cotangents.map((each) => table.get(each) ?? zero);
}
