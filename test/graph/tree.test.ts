/** Nested arguments, and attributes as texts: what functions and programs are told apart by. */
import { describe, expect, test } from 'vitest';
import {
  attributeKey,
  DTypeError,
  input,
  isTensorLike,
  isVariable,
  leavesOf,
  mapTree,
  tensor,
  type Variable,
  variablesOf,
} from '../examples/support.ts';

describe('a tree', () => {
  const [x, y] = [input([2]), input([3])];

  test('has its leaves in order', () => {
    expect(leavesOf({ b: [x, { c: y }], a: x }, isVariable)).toEqual([x, y, x]);
    expect(leavesOf(x, isVariable)).toEqual([x]);
    expect(leavesOf([], isVariable)).toEqual([]);
  });

  test('keeps its structure when its leaves are replaced, and tells where each stands', () => {
    const tree = { layers: [{ weights: x }, { weights: y }], scale: x };
    const paths = mapTree(tree, isVariable, (_: Variable, path) => path);
    expect(paths).toEqual({
      layers: [{ weights: '.layers[0].weights' }, { weights: '.layers[1].weights' }],
      scale: '.scale',
    });
    expect(tree.scale).toBe(x);
  });

  test('holds Variables, Tensors, numbers, nested and typed arrays', () => {
    const tree = variablesOf({
      v: x,
      t: tensor([1, 2]),
      n: 3,
      list: [[1], [2]],
      typed: new Int32Array(2),
      yes: true,
    });
    expect(tree.v).toBe(x);
    const types = Object.values(tree as Record<string, Variable>).map((each) => each.type);
    expect(types).toEqual(['float32[2]', 'float32[2]', 'float32[]', 'float32[2, 1]', 'int32[2]', 'bool[]']);
  });

  test('takes arrays of numbers for one tensor, and arrays of Variables for a list', () => {
    expect(isTensorLike([1, [2]])).toBe(true);
    expect(isTensorLike([x, y])).toBe(false);
    expect(isTensorLike([1, tensor(2)])).toBe(false);
    expect(isTensorLike('1')).toBe(false);
    expect(isTensorLike({})).toBe(false);
  });

  test.each<[unknown, string]>([
    [{ a: ['one'] }, 'got string at .a[0]'],
    [{ a: null }, 'got null at .a'],
    [undefined, 'got undefined'],
    [[x, new Date(0)], 'got Date at [1]'],
    [{ f: () => 1 }, 'got function at .f'],
  ])('refuses other things: %j', (tree, message) => {
    expect(() => variablesOf(tree)).toThrow(DTypeError);
    expect(() => variablesOf(tree)).toThrow(`expected tensors in nested arrays or objects, ${message}`);
  });
});

describe('attributes as a text', () => {
  test('are equal where the attributes are', () => {
    expect(attributeKey({ axes: [0, 1], keepDims: true })).toBe(
      attributeKey({ axes: [0, 1], keepDims: true }),
    );
  });

  test('differ where the attributes do, in numbers that JSON confuses too', () => {
    const values = [
      0,
      -0,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      null,
      '0',
      [0],
      [],
      true,
    ];
    const keys = values.map((value) => attributeKey({ value }));
    expect(new Set(keys).size).toBe(values.length);
  });
});
