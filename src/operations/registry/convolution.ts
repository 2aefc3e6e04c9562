/** Sliding windows, and what is made of them. */
export { conv, convTranspose } from '../convolution/conv.ts';
export { avgPool, maxPool } from '../convolution/pooling.ts';
export { windows } from '../convolution/windows.ts';
