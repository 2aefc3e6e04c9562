/**
 * Single operations on arrays far beyond the caches, float32, whose results stay in the engine's memory: what counts
 * is how many bytes pass per second, with a plain copy as the limit. And one operation that is nothing but its call.
 */
import { drawn, sizeOf } from './draw.js';

/**
 * @typedef {object} KernelCase
 * @property {'kernel'} kind
 * @property {string} name
 * @property {string} of the name in the engines' tables
 * @property {import('./draw.js').Drawn[]} operands
 * @property {number[]} result its shape
 * @property {number | null} bytes read and written at least, where memory is the limit
 * @property {boolean} handedBack whether the result comes out as numbers, or stays in the engine's memory
 * @property {'copy'[]} limits the engines that tell how fast the case can be at all
 */

/** 16 M numbers, 64 MiB: an array alone passes the largest cache in use. */
const rows = 16_384;
const columns = 1024;

function kernel(of, operands, result) {
  const bytes = 4 * [...operands.map(({ shape }) => shape), result].reduce((sum, s) => sum + sizeOf(s), 0);
  return {
    kind: 'kernel',
    name: `${of}-${operands[0].shape.join('x')}`,
    of,
    operands,
    result,
    bytes,
    handedBack: false,
    limits: ['copy'],
  };
}

const matrix = (seed) => drawn([rows, columns], 1, seed);
const row = (seed) => drawn([columns], 1, seed);

/** @type {KernelCase[]} */
export const kernelCases = [
  kernel('sum-all', [matrix(6024)], []), // a seed whose sum is not near 0: what is compared is relative to it
  kernel('sum-rows', [matrix(6002)], [rows]),
  kernel('sum-columns', [matrix(6003)], [columns]),
  kernel('add-row', [matrix(6004), row(6005)], [rows, columns]),
  kernel('elementwise-chain', [matrix(6006), matrix(6007), matrix(6008)], [rows, columns]),
  kernel('matrix-vector', [matrix(6009), row(6010)], [rows]),
  kernel('softmax-rows', [matrix(6011)], [rows, columns]),
  kernel('layer-norm', [matrix(6012), row(6013), row(6014)], [rows, columns]),
  {
    ...kernel('call-overhead', [drawn([4], 1, 6015)], [4]),
    name: 'call-overhead',
    bytes: null,
    handedBack: true,
    limits: [],
  },
];
