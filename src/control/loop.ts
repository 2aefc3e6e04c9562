/**
 * The operation behind `scan` and `whileLoop`: a body of its own, run again and again. Each distinct body makes one
 * operation.
 */
import {
  ancestors,
  applyOperation,
  at,
  type Body,
  disconnected,
  formatShape,
  type Gradient,
  type Operation,
  type Rounds,
  ShapeError,
  sameShape,
  undefinedGradient,
  Variable,
  type VariableType,
} from '../graph/index.ts';
import { closeLoopBody, intern } from './body.ts';
import { batchLoop } from './loopBatch.ts';
import { pushLoop } from './loopForward.ts';
import { planNarrow } from './loopNarrow.ts';
import type { Loop, LoopRequest, LoopResult } from './loopRequest.ts';
import { gradientWords, type LoopPullback, pullbackLoop } from './loopReverse.ts';
import { storable } from './residuals.ts';

/** Makes a loop, and applies it. */
export function makeLoop({
  carries,
  slices,
  stacked,
  rounds,
  conditional,
  recompute,
}: LoopRequest): LoopResult {
  const results = [...carries.map(({ next }) => next), ...stacked];
  const placeholders = [...carries, ...slices].map(({ placeholder }) => placeholder);
  const { body: whole, captured } = closeLoopBody(placeholders, results);
  const read = new Set(ancestors(whole.outputs).leaves);
  const seen = slices.filter(({ placeholder }) => read.has(placeholder));
  const body: Body<Variable> = {
    inputs: [
      ...[...carries, ...seen].map(({ placeholder }) => placeholder),
      ...whole.inputs.slice(placeholders.length),
    ],
    outputs: whole.outputs,
  };
  const { operation } = loopOf(body, {
    carries: carries.length,
    slices: seen.length,
    conditional,
    keep: conditional ? 'nothing' : recompute ? 'start' : 'history',
  });
  const inputs = [...carries.map(({ init }) => init), ...seen.map(({ from }) => from), ...captured];
  const outputs = applyOperation(operation, inputs, rounds);
  return {
    finals: outputs.slice(0, carries.length),
    stacked: outputs.slice(carries.length, results.length),
  };
}

interface LoopShape {
  readonly carries: number;
  readonly slices: number;
  readonly conditional: boolean;
  /**
   * What there is for the backward pass: the history of all that the body computes; or only what the loop starts from,
   * so that it is run again; or nothing, since the number of rounds is not known.
   */
  readonly keep: 'history' | 'start' | 'nothing';
}

interface LoopWithOperation extends Loop {
  readonly operation: Operation<Rounds>;
}

/** The loop of a body: one for all bodies of the same structure. */
function loopOf(body: Body<Variable>, shape: LoopShape): LoopWithOperation {
  const { carries, slices, conditional, keep } = shape;
  return intern(`loop ${carries} ${slices} ${conditional} ${keep}`, [body], () => newLoop(body, shape));
}

function newLoop(given: Body<Variable>, shape: LoopShape): LoopWithOperation {
  const { carries, slices, conditional, keep } = shape;
  const { body, history } =
    keep === 'history' ? withHistory(given, carries) : { body: given, history: new Map() };
  const loop: Loop = {
    computation: {
      kind: 'iteration',
      body,
      carries,
      slices,
      conditional,
      narrow: (used, rounds) => {
        const plan = planNarrow(loop.computation, used);
        const smaller = loopOf(plan.body, {
          carries: plan.carries,
          slices: plan.slices,
          conditional,
          keep: conditional ? 'nothing' : 'start',
        });
        return {
          inputs: plan.inputs,
          apply: (inputs) => plan.results(inputs, applyOperation(smaller.operation, inputs, rounds)),
        };
      },
    },
    history,
    recompute: keep === 'start',
  };

  const pullback = (edge: LoopPullback): readonly Gradient[] => {
    switch (keep) {
      case 'nothing':
        return gradientWords(loop, edge).map((each) => (each instanceof Variable ? noWayBack : each));
      case 'history':
        return pullbackLoop(loop, edge, makeLoop);
      case 'start': {
        const again = loopOf(given, { ...shape, keep: 'history' });
        const outputs = applyOperation(again.operation, edge.inputs, edge.attributes);
        const gradients = outputs.map((_, i) => edge.gradients[i] ?? disconnected);
        return pullbackLoop({ ...again, recompute: true }, { ...edge, outputs, gradients }, makeLoop);
      }
    }
  };

  const operation: Operation<Rounds> = {
    name: conditional ? 'whileLoop' : 'scan',
    infer: (inputs, { length = 0 }) => {
      checkInputs(inputs, body, shape, length);
      return body.outputs.map((output, i) => (i < carries ? output : perRound(output, length)));
    },
    bprop: ({ index, ...edge }) =>
      pullback({ ...edge, wanted: edge.inputs.map((_, i) => i === index) })[index],
    pullback,
    jvp: (push) => pushLoop(loop, push, makeLoop),
    batch: (batch) => batchLoop(loop, batch, makeLoop),
    computation: loop.computation,
    opaque: ancestors(given.outputs).applications.some((each) => each.operation.opaque === true),
  };
  return { ...loop, operation };
}

const noWayBack = undefinedGradient(
  'a whileLoop ends when its numbers say so: the graph cannot hold its rounds in reverse; ' +
    'give it { maxIterations }, or use scan with a fixed length',
);

/** The type of a value for all rounds. */
function perRound({ shape, dtype }: VariableType, length: number): VariableType {
  return { shape: [length, ...shape], dtype };
}

function checkInputs(
  inputs: readonly Variable[],
  body: Body<Variable>,
  { carries, slices }: LoopShape,
  length: number,
): void {
  body.inputs.forEach((each, i) => {
    const sliced = i >= carries && i < carries + slices;
    const { shape, dtype } = sliced ? perRound(each, length) : each;
    if (dtype !== inputs[i].dtype || !sameShape(shape, inputs[i].shape)) {
      throw new ShapeError(
        `scan: input ${i} is ${inputs[i].toString()}; its body wants ${dtype}${formatShape(shape)}${at()}`,
      );
    }
  });
}

/** The body with all that a derivative may want of it among its outputs: the carries, and what it computes. */
function withHistory(
  { inputs, outputs }: Body<Variable>,
  carries: number,
): { body: Body<Variable>; history: Map<Variable, number> } {
  const all = [...outputs];
  const history = new Map<Variable, number>();
  for (let i = outputs.length - 1; i >= carries; i--) history.set(outputs[i], i);
  for (const each of [...inputs.slice(0, carries), ...storable(outputs)]) {
    if (!history.has(each)) history.set(each, all.push(each) - 1);
  }
  return { body: { inputs, outputs: all }, history };
}
