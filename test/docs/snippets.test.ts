/** Runs the TypeScript blocks of the README and of the guides as a reader would. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

function snippetsOf(page: string): string[] {
  const text = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8');
  return [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);
}

const snippets = snippetsOf('README.md');
const folder = new URL('./generated/', import.meta.url);

beforeAll(() => {
  mkdirSync(folder, { recursive: true });
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function run(name: string, code: string): Promise<string[]> {
  const logged: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((...values: unknown[]) => {
    logged.push(values.map(String).join(' '));
  });
  try {
    const file = new URL(`${name}.ts`, folder);
    writeFileSync(file, code);
    await import(file.href);
    return logged;
  } finally {
    log.mockRestore();
  }
}

/** What a line's comment says it prints: `console.log(...); // 6.9 2.5`. */
function promised(code: string): string[] {
  return [...code.matchAll(/console\.log\(.*\);\s+\/\/ (.*)/g)].map(([, text]) => text);
}

/** Expressions followed by `// [2, 4, 6]`, rewritten to print themselves. */
function printing(code: string): string {
  return code.replaceAll(
    /^(.*toArray\(\));(\s+\/\/ )(\[[^\]]*\]).*$/gm,
    'console.log(JSON.stringify($1));$2$3',
  );
}

describe('README', () => {
  test('has snippets', () => expect(snippets.length).toBe(4));

  test.each(snippets.map((code, i) => [i, code] as const))(
    'snippet %i runs and prints what it says',
    async (i, code) => {
      const text = printing(code);
      const logged = (await run(`snippet${i}`, text)).map((line) => line.replaceAll(',', ', '));
      for (const line of promised(text)) expect(logged).toContain(line);
      if (i === 1) {
        const losses = logged.map(Number);
        expect(losses.length).toBe(250);
        expect(losses.at(-1)).toBeLessThan(losses[0] / 2);
      }
    },
  );
});

describe.each(['derivatives', 'profiling', 'rewrites'])('docs/%s.md', (page) => {
  test.each(snippetsOf(`docs/${page}.md`).map((code, i) => [i, code] as const))(
    'snippet %i runs and prints what it says',
    async (i, code) => {
      const logged = await run(`${page}${i}`, code);
      for (const line of promised(code)) expect(logged).toContain(line);
    },
  );
});
