/**
 * Values and derivatives against PyTorch, from the committed `fixtures.json`. To make it anew, with PyTorch at hand:
 * `UPDATE_FIXTURES=1 PYTHON=python3 npx vitest run test/conformance`
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import {
  allocate,
  constant,
  type DType,
  isFloat,
  scalar,
  Tensor,
  type Variable,
} from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { backends, reference } from '../support/backends.ts';
import { build } from '../support/build.ts';
import { relativeError } from '../support/numeric.ts';
import { type Answer, type Block, type SpecialAnswer, samplesForTorch, specialSamples } from './cases.ts';
import { FIXTURES, updateFixtures } from './update.ts';

const { add, mul, sum } = registry;

if (process.env.UPDATE_FIXTURES === '1') updateFixtures();

const fixtures = JSON.parse(readFileSync(FIXTURES, 'utf8')) as { cases: Answer[]; special: SpecialAnswer[] };

const numbersOf = ({ data }: Block): number[] => data.map(Number);

function decode(block: Block): Tensor {
  const data = allocate(block.dtype as DType, block.data.length);
  data.set(numbersOf(block));
  return new Tensor(block.shape, block.dtype as DType, data);
}

/** The inner products of variables and blocks, added. */
function weighted(variables: readonly Variable[], weights: readonly Block[]): Variable {
  let total: Variable = scalar(0, 'float64');
  variables.forEach((each, i) => {
    total = add(total, sum(mul(each, constant(decode(weights[i])))));
  });
  return total;
}

/** PyTorch's trigamma, the derivative of digamma, keeps nine digits; special.test.ts holds ours against mpmath. */
const COARSE: readonly string[] = ['digamma', 'gammaln'];

function expectNear(found: Tensor, expected: Block, what: string, tolerance: number): void {
  expect(found.shape, what).toEqual(expected.shape);
  expect(relativeError(found.data, numbersOf(expected)), what).toBeLessThanOrEqual(tolerance);
}

test('every sample with a PyTorch expression has its fixture: run the command above if not', () => {
  const asked = [...samplesForTorch()].map(([name, { torch }]) => `${name}: ${torch}`);
  expect(fixtures.cases.map(({ name, torch }) => `${name}: ${torch}`)).toEqual(asked);
  const special = [...specialSamples()].map(([name, { sample }]) => `${name}: ${sample.torch}`);
  expect(fixtures.special.map(({ name, torch }) => `${name}: ${torch}`)).toEqual(special);
});

describe.each([reference, ...backends])('$name and PyTorch agree', ({ name: backend, evaluate }) => {
  test.each(fixtures.cases)('on $name: $torch', (fixture) => {
    const sample = samplesForTorch().get(fixture.name)!;
    const { inputs, outputs, feeds } = build(sample, fixture.inputs.map(decode));
    const targets = inputs.filter(({ dtype }) => isFloat(dtype));
    const floats = outputs.filter(({ dtype }) => isFloat(dtype));
    const zeros = { disconnected: 'zero' } as const;
    const first = gradients(weighted(floats, fixture.weights), targets, zeros);
    const second = gradients(weighted(first, fixture.directions), targets, zeros);
    const found = evaluate([...outputs, ...first, ...second], feeds);
    const derived = COARSE.includes(fixture.name.split(' ')[0]) ? 1e-9 : 1e-12;
    outputs.forEach((_, i) => expectNear(found.shift()!, fixture.outputs[i], `output ${i}`, 1e-12));
    first.forEach((_, i) => expectNear(found.shift()!, fixture.gradients[i], `gradient ${i}`, derived));
    const none = fixture.directions.map((block) => ({ ...block, data: block.data.map(() => 0) }));
    second.forEach((_, i) =>
      expectNear(found.shift()!, (fixture.second ?? none)[i], `second gradient ${i}`, derived),
    );
  });

  test.each(fixtures.special)('on special values of $name', ({ name, inputs, output }) => {
    const { sample } = specialSamples().get(name)!;
    const { outputs, feeds } = build(sample, inputs.map(decode));
    const [found] = evaluate(outputs, feeds);
    const expected = numbersOf(output);
    const differing = expected.flatMap((value, i) => {
      const operands = inputs.map((block) => block.data[i]).join(', ');
      if (alike(found.data[i], value) || `${name} ${operands}` in DIFFERENT) return [];
      return [`${name}(${operands}) is ${found.data[i]} in ${backend}, ${value} in PyTorch`];
    });
    expect(differing).toEqual([]);
  });
});

/** Where PyTorch's float32 kernels say something else, and why that is not followed. */
const DIFFERENT: Record<string, string> = {
  'log1p 3.0000000054977558e+38': 'log(1 + x) is 88.6; the vectorised kernel overflows to Infinity',
  'polygamma Infinity': 'trigamma falls to 0; the quotients of its series are infinity by infinity',
  'sigmoid -100': 'e^-100 is a subnormal number; 1 / (1 + e^100) loses it',
  'silu -100': 'as sigmoid',
  'sign NaN': 'nobody knows the sign of NaN: NaN, as in NumPy',
};

/** Both NaN, or equal (zeros of either sign: kernels differ in it), or finite and within 1e-5 of each other. */
function alike(found: number, expected: number): boolean {
  if (Object.is(found, expected) || found === expected) return true;
  return Math.abs(found - expected) <= 1e-5 * Math.abs(expected) + 1e-42;
}
