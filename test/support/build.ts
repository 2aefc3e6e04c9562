/** Graphs of sample calls, with inputs left open so that they can be evaluated again and again. */
export { build, type Call, weighable, weightedSum } from '../../src/check/call.ts';
