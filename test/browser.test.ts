/** The built package in Chromium, as plain modules: the same training gives the same bits as in Node. */
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const executablePath = '/usr/bin/chromium';
const built = new URL('../dist/', import.meta.url);

/** Trains XOR for 50 steps with the package's modules, and returns the bits of all weights. */
async function train(
  load: (path: string) => Promise<any>,
): Promise<{ bits: number[]; loss: number; error: string }> {
  const c = await load('index.js');
  const { linear, sequential, setSeed } = await load('nn/index.js');
  const { adam } = await load('optim/index.js');
  // Fused multiplications round as the machine does.
  c.configureEngine({ relaxedSimd: 'off', blas: 'off' });
  setSeed(7);
  const model = sequential(linear(2, 13), c.tanh, linear(13, 5), c.gelu, linear(5, 2));
  const optimizer = adam({ learningRate: 0.02 });
  const step = c.compile((x: unknown, y: unknown) => {
    const J = c.crossEntropy(model(x), y);
    return c.withUpdates(J, optimizer.minimize(J));
  });
  const x = c.tensor([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ]);
  const y = c.tensor([0, 1, 1, 0], { dtype: 'int32' });
  let loss = Number.NaN;
  for (let i = 0; i < 50; i++) loss = step(x, y).item();
  const bits: number[] = [];
  for (const parameter of model.parameters) bits.push(...new Uint32Array(parameter.value.data.buffer));
  let error = '';
  try {
    c.matmul(c.input([2, 3]), c.input([4, 5]));
  } catch (thrown) {
    error = (thrown as Error).message;
  }
  return { bits, loss, error };
}

/** Computes something large until all threads take part; returns how many did, the sum and the bits of a part. */
async function computeOnThreads(
  load: (path: string) => Promise<any>,
  threads: number,
): Promise<{ shared: boolean; threads: number; total: number; bits: number[] }> {
  const c = await load('index.js');
  c.configureEngine({ threads, relaxedSimd: 'off', blas: 'off' });
  const f = c.compile((x: unknown) => [c.sum(c.exp(x)), c.matmul(c.softmax(x), c.transpose(x))]);
  const numbers = Float32Array.from({ length: 200 * 300 }, (_, i) => Math.fround(((i * 7919) % 1000) / 1000));
  const x = c.tensor(numbers, { shape: [200, 300] });
  const end = Date.now() + 10_000;
  do {
    f(x);
    await new Promise((resolve) => setTimeout(resolve, 5));
  } while (c.describeEngine().threadsReady < c.describeEngine().threads && Date.now() < end);
  const { threadsReady, sharedMemory } = c.describeEngine();
  const [total, product] = f(x);
  const bits = [...new Uint32Array(product.data.buffer)];
  return { shared: sharedMemory, threads: threadsReady, total: total.item(), bits };
}

describe.skipIf(!existsSync(executablePath) && process.env.CI === undefined)('in Chromium', () => {
  let server: Server;
  let browser: Browser;

  beforeAll(async () => {
    expect(existsSync(new URL('index.js', built)), 'run npm run build first').toBe(true);
    server = createServer((request, response) => {
      const file = fileURLToPath(new URL(`.${request.url}`, built));
      // A page under /isolated/ has memory that threads share.
      if (request.url === '/isolated/') {
        response.setHeader('cross-origin-opener-policy', 'same-origin');
        response.setHeader('cross-origin-embedder-policy', 'require-corp');
      }
      response.setHeader('cross-origin-resource-policy', 'same-origin');
      if (request.url === '/' || request.url === '/isolated/')
        response.setHeader('content-type', 'text/html').end('<!doctype html><title>test</title>');
      else if (existsSync(file))
        response.setHeader('content-type', 'text/javascript').end(readFileSync(file));
      else response.writeHead(404).end();
    }).listen(0, '127.0.0.1');
    const args = [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ];
    browser = await chromium.launch({ executablePath, args });
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  test('trains to the same bits as in Node', async () => {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const inPage = await page.evaluate(`(${train.toString()})((path) => import('/' + path))`);
    const inNode = await train((path) => import(/* @vite-ignore */ `${built.href}${path}`));
    expect(inNode.loss).toBeLessThan(0.6);
    expect(inPage).toEqual({
      ...inNode,
      error: expect.stringContaining('matmul: inner sizes differ: [2, 3] x [4, 5]'),
    });
  });

  test('uses threads on a page that is cross-origin isolated, and does without elsewhere', async () => {
    const inNode = await computeOnThreads((path) => import(/* @vite-ignore */ `${built.href}${path}`), 2);
    expect(inNode.threads).toBe(2);
    for (const [path, threads] of [
      ['isolated/', 3],
      ['', 1],
    ] as const) {
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/${path}`);
      const found = await page.evaluate(`(${computeOnThreads.toString()})((path) => import('/' + path), 3)`);
      expect(found).toEqual({ ...inNode, shared: threads > 1, threads });
    }
  });
});
