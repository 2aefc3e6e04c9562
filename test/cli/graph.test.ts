import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { chainrule, complaint, temporaryDirectory } from './command.ts';

const directory = temporaryDirectory();

test('DOT of an expression with its gradients', async () => {
  const { code, out } = await chainrule('graph', 'x*y + sin(x)');
  expect(code).toBe(0);
  expect(out).toMatch(/^digraph chainrule \{/);
  for (const label of ['mul', 'sin', 'cos', 'dz/dx', 'dz/dy']) expect(out).toContain(`<b>${label}</b>`);
  expect(out).toContain('#ffe8cc');
  expect(out).toMatch(/<b>mul<\/b>>[^\n]*tooltip="mul: float64\[\], at \\"x\*y\\""/);
});

test('--no-backward leaves the forward graph', async () => {
  const { out } = await chainrule('graph', 'x*y + sin(x)', '--no-backward');
  expect(out).not.toContain('cos');
  expect(out).not.toContain('#ffe8cc');
});

test('text, with shapes', async () => {
  const { out } = await chainrule('graph', 'sum(relu(W @ x))', '--shapes', 'W=4x3,x=3', '--format', 'text');
  expect(out).toContain('# z = sum(relu(W @ x))');
  expect(out).toContain('# returns z, dz/dW, dz/dx');
  expect(out).toContain('input W : float64[4, 3]');
});

test('values state shapes too', async () => {
  const { out } = await chainrule(
    'graph',
    'sum(x)',
    '--at',
    'x=[1,2,3]',
    '--format',
    'text',
    '--dtype',
    'float32',
  );
  expect(out).toContain('input x : float32[3]');
});

test('a network with its loss, as the file name says', async () => {
  const path = join(directory, 'network.svg');
  const { code, out } = await chainrule('graph', '--model', '20-8-3', '--out', path);
  expect({ code, out }).toEqual({ code: 0, out: `wrote ${path}\n` });
  const svg = readFileSync(path, 'utf8');
  for (const label of ['crossEntropy', 'layer1.weight', 'dJ/d layer2.bias', '32 × 20'])
    expect(svg).toContain(label);
});

describe('one line for what cannot be done', () => {
  test.each([
    ['nothing to draw', [], /either an expression.* or --model/],
    ['two things to draw', ['x', '--model', '4-3'], /either an expression.* or --model/],
    ['hidden sizes alone', ['--model', '128'], /give all sizes/],
    ['a bad size', ['--model', '784-0-10'], /Give hidden sizes/],
    ['a bad shape', ['x', '--shapes', 'x=3by4'], /"x=3by4" is not of the form name=shape/],
    ['a stranger', ['x', '--shapes', 'y=3'], /--shapes: y does not appear in x/],
    ['shapes that do not fit', ['W @ x', '--shapes', 'W=4x3,x=4'], /matmul: inner sizes differ.* at "W@x"$/],
    ['a directory that is not there', ['x*x', '--out', '/nowhere/at/all.svg'], /--out .*cannot write/],
    ['a bad format', ['x', '--format', 'png'], /Allowed choices are dot, svg, text/],
  ])('%s', async (_, argv, message) => {
    expect(await complaint('graph', ...argv)).toMatch(message);
  });
});
