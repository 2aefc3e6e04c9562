/**
 * The syntax of expressions: text to a tree, with jsep. jsep reads a good part of JavaScript and is lenient; the
 * scanner here first turns away everything that is not arithmetic, and says where.
 */
import jsep from 'jsep';
import { UsageError } from './io.ts';

export type Tree =
  | { readonly kind: 'number'; readonly value: number; readonly raw: string }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'list'; readonly elements: readonly Tree[] }
  | { readonly kind: 'call'; readonly name: string; readonly operands: readonly Tree[] }
  | { readonly kind: 'negative'; readonly operand: Tree }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Tree; readonly right: Tree };

/** Binary operators and how tightly they bind; unary minus stands between `*` and `^`, as in mathematics. */
export const PRECEDENCE: Readonly<Record<string, number>> = {
  '==': 1,
  '!=': 1,
  '<': 2,
  '<=': 2,
  '>': 2,
  '>=': 2,
  '+': 3,
  '-': 3,
  '*': 4,
  '/': 4,
  '@': 4,
  '^': 6,
  '**': 6,
};
const UNARY_PRECEDENCE = 5;
const POWERS = ['^', '**'];

const LONGEST = 10_000;

configure();

function configure(): void {
  jsep.removeAllUnaryOps();
  jsep.removeAllBinaryOps();
  jsep.removeAllLiterals();
  for (const [operator, precedence] of Object.entries(PRECEDENCE)) {
    jsep.addBinaryOp(operator, precedence, POWERS.includes(operator));
  }
  // jsep binds unary operators before any binary one; -x^2 is -(x^2), so they are read here.
  jsep.hooks.add('gobble-token', function unary(env) {
    const { char } = this;
    if (char !== '-' && char !== '+') return;
    this.index++;
    env.node = { type: 'UnaryExpression', operator: char, argument: readPower(this), prefix: true };
  });
}

function readPower(scope: jsep.HookScope): jsep.Expression {
  const base = scope.gobbleToken();
  if (!base) return scope.throwError('a value is missing');
  const { index } = scope;
  const operator = scope.gobbleBinaryOp() as unknown as string | false;
  if (operator !== false && POWERS.includes(operator)) {
    return { type: 'BinaryExpression', operator, left: base, right: readPower(scope) };
  }
  scope.index = index;
  return base;
}

/** Parses `text`. @throws UsageError with the place of the first mistake */
export function parse(text: string): Tree {
  scan(text);
  try {
    return convert(jsep(text));
  } catch (error) {
    if (error instanceof RangeError)
      throw new UsageError('syntax error: the expression is nested too deeply');
    if (error instanceof Error && 'index' in error && 'description' in error)
      throw syntaxError(text, Number(error.index), String(error.description));
    throw error;
  }
}

const TOKEN =
  /(?<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?<name>[\p{L}_][\p{L}\p{N}_]*)|(?<symbol>\*\*|[<>=!]=|[-+*/^@<>(),[\]])/uy;

/** Checks that the tokens follow one another as in an expression. */
function scan(text: string): void {
  if (text.trim() === '') throw new UsageError('the expression is empty; write one such as "x*y + sin(x)"');
  if (text.length > LONGEST)
    throw new UsageError(`the expression has ${text.length} characters; at most ${LONGEST} are read`);
  const open: { bracket: string; index: number; call: boolean }[] = [];
  let before = '';
  let index = 0;
  for (;;) {
    while (/\s/.test(text[index] ?? '')) index++;
    if (index === text.length) break;
    TOKEN.lastIndex = index;
    const match = TOKEN.exec(text);
    if (match === null) throw syntaxError(text, index, unexpected(text, index));
    const [token] = match;
    const value = match.groups?.symbol === undefined;
    const after = endsValue(before);
    const call = token === '(' && /^[\p{L}_]/u.test(before);
    if (after && (value || token === '[' || (token === '(' && !call)))
      throw syntaxError(text, index, `an operator is missing before "${token}"`);
    if (!after && !value && !'-+([])'.includes(token))
      throw syntaxError(text, index, `a value is missing before "${token}"`);
    if (token === '(' || token === '[') open.push({ bracket: token, index, call });
    else if (token === ')' || token === ']') {
      const last = open.pop();
      if (last === undefined || `${last.bracket}${token}` !== (token === ')' ? '()' : '[]'))
        throw syntaxError(text, index, `"${token}" closes nothing`);
      if (!after && !(last.call && before === '('))
        throw syntaxError(text, index, `a value is missing before "${token}"`);
    } else if (token === ',') {
      const last = open.at(-1);
      if (last === undefined || (last.bracket === '(' && !last.call))
        throw syntaxError(
          text,
          index,
          'a comma may only separate the operands of a function or the elements of a list',
        );
    }
    before = token;
    index += token.length;
  }
  if (!endsValue(before)) throw syntaxError(text, index, 'a value is missing at the end');
  const last = open.at(-1);
  if (last !== undefined) throw syntaxError(text, last.index, `"${last.bracket}" is never closed`);
}

function endsValue(token: string): boolean {
  return token === ')' || token === ']' || /[\p{L}\p{N}_]$/u.test(token) || /^\d+\.$/.test(token);
}

function unexpected(text: string, index: number): string {
  const character = String.fromCodePoint(text.codePointAt(index) ?? 0);
  const hint = { '.': ' (members cannot be read)', '=': ' (nothing can be assigned; == compares)' }[
    character
  ];
  return `unexpected "${character}"${hint ?? ''}`;
}

/** `syntax error: "(" is never closed, at column 4: sin‸(x`, on one line. */
function syntaxError(text: string, index: number, what: string): UsageError {
  const start = Math.max(0, index - 30);
  const end = Math.min(text.length, index + 30);
  const left = `${start > 0 ? '…' : ''}${text.slice(start, index)}`;
  const right = `${text.slice(index, end)}${end < text.length ? '…' : ''}`;
  const shown = `${left}‸${right}`.replace(/\s+/g, ' ');
  return new UsageError(`syntax error: ${what}, at column ${index + 1}, marked ‸ in: ${shown}`);
}

function convert(node: jsep.Expression): Tree {
  const { type } = node as jsep.CoreExpression;
  switch (type) {
    case 'Literal':
      return { kind: 'number', value: Number(node.value), raw: String(node.raw) };
    case 'Identifier':
      return { kind: 'name', name: String(node.name) };
    case 'ThisExpression':
      return { kind: 'name', name: 'this' };
    case 'ArrayExpression':
      return { kind: 'list', elements: (node.elements as jsep.Expression[]).map(convert) };
    case 'CallExpression': {
      const callee = node.callee as jsep.Expression;
      if (callee.type !== 'Identifier')
        throw new UsageError('syntax error: only a named function can be called');
      return {
        kind: 'call',
        name: String(callee.name),
        operands: (node.arguments as jsep.Expression[]).map(convert),
      };
    }
    case 'UnaryExpression': {
      const operand = convert(node.argument as jsep.Expression);
      return node.operator === '+' ? operand : { kind: 'negative', operand };
    }
    case 'BinaryExpression':
      return {
        kind: 'binary',
        operator: String(node.operator),
        left: convert(node.left as jsep.Expression),
        right: convert(node.right as jsep.Expression),
      };
    default:
      throw new UsageError(`syntax error: a ${type} is no part of an expression`);
  }
}

/** The tree as text again, with no more parentheses than it needs. */
export function unparse(tree: Tree, within = 0): string {
  switch (tree.kind) {
    case 'number':
      return tree.raw;
    case 'name':
      return tree.name;
    case 'list':
      return `[${tree.elements.map((each) => unparse(each)).join(', ')}]`;
    case 'call':
      return `${tree.name}(${tree.operands.map((each) => unparse(each)).join(', ')})`;
    case 'negative':
      return parenthesise(`-${unparse(tree.operand, UNARY_PRECEDENCE)}`, UNARY_PRECEDENCE < within);
    case 'binary': {
      const { operator, left, right } = tree;
      const precedence = PRECEDENCE[operator];
      const [ofLeft, ofRight] = POWERS.includes(operator)
        ? [precedence + 1, UNARY_PRECEDENCE]
        : [precedence, precedence + 1];
      const gap = precedence < PRECEDENCE['*'] ? ' ' : '';
      const text = `${unparse(left, ofLeft)}${gap}${operator}${gap}${unparse(right, ofRight)}`;
      return parenthesise(text, precedence < within);
    }
  }
}

function parenthesise(text: string, needed: boolean): string {
  return needed ? `(${text})` : text;
}
