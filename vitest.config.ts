import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = fileURLToPath(new URL('src', import.meta.url));

export default defineConfig({
  resolve: {
    // Examples and snippets import the package by its name; tests run them against the source.
    alias: [
      { find: /^chainrule$/, replacement: `${source}/index.ts` },
      { find: /^chainrule\/(nn|optim|data|krylov|rewrite|visualize)$/, replacement: `${source}/$1/index.ts` },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/seed.ts'],
    testTimeout: 120_000,
  },
});
