/** The scalar language over kernel code: running a formula against it appends the nodes of a loop's body. */
import { type DType, isFloat, type ScalarFunction, type ScalarLanguage } from '../graph/index.ts';
import { convert, numberLanguage, store } from '../operations/scalar.ts';
import type { ScalarNode } from './program.ts';

/** The nodes of one loop body; equal nodes are one. */
export class Expression {
  readonly nodes: ScalarNode[] = [];
  private readonly known = new Map<string, number>();

  /** Appends a node, or finds the equal one; returns its number. */
  push(node: ScalarNode): number {
    const key = keyOf(node);
    const first = this.known.get(key);
    if (first !== undefined) return first;
    this.known.set(key, this.nodes.length);
    return this.nodes.push(node) - 1;
  }

  literal(value: number, dtype: DType): number {
    return this.push({ op: 'literal', dtype, value: store(value, dtype) });
  }

  dtype(node: number): DType {
    return this.nodes[node].dtype;
  }

  private literalValue(node: number): number | undefined {
    const found = this.nodes[node];
    return found.op === 'literal' ? found.value : undefined;
  }

  /** Conversion; a literal converts at once, and nothing is added where the dtype already fits. */
  cast(node: number, dtype: DType): number {
    if (this.dtype(node) === dtype) return node;
    const value = this.literalValue(node);
    if (value !== undefined) return this.literal(convert(value, dtype), dtype);
    return this.push({ op: 'cast', dtype, args: [node] });
  }

  /** One function; known numbers fold, and what changes nothing (x * 1, x / 1, x - 0) adds nothing. */
  apply(op: ScalarFunction, args: readonly number[]): number {
    const operand = this.dtype(args[args.length - 1]);
    const values = args.map((arg) => this.literalValue(arg));
    if (op === 'mul' && values[1] === 1) return args[0];
    if (op === 'mul' && values[0] === 1) return args[1];
    if (op === 'div' && values[1] === 1) return args[0];
    if (op === 'sub' && values[1] === 0 && !Object.is(values[1], -0)) return args[0];
    if (!isFloat(operand) && (op === 'floor' || op === 'ceil' || op === 'round')) return args[0];
    const dtype = TRUTH.has(op) ? 'bool' : operand;
    if (args.length > 0 && values.every((value) => value !== undefined)) {
      const k = numberLanguage(operand) as unknown as Record<string, (...numbers: number[]) => number>;
      return this.literal(k[op](...(values as number[])), dtype);
    }
    return this.push({ op, dtype, args });
  }

  /** The scalar language for operands of `dtype`; `index(axis)` gives the coordinate along an axis. */
  language(dtype: DType, index: (axis: number) => number): ScalarLanguage<number> {
    return new NodeLanguage(this, dtype, index) as unknown as ScalarLanguage<number>;
  }
}

/** Appends a node for each word of the scalar language; the functions of values are added below. */
class NodeLanguage {
  readonly expression: Expression;
  readonly dtype: DType;
  readonly index: (axis: number) => number;

  constructor(expression: Expression, dtype: DType, index: (axis: number) => number) {
    this.expression = expression;
    this.dtype = dtype;
    this.index = index;
  }

  literal(value: number): number {
    return this.expression.literal(value, this.dtype);
  }

  cast(x: number, dtype: DType): number {
    return this.expression.cast(x, dtype);
  }
}

const TRUTH: ReadonlySet<string> = new Set<ScalarFunction>(['eq', 'ne', 'lt', 'le', 'and', 'or', 'not']);

for (const op of Object.keys(numberLanguage('float64'))) {
  if (op === 'literal' || op === 'index' || op === 'cast') continue;
  Object.defineProperty(NodeLanguage.prototype, op, {
    value: function apply(this: NodeLanguage, ...args: number[]): number {
      return this.expression.apply(op as ScalarFunction, args);
    },
  });
}

/** A node whose arguments have got other numbers. */
export function withArguments(node: ScalarNode, numbers: readonly number[]): ScalarNode {
  return 'args' in node ? ({ ...node, args: node.args.map((arg) => numbers[arg]) } as ScalarNode) : node;
}

/** The nodes that `roots` are computed from, and they themselves; what accumulators gather is not looked into. */
export function neededFor(nodes: readonly ScalarNode[], roots: readonly number[]): Set<number> {
  const found = new Set(roots);
  // A node comes after all that it is made of.
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    if (found.has(i) && 'args' in node) for (const arg of node.args) found.add(arg);
  }
  return found;
}

/** What a node computes, as text: equal nodes of one body, and only those, have equal keys. */
export function keyOf(node: ScalarNode): string {
  switch (node.op) {
    case 'literal':
      return `${node.dtype} ${Object.is(node.value, -0) ? '-0' : node.value}`;
    case 'load':
      return `load ${node.access}`;
    case 'index':
      return `index ${node.offset} ${node.strides.join()}`;
    case 'accumulator':
      return `accumulator ${node.dtype} ${node.index}`;
    default:
      return `${node.op} ${node.dtype} ${node.args.join()}`;
  }
}

/** How much a function costs beside an addition, for deciding what to compute twice. */
export function costOf(op: ScalarNode['op']): number {
  switch (op) {
    case 'literal':
    case 'load':
    case 'index':
    case 'accumulator':
      return 0;
    case 'div':
    case 'sqrt':
      return 4;
    case 'exp':
    case 'expm1':
    case 'log':
    case 'log1p':
    case 'sin':
    case 'cos':
    case 'tan':
    case 'asin':
    case 'acos':
    case 'atan':
    case 'sinh':
    case 'cosh':
    case 'tanh':
    case 'sigmoid':
    case 'erf':
      return 12;
    case 'pow':
      return 30;
    default:
      return 1;
  }
}
