/** Kernels say which applications they compute, whatever has been made of them. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { type Compiled, compileGraph } from '../../src/compile/compile.ts';
import { blocksOf, type Kernel } from '../../src/compile/program.ts';
import { cond, scan } from '../../src/control/index.ts';
import {
  type Application,
  input,
  type Parameter,
  type Updates,
  type Variable,
} from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { inputsOf, perceptron } from './support.ts';

const { add, mul, sub, sum, exp, tanh, transpose, matmul, relu, crossEntropy, concat, cholesky, less, sin } =
  registry;

const source = readFileSync(new URL(import.meta.url), 'utf8').split('\n');

function compiled(outputs: readonly Variable[], updates: Updates = new Map()): Compiled {
  return compileGraph({ outputs, inputs: inputsOf([...outputs, ...updates.values()]), updates });
}

/** What each kernel of a list computes. */
const originsIn = (kernels: readonly Kernel[], { origins }: Compiled): Application[][] =>
  kernels.map((kernel) => (kernel.origins ?? []).map((origin) => origins[origin]));

const namesIn = (kernels: readonly Kernel[], from: Compiled): string[] =>
  originsIn(kernels, from).map((list) =>
    list
      .map(({ operation }) => operation.name)
      .sort()
      .join(' '),
  );

/** The text of the line on which an application was written. */
function lineOf({ site }: Application): string {
  return source[Number(/^origins\.test\.ts:(\d+)$/.exec(site.toString())?.[1]) - 1];
}

test('a loop computes all that is inlined into it, but movements compute nothing', () => {
  const x = input([4, 5]);
  const program = compiled([sum(exp(mul(transpose(x), 2)), 0)]);
  expect(namesIn(program.program.kernels, program)).toEqual(['exp mul sum']);
});

test('merged loops compute what each of them did', () => {
  const x = input([4, 5]);
  const program = compiled([add(exp(x), 1), tanh(x)]);
  expect(namesIn(program.program.kernels, program)).toEqual(['add exp tanh']);
});

test('an operation of several kernels is in all of them', () => {
  const program = compiled([concat([exp(input([3, 2])), input([4, 2])], 0)]);
  expect(namesIn(program.program.kernels, program).sort()).toEqual(['concat', 'concat exp']);
});

test('matrix products and routines are theirs alone', () => {
  const x = input([4, 4]);
  const program = compiled([cholesky(matmul(transpose(x), x))]);
  expect(namesIn(program.program.kernels, program)).toContain('matmul');
  expect(namesIn(program.program.kernels, program)).toContain('cholesky');
});

test('blocks have origins in the same list', () => {
  const y = scan((s: Variable, x: Variable) => [sin(add(s, x)), s], input([4]), input([10, 4]));
  const z = cond(
    less(sum(input([4])), 1),
    () => exp((y as Variable[])[0]),
    () => tanh((y as Variable[])[0]),
  ) as Variable;
  const program = compiled([z]);
  const { kernels } = program.program;
  const inside = kernels.flatMap((kernel) =>
    blocksOf(kernel).map((block) => namesIn(block.kernels, program)),
  );
  expect(namesIn(kernels, program)).toEqual(expect.arrayContaining(['scan', 'cond']));
  expect(inside).toEqual(expect.arrayContaining([['add sin'], ['exp'], ['tanh']]));
});

test('every kernel of a training step names lines of its model and its update', () => {
  const { weights, biases } = perceptron([8, 6, 4]);
  const x = input([5, 8]);
  const hidden = relu(add(matmul(x, weights[0]), biases[0]));
  const J = crossEntropy(add(matmul(hidden, weights[1]), biases[1]), input([5], { dtype: 'int32' }));
  const parameters = [...weights, ...biases];
  const slopes = gradients(J, parameters);
  const step = (p: Parameter, i: number): Variable => sub(p, mul(slopes[i], 0.1)); // update
  const program = compiled([J], new Map(parameters.map((p, i) => [p, step(p, i)])));
  const { kernels } = program.program;
  const origins = originsIn(kernels, program);
  for (const list of origins) {
    expect(list.length).toBeGreaterThan(0);
    for (const each of list) expect(lineOf(each)).toMatch(/const (hidden|J|step) = /);
  }
  const products = origins.filter((_, i) => kernels[i].kind === 'product');
  const made = products.map((list) => list.map(({ operation, site }) => site.maker ?? operation.name).sort());
  // Products that step on their weights do what the update asks for, too.
  expect(made.map((names) => names.join(' ')).sort()).toEqual([
    'matmul',
    'matmul',
    "matmul'",
    "matmul' mul sub",
    "matmul' mul sub",
  ]);
  const updates = origins.filter((list) => list.some((each) => lineOf(each).includes('// update')));
  expect(updates.length).toBeGreaterThan(1);
});

test('a program with origins is still plain data', () => {
  const { program } = compiled([sum(exp(input([4, 5])), 0)]);
  expect(structuredClone(program)).toEqual(program);
});
