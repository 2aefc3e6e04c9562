/** How the house stands: floors import only floors below them, nothing goes round in a circle, files stay small. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const source = fileURLToPath(new URL('../src', import.meta.url));

/** Each floor, and the floors it may import. */
const FLOORS: Record<string, readonly string[]> = {
  graph: [],
  operations: ['graph'],
  rewrite: ['graph', 'operations'],
  autodiff: ['graph', 'operations', 'rewrite'],
  control: ['graph', 'operations', 'autodiff', 'rewrite'],
  compile: ['graph', 'operations', 'rewrite'],
  backends: ['graph', 'operations', 'compile'],
  checkpointing: ['graph', 'operations', 'autodiff', 'rewrite', 'compile'],
  engine: ['graph', 'operations', 'rewrite', 'autodiff', 'compile', 'backends'],
  check: ['graph', 'operations', 'autodiff', 'engine'],
  krylov: ['graph', 'operations', 'autodiff', 'engine', 'data'],
  data: ['graph'],
  nn: ['graph', 'operations', 'data'],
  optim: ['graph', 'operations', 'autodiff', 'data'],
  visualize: ['graph', 'operations'],
};

/** Files outside the floors: they may import anything. */
const ROOF = ['index.ts', 'cli'];

const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
);

/** The files that `file` imports, types included. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(source, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s+'(\.[^']*)'|import\(['"](\.[^'"]*)['"]\)/g)].map(([, a, b]) =>
    relative(source, join(source, dirname(file), a ?? b)),
  );
}

const imports = new Map(files.map((file) => [file, importsOf(file)]));
const floorOf = (file: string): string => file.split('/')[0];

test('every import is a file of the house', () => {
  const unknown = [...imports].flatMap(([file, list]) =>
    list.filter((each) => !imports.has(each)).map((each) => `${file} -> ${each}`),
  );
  expect(unknown).toEqual([]);
});

describe('floors', () => {
  test('are all known', () => {
    const known = new Set([...Object.keys(FLOORS), ...ROOF]);
    expect(files.map(floorOf).filter((floor) => !known.has(floor))).toEqual([]);
  });

  test.each(Object.keys(FLOORS))('%s imports only what lies below it', (floor) => {
    const wrong = [...imports].flatMap(([file, list]) =>
      floorOf(file) === floor
        ? list
            .filter((each) => floorOf(each) !== floor && !FLOORS[floor].includes(floorOf(each)))
            .map((each) => `${file} -> ${each}`)
        : [],
    );
    expect(wrong).toEqual([]);
  });
});

test('imports never go round in a circle', () => {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      circles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      return;
    }
    if (done.has(file)) return;
    for (const each of imports.get(file) ?? []) visit(each, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(circles).toEqual([]);
});

test('no file is longer than 400 lines', () => {
  const long = files.filter((file) => readFileSync(join(source, file), 'utf8').split('\n').length > 400);
  expect(long).toEqual([]);
});
