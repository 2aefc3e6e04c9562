/**
 * A graph as Graphviz DOT: leaves and operations as boxes, the variables that flow between them as edges. The
 * derivative is part of the same graph, so forward and backward are drawn together, in two colours.
 */
import {
  type Application,
  ancestors,
  attributeTexts,
  getOperation,
  Parameter,
  scalarText,
  shownOutputs,
  Variable,
} from '../graph/index.ts';
import { FONT, INK, MUTED, PAINT, PAPER, type Part, soft } from './style.ts';

/** Results to draw: one, a list, or by name. */
export type Results = Variable | readonly Variable[] | Readonly<Record<string, Variable>>;

export interface DrawOptions {
  /** What the forward part computes: its ancestors are forward, the rest is backward. Default: the outputs. */
  forward?: Results;
  /** Results of `gradients` to draw as well. */
  backward?: Results;
  title?: string;
  /** From top to bottom (`TB`, default) or from left to right (`LR`). */
  direction?: 'TB' | 'LR';
  /** What the colours and outlines mean, under the drawing. Default true. */
  legend?: boolean;
}

/**
 * The graph that computes `outputs` in the DOT language.
 *
 * ```ts
 * const [dx, dy] = gradients(z, [x, y]);
 * toDOT({ z }, { backward: { 'dz/dx': dx, 'dz/dy': dy } });
 * ```
 * A box is an operation, with its attributes; an edge is a variable, with its shape; the user's own line is the
 * tooltip (up to 5,000 operations: finding lines takes time). A scalar constant is drawn beside each of its uses.
 * Equal graphs give equal text.
 */
export function toDOT(outputs: Results, options: DrawOptions = {}): string {
  return new Drawing(outputs, options).text();
}

/** A variable to draw as a result. */
interface Result {
  readonly name: string | undefined;
  readonly variable: Variable;
}

/** Results in the order given. */
export function listResults(results: Results = []): Result[] {
  if (results instanceof Variable) return [{ name: undefined, variable: results }];
  if (isList(results)) return results.map((variable) => ({ name: undefined, variable }));
  return Object.entries(results).map(([name, variable]) => ({ name, variable }));
}

function isList(results: Results): results is readonly Variable[] {
  return Array.isArray(results);
}

class Drawing {
  /** What to draw as a result: each once, however often it is listed. */
  private readonly results = new Map<string, Result & { readonly part: Part }>();
  private readonly options: DrawOptions;
  private readonly applications: readonly Application[];
  private readonly leaves: readonly Variable[];
  private readonly read: ReadonlySet<Variable>;
  /** What the forward part consists of; everything else is backward. */
  private readonly forward: ReadonlySet<Application | Variable>;
  private readonly ids = new Map<Application | Variable, string>();
  private readonly lines: string[] = [];
  private constants = 0;

  constructor(outputs: Results, options: DrawOptions) {
    this.options = options;
    const forward = listResults(options.forward ?? outputs);
    const part = ancestors(forward.map(({ variable }) => variable));
    this.forward = new Set([...part.applications, ...part.leaves]);
    for (const result of [...listResults(outputs), ...forward]) {
      this.results.set(keyOf(result), { ...result, part: this.partOf(nodeOf(result.variable)) });
    }
    for (const result of listResults(options.backward)) {
      this.results.set(keyOf(result), { ...result, part: 'backward' });
    }
    const whole = ancestors([...this.results.values()].map(({ variable }) => variable));
    this.applications = whole.applications;
    this.leaves = whole.leaves;
    this.read = new Set([
      ...[...this.results.values()].map(({ variable }) => variable),
      ...whole.applications.flatMap(({ inputs }) => inputs),
    ]);
  }

  text(): string {
    const { direction = 'TB', legend = true } = this.options;
    this.line('digraph chainrule {');
    this.line(
      `  graph [rankdir=${direction}, bgcolor="${PAPER}", pad=0.3, nodesep=0.3, ranksep=0.42, fontname="${FONT}"]`,
    );
    this.line(
      `  node [shape=box, style="rounded,filled", fontname="${FONT}", fontsize=12, height=0.36, margin="0.14,0.06", penwidth=1.2]`,
    );
    this.line(`  edge [fontname="${FONT}", fontsize=9, fontcolor="${MUTED}", arrowsize=0.6, penwidth=1.1]`);
    for (const leaf of this.leaves) this.leaf(leaf);
    for (const application of this.applications) this.application(application);
    [...this.results.values()].forEach(({ name, variable, part }, index) => {
      const title = name ?? (this.results.size === 1 ? 'result' : `result ${index}`);
      this.result(`r${index}`, title, variable, part);
    });
    const label = caption(this.options.title, legend && this.applications.length > 0, this.hasBackward());
    if (label !== undefined) this.line(`  labelloc=b; label=<${label}>`);
    this.line('}');
    return `${this.lines.join('\n')}\n`;
  }

  private line(text: string): void {
    this.lines.push(text);
  }

  private partOf(node: Application | Variable): Part {
    return this.forward.has(node) ? 'forward' : 'backward';
  }

  private hasBackward(): boolean {
    return this.applications.some((application) => !this.forward.has(application));
  }

  private node(id: string, label: string, part: Part, style: string, tooltip: string): void {
    const { fill, line, text } = PAINT[part];
    this.line(
      `  ${id} [label=<${label}>, fillcolor="${fill}", color="${line}", fontcolor="${text}"${style}, tooltip=${quote(tooltip)}]`,
    );
  }

  private leaf(leaf: Variable): void {
    if (scalarText(leaf) !== undefined) return;
    const id = `v${this.ids.size}`;
    this.ids.set(leaf, id);
    const { source } = leaf;
    const kind = leaf instanceof Parameter ? 'parameter' : source.kind;
    const name =
      leaf instanceof Parameter ? leaf.name : source.kind === 'input' ? source.name : constantText(leaf);
    const label = name === undefined ? kind : `<b>${escape(name)}</b>`;
    const style = kind === 'parameter' ? ', peripheries=2' : kind === 'input' ? ', shape=ellipse' : DASHED;
    const site = source.kind === 'input' ? source.site.toString() : '';
    this.node(id, label, this.partOf(leaf), style, tooltip(`${kind} ${leaf.type}`, site));
  }

  private application(application: Application): void {
    const id = `o${this.ids.size}`;
    this.ids.set(application, id);
    const part = this.partOf(application);
    const { operation, site } = application;
    const details = attributeTexts(application).map((text) => escape(shorten(text)));
    const small = details.length === 0 ? '' : `<br/><font point-size="9">${details.join(', ')}</font>`;
    const types = shownOutputs(application, this.read)
      .map((output) => output.type)
      .join(', ');
    this.node(
      id,
      `<b>${escape(operation.name)}</b>${small}`,
      part,
      '',
      tooltip(`${operation.name}: ${types}`, this.applications.length <= SITED ? site.toString() : ''),
    );
    for (const input of application.inputs) this.edge(this.origin(input, part), id, input, part);
  }

  /** Where the edge of `variable` starts; a scalar constant gets a node of its own here, close to its use. */
  private origin(variable: Variable, part: Part): string {
    const made = this.ids.get(nodeOf(variable));
    if (made !== undefined) return made;
    const id = `c${this.constants++}`;
    this.node(id, escape(scalarText(variable) ?? ''), part, `${DASHED}, height=0.25`, variable.toString());
    return id;
  }

  private edge(from: string, to: string, variable: Variable, part: Part): void {
    const shape = scalarText(variable) === undefined ? shapeText(variable) : '';
    const { source } = variable;
    const which =
      source.kind === 'output' && source.application.outputs.length > 1 ? `output ${source.index} ` : '';
    const label = which === '' && shape === '' ? '' : `label=" ${which}${shape}", `;
    this.line(
      `  ${from} -> ${to} [${label}color="${soft(PAINT[part].line)}", edgetooltip=${quote(variable.type)}]`,
    );
  }

  /** A result stands at the end of the graph as a dark box with its name. */
  private result(id: string, name: string, variable: Variable, part: Part): void {
    const { line } = PAINT[part];
    this.line(
      `  ${id} [label=<<b>${escape(name)}</b>>, fillcolor="${line}", color="${line}", fontcolor="#ffffff", tooltip=${quote(variable.toString())}]`,
    );
    this.edge(this.origin(variable, part), id, variable, part);
  }
}

/** A result listed twice by the same name is one result. */
function keyOf({ name, variable }: Result): string {
  return `${variable.id} ${name ?? ''}`;
}

/** What is drawn for a variable: the application that computes it, or the leaf itself. */
function nodeOf(variable: Variable): Application | Variable {
  return getOperation(variable) ?? variable;
}

/** Graphs up to so many operations tell the user's line of each: to find it, a whole stack is formatted. */
const SITED = 5000;

const DASHED = ', style="rounded,filled,dashed"';

/** Title and legend as a table under the graph, where they do not disturb its layout. */
function caption(title: string | undefined, legend: boolean, backward: boolean): string | undefined {
  if (title === undefined && !legend) return undefined;
  const swatch = ({ fill, line, text }: (typeof PAINT)[Part], name: string): string =>
    `<td style="rounded" border="1" color="${line}" bgcolor="${fill}" cellpadding="5"><font color="${text}" point-size="10">${name}</font></td>`;
  const note = (text: string): string =>
    `<td><font color="${MUTED}" point-size="10">${escape(text)}</font></td>`;
  const rows: string[] = [];
  if (title !== undefined) {
    rows.push(
      `<tr><td colspan="3" height="26"><font color="${INK}" point-size="14"><b>${escape(title)}</b></font></td></tr>`,
    );
  }
  if (legend) {
    const swatches = swatch(PAINT.forward, 'forward') + (backward ? swatch(PAINT.backward, 'backward') : '');
    rows.push(`<tr>${swatches}${note('ellipse input, double line parameter, dashed constant')}</tr>`);
  }
  return `<table border="0" cellspacing="6">${rows.join('')}</table>`;
}

/** `32 × 784`; nothing for a scalar. */
function shapeText({ shape }: Variable): string {
  return shape.join(' × ');
}

/** The first elements of a constant. */
function constantText(leaf: Variable): string | undefined {
  if (leaf.source.kind !== 'constant') return undefined;
  const { data } = leaf.source.tensor;
  const shown = Array.from(data.subarray(0, 4), (value) => String(Number(value.toPrecision(4))));
  return `[${shown.join(', ')}${data.length > 4 ? ', …' : ''}]`;
}

function tooltip(what: string, site: string): string {
  return site === '' ? what : `${what}, at ${site}`;
}

function shorten(text: string, length = 36): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** Text inside an HTML-like label. */
function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Text as a DOT string. */
function quote(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', ' ')}"`;
}
