import { afterEach, describe, expect, test } from 'vitest';
import { ancestors, ChainruleError, input, type Variable } from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import {
  getRewriting,
  LEVELS,
  type RewriteLevel,
  setRewriting,
  withRewriting,
} from '../../src/rewrite/level.ts';
import { rule } from '../../src/rewrite/rule.ts';
import { simplify } from '../../src/rewrite/simplify.ts';
import { terms, unknown } from '../../src/rewrite/term.ts';

const x = unknown('x');
const { sin, cos, tan, exp } = registry;
const rules = [
  rule({ name: 'a', class: 'exact', pattern: terms.exp(terms.sin(x)), replacement: x }),
  rule({ name: 'b', class: 'removesSingularity', pattern: terms.exp(terms.cos(x)), replacement: x }),
  rule({ name: 'c', class: 'fastMath', pattern: terms.exp(terms.tan(x)), replacement: x }),
];
const v = input([3]);
const three = (): Variable[] => [exp(sin(v)), exp(cos(v)), exp(tan(v))];

/** Which of the three rules fire. */
const fire = (level?: RewriteLevel): boolean[] =>
  simplify(three(), { rules, ...(level === undefined ? {} : { level }) }).map((each) => each === v);

afterEach(() => setRewriting('removesSingularity'));

describe('each level goes as far as those before it, and a step further', () => {
  test.each<[RewriteLevel, boolean[]]>([
    ['none', [false, false, false]],
    ['exact', [true, false, false]],
    ['removesSingularity', [true, true, false]],
    ['fastMath', [true, true, true]],
  ])('%s', (level, expected) => {
    expect(fire(level)).toEqual(expected);
    expect(withRewriting(level, () => fire())).toEqual(expected);
  });

  test('there are no others', () => expect(LEVELS.length).toBe(4));
});

describe('the level in force', () => {
  test('is removesSingularity unless told otherwise', () => {
    expect(getRewriting()).toBe('removesSingularity');
    expect(fire()).toEqual([true, true, false]);
  });

  test('can be set', () => {
    setRewriting('exact');
    expect(getRewriting()).toBe('exact');
    expect(fire()).toEqual([true, false, false]);
    expect(fire('fastMath')).toEqual([true, true, true]);
  });

  test('without rules equal applications still merge', () => {
    const [a, b] = simplify([sin(v), sin(v)], { level: 'none' });
    expect(a).toBe(b);
    expect(ancestors(simplify([registry.add(v, 0)], { level: 'none' })).applications.length).toBe(1);
  });
});

describe('withRewriting', () => {
  test('gives what its body gives, and sets the level back', () => {
    expect(withRewriting('none', getRewriting)).toBe('none');
    expect(getRewriting()).toBe('removesSingularity');
  });

  test('nests', () => {
    withRewriting('fastMath', () => {
      expect(withRewriting('exact', getRewriting)).toBe('exact');
      expect(getRewriting()).toBe('fastMath');
    });
  });

  test('sets the level back after an error', () => {
    expect(() =>
      withRewriting('none', () => {
        throw new Error('stop');
      }),
    ).toThrow('stop');
    expect(getRewriting()).toBe('removesSingularity');
  });

  test('after one about the level itself too', () => {
    expect(() => withRewriting('all' as RewriteLevel, () => 0)).toThrow(ChainruleError);
    expect(getRewriting()).toBe('removesSingularity');
  });
});

describe('no such level', () => {
  const message =
    /rewriting: no level all; use none, exact, removesSingularity, fastMath at level\.test\.ts:\d+/;

  test.each([
    ['setRewriting', () => setRewriting('all' as RewriteLevel)],
    ['withRewriting', () => withRewriting('all' as RewriteLevel, () => 0)],
    ['simplify', () => simplify(v, { level: 'all' as RewriteLevel })],
  ])('%s says so', (_, call) => {
    expect(call).toThrow(ChainruleError);
    expect(call).toThrow(message);
  });
});
