/** Every operation of the registry, held to what its declaration says; `docs/operations.md` is made from it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Declaration, families, registry } from '../../src/operations/index.ts';
import { checkOperation } from '../support/checkOperation.ts';
import { errorsOf, type Row, renderOperations, withoutErrors } from '../support/documentation.ts';

const PAGE = new URL('../../docs/operations.md', import.meta.url);

const rows: Row[] = [];
for (const [family, members] of Object.entries(families)) {
  describe(family, () => {
    for (const [name, operation] of Object.entries(members)) {
      const declared = operation as { readonly declaration: Declaration };
      rows.push({ family, declaration: declared.declaration, report: checkOperation(name, declared) });
    }
  });
}

test('every operation belongs to one family', () => {
  const named = Object.values(families).flatMap((members) => Object.keys(members));
  expect(named.toSorted()).toEqual(Object.keys(registry).toSorted());
});

/** Runs last: it needs what the tests above measured. */
describe('docs/operations.md', () => {
  test('is up to date', () => {
    const fresh = renderOperations(rows);
    if (process.env.UPDATE_DOCS === '1') writeFileSync(PAGE, fresh);
    const page = existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '';
    expect(withoutErrors(page)).toBe(withoutErrors(fresh));
    const documented = errorsOf(page);
    for (const { declaration, report } of rows) {
      for (const [property, figure] of documented.get(declaration.name) ?? []) {
        const bound = 10 * Math.max(1e-13, figure);
        expect(report.get(property)!.error, `${declaration.name}, ${property}`).toBeLessThanOrEqual(bound);
      }
    }
  });
});
