/** Runs the command in this process, and collects what it writes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { run } from '../../src/cli/program.ts';

export interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function chainrule(...argv: string[]): Promise<Result> {
  let out = '';
  let err = '';
  const code = await run(argv, {
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (err += text) },
  });
  return { code, out, err };
}

/** Runs a command that must fail: exit code 2, nothing on stdout, one line on stderr, which is returned. */
export async function complaint(...argv: string[]): Promise<string> {
  const { code, out, err } = await chainrule(...argv);
  const lines = err.split('\n');
  if (code !== 2 || out !== '' || lines.length !== 2 || lines[1] !== '') {
    throw new Error(`expected one line and exit code 2, got ${code}:\n${out}${err}`);
  }
  return lines[0];
}

/** An empty directory that goes when the tests of the file are done. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'chainrule-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export interface GradReport {
  readonly value: number;
  readonly derivatives: Readonly<Record<string, any>>;
}

/** `chainrule grad ... --json`. */
export async function gradJSON(expression: string, at: string, ...options: string[]): Promise<GradReport> {
  const { code, out, err } = await chainrule('grad', expression, '--at', at, '--json', ...options);
  if (code !== 0) throw new Error(err);
  return JSON.parse(out) as GradReport;
}
