/** Expressions as graphs: `x*y + sin(x)` becomes the same nodes as `add(mul(x, y), sin(x))`. Nothing is run as code. */
import {
  constant,
  type FloatDType,
  type Nested,
  type Site,
  scalar,
  type Tensor,
  tensor,
  type Variable,
  withSite,
} from '../graph/index.ts';
import { registry } from '../operations/index.ts';
import { callFunction, isFunction } from './functions.ts';
import { UsageError } from './io.ts';
import { didYouMean } from './suggest.ts';
import { parse, type Tree, unparse } from './syntax.ts';

const CONSTANTS: Readonly<Record<string, number>> = { pi: Math.PI, π: Math.PI, e: Math.E };

export function isConstantName(name: string): boolean {
  return Object.hasOwn(CONSTANTS, name);
}

/** A parsed expression. */
export interface Expression {
  /** The expression as it was written, without outer spaces. */
  readonly text: string;
  /** Its variables, in the order in which they appear. */
  readonly variables: readonly string[];
  /**
   * The graph that computes it, in which numbers have the given dtype.
   * @throws ChainruleError where functions or shapes do not fit
   */
  build(variables: ReadonlyMap<string, Variable>, dtype: FloatDType): Variable;
}

/** Parses an expression. @throws UsageError for a syntax error */
export function parseExpression(text: string): Expression {
  const tree = parse(text);
  const variables = variablesOf(tree);
  return { text: text.trim(), variables, build: (bound, dtype) => new Builder(bound, dtype).build(tree) };
}

function variablesOf(tree: Tree): string[] {
  const found = new Set<string>();
  const walk = (node: Tree): void => {
    if (node.kind === 'name') {
      if (isFunction(node.name)) throw new UsageError(`${node.name} is a function: write ${node.name}(...)`);
      if (!isConstantName(node.name)) found.add(node.name);
    } else for (const child of childrenOf(node)) walk(child);
  };
  walk(tree);
  return [...found];
}

function childrenOf(node: Tree): readonly Tree[] {
  if (node.kind === 'list') return node.elements;
  if (node.kind === 'call') return node.operands;
  if (node.kind === 'negative') return [node.operand];
  return node.kind === 'binary' ? [node.left, node.right] : [];
}

type BinaryCall = (a: Variable, b: Variable) => Variable;

const OPERATORS: Readonly<Record<string, BinaryCall>> = {
  '+': registry.add,
  '-': registry.sub,
  '*': registry.mul,
  '/': registry.div,
  '@': registry.matmul as BinaryCall,
  '^': registry.pow,
  '**': registry.pow,
  '==': registry.equal,
  '!=': registry.notEqual,
  '<': registry.less,
  '<=': registry.lessEqual,
  '>': registry.greater,
  '>=': registry.greaterEqual,
};

class Builder {
  private readonly variables: ReadonlyMap<string, Variable>;
  private readonly dtype: FloatDType;

  constructor(variables: ReadonlyMap<string, Variable>, dtype: FloatDType) {
    this.variables = variables;
    this.dtype = dtype;
  }

  build(node: Tree): Variable {
    const known = node.kind === 'name' || node.kind === 'negative' ? numberOf(node) : undefined;
    if (known !== undefined) return scalar(known, this.dtype);
    switch (node.kind) {
      case 'number':
        return scalar(node.value, this.dtype);
      case 'name':
        return this.variable(node.name);
      case 'list':
        return this.list(node);
      case 'negative': {
        const operand = this.build(node.operand);
        return withSite(siteOf(node), () => registry.neg(operand));
      }
      case 'call': {
        const operands = node.operands.map((each) => this.build(each));
        return withSite(siteOf(node), () => callFunction(node.name, operands));
      }
      case 'binary': {
        const left = this.build(node.left);
        const right = this.build(node.right);
        return withSite(siteOf(node), () => {
          // Squares and exponentials have plainer derivatives than powers in general.
          const isPower = OPERATORS[node.operator] === registry.pow;
          if (isPower && numberOf(node.right) === 2) return registry.square(left);
          if (isPower && node.left.kind === 'name' && node.left.name === 'e') return registry.exp(right);
          return OPERATORS[node.operator](left, right);
        });
      }
    }
  }

  private variable(name: string): Variable {
    const found = this.variables.get(name);
    if (found !== undefined) return found;
    throw new UsageError(`unknown variable ${name}${didYouMean(name, this.variables.keys())}`);
  }

  /** A list of numbers is a constant; a list with variables in it stacks them. */
  private list(node: Tree & { kind: 'list' }): Variable {
    const numbers = numbersOf(node);
    if (numbers !== undefined) return constant(numbers, { dtype: this.dtype });
    const elements = node.elements.map((each) => this.build(each));
    return withSite(siteOf(node), () => registry.stack(elements));
  }
}

/** In messages and drawings, an operation stands where its piece of the expression does. */
function siteOf(node: Tree): Site {
  const text = (): string => {
    const whole = unparse(node);
    return whole.length <= 60 ? `"${whole}"` : `"${whole.slice(0, 59)}…"`;
  };
  return { location: text, toString: text };
}

const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '^': (a, b) => a ** b,
  '**': (a, b) => a ** b,
};

/** The value of a piece without variables and functions. */
function numberOf(node: Tree): number | undefined {
  if (node.kind === 'number') return node.value;
  if (node.kind === 'name') return isConstantName(node.name) ? CONSTANTS[node.name] : undefined;
  if (node.kind === 'negative') {
    const operand = numberOf(node.operand);
    return operand === undefined ? undefined : -operand;
  }
  if (node.kind !== 'binary') return undefined;
  const [left, right] = [numberOf(node.left), numberOf(node.right)];
  return left === undefined || right === undefined ? undefined : ARITHMETIC[node.operator]?.(left, right);
}

/** Nested lists of numbers. */
function numbersOf(node: Tree): Nested | undefined {
  if (node.kind !== 'list') return numberOf(node);
  const elements = node.elements.map(numbersOf);
  return elements.includes(undefined) ? undefined : (elements as Nested[]);
}

/**
 * Reads `--at "x=2, y=[1, pi/2]"`.
 * @throws UsageError naming what is not of the form name=value
 */
export function parseBindings(text: string, dtype: FloatDType): Map<string, Tensor> {
  const bindings = new Map<string, Tensor>();
  for (const part of splitOutsideBrackets(text)) {
    const match = /^\s*([\p{L}_][\p{L}\p{N}_]*)\s*=\s*(.+?)\s*$/su.exec(part);
    if (match === null) {
      throw new UsageError(`--at: "${part.trim()}" is not of the form name=value, as in --at x=2,y=[1,2,3]`);
    }
    const [, name, value] = match;
    if (isConstantName(name))
      throw new UsageError(`--at: ${name} is a constant; call the variable something else`);
    if (bindings.has(name)) throw new UsageError(`--at: ${name} is given twice`);
    bindings.set(name, readValue(name, value, dtype));
  }
  return bindings;
}

function readValue(name: string, text: string, dtype: FloatDType): Tensor {
  let numbers: Nested | undefined;
  try {
    numbers = numbersOf(parse(text));
    if (numbers !== undefined) return tensor(numbers, { dtype });
  } catch (error) {
    throw new UsageError(`--at: ${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw new UsageError(`--at: ${name}: "${text}" is neither a number nor a list of numbers`);
}

/** Splits at the commas that stand outside brackets. */
function splitOutsideBrackets(text: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const character of text) {
    if ('[('.includes(character)) depth++;
    if ('])'.includes(character)) depth--;
    if (character === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts;
}
