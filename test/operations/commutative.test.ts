/** Operations that claim to be commutative are, to the last bit; and every one that is claims it. */
import { describe, expect, test } from 'vitest';
import { allocate, type DType, Tensor } from '../../src/graph/index.ts';
import { type Declaration, registry } from '../../src/operations/index.ts';
import { backends, reference } from '../support/backends.ts';
import { build } from '../support/build.ts';

const declarations = Object.values(registry)
  .map((each) => (each as unknown as { declaration: Declaration }).declaration)
  .filter(
    ({ operation, samples: [sample] }) =>
      operation?.computation.kind === 'elementwise' && sample?.inputs.length === 2,
  );

const FLOATS = [0, -0, 1, -1, 0.5, 3, -2.7, 1e-40, -1e-310, 100, 3e38, -1e300, Infinity, -Infinity, NaN];
const INTEGERS = [0, 1, -1, 2, 7, -13, 46341, 2 ** 31 - 1, -(2 ** 31)];

/** The dtypes in which an operation may be asked, and what to ask. */
function questionsTo({ dtypes, special = [] }: Declaration): [DType, number[]][] {
  if (dtypes.startsWith('bool')) return [['bool', [0, 1]]];
  const floats = [...FLOATS, ...special];
  const asked: [DType, number[]][] = [
    ['float32', floats],
    ['float64', floats],
  ];
  return dtypes.startsWith('float') ? asked : [...asked, ['int32', INTEGERS]];
}

/** All pairs, and the same the other way round. */
function pairs(values: readonly number[], dtype: DType): [Tensor, Tensor] {
  const count = values.length ** 2;
  const [a, b] = [allocate(dtype, count), allocate(dtype, count)];
  for (let i = 0; i < count; i++) {
    a[i] = values[i % values.length];
    b[i] = values[Math.floor(i / values.length)];
  }
  return [new Tensor([count], dtype, a), new Tensor([count], dtype, b)];
}

describe.each([reference, ...backends])('$name', ({ evaluate }) => {
  /** Pairs of operands for which the two orders differ, as text. */
  function asymmetric(declaration: Declaration, dtype: DType, values: readonly number[]): string[] {
    const [a, b] = pairs(values, dtype);
    const [there, back] = [
      [a, b],
      [b, a],
    ].map((tensors) => {
      const { outputs, feeds } = build(declaration.samples[0], tensors);
      return evaluate(outputs, feeds)[0];
    });
    return Array.from(there.data).flatMap((value, i) =>
      Object.is(value, back.data[i])
        ? []
        : [`${declaration.name}(${a.data[i]}, ${b.data[i]}) is ${value}, the other way ${back.data[i]}`],
    );
  }

  test.each(declarations.filter(({ operation }) => operation!.commutative === true))(
    '$name is commutative',
    (declaration) => {
      for (const [dtype, values] of questionsTo(declaration))
        expect(asymmetric(declaration, dtype, values), dtype).toEqual([]);
    },
  );

  test.each(declarations.filter(({ operation }) => operation!.commutative !== true))(
    '$name is not, and does not claim to be',
    (declaration) => {
      for (const [dtype, values] of questionsTo(declaration))
        expect(asymmetric(declaration, dtype, values), dtype).not.toEqual([]);
    },
  );
});

test('those that claim it', () => {
  const claiming = declarations.filter(({ operation }) => operation!.commutative === true);
  expect(claiming.map(({ name }) => name).sort()).toEqual([
    'add',
    'equal',
    'hypot',
    'logaddexp',
    'logicalAnd',
    'logicalOr',
    'maximum',
    'minimum',
    'mul',
    'notEqual',
  ]);
  for (const each of Object.values(registry)) {
    const { operation, samples } = (each as unknown as { declaration: Declaration }).declaration;
    if (operation?.commutative === true) expect(samples[0].inputs).toHaveLength(2);
  }
});
