/** `chainrule grad`: the value and the derivatives of an expression, with the graph that computes them. */
import { evaluate } from '../engine/index.ts';
import { type FloatDType, print, type Tensor } from '../graph/index.ts';
import {
  buildExpression,
  checkNames,
  derivativesByName,
  gradientsByName,
  simplifyAll,
} from './derivatives.ts';
import { parseBindings } from './expression.ts';
import { formatTensor, jsonTensor } from './format.ts';
import { type IO, printLine, UsageError } from './io.ts';

export interface GradOptions {
  readonly at?: string;
  readonly order: number;
  readonly dtype: FloatDType;
  readonly json?: boolean;
}

export async function runGrad(text: string, options: GradOptions, io: IO): Promise<void> {
  const { dtype, order } = options;
  const values = options.at === undefined ? new Map<string, Tensor>() : parseBindings(options.at, dtype);
  const shapes = new Map([...values].map(([name, { shape }]) => [name, shape]));
  const built = buildExpression(text, shapes, dtype);
  const { expression, inputs, z } = built;
  checkNames('--at', values.keys(), expression);
  const missing = expression.variables.filter((name) => !values.has(name));
  if (missing.length > 0) {
    const example = [...values.keys(), ...missing].map((name) => `${name}=${values.has(name) ? '...' : 1}`);
    throw new UsageError(
      `no value for ${missing.join(', ')}; give every variable one, as in --at ${example.join(',')}`,
    );
  }
  if (expression.variables.length === 0) {
    throw new UsageError(`${expression.text} has no variables, so there is nothing to differentiate`);
  }
  const derivatives = order > 1 ? derivativesByName(built, order) : gradientsByName(built);
  const results = simplifyAll({ z, ...derivatives });
  const feeds = new Map([...inputs].map(([name, variable]) => [variable, values.get(name)!]));
  const numbers = evaluate(Object.values(results), feeds);
  const graph = print(Object.values(results));
  const answer = Object.keys(results).map((name, i): [string, Tensor] => [name, numbers[i]]);
  if (options.json === true) {
    const [[, value], ...rest] = answer;
    const report = {
      expression: expression.text,
      dtype,
      at: Object.fromEntries([...values].map(([name, tensor]) => [name, jsonTensor(tensor)])),
      value: jsonTensor(value),
      derivatives: Object.fromEntries(rest.map(([name, tensor]) => [name, jsonTensor(tensor)])),
      graph: graph.split('\n'),
    };
    printLine(io, JSON.stringify(report, null, 2));
    return;
  }
  const rows: [string, Tensor][] = [
    ...expression.variables.map((name): [string, Tensor] => [name, values.get(name)!]),
  ];
  const width = Math.max(...[...rows, ...answer].map(([name]) => name.length));
  const show = ([name, tensor]: [string, Tensor]): void =>
    printLine(io, `  ${name.padEnd(width)} = ${formatTensor(tensor)}`);
  printLine(io, `z = ${expression.text}`);
  printLine(io);
  rows.forEach(show);
  printLine(io);
  answer.forEach(show);
  printLine(io);
  printLine(io, `The graph of ${Object.keys(results).join(', ')}:`);
  printLine(io);
  for (const line of graph.split('\n')) printLine(io, `  ${line}`);
}
