import { expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { ChainruleError, input, type Variable } from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { toSVG } from '../../src/visualize/index.ts';

const { add, mul, sin } = registry;

/** Whether every element is closed in order and every ampersand begins an entity. */
function isWellFormed(xml: string): boolean {
  const open: string[] = [];
  const body = xml.replace(/<\?[\s\S]*?\?>|<!DOCTYPE[\s\S]*?>|<!--[\s\S]*?-->/g, '');
  if (/&(?!\w+;|#\d+;|#x[\da-f]+;)/i.test(body)) return false;
  for (const [, close, name, rest] of body.matchAll(/<(\/?)([\w:]+)((?:"[^"]*"|[^">])*)>/g)) {
    if (close === '/') {
      if (open.pop() !== name) return false;
    } else if (!rest.endsWith('/')) open.push(name);
  }
  return open.length === 0;
}

test('x y + sin x as a picture', async () => {
  const x = input([], { name: 'x' });
  const y = input([], { name: 'y' });
  const z = add(mul(x, y), sin(x));
  const [dx, dy] = gradients(z, [x, y]);
  const svg = await toSVG(
    { z },
    { backward: { 'dz/dx': dx, 'dz/dy': dy }, title: 'z = x y + sin(x) < "1" & so on' },
  );
  expect(svg).toMatch(/^<\?xml[\s\S]*<svg role="img" aria-label="z = x y/);
  expect(isWellFormed(svg)).toBe(true);
  for (const label of ['mul', 'sin', 'cos', 'dz/dx', 'forward', 'backward'])
    expect(svg).toContain(`>${label}<`);
  expect(svg).toContain('#dcebfa');
  expect(svg).toContain('#ffe8cc');
});

test('a graph too large to lay out is turned away, with the way round', async () => {
  let x: Variable = input([], { name: 'x' });
  for (let i = 0; i < 30; i++) x = sin(x);
  await expect(toSVG(x, { limit: 20 })).rejects.toThrow(ChainruleError);
  await expect(toSVG(x, { limit: 20 })).rejects.toThrow(/30 operations.*limit 20.*toDOT/);
  expect(isWellFormed(await toSVG(x, { limit: 30 }))).toBe(true);
});
