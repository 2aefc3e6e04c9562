/** Products of matrices in float32. */
import { drawn } from './draw.js';

/**
 * C = A B, with A [m, k] and B [k, n], each kept transposed if the case says so.
 *
 * @typedef {object} ProductCase
 * @property {'product'} kind
 * @property {string} name
 * @property {number} m
 * @property {number} k
 * @property {number} n
 * @property {boolean} transposeA
 * @property {boolean} transposeB
 * @property {boolean} handedBack whether the product comes out as numbers, or stays in the engine's memory
 * @property {boolean} peers whether peers are measured, or chainrule beside a BLAS only
 * @property {('blas' | 'arithmetic')[]} limits the engines that tell how fast the case can be at all
 * @property {import('./draw.js').Drawn} a as it is kept
 * @property {import('./draw.js').Drawn} b
 */

/** @returns {ProductCase} */
function product(name, [m, k, n], { transposeA = false, transposeB = false, ...options }) {
  return {
    kind: 'product',
    name,
    m,
    k,
    n,
    transposeA,
    transposeB,
    a: drawn(transposeA ? [k, m] : [m, k], 1, 2001),
    b: drawn(transposeB ? [n, k] : [k, n], 1, 2002),
    limits: ['blas', 'arithmetic'],
    ...options,
  };
}

/** Square, with the peers; the product comes out as numbers. */
const matmul = (size) => product(`matmul-${size}`, [size, size, size], { handedBack: true, peers: true });

/** The kernel itself: the product stays where the next kernel would read it. */
function gemm(m, k, n, transposed = 'nn') {
  return product(`gemm-${m}x${k}x${n}${transposed === 'nn' ? '' : `-${transposed}`}`, [m, k, n], {
    transposeA: transposed[0] === 't',
    transposeB: transposed[1] === 't',
    handedBack: false,
    peers: false,
  });
}

/** @type {ProductCase[]} */
export const productCases = [
  ...[64, 128, 256, 512, 1024].map(matmul),
  ...[64, 256, 512, 1024].map((size) => gemm(size, size, size)),
  gemm(32, 784, 128), // a layer: forward, and its two gradients
  gemm(784, 32, 128, 'tn'),
  gemm(128, 512, 512),
  gemm(512, 128, 512, 'tn'),
  gemm(128, 512, 512, 'nt'),
  gemm(16, 16, 16),
  gemm(4096, 64, 64),
  gemm(64, 64, 4096),
  gemm(64, 4096, 64),
  gemm(256, 256, 256, 'tt'),
];
