import { describe, expect, test } from 'vitest';
import {
  add,
  expectClose,
  gradients,
  input,
  leaf,
  matmul,
  numberOf,
  randomMatrices,
  relu,
  slice,
  sum,
  tanh,
  tensor,
  transposed,
  type Variable,
  valueOf,
} from './support.ts';

const random = randomMatrices(14);
const [w1, b1, w2] = [random(8, 12), random(1, 12), random(12, 4)];

/** The score that a small network gives class `wanted`. */
function score(x: Variable, wanted: number, activation: (h: Variable) => Variable): Variable {
  const logits = matmul(activation(add(matmul(x, leaf(w1)), leaf(b1))), leaf(w2));
  return sum(slice(logits, [0, wanted], [1, wanted + 1]));
}

/** Climbs the score by `steps` small steps from the zero input; gives the scores on the way. */
function climb(wanted: number, activation: (h: Variable) => Variable, steps: number): number[] {
  const x = input([1, 8], { dtype: 'float64' });
  const s = score(x, wanted, activation);
  const [dx] = gradients(s, [x]);
  let at = tensor([new Array<number>(8).fill(0)], { dtype: 'float64' });
  const scores = [numberOf(s, new Map([[x, at]]))];
  for (let i = 0; i < steps; i++) {
    const feeds = new Map([[x, at]]);
    const slope = (valueOf(dx, feeds) as number[][])[0];
    at = tensor([Array.from(at.data, (each, k) => each + 0.01 * slope[k])], { dtype: 'float64' });
    scores.push(numberOf(s, new Map([[x, at]])));
  }
  return scores;
}

describe('E14: data are as good a target as parameters', () => {
  test.each([0, 1, 2, 3])(
    'small steps along the gradient raise the score of class %d monotonically',
    (wanted) => {
      for (const activation of [tanh, relu]) {
        const scores = climb(wanted, (h) => activation(h), 60);
        for (let i = 1; i < scores.length; i++) expect(scores[i]).toBeGreaterThan(scores[i - 1]);
        expect(scores[scores.length - 1]).toBeGreaterThan(scores[0] + 0.1);
      }
    },
  );

  test('for a linear classifier the gradient is the template of the class', () => {
    const x = leaf([[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]]);
    const logits = matmul(x, leaf(w1));
    const [dx] = gradients(sum(slice(logits, [0, 5], [1, 6])), [x]);
    expectClose(valueOf(dx), [transposed(w1)[5]]);
  });
});
