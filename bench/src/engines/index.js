/** The engines to measure: how the process of each is started. */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { hasRelaxedSimd } from '../limits/arithmetic.js';
import { Missing } from './engine.js';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

/** Numbers of threads that engines are tried with. */
const threadCounts = availableParallelism() > 1 ? [1, 2] : [1];

/**
 * chainrule's configurations: `wasm` has no native parts, `blas` gives large products to a native library, `relaxed` is `wasm` with
 * fused multiply-adds where Node has them behind a flag.
 */
const variants = {
  'wasm-1': { threads: 1, blas: 'off' },
  'wasm-2': { threads: 2, blas: 'off' },
  'blas-1': { threads: 1, blas: 'auto' },
  'blas-2': { threads: 2, blas: 'auto' },
  'relaxed-1': { threads: 1, blas: 'off', relaxed: true },
  'relaxed-2': { threads: 2, blas: 'off', relaxed: true },
};

export const variantNames = Object.keys(variants);
export const usualVariants = ['wasm-1', 'wasm-2', 'blas-2'];

function javascript(module, options, { flags = [], ...start }) {
  return {
    threads: 1,
    command: process.execPath,
    parameters: ['--expose-gc', ...flags, path('worker.js'), path(module), JSON.stringify(options)],
    ...start,
  };
}

/** What the environment says of chainrule does not reach a variant, but for the name of a BLAS. @returns {import('./engine.js').Start} */
export function chainruleStart(variant) {
  const { threads, blas, relaxed = false } = variants[variant];
  return javascript(
    'chainrule/index.js',
    { variant, threads, blas: blas !== 'off', relaxed },
    {
      name: 'chainrule',
      role: 'ours',
      variant,
      threads,
      relaxed,
      flags: relaxed ? relaxedFlags : [],
      env: {
        CHAINRULE_THREADS: String(threads),
        CHAINRULE_BLAS: blas === 'off' ? 'off' : (process.env.CHAINRULE_BLAS ?? 'auto'),
        CHAINRULE_RELAXED_SIMD: relaxed ? 'auto' : 'off',
      },
    },
  );
}

const threaded = (threads) => ({ threads, env: { OMP_NUM_THREADS: String(threads) } });

/** jax-js as it comes in Node, on one thread, and with others lent. @returns {import('./engine.js').Start[]} */
const jaxStarts = () =>
  threadCounts.map((threads) => {
    const name = threads === 1 ? 'jax-js' : `jax-js on ${threads} threads`;
    return javascript('jax/index.js', { threads }, { name, role: 'peer', threads });
  });

/** @returns {import('./engine.js').Start[]} */
const tfjsStarts = () => [javascript('tfjs/index.js', {}, { name: 'tfjs', role: 'peer' })];

/** PyTorch keeps the memory that it frees: it need not ask the system, which clears pages first, for a result's 64 MiB. */
const keepMemory = { MALLOC_MMAP_THRESHOLD_: String(2 ** 32), MALLOC_TRIM_THRESHOLD_: String(2 ** 33) };

/** @returns {Promise<import('./engine.js').Start[]>} @throws Missing */
async function pytorchStarts() {
  const command = await findPython();
  return threadCounts.map((threads) => ({
    name: 'pytorch',
    role: 'peer',
    command,
    parameters: [path('pytorch/worker.py')],
    threads,
    env: { OMP_NUM_THREADS: String(threads), ...keepMemory },
  }));
}

async function findPython() {
  for (const python of [process.env.PYTHON, 'python3', '/usr/bin/python3']) {
    if (python && (await succeeds(python, ['-c', 'import torch']))) return python;
  }
  throw new Missing('pytorch: no python3 can import torch (another interpreter can be named in PYTHON)');
}

function succeeds(command, parameters) {
  return new Promise((resolve) => {
    const child = spawn(command, parameters, { stdio: 'ignore' });
    child.on('error', () => resolve(false));
    child.on('exit', (code) => resolve(code === 0));
  });
}

/** Node 20 has relaxed SIMD behind a flag; later versions have it, and refuse the flag. */
const relaxedFlags = hasRelaxedSimd ? [] : ['--experimental-wasm-relaxed-simd'];

/** What cannot be passed: products by a BLAS, arithmetic alone, and a plain copy. @returns {import('./engine.js').Start[]} */
const limitStarts = () =>
  threadCounts.flatMap((threads) => [
    ...[false, true].map((relaxed) =>
      javascript(
        '../limits/arithmetic.js',
        { threads, fused: relaxed },
        { name: 'arithmetic', role: 'limit', threads, relaxed, flags: relaxed ? relaxedFlags : [] },
      ),
    ),
    javascript('../limits/blas.js', { threads }, { name: 'blas', role: 'limit', ...threaded(threads) }),
    javascript('../limits/copy.js', { threads }, { name: 'copy', role: 'limit', threads }),
  ]);

/** The starts of peers and limits, in groups that are there or missing together. */
export const otherStarts = [
  async () => jaxStarts(),
  async () => tfjsStarts(),
  pytorchStarts,
  async () => limitStarts(),
];
