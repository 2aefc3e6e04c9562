/** An explanation of a gradient: what it consists of, and how it reads. */
import { type Application, isFloat, type Variable } from '../graph/index.ts';

/** Why a gradient can or cannot be had. */
export type GradientStatus = 'defined' | 'zero' | 'disconnected' | 'undefined';

/** One operation on the way from a target to z. */
export interface Step {
  readonly application: Application;
  /** Which operand the path enters by. */
  readonly operand: number;
  /** The output the path leaves by. */
  readonly output: Variable;
  /** What the operation's own rule says of that operand, where it is not a derivative. */
  readonly word: Exclude<GradientStatus, 'defined'> | undefined;
  /** The user's line, like `train.ts:12`; empty where it is unknown. */
  readonly line: string;
}

/** An operation at which a path from the target ends, as seen from z: no derivative passes to its operand. */
export interface Cut {
  readonly application: Application;
  readonly operand: number;
  readonly word: 'zero' | 'disconnected';
  /** A clause that says so in words. */
  readonly reason: string;
}

export interface GradientExplanation {
  readonly z: Variable;
  readonly target: Variable;
  readonly status: GradientStatus;
  /** One clause: what carries the derivative, or why there is none. */
  readonly reason: string;
  /**
   * A shortest path from the target to z, in the order of computation: one that carries the derivative if there is one,
   * else one through the operation that `reason` names. Empty where no path leads to z.
   */
  readonly path: readonly Step[];
  /** Every operation that cuts a path from the target, nearest to the target first; also where another path is whole. */
  readonly cuts: readonly Cut[];
  /** The explanation as text: a line for the answer, a line for each operation of the path (long paths abbreviated). */
  toString(): string;
}

/** Why no derivative passes to an operand, as a clause. */
export function reasonOf(
  { operation, inputs, outputs, site }: Application,
  operand: number,
  word: Cut['word'],
): string {
  const line = site.toString();
  const input = inputs[operand];
  const which = `its operand${inputs.length > 1 ? ` ${operand}` : ''}${isFloat(input.dtype) ? '' : ` (${input.dtype})`}`;
  const result = outputs.some(({ dtype }) => isFloat(dtype)) ? '' : ` (its result is ${outputs[0].dtype})`;
  const place = `${operation.name}${line === '' ? '' : ` at ${line}`}`;
  return word === 'zero'
    ? `${place} counts as constant in ${which}${result}`
    : `${place} does not depend on ${which} in any differentiable way`;
}

/** Operations shown at either end of a long path, and cuts shown of many. */
const SHOWN = 6;

/** `1 operation`, `1,234 operations`. */
export const count = (n: number, noun: string): string =>
  `${n.toLocaleString('en')} ${noun}${n === 1 ? '' : 's'}`;

/** What was found, with its text. */
export function explanation(found: Omit<GradientExplanation, 'toString'>): GradientExplanation {
  const toString = (): string => render(found);
  // Node's console prints an object by this method.
  return Object.assign({ ...found, toString }, { [Symbol.for('nodejs.util.inspect.custom')]: toString });
}

function render({ z, target, status, reason, path, cuts }: Omit<GradientExplanation, 'toString'>): string {
  const lines = [`${z.toString()} with respect to ${target.toString()}: ${status}, because ${reason}`];
  if (path.length > 0) lines.push(`  ${target.toString()}`);
  const hidden = path.length - 2 * SHOWN;
  path.forEach((step, i) => {
    if (hidden <= 1 || i < SHOWN || i >= path.length - SHOWN) lines.push(renderStep(step));
    else if (i === SHOWN) lines.push(`  ... ${count(hidden, 'operation')} ...`);
  });
  const onPath = new Set(path.map(({ application }) => application));
  const others = cuts.filter(({ application }) => !onPath.has(application));
  for (const { word, reason: why } of others.slice(0, SHOWN))
    lines.push(`  another path: ${word}, because ${why}`);
  if (others.length > SHOWN) lines.push(`  and ${count(others.length - SHOWN, 'more cut')}`);
  return lines.join('\n');
}

function renderStep({ application, operand, output, line, word }: Step): string {
  const into = application.inputs.length > 1 ? `, operand ${operand}` : '';
  const ends = word === undefined ? '' : `  (${word} from here back)`;
  return `  -> ${output.toString()}${into}${line === '' ? '' : ` at ${line}`}${ends}`;
}
