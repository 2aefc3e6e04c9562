/**
 * The published JavaScript: few files, because reading and resolving 350 modules takes longer than running them.
 *
 * All that the main entry reaches is one file, `shared/chainrule.js`, and every other entry imports that file: there is one
 * graph, one registry and one engine in a process, whichever entries it imports. Types come from `tsc`.
 */
import { defineConfig } from 'rolldown';

const root = import.meta.dirname;

/** Entries of the package, beside `index`. */
const SUBPATHS = ['nn', 'optim', 'data', 'krylov', 'rewrite', 'visualize'];

/** Modules that the benchmarks look into; the `exports` of the package do not name them. */
const INNER = ['compile/compile', 'engine/backend'];

const entries = ['index', ...SUBPATHS.map((each) => `${each}/index`), ...INNER, 'cli/main'];

/** Modules of the source that a program which imports the main entry alone does not read. */
const BESIDE = /[/\\]src[/\\](nn|optim|data|krylov|visualize|cli|rewrite[/\\]index\.ts)/;

export default defineConfig({
  input: Object.fromEntries(entries.map((each) => [each, `${root}/src/${each}.ts`])),
  // Packages stay imports; so do Node's own modules, which are only ever imported where they are needed.
  external: /^(?![./])/,
  platform: 'neutral',
  logLevel: 'warn',
  // What package.json says of side effects is about the files of `dist`; modules of the source have some.
  treeshake: { moduleSideEffects: [{ test: /./, sideEffects: true }] },
  output: {
    dir: `${root}/dist`,
    format: 'esm',
    sourcemap: true,
    // As if the source lay in `dist`, which is published while `src` is not: `node --enable-source-maps` writes these paths
    // into stacks, and the library must know its own frames.
    sourcemapPathTransform: (path) => path.replace('../src/', ''),
    // Lines and names stay as they are, for the sake of stack traces and profiles.
    minify: false,
    comments: false,
    chunkFileNames: 'shared/[name].js',
    codeSplitting: {
      groups: [{ name: 'chainrule', test: (id) => !BESIDE.test(id.slice(root.length)) }],
    },
  },
});
