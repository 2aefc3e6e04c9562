/** The built package as its users have it: few files, one graph for all entries, and errors that name the user's line. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import manifest from '../package.json' with { type: 'json' };

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const entries = Object.entries(manifest.exports).flatMap(([name, target]) =>
  typeof target === 'string' ? [] : [{ name: `chainrule${name.slice(1)}`, ...target }],
);

/** What a file of the bundle imports before it runs. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/^(?:import|export)\b[^'"]*?["']([^'"]+)["'];$/gm)].map(([, path]) => path);
}

/** A file and all that it reads before it runs. */
function closureOf(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const path of importsOf(file)) if (path.startsWith('.')) closureOf(join(dirname(file), path), found);
  return found;
}

beforeAll(() => expect(existsSync(join(dist, 'index.js')), 'run npm run build first').toBe(true));

describe('the files', () => {
  test.each(entries)('of $name are there', (entry) => {
    expect(existsSync(join(root, entry.default))).toBe(true);
    expect(existsSync(join(root, entry.types))).toBe(true);
  });

  test('of the command and of the benchmarks are there', () => {
    const bench = join(root, 'bench/src');
    const scripts = readdirSync(bench, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.js'),
    );
    const read = scripts.flatMap((script) =>
      importsOf(join(bench, script))
        .filter((path) => path.includes('/dist/'))
        .map((path) => join(bench, dirname(script), path)),
    );
    expect(read.length).toBeGreaterThan(0);
    const missing = [join(root, manifest.bin.chainrule), ...read].filter((file) => !existsSync(file));
    expect(missing).toEqual([]);
  });

  test('are two for the main entry', () => {
    expect([...closureOf(join(dist, 'index.js'))].map((file) => relative(dist, file))).toEqual([
      'index.js',
      'shared/chainrule.js',
    ]);
  });

  test.each(entries)('of $name import nothing but one another, so that browsers can', (entry) => {
    const files = [...closureOf(join(root, entry.default))];
    expect(files.length).toBeLessThanOrEqual(5);
    expect(files.flatMap(importsOf).filter((path) => !path.startsWith('.'))).toEqual([]);
  });

  test('hold each module of the source once', () => {
    const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.js.map'),
    );
    const inFiles = new Map<string, string[]>();
    for (const file of files) {
      const { sources } = JSON.parse(readFileSync(join(dist, file), 'utf8')) as { sources: string[] };
      for (const path of sources) {
        const source = join(dirname(file), path);
        inFiles.set(source, [...(inFiles.get(source) ?? []), file]);
      }
    }
    expect(inFiles.get('graph/variable.ts')).toEqual(['shared/chainrule.js.map']);
    expect([...inFiles].filter(([, list]) => list.length > 1)).toEqual([]);
  });
});

describe('a program', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chainrule-'));
  const program = join(folder, 'program.mjs');

  /** What a user's program prints, line by line. */
  function run(code: string, ...flags: string[]): string[] {
    writeFileSync(program, code);
    return execFileSync(process.execPath, [...flags, program], { encoding: 'utf8', timeout: 60_000 })
      .trimEnd()
      .split('\n');
  }

  beforeAll(() => {
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules/chainrule'), 'dir');
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  test('has one graph, whichever entries it imports', () => {
    const printed = run(`
      import * as c from 'chainrule';
      import { linear } from 'chainrule/nn';
      import { sgd } from 'chainrule/optim';
      import { conjugateGradient } from 'chainrule/krylov';
      import { defaultRules, simplify } from 'chainrule/rewrite';
      import { toDOT } from 'chainrule/visualize';
      const layer = linear(2, 1);
      const J = c.sum(c.square(layer(c.tensor([[1, 2]]))));
      console.log(layer.parameters.every((each) => each instanceof c.Parameter));
      console.log([...sgd({ learningRate: 1 }).minimize(J).keys()].every((each) => layer.parameters.includes(each)));
      console.log(simplify === c.simplify, defaultRules.length > 300);
      console.log(conjugateGradient(c.compile((v) => c.mul(2, v)), c.tensor([2, 4])).x.toArray().join());
      console.log(toDOT(J).includes('square'));
      console.log(J.add(1).evaluate() instanceof c.Tensor);
    `);
    expect(printed).toEqual(['true', 'true', 'true true', '1,2', 'true', 'true']);
  });

  test('runs on threads, whose code is text that the bundler must leave as it is', () => {
    const printed = run(`
      import { setTimeout } from 'node:timers/promises';
      import { compile, configureEngine, describeEngine, tensor } from 'chainrule';
      import { wasmEngine } from '${pathToFileURL(dist)}/engine/backend.js';
      configureEngine({ threads: 2, blas: 'off' });
      const f = compile((x) => x.sigmoid().log().exp().add(x));
      const x = tensor(Float32Array.from({ length: 1 << 20 }, (_, i) => i / 1e6));
      const alone = f(x).data;
      // Workers start at the second run.
      f(x);
      while (wasmEngine().threadsReady < 2) await setTimeout(10);
      const together = f(x).data;
      console.log(describeEngine().threads, alone.every((each, i) => each === together[i]));
    `);
    expect(printed).toEqual(['2 true']);
  });

  test.each([[[]], [['--enable-source-maps']]])('reads its own line in errors, with flags %j', (flags) => {
    const printed = run(
      `import { compile, input, matmul, tensor } from 'chainrule';
import { linear } from 'chainrule/nn';
const message = (call) => { try { call(); } catch (error) { console.log(error.message); } };
message(() => matmul(input([2, 3]), input([4, 5])));
message(() => input([2, 3]).add(input([4, 5])));
message(() => linear(3, 4)(input([4, 5])));
message(() => compile((x) => x.reshape([7]))(tensor([1, 2])));`,
      ...flags,
    );
    expect(printed[0]).toMatch(/^matmul: inner sizes differ: .* at program\.mjs:4$/);
    expect(printed[1]).toMatch(/^add: shapes .* at program\.mjs:5$/);
    expect(printed[2]).toMatch(/^linear: .* at program\.mjs:6$/);
    expect(printed[3]).toMatch(/^reshape: .* at program\.mjs:7$/);
  });
});
