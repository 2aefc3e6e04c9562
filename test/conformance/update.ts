/** Has PyTorch answer the questions of `cases.ts`. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { questions, specialQuestions } from './cases.ts';

export const FIXTURES = fileURLToPath(new URL('fixtures.json', import.meta.url));

/** Writes `fixtures.json`. The Python with PyTorch is `$PYTHON`, or `python3`. */
export function updateFixtures(): void {
  const folder = mkdtempSync(join(tmpdir(), 'chainrule-'));
  const asked = join(folder, 'questions.json');
  const script = fileURLToPath(new URL('make_fixtures.py', import.meta.url));
  writeFileSync(asked, JSON.stringify({ cases: questions(), special: specialQuestions() }));
  execFileSync(process.env.PYTHON ?? 'python3', [script, asked, FIXTURES], { stdio: 'inherit' });
  rmSync(folder, { recursive: true });
}
