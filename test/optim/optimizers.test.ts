import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compile, evaluate, setBackend, withUpdates } from '../../src/engine/index.ts';
import {
  input,
  type Parameter,
  parameter,
  tensor,
  type Updates,
  type Variable,
} from '../../src/graph/index.ts';
import {
  linear,
  namedParameters,
  parameterValues,
  sequential,
  setParameterValues,
} from '../../src/nn/index.ts';
import { add, square } from '../../src/operations/arithmetic.ts';
import { sum } from '../../src/operations/broadcasting.ts';
import { cast } from '../../src/operations/conversion.ts';
import { mul } from '../../src/operations/elementwise.ts';
import { argmax } from '../../src/operations/extremes.ts';
import { stopGradient } from '../../src/operations/identity.ts';
import { squaredError } from '../../src/operations/loss.ts';
import { cos, sin } from '../../src/operations/trigonometric.ts';
import {
  type AdamOptions,
  adam,
  adamw,
  type Optimizer,
  type SGDOptions,
  sgd,
} from '../../src/optim/index.ts';
import { adamByHand, type Step, sgdByHand } from './formulas.ts';

/** A compiled training step. */
const compileStep = (J: Variable, updates: Updates) => compile(() => withUpdates(J, updates));

const float64 = { dtype: 'float64' } as const;
const START = [0.3, -1.2, 2.5, 0, -0.01];

/** A loss without symmetry: J = sum (sin w_i + w_i^2 / 10), dJ/dw_i = cos w_i + w_i / 5. */
const loss = (w: Variable): Variable => sum(add(sin(w), mul(0.1, square(w))));
const gradient = (w: Float64Array): Float64Array => w.map((each) => Math.cos(each) + each / 5);

const SGD: SGDOptions[] = [
  { learningRate: 0.1 },
  { learningRate: 0.1, weightDecay: 0.02 },
  { learningRate: 0.03, momentum: 0.9 },
  { learningRate: 0.03, momentum: 0.9, weightDecay: 0.02 },
  { learningRate: 0.03, momentum: 0.9, nesterov: true },
  { learningRate: 0.03, momentum: 0.5, nesterov: true, weightDecay: 0.02 },
];

const ADAM: AdamOptions[] = [
  {},
  { learningRate: 0.05 },
  { learningRate: 0.05, beta1: 0.5, beta2: 0.8, epsilon: 1e-2 },
  { learningRate: 0.05, beta1: 0, beta2: 0 },
  { learningRate: 0.05, weightDecay: 0.3 },
];

const cases = (): [string, object, Optimizer, Step][] => [
  ...SGD.map((o): [string, object, Optimizer, Step] => ['sgd', o, sgd(o), sgdByHand(o, 5)]),
  ...ADAM.map((o): [string, object, Optimizer, Step] => ['adam', o, adam(o), adamByHand(o, 5, false)]),
  ...ADAM.map((o): [string, object, Optimizer, Step] => ['adamw', o, adamw(o), adamByHand(o, 5, true)]),
];

afterEach(() => setBackend('wasm'));

describe.each(['wasm', 'reference'] as const)('against the formulas by hand, on %s', (backend) => {
  beforeEach(() => setBackend(backend));

  it.each(cases())('%s %o over 200 steps', (_, __, optimizer, step) => {
    const w = parameter(tensor(START, float64));
    const J = loss(w);
    const run = compileStep(J, optimizer.minimize(J));
    const expected = Float64Array.from(START);
    for (let i = 0; i < 200; i++) {
      run();
      step(expected, gradient(expected));
      const furthest = Math.max(
        ...w.value.data.map((each: number, k: number) => Math.abs(each - expected[k])),
      );
      if (!(furthest < 1e-11))
        throw new Error(`step ${i}: ${w.value.toString()}, not ${expected.join(', ')}`);
    }
    expect([...expected]).not.toEqual(START);
  });

  it('works in float32 beside float64 in one step', () => {
    const narrow = parameter(tensor(START));
    const wide = parameter(tensor(START, float64));
    const J = add(loss(cast(narrow, 'float64')), loss(wide));
    const updates = adamw({ learningRate: 0.05 }).minimize(J);
    for (const [each, next] of updates) expect(next.type).toBe(each.type);
    const run = compileStep(J, updates);
    const expected = Float64Array.from(START);
    const step = adamByHand({ learningRate: 0.05 }, 5, true);
    for (let i = 0; i < 50; i++) {
      run();
      step(expected, gradient(expected));
    }
    for (let k = 0; k < 5; k++) {
      expect(wide.value.data[k]).toBeCloseTo(expected[k], 11);
      expect(narrow.value.data[k]).toBeCloseTo(expected[k], 4);
    }
  });
});

describe('learning rate', () => {
  it('can be set between steps', () => {
    const w = parameter(tensor([1], float64));
    const J = sum(w);
    const optimizer = sgd({ learningRate: 0.5 });
    const run = compileStep(J, optimizer.minimize(J));
    run();
    expect(w.value.item()).toBe(0.5);
    optimizer.learningRate.set(0.125);
    run();
    expect(w.value.item()).toBe(0.375);
    expect(optimizer.learningRate.trainable).toBe(false);
  });
});

describe('which parameters are trained', () => {
  const a = parameter(tensor([1, 2]), { name: 'a' });
  const b = parameter(tensor([3, 4]), { name: 'b' });
  const still = parameter(tensor([1, 1]), { trainable: false });
  const J = sum(mul(mul(a, b), still));
  const optimizer = sgd({ learningRate: 1 });

  it('all that the loss depends on', () => {
    expect([...optimizer.minimize(J).keys()]).toEqual([a, b]);
  });

  it('only those asked for', () => {
    expect([...optimizer.minimize(J, [b]).keys()]).toEqual([b]);
    expect([...optimizer.minimize(J, [still]).keys()]).toEqual([still]);
  });

  it('not those behind stopGradient, even with weight decay', () => {
    const frozen = sum(mul(stopGradient(a), b));
    expect([...sgd({ learningRate: 1, weightDecay: 0.1 }).minimize(frozen).keys()]).toEqual([b]);
  });

  it('none: says so', () => {
    expect(() => optimizer.minimize(sum(mul(still, 2)))).toThrow(
      /sgd: .* has no trainable parameters; build it from/,
    );
    expect(() => optimizer.minimize(sum(stopGradient(a)))).toThrow(/has no gradient for its parameters/);
    expect(() => optimizer.minimize(J, [])).toThrow('empty list of parameters');
    expect(() => optimizer.minimize(sum(b), [a])).toThrow(/does not depend on parameter a/);
  });

  it('rejects a loss that is no floating-point scalar', () => {
    expect(() => optimizer.minimize(mul(a, b))).toThrow(
      /sgd: minimize takes a scalar, but J is mul float32\[2\]; reduce it/,
    );
    expect(() => optimizer.minimize(argmax(a))).toThrow(/takes a floating-point scalar, but J is .*int32/);
    expect(() => optimizer.minimize(3 as unknown as Variable)).toThrow(
      'takes the loss as a Variable, not number',
    );
  });
});

describe('updates from given gradients', () => {
  const w = parameter(tensor([1, 2], float64), { name: 'w' });
  const optimizer = sgd({ learningRate: 0.5 });

  it('takes Variables, tensors and arrays', () => {
    const g = input([2], float64);
    const [next] = evaluate([optimizer.updates([w], [g]).get(w)!], new Map([[g, tensor([1, -1], float64)]]));
    expect(next.toArray()).toEqual([0.5, 2.5]);
    const given = optimizer.updates([w], [tensor([2, 2], float64)]);
    expect(evaluate([given.get(w)!])[0].toArray()).toEqual([0, 1]);
  });

  it('rejects what does not match', () => {
    expect(() => optimizer.updates([w], [])).toThrow('0 gradients for 1 parameters');
    expect(() => optimizer.updates([w], [tensor([1, 2, 3], float64)])).toThrow(
      /gradient 0 is float64\[3\], but parameter w float64\[2\] needs float64\[2\]/,
    );
    expect(() => optimizer.updates([w], [tensor([1, 2])])).toThrow(/gradient 0 is float32\[2\]/);
    const one = tensor([1, 1], float64);
    expect(() => optimizer.updates([w, w], [one, one])).toThrow(/w float64\[2\] is given twice/);
  });
});

describe('state', () => {
  it('is made once per parameter, not trained, and named', () => {
    const model = sequential(linear(2, 3), cos, linear(3, 1));
    const optimizer = adam();
    const x = input([4, 2]);
    const first = optimizer.minimize(squaredError(model(x), input([4, 1])));
    const second = optimizer.minimize(squaredError(model(input([8, 2])), input([8, 1])));
    expect(new Set(second.keys())).toEqual(new Set(first.keys()));
    expect([...optimizer.state.keys()]).toEqual([
      'learningRate',
      'steps.0',
      ...[0, 1, 2, 3].flatMap((k) => [`firstMoment.${k}`, `secondMoment.${k}`]),
    ]);
    expect([...optimizer.state.values()].every((each) => !each.trainable)).toBe(true);
    const trained = new Set<Parameter>(model.parameters);
    for (const each of first.keys())
      expect(trained.has(each) || [...optimizer.state.values()].includes(each)).toBe(true);
  });

  it('is empty for plain SGD but for the learning rate', () => {
    const optimizer = sgd({ learningRate: 0.1 });
    optimizer.minimize(sum(parameter([1])));
    expect([...optimizer.state.keys()]).toEqual(['learningRate']);
  });

  it('counts steps apart for parameters that step apart, as for networks trained in turn', () => {
    const [a, b] = [parameter(tensor([1], float64)), parameter(tensor([1], float64))];
    const optimizer = adam({ learningRate: 0.05 });
    const [first, second] = [loss(a), loss(b)];
    const turns = [first, second].map((J) => compileStep(J, optimizer.minimize(J)));
    for (let i = 0; i < 10; i++) for (const run of turns) run();
    expect(a.value).toEqual(b.value);
    expect(optimizer.state.get('steps.0')!.value.item()).toBe(10);
  });

  it('can be saved and set, so that training goes on as if it had not stopped', () => {
    const build = () => {
      const w = parameter(tensor(START, float64));
      const optimizer = adam({ learningRate: 0.05 });
      optimizer.prepare([w]);
      return { w, optimizer };
    };
    const train = ({ w, optimizer }: ReturnType<typeof build>, steps: number): void => {
      const J = loss(w);
      const run = compileStep(J, optimizer.minimize(J));
      for (let i = 0; i < steps; i++) run();
    };
    const through = build();
    train(through, 20);
    const before = build();
    train(before, 12);
    const after = build();
    after.w.set(before.w.value);
    setParameterValues(after.optimizer.state, parameterValues(before.optimizer.state));
    train(after, 8);
    expect(after.w.value).toEqual(through.w.value);
    expect(namedParameters(after.optimizer.state)).toEqual(new Map(after.optimizer.state));
  });
});

describe('options', () => {
  it.each<[() => Optimizer, RegExp]>([
    [
      () => sgd({ learningRate: -0.1 }),
      /sgd: learningRate is -0.1; it must be a finite number of at least 0/,
    ],
    [() => sgd({ learningRate: Number.NaN }), /sgd: learningRate is NaN/],
    [() => sgd({} as SGDOptions), /sgd: learningRate is undefined/],
    [() => sgd({ learningRate: 1, momentum: 1 }), /sgd: momentum is 1; it must be a number from 0 up to/],
    [() => sgd({ learningRate: 1, momentum: -0.5 }), /sgd: momentum is -0.5/],
    [() => sgd({ learningRate: 1, weightDecay: Infinity }), /sgd: weightDecay is Infinity/],
    [() => sgd({ learningRate: 1, nesterov: true }), /sgd: nesterov looks ahead .* give a momentum above 0/],
    [
      () => sgd({ learningRate: 1, nesterov: 1 as unknown as boolean }),
      /sgd: nesterov is 1; it must be true or false/,
    ],
    [() => adam({ beta1: 1 }), /adam: beta1 is 1/],
    [() => adam({ beta2: 1.5 }), /adam: beta2 is 1.5/],
    [() => adam({ epsilon: -1e-8 }), /adam: epsilon is -1e-8/],
    [() => adamw({ weightDecay: -1 }), /adamw: weightDecay is -1/],
    [() => adam({ lr: 0.1 } as AdamOptions), /adam: there is no option lr; use learningRate, beta1, beta2/],
  ])('%o is refused', (make, message) => {
    expect(make).toThrow(message);
  });

  it('takes explicit undefined as absent', () => {
    expect(adamw({ weightDecay: undefined, beta1: undefined }).learningRate.value.item()).toBe(1e-3);
  });
});
