/**
 * PyTorch on the CPU, in Python processes that speak JSON lines: one process per number of threads, each idle while
 * another engine has its turn. The best of them is quoted.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { matmulData, stepData } from '../cases.js';
import { sampleProduct } from '../reference.js';
import { Missing } from './engine.js';

const script = fileURLToPath(new URL('pytorch_worker.py', import.meta.url));

/** @returns {Promise<import('./engine.js').Engine[]>} */
export async function open() {
  const python = await findPython();
  const counts = availableParallelism() > 1 ? [1, 2] : [1];
  return Promise.all(counts.map((threads) => openWith(python, threads)));
}

async function findPython() {
  for (const python of [process.env.PYTHON, 'python3', '/usr/bin/python3']) {
    if (python && (await succeeds(python, ['-c', 'import torch']))) return python;
  }
  throw new Missing('no python3 can import torch (another interpreter can be named in PYTHON)');
}

function succeeds(command, parameters) {
  return new Promise((resolve) => {
    const child = spawn(command, parameters, { stdio: 'ignore' });
    child.on('error', () => resolve(false));
    child.on('exit', (code) => resolve(code === 0));
  });
}

async function openWith(python, threads) {
  const worker = startWorker(python, threads);
  const { version } = await worker.ask({ do: 'hello', threads });
  return {
    name: 'pytorch',
    label: `PyTorch ${version}, ${threads} thread${threads > 1 ? 's' : ''}`,
    version,
    async prepare(testCase) {
      await worker.ask({ do: 'prepare', case: testCase, data: encode(testCase) });
      return {
        async check() {
          const { values } = await worker.ask({ do: 'check' });
          return testCase.kind === 'step' ? values : sampleProduct(floats(values));
        },
        run: async (times) => (await worker.ask({ do: 'run', times })).seconds,
      };
    },
    close: () => worker.close(),
  };
}

/** One request is under way at a time: every line sent is answered by one line. */
function startWorker(python, threads) {
  const child = spawn(python, [script], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, OMP_NUM_THREADS: String(threads) },
  });
  const lines = createInterface({ input: child.stdout });
  const gone = once(child, 'exit').then(([code]) => {
    throw new Error(`the PyTorch process ended (exit code ${code})`);
  });
  gone.catch(() => {});
  return {
    async ask(request) {
      const answer = once(lines, 'line');
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const [line] = await Promise.race([answer, gone]);
      return JSON.parse(line);
    },
    close: () => child.stdin.end(),
  };
}

const base64 = (array) => Buffer.from(array.buffer).toString('base64');

function floats(text) {
  const bytes = Buffer.from(text, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

function encode(testCase) {
  if (testCase.kind === 'matmul') {
    const { a, b } = matmulData(testCase);
    return { a: base64(a), b: base64(b) };
  }
  const { layers, x, y } = stepData(testCase);
  return {
    layers: layers.map((layer) => ({ ...layer, w: base64(layer.w), b: base64(layer.b) })),
    x: base64(x),
    y: base64(y),
  };
}
