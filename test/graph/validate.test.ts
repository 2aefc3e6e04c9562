import { describe, expect, test } from 'vitest';
import {
  type Application,
  type Attributes,
  apply,
  ChainruleError,
  constant,
  getOperation,
  gradients,
  input,
  matmul,
  type Operation,
  parameter,
  ShapeError,
  softmax,
  sum,
  tensor,
  type Variable,
  validate,
} from '../examples/support.ts';

const copy: Operation<Attributes> = {
  name: 'copy',
  infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
  bprop: ({ g }) => g,
  computation: { kind: 'view', view: (view) => view },
};

/** Breaks what the types protect. */
function tamper<T extends object>(value: T, changes: { [K in keyof T]?: unknown }): void {
  Object.assign(value, changes);
}

function applicationOf(variable: Variable): Application {
  const application = getOperation(variable);
  if (application === undefined) throw new Error('a leaf');
  return application;
}

test('what the library builds is valid, derivatives included', () => {
  const x = input([4, 3]);
  const w = parameter([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  const z = sum(softmax(matmul(x, w)));
  expect(() => validate([z, ...gradients(z, [x, w])])).not.toThrow();
  expect(() => validate([])).not.toThrow();
});

describe('validate catches', () => {
  const build = () => {
    const x = input([2], { name: 'x' });
    const y = apply(copy, [x], {});
    return { x, y, z: apply(copy, [y], {}) };
  };
  const expectInvalid = (outputs: Variable[], message: string): void => {
    expect(() => validate(outputs)).toThrow(ChainruleError);
    expect(() => validate(outputs)).toThrow(message);
  };

  test('an output that belongs to another application', () => {
    const { y, z } = build();
    tamper(applicationOf(z), { outputs: [y] });
    expectInvalid([z], 'validate: copy(copy float32[2]) at validate.test.ts:');
    expectInvalid([z], 'does not own its output 0');
  });

  test('an output under a wrong index', () => {
    const { z } = build();
    tamper(z.source as { index: number }, { index: 1 });
    expectInvalid([z], 'does not own its output 0');
  });

  test('a cycle', () => {
    const { y, z } = build();
    tamper(applicationOf(y), { inputs: [z] });
    expectInvalid([z], 'validate: copy(copy float32[2])');
    expectInvalid([z], 'reads a variable younger than itself');
  });

  test('an application that reads what was made after it', () => {
    const { y, z } = build();
    tamper(applicationOf(y), { inputs: [input([2], { name: 'late' })] });
    expectInvalid([z], 'validate: copy(input late float32[2])');
  });

  test('an output of another shape than its operation infers', () => {
    const { z } = build();
    tamper(z, { shape: [3] });
    expectInvalid([z], 'has an output of type float32[3]');
  });

  test('an output of another dtype than its operation infers', () => {
    const { z } = build();
    tamper(z, { dtype: 'float64' });
    expectInvalid([z], 'has an output of type float64[2]');
  });

  test('a wrong number of outputs', () => {
    const { z } = build();
    tamper(applicationOf(z), { outputs: [] });
    expectInvalid([z], 'has 0 outputs, not 1');
  });

  test('inputs that the operation does not take', () => {
    const product = matmul(input([2, 3]), input([3, 4]));
    tamper(applicationOf(product), { inputs: [input([2, 3])] });
    expect(() => validate([product])).toThrow();
    const scalarSum = sum(input([2, 3]), 1);
    tamper(applicationOf(scalarSum), { attributes: { axes: [5], keepDims: false } });
    expect(() => validate([scalarSum])).toThrow(ShapeError);
  });

  test('attributes that are not plain data', () => {
    for (const scale of [() => 2, new Map(), [new Date(0)]]) {
      const z = apply(copy, [input([2])], { scale });
      expectInvalid([z], 'carries attributes that are not plain data');
    }
  });

  test('a constant that does not fill its shape', () => {
    const c = constant(tensor([1, 2]));
    tamper(c, { shape: [3] });
    expectInvalid([c], 'validate: constant float32[3] holds 2 elements');
  });
});

test('plain attributes of every kind pass', () => {
  const attributes = { axis: -0, list: [1, [2]], name: 'a', flag: false, none: null, big: Number.NaN };
  expect(() => validate([apply(copy, [input([2])], attributes)])).not.toThrow();
});
