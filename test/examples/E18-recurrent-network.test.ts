import { describe, expect, test } from 'vitest';
import { compileGraph } from '../../src/compile/compile.ts';
import {
  add,
  concat,
  differences,
  expectClose,
  gradients,
  input,
  iota,
  jacobian,
  jvp,
  leaf,
  type Matrix,
  matmul,
  mul,
  numberOf,
  oneHot,
  type Parameter,
  randomMatrices,
  reshape,
  scan,
  slice,
  square,
  sub,
  sum,
  tanh,
  type Variable,
  valueOf,
  vmap,
} from './support.ts';

// A fully recurrent network: z = (x, 1, h), h' = tanh(W z), J = sum_t |h_t - d_t|^2 / 2.
const T = 25;
const n = 4;
const m = 2;
const random = randomMatrices(18);
const numbers = { W: random(n, m + 1 + n), x: random(T, m), d: random(T, n), h: random(1, n)[0] };
const [W, x, d, h0] = [leaf(numbers.W), leaf(numbers.x), leaf(numbers.d), leaf(numbers.h)];

const inputOf = (x: Variable, h: Variable): Variable => concat([x, leaf([1]), h], 0);

function loss(W: Variable, x: Variable = leaf(numbers.x), d: Variable = leaf(numbers.d)): Variable {
  const step = (h: Variable, { x, d }: { x: Variable; d: Variable }): readonly [Variable, Variable] => {
    const next = tanh(matmul(W, inputOf(x, h)));
    return [next, mul(0.5, sum(square(sub(next, d))))];
  };
  return sum(scan(step, h0, { x, d })[1]);
}

/** Williams and Zipser (1989): P_kij = dh_k / dW_ij is carried along, and the gradient gathered. */
function realTimeRecurrentLearning(W: Variable, x: Variable, d: Variable): Variable {
  const kronecker = reshape(oneHot(iota([n]), n, 'float64'), [n, n, 1]);
  const recurrent = slice(W, [0, m + 1], [n, m + 1 + n]);
  const zeros = (...shape: number[]): Variable =>
    mul(0, reshape(leaf(new Float64Array(shape.reduce((a, b) => a * b))), shape));
  const [{ total }] = scan(
    ({ h, P, total }: Record<'h' | 'P' | 'total', Variable>, { x, d }: Record<'x' | 'd', Variable>) => {
      const z = inputOf(x, h);
      const next = tanh(matmul(W, z));
      const through = reshape(matmul(recurrent, reshape(P, [n, n * (m + 1 + n)])), [n, n, m + 1 + n]);
      const moved = mul(reshape(sub(1, square(next)), [n, 1, 1]), add(through, mul(kronecker, z)));
      const error = reshape(sub(next, d), [n, 1, 1]);
      return [{ h: next, P: moved, total: add(total, sum(mul(error, moved), 0)) }, null];
    },
    { h: h0, P: zeros(n, n, m + 1 + n), total: zeros(n, m + 1 + n) },
    { x, d },
  );
  return total;
}

/** Back-propagation through time with plain numbers. */
function byHand({ W, x, d, h }: { W: Matrix; x: Matrix; d: Matrix; h: number[] }): Matrix {
  const states = [h];
  const inputs = x.map((each, t) => {
    const z = [...each, 1, ...states[t]];
    states.push(W.map((row) => Math.tanh(row.reduce((total, w, j) => total + w * z[j], 0))));
    return z;
  });
  const gradient = W.map((row) => row.map(() => 0));
  let back = h.map(() => 0);
  for (let t = T - 1; t >= 0; t--) {
    const delta = states[t + 1].map((y, k) => (back[k] + y - d[t][k]) * (1 - y * y));
    delta.forEach((each, k) => {
      inputs[t].forEach((z, j) => {
        gradient[k][j] += each * z;
      });
    });
    back = back.map((_, l) => delta.reduce((total, each, k) => total + each * W[k][m + 1 + l], 0));
  }
  return gradient;
}

describe('E18: a recurrent network', () => {
  const [gradient] = gradients(loss(W, x, d), [W]);

  test('back-propagation through time: against plain loops and differences', () => {
    expectClose(valueOf(gradient), byHand(numbers), 1e-12);
    const flat = numbers.W.flat();
    const at = (w: number[]): number => {
      W.set(numbers.W.map((row, i) => row.map((_, j) => w[i * row.length + j])));
      return numberOf(loss(W, x, d));
    };
    const slopes = differences(at, flat);
    W.set(numbers.W);
    expectClose((valueOf(gradient) as number[][]).flat(), slopes, 1e-7);
  });

  test('real-time recurrent learning gives the same gradient', () => {
    expectClose(valueOf(realTimeRecurrentLearning(W, x, d)), valueOf(gradient), 1e-10);
  });

  test('so does forward mode: a tangent for each weight, side by side', () => {
    const directions = reshape(
      oneHot(
        Array.from(numbers.W.flat(), (_, i) => i),
        numbers.W.flat().length,
        'float64',
      ),
      [-1, n, m + 1 + n],
    );
    const slopes = vmap((direction: Variable) => jvp((W: Variable) => loss(W, x, d), [W], [direction])[1])(
      directions,
    );
    expectClose(valueOf(reshape(slopes, W.shape)), valueOf(gradient), 1e-10);
    expectClose(
      valueOf(jacobian((W: Variable) => loss(W, x, d), { mode: 'forward' })(W)),
      valueOf(gradient),
      1e-10,
    );
  });

  test('backwards takes memory for all steps, forwards for one', () => {
    const bytesPerStep = (build: (W: Parameter, x: Variable, d: Variable) => Variable): number => {
      const [short, long] = [100, 200].map((length) => {
        const inputs = [input([length, m], { dtype: 'float64' }), input([length, n], { dtype: 'float64' })];
        return compileGraph({ outputs: [build(W, inputs[0], inputs[1])], inputs }).program.arenaBytes;
      });
      return (long - short) / 100;
    };
    const data = (m + n) * 8;
    expect(bytesPerStep(realTimeRecurrentLearning)).toBeCloseTo(data, 0);
    expect(bytesPerStep((W, x, d) => gradients(loss(W, x, d), [W])[0])).toBeGreaterThan(data + n * 8);
  });
});
