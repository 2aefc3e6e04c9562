/** Every error names the operation, the shapes or dtypes, what to do, and the line of this file that is to blame. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  add,
  broadcastTo,
  ChainruleError,
  concat,
  crossEntropy,
  DisconnectedError,
  DTypeError,
  dot,
  EvaluationError,
  einsum,
  expandDims,
  gather,
  grad,
  gradients,
  input,
  iota,
  jacobian,
  jvp,
  matmul,
  max,
  maxWithIndex,
  NumericalError,
  pad,
  parameter,
  reshape,
  ShapeError,
  scatterAdd,
  setBackend,
  slice,
  split,
  squaredError,
  squeeze,
  stack,
  sum,
  tensor,
  trace,
  transpose,
  UndefinedGradientError,
  type Variable,
  valueOf,
} from '../examples/support.ts';

type Call = () => unknown;

/** The error that a call throws. */
function errorOf(call: Call): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

const source = readFileSync(new URL(import.meta.url), 'utf8').split('\n');

/** Expects the message to end in ` at errors.test.ts:<line>`, and that line of this file to contain `text`. */
function expectBlames(message: string, text: string): void {
  const match = / at errors\.test\.ts:(\d+)$/.exec(message);
  expect(match, message).not.toBeNull();
  expect(source[Number(match?.[1]) - 1]).toContain(text);
}

const shaped = (...shape: number[]): Variable => input(shape);
const whole = (...shape: number[]): Variable => input(shape, { dtype: 'int32' });

describe('a wrong shape', () => {
  test.each<[name: string, call: Call, message: string]>([
    [
      'matmul',
      () => matmul(shaped(32, 784), shaped(748, 128)),
      'matmul: inner sizes differ: [32, 784] x [748, 128]',
    ],
    ['matmul', () => matmul(shaped(), shaped(2, 2)), 'matmul: [] x [2, 2]: a scalar is no matrix; use mul'],
    ['matmul', () => matmul(shaped(2, 3, 4), shaped(5, 4, 2)), 'matmul: shapes [2] and [5] do not broadcast'],
    ['add', () => add(shaped(2, 3), shaped(4)), 'add: shapes [2, 3] and [4] do not broadcast'],
    ['.mul', () => shaped(2, 3).mul(shaped(4)), 'mul: shapes [2, 3] and [4] do not broadcast'],
    ['sum', () => sum(shaped(2, 3), 2), 'sum: axis 2 is out of range for rank 2; use -2 to 1'],
    ['sum', () => sum(shaped(2, 3), [0, -2]), 'sum: axis 0 is given twice in [0, -2]'],
    ['max', () => max(shaped(2, 0), 1), 'max: [2, 0] has no elements along the reduced axes'],
    ['maxWithIndex', () => maxWithIndex(shaped(2, 0), 1), 'maxWithIndex: axis 1 of [2, 0] is empty'],
    ['reshape', () => reshape(shaped(2, 3), [4]), 'reshape: [2, 3] has 6 elements, [4] has 4'],
    [
      'transpose',
      () => transpose(shaped(2, 3), [0, 0]),
      'transpose: [0, 0] does not permute the 2 axes of [2, 3]',
    ],
    [
      'broadcastTo',
      () => broadcastTo(shaped(3), [2, 4]),
      'broadcastTo: shapes [3] and [2, 4] do not broadcast',
    ],
    ['broadcastTo', () => broadcastTo(shaped(2, 3), [3]), 'broadcastTo: [2, 3] does not stretch to [3]'],
    ['squeeze', () => squeeze(shaped(2, 3), 1), 'squeeze: axis 1 of [2, 3] has extent 3, not 1'],
    ['expandDims', () => expandDims(shaped(2), 3), 'expandDims: axis 3 is out of range for rank 2'],
    [
      'concat',
      () => concat([shaped(2, 3), shaped(2, 4)]),
      'concat: [2, 3], [2, 4] differ on an axis other than 0',
    ],
    ['concat', () => concat([]), 'concat: the list is empty'],
    ['input', () => input([-1, 2]), 'input: [-1, 2] is not a shape: -1 is not a whole number of at least 0'],
    ['input', () => input([1.5]), 'input: [1.5] is not a shape'],
    ['tensor', () => tensor([5], { shape: [-1, -1] }), 'tensor: [-1, -1] is not a shape'],
    ['reshape', () => reshape(shaped(6), [-2, -3]), 'reshape: [-2, -3] is not a shape'],
    ['broadcastTo', () => broadcastTo(shaped(1), [2.5]), 'broadcastTo: '],
    ['iota', () => iota([-3]), 'iota: [-3] is not a shape'],
    ['split', () => split(shaped(6), 1.5), 'split: axis 0 of [6] does not divide into 1.5 equal parts'],
    ['slice', () => slice(shaped(4), [0.5], [2]), 'slice: 0.5 is not a whole number'],
    ['stack', () => stack([shaped(2), shaped(3)]), 'concat: [1, 2], [1, 3] differ on an axis other than 0'],
    ['split', () => split(shaped(6, 2), 4), 'split: axis 0 of [6, 2] does not divide into 4 equal parts'],
    ['split', () => split(shaped(6), [2, 3]), 'split: axis 0 of [6] does not divide into parts of 2 + 3'],
    ['slice', () => slice(shaped(4), [0, 0], [1, 1]), 'slice: 2 starts, 2 ends and no steps for [4]'],
    ['slice', () => slice(shaped(4), [0], [4], [-1]), 'slice: step -1 is not a positive integer; use flip'],
    [
      'pad',
      () => pad(shaped(4), [-1], [0]),
      'pad: [4] takes 1 widths of at least 0 before and after, got [-1]',
    ],
    [
      'einsum',
      () => einsum('ij,jk->ik', shaped(2, 3), shaped(4, 5)),
      'einsum: "ij,jk->ik" has axis j of extent 3 and of 4',
    ],
    ['dot', () => dot(shaped(2), shaped(3)), 'dot: lengths differ: 2 against 3'],
    ['dot', () => dot(shaped(2, 2), shaped(2)), 'dot: takes two vectors, got [2, 2] and [2]'],
    ['trace', () => trace(shaped(3)), 'diagonal: [3] has no two axes'],
    [
      'crossEntropy',
      () => crossEntropy(shaped(4, 3), whole(5)),
      'crossEntropy: labels of shape [5] for logits [4, 3]',
    ],
    [
      'crossEntropy',
      () => crossEntropy(shaped(4, 3), shaped(4)),
      'crossEntropy: float32[4] as targets for logits [4, 3]',
    ],
    [
      'squaredError',
      () => squaredError(shaped(4, 1), shaped(4)),
      'squaredError: prediction [4, 1] and target [4] differ',
    ],
    [
      'scatterAdd',
      () => scatterAdd(shaped(5), whole(2), shaped(3)),
      'scatterAdd: updates of shape [3] do not fit',
    ],
    ['tensor', () => tensor([[1, 2], [3]]), 'tensor: rows differ in length'],
    ['.item', () => tensor([1, 2]).item(), 'item: a tensor of shape [2] has 2 elements'],
    ['.set', () => parameter([1, 2]).set([1, 2, 3]), 'set parameter: expected float32[2], got float32[3]'],
  ])('%s', (name, call, message) => {
    const error = errorOf(call);
    expect(error).toBeInstanceOf(ShapeError);
    expect(error.name).toBe('ShapeError');
    expect(error.message).toContain(message);
    expectBlames(error.message, `${name}(`);
  });
});

describe('a wrong dtype', () => {
  test.each<[name: string, call: Call, message: string]>([
    ['gather', () => gather(shaped(4), shaped(2)), 'gather: indices are float32[2]; they must be integers'],
    [
      'crossEntropy',
      () => crossEntropy(shaped(2, 3), input([2], { dtype: 'bool' })),
      'crossEntropy: bool targets; use int32',
    ],
    [
      'tensor',
      () => tensor([0.5], { dtype: 'int32' }),
      'tensor: 0.5 is not an int32; use a whole number from',
    ],
    ['tensor', () => tensor(['a'] as unknown as number[]), 'tensor: "a" is neither a number nor a boolean'],
    ['sum', () => sum([shaped(2), shaped(2)] as any), 'tensor: a Variable is no list of numbers; stack(['],
    ['gradients', () => gradients(3 as any, []), 'gradients: z is number, not a Variable'],
    ['gradients', () => gradients(shaped(), shaped() as any), 'give a list of Variables: gradients(z, [x])'],
    [
      'gradients',
      () => gradients(shaped(), [tensor(1)] as any),
      'gradients: target 0 is Tensor, not a Variable',
    ],
    [
      'jvp',
      () => jvp((x: Variable) => x, tensor(1) as any, [1]),
      "expected the list of the function's arguments",
    ],
    [
      'jacobian',
      () => jacobian((_: Variable) => tensor(1))(1),
      'expected Variables in nested arrays or objects, got Tensor; con',
    ],
    ['gradients', () => gradients(whole(), []), 'gradients: input int32[] is not floating point'],
    [
      '.set',
      () => parameter([1]).set(tensor([1], { dtype: 'int32' })),
      'set parameter: expected float32[1], got int32[1]',
    ],
    [
      'grad',
      () => grad((_: Variable) => 3 as unknown as Variable)(1),
      'grad: the function must return a Variable, not number',
    ],
  ])('%s', (name, call, message) => {
    const error = errorOf(call);
    expect(error).toBeInstanceOf(DTypeError);
    expect(error.message).toContain(message);
    expectBlames(error.message, `${name}(`);
  });
});

describe('a wrong derivative', () => {
  test('of what is no scalar', () => {
    const x = shaped(2);
    const error = errorOf(() => gradients(x.mul(2), [x]));
    expect(error).toBeInstanceOf(ShapeError);
    expect(error.message).toContain(
      'gradients: mul float32[2] is not a scalar; reduce it (sum, mean) or pass { seed }',
    );
    expectBlames(error.message, 'gradients(x.mul(2), [x])');
  });

  test('with respect to what has no part in it', () => {
    const error = errorOf(() => gradients(sum(shaped(2)), [input([3], { name: 'w' })]));
    expect(error).toBeInstanceOf(DisconnectedError);
    expect(error.message).toContain(
      'gradients: sum float32[] does not depend on input w float32[3]; leave it out',
    );
    expectBlames(error.message, 'gradients(sum(shaped(2))');
  });

  test('with respect to an integer', () => {
    const n = whole();
    const error = errorOf(() => gradients(n.mul(0.5), [n]));
    expect(error).toBeInstanceOf(UndefinedGradientError);
    expect(error.message).toContain(
      'no gradient with respect to input int32[]: int32 has no tangent space; cast it',
    );
    expectBlames(error.message, 'gradients(n.mul(0.5), [n])');
  });

  test('of an argument that the call does not have', () => {
    const error = errorOf(() => grad((x: Variable) => x, { argument: 1 })(2));
    expect(error.message).toContain('grad: argument 1 of a call with 1 arguments');
    expectBlames(error.message, 'grad((x: Variable) => x');
  });
});

test('a missing operand', () => {
  const error = errorOf(() => (add as unknown as (x: Variable) => Variable)(shaped(2)));
  expect(error).toBeInstanceOf(ChainruleError);
  expect(error.message).toContain('add: takes 2 operands, one is missing');
  expectBlames(error.message, 'add as unknown');
});

describe('an error at evaluation', () => {
  test('tells what was not fed, where that was made and where it is needed', () => {
    const x = input([2], { name: 'x' });
    const error = errorOf(() => valueOf(add(x, 1)));
    expect(error).toBeInstanceOf(EvaluationError);
    expect(error.message).toContain('evaluate: input x float32[2] (made at errors.test.ts:');
    expect(error.message).toContain('Feed it: evaluate(z, new Map([[x, tensor(...)]]))');
  });

  test.each(['wasm', 'reference'] as const)('tells which index is out of bounds (%s)', (backend) => {
    const taken = gather(tensor([1, 2, 3]), [3]);
    setBackend(backend);
    const error = errorOf(() => valueOf(taken));
    setBackend('wasm');
    expect(error).toBeInstanceOf(NumericalError);
    expect(error.message).toContain('gather: index 3 is out of bounds for an axis of extent 3; use -3 to 2');
    expectBlames(error.message, 'const taken');
  });
});

describe('a Variable where JavaScript wants a number', () => {
  const x = input([2], { name: 'x' });
  const misuse = x as unknown as number;

  test.each<[string, Call]>([
    ['a comparison', () => misuse > 0],
    ['a sum', () => misuse + 1],
    ['a product', () => misuse * 2],
    ['a minus', () => -misuse],
    ['Math', () => Math.exp(misuse)],
    ['Number', () => Number(misuse)],
    // biome-ignore lint/suspicious/noDoubleEquals: the operator under test
    ['==', () => misuse == 0],
    ['an index', () => new Float32Array(2).fill(misuse)],
  ])('%s throws instead of giving NaN', (_, call) => {
    const error = errorOf(call);
    expect(error).toBeInstanceOf(EvaluationError);
    expect(error.message).toContain('input x float32[2] is an expression, not a number');
    expect(error.message).toContain('x.add(1)');
    expect(error.message).toContain('where(condition, a, b)');
    expect(error.message).toContain('evaluate().item()');
    expectBlames(error.message, '() => ');
  });

  test('a template may show it', () => {
    expect(`${x}`).toBe('input x float32[2]');
  });
});

test('every error is a ChainruleError with the name of its class', () => {
  const classes = [
    ShapeError,
    DTypeError,
    UndefinedGradientError,
    DisconnectedError,
    NumericalError,
    EvaluationError,
  ];
  for (const Class of classes) {
    const error = new Class('why');
    expect(error).toBeInstanceOf(ChainruleError);
    expect(error).toBeInstanceOf(Error);
    expect(error.message).toBe('why');
    expect(String(error)).toBe(`${error.name}: why`);
  }
  expect(classes.map((Class) => new Class('').name)).toEqual([
    'ShapeError',
    'DTypeError',
    'UndefinedGradientError',
    'DisconnectedError',
    'NumericalError',
    'EvaluationError',
  ]);
});
