/** `docs/rewrites.md` is what the rules are. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { familiesWithoutIntroduction, renderRewrites } from '../support/rewritesPage.ts';
import { allFamilies } from '../support/ruleExamples.ts';

const PAGE = new URL('../../docs/rewrites.md', import.meta.url);

test('docs/rewrites.md is up to date', () => {
  const fresh = renderRewrites();
  if (process.env.UPDATE_DOCS === '1') writeFileSync(PAGE, fresh);
  expect(existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '').toBe(fresh);
});

test('it has every rule, and introduces every family', () => {
  expect(familiesWithoutIntroduction()).toEqual([]);
  const page = renderRewrites();
  for (const { name } of Object.values(allFamilies).flat()) expect(page).toContain(`| ${name} | `);
});
