/** The library does at corners, poles and zeros what docs/conventions.md says, in both modes and on every backend. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { reportKinks } from '../../src/check/kinks.ts';
import {
  add,
  flatten,
  full,
  gradients,
  jvp,
  leaf,
  type Nested,
  sum,
  type Variable,
} from '../examples/support.ts';
import { backends, reference } from '../support/backends.ts';
import {
  askPyTorch,
  questionOf,
  readAnswers,
  renderConventions,
  rounded,
} from '../support/conventionsPage.ts';
import { rows, sections } from './conventionRows.ts';

const PAGE = new URL('../../docs/conventions.md', import.meta.url);
const ANSWERS = fileURLToPath(new URL('conventions.json', import.meta.url));

if (process.env.UPDATE_CONVENTIONS !== undefined) askPyTorch(ANSWERS);
const peer = readAnswers(ANSWERS);

const total = (x: Variable): Variable => (x.rank === 0 ? x : sum(x));
const ones = (x: Variable): Variable => full(x.shape, 1, 'float64');
const sumOf = (data: Nested): unknown => rounded(flatten(data).reduce((all, each) => all + each, 0));

describe.each([reference, ...backends])('on $name', ({ evaluate }) => {
  const numbers = (x: Variable): unknown => rounded(evaluate([x])[0].toArray());

  describe.each(sections)('$title', (section) => {
    test.each(section.rows)('$what at $point', ({ f, at, value, gradient, second }) => {
      const xs = at.map(leaf);
      const y = f(...xs);
      expect(numbers(y)).toEqual(rounded(value));
      const first = gradients(total(y), xs, { disconnected: 'zero' });
      expect(first.map(numbers)).toEqual(gradient.map(rounded));

      // Forward mode, along each input in turn: the sums of what reverse mode gives.
      xs.forEach((_, i) => {
        const along = xs.map((x, k) => full(x.shape, Number(i === k), 'float64'));
        const [, tangent] = jvp(f, xs, along);
        expect(numbers(total(tangent))).toEqual(sumOf(gradient[i]));
      });

      if (second === undefined) return;
      const slope = (...vs: Variable[]): Variable =>
        gradients(total(f(...vs)), vs, { disconnected: 'zero' })
          .map(total)
          .reduce((a, b) => add(a, b));
      const again = gradients(slope(...xs), xs, { disconnected: 'zero' });
      expect(again.map(numbers)).toEqual(second.map(rounded));
      const [, tangent] = jvp(slope, xs, xs.map(ones));
      expect(numbers(tangent)).toEqual(sumOf(second as Nested));
    });
  });
});

test.each(rows)('reportKinks finds what $what has at $point', ({ f, at, kinks = [] }) => {
  const found = reportKinks(f(...at.map(leaf))).kinks.map(({ operation }) => operation);
  expect(found).toEqual(kinks);
});

test('PyTorch was asked of every row that names an expression', () => {
  const asked = rows.filter(({ torch }) => torch !== undefined).map(questionOf);
  expect([...peer.answers.keys()]).toEqual(asked);
});

test('docs/conventions.md says what these rows and the operations do', () => {
  const page = renderConventions(sections, peer);
  if (process.env.UPDATE_DOCS !== undefined) writeFileSync(PAGE, page);
  const written = existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '';
  expect(written, 'UPDATE_DOCS=1 writes the page anew').toBe(page);
});
