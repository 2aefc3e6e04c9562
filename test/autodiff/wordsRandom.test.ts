/**
 * On random graphs of smooth, rough, dead, disconnected and whole-numbered parts, reverse mode, forward mode and
 * explainGradient agree on what is known of the derivative: its numbers, or the word for it.
 */
import { expect, test } from 'vitest';
import { buildGradients } from '../../src/autodiff/backprop.ts';
import { pushForward } from '../../src/autodiff/forward.ts';
import { runReference } from '../../src/backends/reference/run.ts';
import {
  add,
  apply,
  argsort,
  cast,
  clip,
  constant,
  disconnected,
  equal,
  explainGradient,
  floor,
  full,
  type Gradient,
  gather,
  greater,
  leaf,
  maxWithIndex,
  mul,
  type Operation,
  print,
  sin,
  sort,
  stopGradient,
  sum,
  tensor,
  undefinedGradient,
  Variable,
  where,
  zero,
} from '../examples/support.ts';
import { uniform } from '../support/random.ts';

function answering(name: string, answer: Gradient): (x: Variable) => Variable {
  const operation: Operation<Record<string, never>> = {
    name,
    infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
    bprop: () => answer,
    computation: { kind: 'view', view: (view) => view },
  };
  return (x) => apply(operation, [x], {});
}

const cut = answering('cut', disconnected);
const dead = answering('dead', zero);
const rough = answering('rough', undefinedGradient('it is rough'));
const float = (x: Variable): Variable => cast(x, 'float64');
const places = (x: Variable): Variable => cast(clip(floor(x), 0, 2), 'int32');

/** A scalar that depends on x in some way or other, drawn by `random`. */
function draw(x: Variable, other: Variable, random: () => number): Variable {
  const floats = [x, other];
  const wholes = [argsort(x), cast(x, 'int32')];
  const truths = [greater(x, 0)];
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)];
  const recent = (): Variable => pick(floats.slice(-4));
  const kinds: (() => unknown)[] = [
    () => floats.push(sin(recent())),
    () => floats.push(add(recent(), recent())),
    () => floats.push(mul(recent(), recent())),
    () => floats.push(floor(recent())),
    () => floats.push(pick([cut, dead, rough, stopGradient as (v: Variable) => Variable])(recent())),
    () => floats.push(float(pick(wholes))),
    () => floats.push(float(pick(truths))),
    () => floats.push(where(pick(truths), recent(), recent())),
    () => floats.push(gather(recent(), places(recent()))),
    () => floats.push(sort(recent())),
    () => floats.push(add(recent(), maxWithIndex(recent())[0])),
    () => floats.push(add(recent(), float(maxWithIndex(recent())[1]))),
    () => wholes.push(argsort(recent())),
    () => wholes.push(cast(recent(), 'int32')),
    () => wholes.push(add(pick(wholes), pick(wholes))),
    () => wholes.push(where(pick(truths), pick(wholes), 2)),
    () => truths.push(greater(recent(), recent())),
    () => truths.push(equal(pick(wholes), 1)),
  ];
  const steps = 2 + Math.floor(random() * 9);
  for (let i = 0; i < steps; i++) pick(kinds)();
  return sum(floats[floats.length - 1]);
}

/** `defined`, `undefined`, or `none` for zero and disconnected, which forward mode need not tell apart. */
const known = (gradient: Gradient): string => {
  if (gradient instanceof Variable) return 'defined';
  return gradient.gradient === 'undefined' ? 'undefined' : 'none';
};

test('the three agree', () => {
  const tangent = [0.3, 0.5, -0.2];
  const statuses = new Map<string, number>();
  for (let seed = 0; seed < 400; seed++) {
    const x = leaf([1.3, -0.7, 2.1]);
    const z = draw(x, leaf([4, 5, 6]), uniform(seed));
    const label = `seed ${seed}\n${print(z)}`;
    const one = full([], 1, 'float64');
    const reverse = buildGradients([z], [x], [one]).get(x) ?? disconnected;
    const moved = new Map([[x, constant(tensor(tangent, { dtype: 'float64' }))]]);
    const forward = pushForward([z], moved).get(z) ?? disconnected;
    const { status, path } = explainGradient(z, x);

    expect(status, label).toBe(reverse instanceof Variable ? 'defined' : reverse.gradient);
    expect(known(forward) === 'undefined', label).toBe(status === 'undefined');
    const dot = (g: ArrayLike<number>): number => tangent.reduce((total, t, i) => total + t * g[i], 0);
    const numbers = (g: Gradient, zeros: number[]): ArrayLike<number> =>
      g instanceof Variable ? runReference([g])[0].data : zeros;
    if (status !== 'undefined') {
      const [there, back] = [numbers(forward, [0])[0], dot(numbers(reverse, [0, 0, 0]))];
      expect(Math.abs(there - back), label).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(back)));
    }
    let here: Variable = x;
    for (const step of path) {
      expect(step.application.inputs[step.operand], label).toBe(here);
      here = step.output;
    }
    expect(path.length === 0 || here === z, label).toBe(true);
    expect(path.length > 0 || status === 'disconnected', label).toBe(true);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  for (const status of ['defined', 'zero', 'disconnected', 'undefined']) {
    expect(statuses.get(status), status).toBeGreaterThan(20);
  }
});
