/** Functions as operations of the graph: loops, branches, and functions with a gradient of their own. */
export { cond } from './cond.ts';
export { type CustomAnswers, type CustomEdge, customGradient } from './customGradient.ts';
export { type ScanOptions, scan } from './scan.ts';
export { type WhileOptions, whileLoop } from './whileLoop.ts';
