/** A graph as text, one line an application, in the order of computation. */
import { Parameter } from './leaves.ts';
import { formatShape } from './shape.ts';
import { ancestors } from './traversal.ts';
import type { Application, Variable } from './variable.ts';

/**
 * Prints the graph that computes `outputs`:
 * ```text
 * %0 = input x : float32[3]
 * %1 = square(%0) : float32[3]
 * %2 = sum(%1, axes=[0]) : float32[]
 * return %2
 * ```
 * Scalar constants stand in place. `{ sites: true }` adds the user's line to each operation.
 */
export function print(outputs: Variable | readonly Variable[], options: { sites?: boolean } = {}): string {
  const list = Array.isArray(outputs) ? (outputs as readonly Variable[]) : [outputs as Variable];
  const { applications, leaves } = ancestors(list);
  const names = new Map<Variable, string>();
  const lines: string[] = [];
  const name = (variable: Variable): string => names.get(variable) ?? scalarText(variable) ?? '?';
  const define = (variable: Variable): string => {
    const made = `%${names.size}`;
    names.set(variable, made);
    return made;
  };
  for (const leaf of leaves) {
    if (scalarText(leaf) !== undefined && !list.includes(leaf)) continue;
    lines.push(`${define(leaf)} = ${leafText(leaf)} : ${leaf.type}`);
  }
  for (const application of applications) {
    const inputs = application.inputs.map(name);
    const text = [...inputs, ...attributeTexts(application)].join(', ');
    const outputNames = application.outputs.map(define).join(', ');
    const types = application.outputs.map((output) => output.type).join(', ');
    const site = options.sites === true ? application.site.toString() : '';
    lines.push(
      `${outputNames} = ${application.operation.name}(${text}) : ${types}${site === '' ? '' : `  # ${site}`}`,
    );
  }
  lines.push(`return ${list.map(name).join(', ')}`);
  return lines.join('\n');
}

/** A scalar constant as its digits, else undefined. */
export function scalarText(variable: Variable): string | undefined {
  const { source } = variable;
  if (source.kind !== 'constant' || variable.rank > 0) return undefined;
  const value = source.tensor.data[0];
  if (variable.dtype === 'bool') return value !== 0 ? 'true' : 'false';
  return Object.is(value, -0) ? '-0' : String(value);
}

function leafText(leaf: Variable): string {
  const { source } = leaf;
  if (leaf instanceof Parameter) return leaf.name === undefined ? 'parameter' : `parameter ${leaf.name}`;
  if (source.kind === 'input') return source.name === undefined ? 'input' : `input ${source.name}`;
  if (source.kind !== 'constant') return source.kind;
  const { data, shape } = source.tensor;
  const shown = Array.from(data.subarray(0, 8), String).join(', ');
  return `constant [${shown}${data.length > 8 ? ', ...' : ''}]${shape.length > 1 ? ` as ${formatShape(shape)}` : ''}`;
}

/** Attributes as `axes=[0]`, absent and false ones left out. */
export function attributeTexts(application: Application): string[] {
  return Object.entries(application.attributes)
    .filter(([, value]) => value !== undefined && value !== false)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
}
