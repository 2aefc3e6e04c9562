import { describe, expect, test } from 'vitest';
import {
  type Application,
  constant,
  getOperation,
  input,
  print,
  scalar,
  tensor,
  type Variable,
} from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { instantiate, match } from '../../src/rewrite/match.ts';
import {
  type Applied,
  applied,
  attributes,
  type Bindings,
  number,
  terms,
  unknown,
} from '../../src/rewrite/term.ts';

const { add, sub, mul, sin, exp, sum, where, less, broadcastTo, pow, hypot, cast } = registry;
const [x, y, z] = ['x', 'y', 'z'].map(unknown);
const c = number('c');
const [a, b] = ['a', 'b'].map((name) => input([2, 3], { name }));

const find = (pattern: Applied, variable: Variable, accept?: (found: Bindings) => boolean) =>
  match(pattern, getOperation(variable) as Application, accept);

describe('unknowns', () => {
  test('stand for what is there', () => {
    expect(find(terms.sub(x, y), sub(a, sin(b)))?.variables).toEqual({ x: a, y: expect.anything() });
    expect(find(terms.sub(x, terms.sin(y)), sub(a, sin(b)))?.variables).toEqual({ x: a, y: b });
  });

  test('do not stand for another operation, or beneath a leaf', () => {
    expect(find(terms.sub(x, y), add(a, b))).toBeUndefined();
    expect(find(terms.sub(x, terms.exp(y)), sub(a, sin(b)))).toBeUndefined();
    expect(find(terms.sub(terms.sin(x), y), sub(a, sin(b)))).toBeUndefined();
  });

  test('stand for one thing throughout', () => {
    const square = terms.sub(terms.sin(x), x);
    expect(find(square, sub(sin(a), a))?.variables).toEqual({ x: a });
    expect(find(square, sub(sin(a), b))).toBeUndefined();
  });

  test('stand for one number throughout, even where it is written twice', () => {
    const two = (): Variable => broadcastTo(scalar(2, 'float32'), [3]);
    const twice = terms.sub(terms.pow(y, x), x);
    expect(find(twice, sub(pow(two(), two()), two()))).toBeDefined();
    expect(find(twice, sub(pow(two(), two()), broadcastTo(scalar(3, 'float32'), [3])))).toBeUndefined();
    const other = broadcastTo(scalar(2, 'float64'), [3]);
    expect(find(twice, sub(cast(pow(two(), two()), 'float64'), other))).toBeUndefined();
  });

  test('tell zeros of different signs apart', () => {
    const [zero, minus] = [0, -0].map((value) => broadcastTo(scalar(value, 'float32'), [3]));
    const pattern = terms.sub(terms.sin(x), x);
    expect(find(pattern, sub(sin(zero), zero))).toBeDefined();
    expect(find(pattern, sub(sin(zero), minus))).toBeUndefined();
  });
});

describe('operands of commutative operations', () => {
  test('are taken in both orders', () => {
    const pattern = terms.add(x, terms.sin(y));
    for (const sumOf of [add(a, sin(b)), add(sin(b), a)])
      expect(find(pattern, sumOf)?.variables).toEqual({ x: a, y: b });
    expect(find(terms.hypot(terms.exp(x), y), hypot(a, exp(b)))?.variables).toEqual({ x: b, y: a });
  });

  test('are not swapped elsewhere', () => {
    expect(find(terms.sub(x, terms.sin(y)), sub(sin(b), a))).toBeUndefined();
  });

  const pattern = terms.mul(terms.add(x, y), x);
  test.each<[string, Variable, Variable, Variable]>([
    ['mul(add(a, b), a)', mul(add(a, b), a), a, b],
    ['mul(add(b, a), a)', mul(add(b, a), a), a, b],
    ['mul(a, add(a, b))', mul(a, add(a, b)), a, b],
    ['mul(a, add(b, a))', mul(a, add(b, a)), a, b],
    ['mul(b, add(a, b))', mul(b, add(a, b)), b, a],
  ])('%s: a wrong choice deep inside is taken back', (_, product, left, right) => {
    expect(find(pattern, product)?.variables).toEqual({ x: left, y: right });
  });

  test('no way leaves nothing', () => {
    expect(find(pattern, mul(add(a, b), sin(a)))).toBeUndefined();
  });

  test('each way is offered to the guard until it accepts one', () => {
    const offered: Variable[] = [];
    const found = find(terms.add(x, y), add(a, b), ({ variables }) => {
      offered.push(variables.x);
      return variables.x === b;
    });
    expect(found?.variables).toEqual({ x: b, y: a });
    expect(offered).toEqual([a, b]);
    expect(find(terms.add(x, y), add(a, b), () => false)).toBeUndefined();
  });

  test('every way of a nested sum is offered', () => {
    const offered = new Set<string>();
    find(terms.add(terms.add(x, y), terms.add(z, unknown('w'))), add(add(a, b), add(a, a)), (found) => {
      offered.add(
        Object.values(found.variables)
          .map((each) => (each === a ? 'a' : 'b'))
          .join(''),
      );
      return false;
    });
    expect([...offered].sort()).toEqual(['aaab', 'aaba', 'abaa', 'baaa']);
  });
});

describe('numbers', () => {
  test('stand for themselves, in any shape', () => {
    expect(find(terms.add(x, 1), add(a, 1))?.variables).toEqual({ x: a });
    expect(find(terms.add(x, 1), add(broadcastTo(scalar(1, 'float32'), [2, 3]), a))?.variables).toEqual({
      x: a,
    });
    expect(find(terms.add(x, 1), add(a, 2))).toBeUndefined();
    expect(find(terms.add(x, 1), add(a, b))).toBeUndefined();
    expect(find(terms.add(x, 1), add(a, constant(tensor([1, 1, 1]))))).toBeUndefined();
  });

  test('are those of the dtype', () => {
    for (const dtype of ['float32', 'float64'] as const)
      expect(find(terms.mul(x, 0.1), mul(input([2], { dtype }), 0.1)), dtype).toBeDefined();
    expect(find(terms.mul(x, 0.5), mul(input([2], { dtype: 'int32' }), scalar(0, 'int32')))).toBeUndefined();
  });

  test('that are asked for are found, with where they stand', () => {
    const found = find(terms.pow(x, c), pow(a, 3));
    expect(found?.numbers).toEqual({ c: 3 });
    expect(found?.variables.x).toBe(a);
    expect(found?.variables.c.rank).toBe(0);
    expect(find(terms.pow(x, c), pow(a, b))).toBeUndefined();
  });

  test('do not stay after a wrong choice', () => {
    const found = find(
      terms.add(terms.mul(x, c), y),
      add(mul(scalar(2, 'float32'), scalar(3, 'float32')), b),
      (f) => f.numbers.c === 2,
    );
    expect(found?.numbers).toEqual({ c: 2 });
    expect(find(terms.add(terms.mul(x, c), y), add(a, mul(2, b)), () => false)).toBeUndefined();
  });
});

describe('attributes', () => {
  const pattern = terms.sub(terms.sum(x, attributes('one')), terms.sum(y, attributes('other')));

  test('are found by name', () => {
    const found = find(pattern, sub(sum(a, 0), sum(b, 0)));
    expect(found?.attributes).toEqual({
      one: { axes: [0], keepDims: false },
      other: { axes: [0], keepDims: false },
    });
  });

  test('under one name are the same', () => {
    const same = terms.sub(terms.sum(x, attributes('axes')), terms.sum(y, attributes('axes')));
    expect(find(same, sub(sum(a, 0), sum(b, 0)))).toBeDefined();
    const square = input([3, 3]);
    expect(find(same, sub(sum(square, 0), sum(square, 1)))).toBeUndefined();
  });

  test('may be anything where none are named', () => {
    expect(find(terms.sum(x), sum(a, 1, { keepDims: true }))).toBeDefined();
  });

  test('do not stay after a wrong choice', () => {
    const plus = terms.add(terms.sum(x, attributes('at')), y);
    const found = find(
      plus,
      add(sum(input([2, 3])), sum(input([3]), 0)),
      ({ variables }) => variables.x.rank === 1,
    );
    expect(found?.attributes.at.axes).toEqual([0]);
  });
});

describe('instantiate', () => {
  const built = (term: Parameters<typeof instantiate>[0], found: Partial<Bindings> = {}): Variable =>
    instantiate(term, { variables: { x: a, y: b }, attributes: {}, numbers: {}, ...found }, 'float32');

  test('builds what the term says', () => {
    expect(print(built(terms.add(terms.sin(x), y)))).toBe(print(add(sin(a), b)));
  });

  test('numbers take the dtype of what stands beside them', () => {
    const double = input([3], { dtype: 'float64' });
    expect(built(terms.mul(0.1, x), { variables: { x: double } }).dtype).toBe('float64');
    expect(built(number(() => 2)).type).toBe('float32[]');
  });

  test('a condition is no neighbour', () => {
    const condition = less(a, b);
    const double = input([2, 3], { dtype: 'float64' });
    const chosen = built(terms.where(x, y, 0), { variables: { x: condition, y: double } });
    expect(chosen.type).toBe('float64[2, 3]');
    expect(built(terms.where(x, 1, 0), { variables: { x: condition } }).type).toBe('float32[2, 3]');
    expect(getOperation(chosen)?.operation).toBe(getOperation(where(condition, double, 0))?.operation);
  });

  test('numbers and attributes are worked out', () => {
    const found = { numbers: { c: 3 }, attributes: { at: { axes: [0], keepDims: true } } };
    const power = built(
      terms.pow(
        x,
        number(({ numbers: { c } }) => c - 1),
      ),
      found,
    );
    expect(print(power)).toBe(print(pow(a, 2)));
    const total = terms.sum(
      x,
      attributes(({ attributes: { at } }) => ({ ...at, keepDims: false })),
    );
    expect(built(total, found).type).toBe('float32[3]');
    expect(built(terms.sum(x, attributes('at')), found).type).toBe('float32[1, 3]');
  });

  test('any operation may be applied', () => {
    const { operation } = sin.declaration;
    expect(print(built(applied(operation!, [x])))).toBe(print(sin(a)));
  });
});
