/** einsum against its definition: the sum over every index that the output lacks of the product of the operands. */
import { describe, expect, test } from 'vitest';
import { constant, ShapeError, sizeOf, Tensor } from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { reference } from '../support/backends.ts';
import { drawWeights } from '../support/draw.ts';
import { relativeError } from '../support/numeric.ts';
import { uniform } from '../support/random.ts';

const EXTENTS: Record<string, number> = { a: 2, b: 3, c: 4, d: 2 };

/** Visits every assignment of an index to each letter. */
function definition(subscripts: string, operands: readonly Tensor[]): number[] {
  const [left, output] = subscripts.split('->');
  const inputs = left.split(',');
  const letters = [...new Set(left.replaceAll(',', ''))];
  const result = new Array<number>(sizeOf([...output].map((letter) => EXTENTS[letter]))).fill(0);
  const total = sizeOf(letters.map((letter) => EXTENTS[letter]));
  for (let count = 0; count < total; count++) {
    let rest = count;
    const index = Object.fromEntries(
      letters.map((letter) => {
        const digit = rest % EXTENTS[letter];
        rest = (rest - digit) / EXTENTS[letter];
        return [letter, digit];
      }),
    );
    const place = (axes: string): number =>
      [...axes].reduce((position, letter) => position * EXTENTS[letter] + index[letter], 0);
    result[place(output)] += inputs.reduce((product, axes, i) => product * operands[i].data[place(axes)], 1);
  }
  return result;
}

describe('einsum', () => {
  test.each([
    'a->',
    'a->a',
    'aa->',
    'aa->a',
    'aaa->a',
    'abc->cab',
    'abc->b',
    'aba->b',
    'aab->ba',
    'a,a->',
    'a,b->ba',
    'a,b,c->cab',
    'ab,b->a',
    'ab,ab->',
    'ab,ba->a',
    'ab,bc->ca',
    'aa,a->',
    'aa,ab->b',
    'aab,bc->ac',
    'abc,abd->acd',
    'abc,dbc->bad',
    'ab,bc,cd->ad',
    'ab,bc,ca->',
    'a,a,a->a',
    'abc,c,b->a',
    ',a->a',
    ',->',
  ])('%s', (subscripts) => {
    const [left] = subscripts.split('->');
    const operands = left.split(',').map((letters, i) => {
      const shape = [...letters].map((letter) => EXTENTS[letter]);
      return drawWeights(shape, 'float64', uniform(i));
    });
    const [found] = reference.evaluate([registry.einsum(subscripts, ...operands.map((x) => constant(x)))]);
    const expected = definition(subscripts, operands);
    expect(found.data).toHaveLength(expected.length);
    expect(relativeError(found.data, expected)).toBeLessThan(1e-14);
  });

  test('without an arrow keeps the letters that occur once, sorted', () => {
    const x = constant(new Tensor([2, 3], 'float64', new Float64Array(6)));
    expect(registry.einsum('ba', x).shape).toEqual([3, 2]);
    expect(registry.einsum('ab,ab', x, x).shape).toEqual([]);
  });

  test.each(['a', 'ab,b', 'ab->c', 'ab->aa', 'ab->a->b', 'aa->a', 'a1->a'])('refuses "%s"', (subscripts) => {
    const x = constant(new Tensor([2, 3], 'float64', new Float64Array(6)));
    expect(() => registry.einsum(subscripts, x)).toThrow(ShapeError);
  });
});
