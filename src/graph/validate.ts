/** A structural check of a graph: what must hold whoever built it. */
import { ChainruleError } from './errors.ts';
import { sameShape, sizeOf } from './shape.ts';
import { ancestors } from './traversal.ts';
import type { Application, Variable } from './variable.ts';

/**
 * Checks the graph that computes `outputs`: edges agree in both directions, every application's output types are
 * those its operation infers, inputs come before outputs (so there is no cycle), attributes are plain data.
 * @throws ChainruleError naming the first application that is wrong.
 */
export function validate(outputs: readonly Variable[]): void {
  const { applications, leaves } = ancestors(outputs);
  for (const leaf of leaves) {
    if (leaf.source.kind === 'constant' && leaf.source.tensor.data.length !== sizeOf(leaf.shape)) {
      throw new ChainruleError(
        `validate: ${leaf.toString()} holds ${leaf.source.tensor.data.length} elements`,
      );
    }
  }
  for (const application of applications) {
    const fail = (what: string): never => {
      throw new ChainruleError(`validate: ${describe(application)} ${what}`);
    };
    application.outputs.forEach((output, index) => {
      const { source } = output;
      if (source.kind !== 'output' || source.application !== application || source.index !== index) {
        fail(`does not own its output ${index}`);
      }
      if (application.inputs.some((input) => input.id >= output.id))
        fail('reads a variable younger than itself');
    });
    const types = application.operation.infer(application.inputs, application.attributes);
    if (types.length !== application.outputs.length)
      fail(`has ${application.outputs.length} outputs, not ${types.length}`);
    types.forEach(({ shape, dtype }, index) => {
      const output = application.outputs[index];
      if (!sameShape(shape, output.shape) || dtype !== output.dtype)
        fail(`has an output of type ${output.type}`);
    });
    if (!isPlainData(application.attributes)) {
      fail('carries attributes that are not plain data');
    }
  }
}

/** Numbers, strings, booleans, null, undefined, and arrays and plain objects of them. */
function isPlainData(value: unknown): boolean {
  if (value === null || ['number', 'string', 'boolean', 'undefined'].includes(typeof value)) return true;
  if (Array.isArray(value)) return value.every(isPlainData);
  return (
    typeof value === 'object' &&
    Object.getPrototypeOf(value) === Object.prototype &&
    Object.values(value).every(isPlainData)
  );
}

function describe(application: Application): string {
  const site = application.site.toString();
  return `${application.operation.name}(${application.inputs.map(String).join(', ')})${site === '' ? '' : ` at ${site}`}`;
}
