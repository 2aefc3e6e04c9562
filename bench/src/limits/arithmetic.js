/**
 * The limit of products in WebAssembly: as many multiplications and additions on vectors of four float32 as the product has, all
 * of them between registers. A processor does two such instructions a cycle at most; with relaxed SIMD, one of them is both.
 */
import { isMainThread, workerData } from 'node:worker_threads';
import { onThreads, serveTeam, startTeam } from './team.js';

/** Vectors that are computed in turn: none waits for its last result. */
const vectors = 12;
const flopsOfRound = vectors * 4 * 2;

const [i32, f32, v128] = [0x7f, 0x7d, 0x7b];
const op = {
  localGet: (local) => [0x20, local],
  localSet: (local) => [0x21, local],
  localTee: (local) => [0x22, local],
  i32Const: (value) => [0x41, value],
  f32Const: (value) => [0x43, ...new Uint8Array(Float32Array.of(value).buffer)],
  i32Sub: [0x6b],
  splat: [0xfd, 0x13],
  firstLane: [0xfd, 0x1f, 0x00],
  mul: [0xfd, 0xe6, 0x01],
  add: [0xfd, 0xe4, 0x01],
  relaxedMultiplyAdd: [0xfd, 0x85, 0x02],
  loop: [0x03, 0x40],
  branchIf: [0x0d, 0x00],
  end: [0x0b],
};

/** The module whose function `run` does so many rounds of x = x * c + d for each vector x, and returns something of them all. */
function bytesOf(fused) {
  const [rounds, factor, summand, first] = [0, 1, 2, 3];
  const each = Array.from({ length: vectors }, (_, i) => first + i);
  const set = (local, value) => [...op.f32Const(value), ...op.splat, ...op.localSet(local)];
  const step = (x) =>
    fused
      ? [x, factor, summand].flatMap(op.localGet).concat(op.relaxedMultiplyAdd, op.localSet(x))
      : [x, factor].flatMap(op.localGet).concat(op.mul, op.localGet(summand), op.add, op.localSet(x));
  const code = [
    [1, 2 + vectors, v128],
    set(factor, 0.999),
    set(summand, 0.001),
    ...each.map((x) => set(x, x)),
    op.loop,
    ...each.map(step),
    op.localGet(rounds),
    op.i32Const(1),
    op.i32Sub,
    op.localTee(rounds),
    op.branchIf,
    op.end,
    ...each.map((x) => [...op.localGet(x), ...(x === first ? [] : op.add)]),
    op.firstLane,
    op.end,
  ].flat();
  const sized = (bytes) => [...unsigned(bytes.length), ...bytes];
  const section = (id, ...bytes) => [id, ...sized(bytes)];
  const name = new TextEncoder().encode('run');
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, 1, 0x60, 1, i32, 1, f32),
    ...section(3, 1, 0),
    ...section(7, 1, ...sized(name), 0, 0),
    ...section(10, 1, ...sized(code)),
  ]);
}

/** LEB128. */
function unsigned(value) {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

/** Whether this process has relaxed SIMD. */
export const hasRelaxedSimd = WebAssembly.validate(bytesOf(true));

const workOf = (module) => {
  const { run } = new WebAssembly.Instance(module).exports;
  return (_, rounds) => run(rounds);
};

/** @returns {Promise<import('../engines/implementation.js').Implementation>} */
export async function open({ threads, fused }) {
  const module = new WebAssembly.Module(bytesOf(fused));
  const compute = await startTeam(
    threads,
    import.meta.url,
    { arithmetic: module },
    workOf(module),
    Number.MAX_SAFE_INTEGER,
  );
  return {
    version: process.versions.node,
    label: onThreads(fused ? 'fused arithmetic' : 'arithmetic', threads),
    families: {
      product: ({ m, k, n }) => ({ once: () => compute(Math.ceil((2 * m * k * n) / flopsOfRound)) }),
    },
  };
}

if (!isMainThread && workerData?.arithmetic !== undefined) serveTeam(workOf(workerData.arithmetic));
