/** Where an expression was written: the user's line, never the library's. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { linear, sequential } from '../../src/nn/index.ts';
import {
  add,
  ancestors,
  captureSite,
  div,
  exp,
  getOperation,
  gradients,
  input,
  mean,
  mul,
  type Site,
  simplify,
  square,
  sum,
  tanh,
  type Variable,
  withRewriting,
  withSite,
} from '../examples/support.ts';

const source = readFileSync(new URL(import.meta.url), 'utf8').split('\n');

/** The text of the line that a site names; the site must be in this file. */
function lineOf(site: Site | undefined): string {
  const match = /^site\.test\.ts:(\d+)$/.exec(String(site));
  expect(match, String(site)).not.toBeNull();
  return source[Number(match?.[1]) - 1];
}

describe('the site of an application', () => {
  test('is the line that called the operation', () => {
    const x = input([2]);
    const product = mul(x, 2);
    const fluent = x.add(1);
    expect(lineOf(getOperation(product)?.site)).toContain('const product = mul(x, 2)');
    expect(lineOf(getOperation(fluent)?.site)).toContain('const fluent = x.add(1)');
  });

  test('is the user line, however many operations the call is made of', () => {
    const average = mean(input([2, 3]), 1);
    for (const { site } of ancestors([average]).applications)
      expect(lineOf(site)).toContain('const average = mean(');
  });

  test('is the line within a function of the user', () => {
    const layer = (x: Variable): Variable => {
      return tanh(x);
    };
    expect(lineOf(getOperation(layer(input([2])))?.site)).toContain('return tanh(x)');
  });

  test('is found beneath layers within layers', () => {
    const net = sequential(sequential(linear(3, 4), tanh), linear(4, 2));
    const y = net(input([5, 3]));
    for (const { site } of ancestors([y]).applications) expect(lineOf(site)).toContain('const y = net(');
  });

  test('has a full path, line and column on demand', () => {
    const location = getOperation(square(input([])))?.site.location();
    expect(location?.replace(/^file:\/\//, '').startsWith(fileURLToPath(import.meta.url))).toBe(true);
    expect(location).toMatch(/:\d+:\d+$/);
  });

  test('of an input is where it was made', () => {
    const x = input([2]);
    expect(x.source.kind === 'input' && lineOf(x.source.site)).toContain('const x = input([2])');
  });
});

test('what a derivative adds inherits the line that it differentiates', () => {
  const x = input([2]);
  const squashed = tanh(x);
  const total = sum(squashed);
  const z = square(total);
  const [g] = withRewriting('none', () => gradients(z, [x]));
  const added = ancestors([g]).applications.filter(({ outputs }) => outputs[0].id > z.id);
  const linesOf = (name: string): string[] =>
    added.filter(({ operation }) => operation.name === name).map(({ site }) => lineOf(site).trim());
  expect(linesOf('broadcastTo')).toEqual(['const total = sum(squashed);']);
  expect(linesOf('square')).toEqual(['const squashed = tanh(x);']);
  expect(linesOf('sub')).toEqual(['const squashed = tanh(x);']);
  for (const { site } of added) expect(lineOf(site)).not.toContain('gradients');
});

test('what a rule puts in the place of an operation inherits its line', () => {
  const x = input([2]);
  const odds = exp(x);
  const share = div(odds, add(1, odds));
  const application = getOperation(simplify(share));
  expect(application?.operation.name).toBe('sigmoid');
  expect(application && lineOf(application.site).trim()).toBe('const share = div(odds, add(1, odds));');
});

describe('withSite', () => {
  const somewhere: Site = { location: () => 'file:///home/me/train.ts:12:3', toString: () => 'train.ts:12' };

  test('lends a site to all that is built inside', () => {
    const y = withSite(somewhere, () => mul(input([]), 2));
    expect(getOperation(y)?.site).toBe(somewhere);
    expect(() => withSite(somewhere, () => sum(input([2]), 1))).toThrow(/ at train\.ts:12$/);
  });

  test('ends with its body, also where that throws', () => {
    expect(() =>
      withSite(somewhere, () => {
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(captureSite()).not.toBe(somewhere);
    withSite(somewhere, () => {
      const inner: Site = { location: () => undefined, toString: () => '' };
      withSite(inner, () => expect(captureSite()).toBe(inner));
      expect(captureSite()).toBe(somewhere);
    });
  });
});

const built = new URL('../../dist/index.js', import.meta.url);

test.skipIf(!existsSync(built))('is no line of the built library where Node follows its source maps', () => {
  const program = `import { getOperation, input, mul } from '${built.href}';
console.log(String(getOperation(mul(input([2]), 2)).site.location()));`;
  const flags = ['--enable-source-maps', '--input-type=module'];
  const located = execFileSync(process.execPath, [...flags, '--eval', program], { encoding: 'utf8' });
  // The program has no file, so no line of it can be named; one of the library would be wrong.
  expect(located.trim()).toMatch(/^(undefined|file:.*eval.*)$/);
});
