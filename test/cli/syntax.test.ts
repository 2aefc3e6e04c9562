import { expect, test } from 'vitest';
import { near } from '../../src/cli/suggest.ts';
import { parse, unparse } from '../../src/cli/syntax.ts';

test.each([
  ['a-(b-c)', 'a - (b - c)'],
  ['(a-b)-c', 'a - b - c'],
  ['(a*b)+c', 'a*b + c'],
  ['a*(b+c)', 'a*(b + c)'],
  ['(a^b)^c', '(a^b)^c'],
  ['a^(b^c)', 'a^b^c'],
  ['-(a^b)', '-a^b'],
  ['(-a)^b', '(-a)^b'],
  ['a^-b', 'a^-b'],
  ['a*-b', 'a*-b'],
  ['- -a', '--a'],
  ['+a', 'a'],
  ['-(a*b)', '-(a*b)'],
  ['-a*b', '-a*b'],
  ['f( x,[1,-2] )', 'f(x, [1, -2])'],
  ['a+b < c*2', 'a + b < c*2'],
])('%s is read as %s', (text, expected) => {
  const written = unparse(parse(text));
  expect(written).toBe(expected);
  expect(unparse(parse(written))).toBe(written);
});

test('near names', () => {
  const names = ['sin', 'sinh', 'asin', 'cos', 'softmax', 'logSoftmax', 'relu'];
  expect(near('sni', names)[0]).toBe('sin');
  expect(near('Softmax', names)[0]).toBe('softmax');
  expect(near('rellu', names)).toEqual(['relu']);
  expect(near('quux', names)).toEqual([]);
});
