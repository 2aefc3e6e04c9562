import { test } from 'vitest';
import {
  add,
  concat,
  cos,
  exp,
  expectClose,
  type Gradient,
  getOperation,
  gradients,
  leaf,
  matmul,
  mul,
  sin,
  sum,
  tanh,
  tensor,
  Variable,
  valueOf,
} from './support.ts';

test('E13: at a branch the gradients of the copies add', () => {
  const x = [0.3, -1.1];
  const leaves = leaf(x);
  const z = add(sum(sin(leaves)), sum(exp(leaves)));
  expectClose(
    valueOf(gradients(z, [leaves])[0]),
    x.map((each) => Math.cos(each) + Math.exp(each)),
  );
});

test('E13: at a merge the gradient splits', () => {
  const [a, b] = [[1, 2], [3]];
  const [left, right] = [leaf(a), leaf(b)];
  const merged = concat([left, right]);
  const weights = [10, 20, 30];
  const z = sum(mul(cos(merged), tensor(weights, { dtype: 'float64' })));
  const [dMerged, dLeft, dRight] = gradients(z, [merged, left, right]);
  const whole = [...a, ...b].map((each, i) => -Math.sin(each) * weights[i]);
  expectClose(valueOf(dMerged), whole);
  expectClose(valueOf(dLeft), whole.slice(0, 2));
  expectClose(valueOf(dRight), whole.slice(2));
});

test('E13: a tied weight gets the sum of what untied copies would get', () => {
  const w = [
    [0.5, -0.2],
    [0.1, 0.8],
  ];
  const x = leaf([[1, -2]]);
  const net = (first: Variable, second: Variable): Variable =>
    sum(tanh(matmul(tanh(matmul(x, first)), second)));
  const tied = leaf(w);
  const copies = [leaf(w), leaf(w)];
  const [toTied] = gradients(net(tied, tied), [tied]);
  const [toFirst, toSecond] = gradients(net(copies[0], copies[1]), copies).map(
    (each) => valueOf(each) as number[][],
  );
  expectClose(
    valueOf(toTied),
    toFirst.map((row, i) => row.map((each, j) => each + toSecond[i][j])),
  );
});

test('E13: the backward pass is a network too, linear in the incoming gradient', () => {
  const x = leaf([0.4, -0.9]);
  const y = tanh(mul(x, x));
  const application = getOperation(y);
  const back = (g: number[]): number[] => {
    const term: Gradient | undefined = application?.operation.bprop({
      ...application,
      index: 0,
      g: leaf(g),
      gradients: [],
    });
    if (!(term instanceof Variable)) throw new Error('tanh has a derivative');
    return valueOf(term) as number[];
  };
  const [u, v] = [back([1, 2]), back([-3, 5])];
  expectClose(
    back([2 * 1 - 3, 2 * 2 + 5]),
    u.map((each, i) => 2 * each + v[i]),
  );
});
