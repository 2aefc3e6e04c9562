/** What is measured of chainrule alone: derivatives beside functions, large graphs, the making of programs. */
import { stepCases } from './steps.js';

/**
 * A derivative beside what it should cost little more than; see engines/chainrule/derivatives.js. The tasks of
 * `parts` are measured in turn.
 * @typedef {{ kind: 'jacobian' | 'gradient', name: string, of: string, parts: string[], step?: object }} DerivativeCase
 */

/** Gradients of a graph of `size` rungs. See engines/chainrule/build.js.
 * @typedef {{ kind: 'build', name: string, graph: 'chain' | 'ladder', size: number }} BuildCase */

/** A training step made into a program, and run once. See engines/chainrule/compiling.js.
 * @typedef {{ kind: 'compile', name: string, of: string }} CompileCase */

const jacobian = (of) => ({
  kind: 'jacobian',
  name: `jacobian-${of}`,
  of,
  parts: ['auto', 'forward mode', 'reverse mode'],
});

const gradient = (of) => ({
  kind: 'gradient',
  name: `gradient-${of}`,
  of,
  parts: ['value and gradient', 'the function'],
});

/** The loss of a perceptron's training step, with its gradient and without. */
const gradientOfStep = (step) => ({
  ...gradient('perceptron'),
  name: step.name.replace('step', 'gradient'),
  step,
});

const compile = (of) => ({ kind: 'compile', name: `compile-${of}`, of });

/** @type {DerivativeCase[]} */
export const derivativeCases = [
  ...['wide', 'tall', 'square', 'pointwise'].map(jacobian),
  ...['mlp', 'rnn', 'gmm', 'least-squares'].map(gradient),
  ...stepCases.filter(({ kind }) => kind === 'step').map(gradientOfStep),
];

/** @type {(BuildCase | CompileCase)[]} */
export const programCases = [
  { kind: 'build', name: 'gradients-chain-100000', graph: 'chain', size: 100_000 },
  { kind: 'build', name: 'gradients-ladder-1000', graph: 'ladder', size: 1_000 },
  ...['mlp-3', 'residual-200', 'residual-exponent'].map(compile),
];
