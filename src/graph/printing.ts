/** A graph as text, one line an application, in the order of computation. */
import type { Body } from './computation.ts';
import { Parameter } from './leaves.ts';
import { formatShape } from './shape.ts';
import { ancestors } from './traversal.ts';
import type { Application, Variable } from './variable.ts';

export interface PrintOptions {
  /** Adds the user's line to each operation. Default false. */
  sites?: boolean;
}

/**
 * Prints the graph that computes `outputs`:
 * ```text
 * %0 = input x : float32[3]
 * %1 = square(%0) : float32[3]
 * %2 = sum(%1, axes=[0]) : float32[]
 * return %2
 * ```
 * Scalar constants stand in place. The bodies of loops and branches follow them, with names of their own; of their
 * results, those that are read are shown.
 */
export function print(outputs: Variable | readonly Variable[], options: PrintOptions = {}): string {
  const list = Array.isArray(outputs) ? (outputs as readonly Variable[]) : [outputs as Variable];
  return linesOf([], list, options).join('\n');
}

/** The lines of one graph; `inputs` have their names already, in order. */
function linesOf(
  inputs: readonly Variable[],
  outputs: readonly Variable[],
  { sites = false }: PrintOptions,
): string[] {
  const { applications, leaves } = ancestors(outputs);
  const read = new Set([...outputs, ...applications.flatMap((each) => each.inputs)]);
  const names = new Map<Variable, string>();
  const lines: string[] = [];
  const name = (variable: Variable): string => names.get(variable) ?? scalarText(variable) ?? '?';
  const define = (variable: Variable): string => {
    const made = `%${names.size}`;
    names.set(variable, made);
    return made;
  };
  for (const input of inputs) define(input);
  for (const leaf of leaves) {
    if (names.has(leaf) || (scalarText(leaf) !== undefined && !outputs.includes(leaf))) continue;
    lines.push(`${define(leaf)} = ${leafText(leaf)} : ${leaf.type}`);
  }
  for (const application of applications) {
    const text = [...application.inputs.map(name), ...attributeTexts(application)].join(', ');
    const shown = shownOutputs(application, read);
    const outputNames = shown.map(define).join(', ');
    const types = shown.map((output) => output.type).join(', ');
    const site = sites ? application.site.toString() : '';
    lines.push(
      `${outputNames} = ${application.operation.name}(${text}) : ${types}${site === '' ? '' : `  # ${site}`}`,
    );
    for (const [title, body, results] of shownBodies(application, read)) {
      const types = body.inputs.map((each, i) => `%${i} : ${each.type}`).join(', ');
      lines.push(`  ${title} (${types})`);
      for (const line of linesOf(body.inputs, results, { sites })) lines.push(`    ${line}`);
    }
  }
  lines.push(`return ${outputs.map(name).join(', ')}`);
  return lines;
}

/** The results of an application to show: loops and branches offer many that nobody reads. */
export function shownOutputs(
  { operation, outputs }: Application,
  read: ReadonlySet<Variable>,
): readonly Variable[] {
  const { kind } = operation.computation;
  return kind === 'iteration' || kind === 'choice' ? outputs.filter((each) => read.has(each)) : outputs;
}

/** What an application runs, and which of the results are to be shown. */
function shownBodies(
  { operation, outputs }: Application,
  read: ReadonlySet<Variable>,
): [title: string, body: Body<Variable>, results: Variable[]][] {
  const { computation } = operation;
  if (computation.kind === 'iteration') {
    const { body, carries } = computation;
    return [['each', body, body.outputs.filter((_, i) => i < carries || read.has(outputs[i]))]];
  }
  if (computation.kind !== 'choice') return [];
  const { bodies, shared } = computation;
  const [first, second] = bodies;
  const own = first.outputs.length - shared;
  return [
    ['if', first, first.outputs.filter((_, i) => read.has(outputs[i]))],
    ['else', second, second.outputs.filter((_, i) => read.has(outputs[i < shared ? i : i + own]))],
  ];
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
