/**
 * Derivatives of decompositions beyond the generated tests: the third order, both modes against each other, and the
 * places where something is singular, repeated or dependent.
 */
import { describe, expect, test } from 'vitest';
import { gradients, jvp, vjp, vmap } from '../../src/autodiff/index.ts';
import {
  constant,
  input,
  isFloat,
  type Nested,
  Tensor,
  tensor,
  type Variable,
} from '../../src/graph/index.ts';
import {
  type Declaration,
  degenerateSingularValues,
  dependentColumns,
  families,
  registry,
  repeatedEigenvalues,
} from '../../src/operations/index.ts';
import { backends, reference } from '../support/backends.ts';
import { build, weightedSum } from '../support/build.ts';
import { drawInputs } from '../support/draw.ts';
import { numericalGradient, relativeError } from '../support/numeric.ts';
import { seedOf, uniform } from '../support/random.ts';

const { cholesky, det, eigh, expandDims, inv, log, lstsq, matmul, mul, pinv, qr, reshape, slice } = registry;
const { slogdet, solve, square, stack, sub, sum, svd, transpose, triangularSolve } = registry;

const float64 = (data: Nested): Variable => constant(tensor(data, { dtype: 'float64' }));
const numbers = (x: Variable): number[] => [...reference.evaluate([x])[0].data];
const identity = (n: number): Variable =>
  float64(Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => Number(i === j))));

const declarations = Object.values(families.decomposition).map(
  (each) => (each as unknown as { declaration: Declaration }).declaration,
);
/** Every sample call of the family that has elements to move. */
const calls = declarations.flatMap(({ name, samples }) =>
  samples.flatMap((sample, i) =>
    sample.inputs.every(({ shape }) => !shape.includes(0)) ? [{ label: `${name} ${i}`, sample }] : [],
  ),
);

const listOf = (made: Variable | readonly Variable[]): readonly Variable[] =>
  Array.isArray(made) ? (made as readonly Variable[]) : [made as Variable];

function drawLike(variables: readonly Variable[], seed: number): Variable[] {
  const random = uniform(seed);
  return variables.map(({ shape }) => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    return constant(
      new Tensor(
        shape,
        'float64',
        Float64Array.from({ length: size }, () => random() - 0.5),
      ),
    );
  });
}

const innerProduct = (us: readonly Variable[], vs: readonly Variable[]): Variable =>
  us.map((u, i) => sum(mul(u, vs[i]))).reduce((a, b) => a.add(b));

describe.each(calls)('$label', ({ label, sample }) => {
  const xs = drawInputs(sample, 'float64', seedOf(label)).map((x) => constant(x));
  const f = (...args: Variable[]): readonly Variable[] => listOf(sample.call(...args));

  test('forward mode is the transpose of reverse mode, of the second order too', () => {
    const vs = drawLike(xs, 1);
    const [y, push] = jvp(f, xs, vs);
    const us = drawLike(y, 2);
    const [, pullback] = vjp(f, xs);
    const pulled = (pullback as unknown as (u: readonly Variable[]) => Variable[])(us);
    expect(
      relativeError(numbers(innerProduct(us, push)), numbers(innerProduct(pulled, vs))),
    ).toBeLessThanOrEqual(1e-12);
    // The derivative of the gradient: reverse over reverse, and forward over reverse.
    const gradientOf = (...args: Variable[]): Variable[] => {
      const [, back] = vjp(f, args);
      return (back as unknown as (u: readonly Variable[]) => Variable[])(us);
    };
    const forward = jvp(gradientOf, xs, vs)[1];
    const [, twice] = vjp(gradientOf, xs);
    const reverse = (twice as unknown as (u: readonly Variable[]) => Variable[])(vs);
    forward.forEach((each, i) =>
      expect(relativeError(numbers(each), numbers(reverse[i]))).toBeLessThanOrEqual(1e-11),
    );
  });

  test('vmap gives what each element gives alone', () => {
    const batches = [3, 4, 5].map((seed) => drawInputs(sample, 'float64', seed).map((x) => constant(x)));
    const stacked = xs.map((_, i) => stack(batches.map((each) => each[i])));
    const alone = batches.map((each) => f(...each).map(numbers));
    const together = vmap(f)(...stacked).map(numbers);
    together.forEach((found, k) =>
      expect(
        relativeError(
          found,
          alone.flatMap((each) => each[k]),
        ),
      ).toBeLessThanOrEqual(1e-13),
    );
    if (xs.length < 2) return;
    const [x, ...ys] = stacked;
    const shared = vmap(f, { inAxes: [null, ...ys.map(() => 0)] })(batches[0][0], ...ys).map(numbers);
    const expected = batches.map(([, ...rest]) => f(batches[0][0], ...rest).map(numbers));
    shared.forEach((found, k) =>
      expect(
        relativeError(
          found,
          expected.flatMap((each) => each[k]),
        ),
      ).toBeLessThanOrEqual(1e-13),
    );
    expect(x.shape[0]).toBe(3);
  });
});

describe('the third derivative agrees with finite differences', () => {
  const first = new Map(declarations.map(({ name, samples }) => [name, samples[0]]));
  test.each([...first].map(([name, sample]) => ({ name, sample })))('of $name', ({ name, sample }) => {
    const { inputs, outputs, feeds } = build(sample, drawInputs(sample, 'float64', seedOf(`third ${name}`)));
    const targets = inputs.filter(({ dtype }) => isFloat(dtype));
    const zeros = { disconnected: 'zero' } as const;
    let z = weightedSum(outputs, uniform(1));
    for (const seed of [2, 3]) z = weightedSum(gradients(z, targets, zeros), uniform(seed));
    const found = reference.evaluate(gradients(z, targets, zeros), feeds);
    targets.forEach((target, i) => {
      const expected = numericalGradient(
        () => reference.evaluate([z], feeds)[0].data[0],
        feeds.get(target)!.data,
      );
      expect(relativeError(found[i].data, expected)).toBeLessThanOrEqual(1e-7);
    });
  });
});

/** The determinant as the polynomial that it is, by expansion along the first row. */
function expansion(a: Variable): Variable {
  const n = a.shape[0];
  if (n === 1) return reshape(a, []);
  const minor = (j: number): Variable => {
    const below = slice(a, [1, 0], [n, n]);
    const parts = [slice(below, [0, 0], [n - 1, j]), slice(below, [0, j + 1], [n - 1, n])];
    return expansion(registry.concat(parts, 1));
  };
  let total: Variable = mul(0, sum(a));
  for (let j = 0; j < n; j++) {
    const element = reshape(slice(a, [0, j], [1, j + 1]), []);
    const term = mul(element, minor(j));
    total = j % 2 === 0 ? total.add(term) : sub(total, term);
  }
  return total;
}

describe('the determinant of a singular matrix', () => {
  test('of [[1, 2], [2, 4]] has the adjugate as its gradient, and det as its Hessian', () => {
    const a = float64([
      [1, 2],
      [2, 4],
    ]);
    const [g] = gradients(det(a), [a]);
    expect(relativeError(numbers(g), [4, -2, -2, 1])).toBeLessThanOrEqual(1e-15);
    const direction = float64([
      [3, 5],
      [7, 11],
    ]);
    const [h] = gradients(sum(mul(g, direction)), [a]);
    expect(relativeError(numbers(h), [11, -7, -5, 3])).toBeLessThanOrEqual(1e-15);
  });

  const random = (rows: number, columns: number): Variable =>
    drawLike([input([rows, columns])], rows + columns)[0];

  test.each([
    [4, 4],
    [4, 3],
    [4, 2],
    [4, 1],
    [4, 0],
    [5, 3],
    [1, 0],
    [2, 0],
  ])('%i x %i of rank %i: two derivatives as those of the polynomial, in both modes', (n, rank) => {
    const a = matmul(random(n, rank), random(rank, n));
    const v = drawLike([a], 9)[0];
    const [own, polynomial] = [det, expansion].map((f) => {
      const [g] = gradients(f(a), [a]);
      const [h] = gradients(sum(mul(g, v)), [a], { disconnected: 'zero' });
      const along = (x: Variable): Variable => jvp(f, [x], [v])[1];
      const [tangent, second] = jvp(along, [a], [v]);
      return [g, h, tangent, second].map(numbers);
    });
    own.forEach((each, i) => expect(relativeError(each, polynomial[i], 1e-2)).toBeLessThanOrEqual(1e-14));
  });

  test('is an error from the third derivative on', () => {
    const a = float64([
      [1, 2],
      [2, 4],
    ]);
    let z: Variable = det(a);
    for (let order = 0; order < 3; order++) [z] = gradients(sum(square(z)), [a]);
    expect(() => numbers(z)).toThrow(/det: the 2 x 2 matrix is singular: .* from the third derivative/);
  });

  test('is -Infinity in its logarithm, whose derivative is an error that says so', () => {
    const a = mul(0, identity(2));
    const [, logarithm] = slogdet(a);
    const [g] = gradients(logarithm, [a]);
    expect(() => numbers(g)).toThrow(
      /slogdet: the 2 x 2 matrix is singular: pivot 0.* at decompositionDerivatives/,
    );
  });
});

describe('where eigenvalues or singular values are equal', () => {
  const v = float64([
    [1, 4, -2],
    [3, -1, 5],
    [0.5, 2, 7],
  ]);
  const symmetric = mul(0.5, v.add(transpose(v)));
  const twice = mul(2, identity(3));

  test.each([reference, ...backends])(
    'functions of eigenvalues alone have their derivative: $name',
    ({ evaluate }) => {
      const spectral = (f: (w: Variable) => Variable, a: Variable): number[] => {
        const [g] = gradients(sum(f(eigh(a)[0])), [a]);
        return [...evaluate([g])[0].data];
      };
      expect(spectral(square, twice)).toEqual(numbers(mul(4, identity(3))));
      expect(spectral(log, twice)).toEqual(numbers(mul(0.5, identity(3))));
      const tangent = jvp((x: Variable) => sum(log(eigh(x)[0])), [twice], [v])[1];
      expect(numbers(tangent)[0]).toBeCloseTo(3.5, 14);
      const [g] = gradients(sum(svd(twice)[1]), [twice]);
      expect(numbers(g)).toEqual(numbers(identity(3)));
      const flat = float64([
        [3, 0],
        [0, 3],
        [0, 0],
      ]);
      const [frobenius] = gradients(sum(square(svd(flat)[1])), [flat]);
      expect(numbers(frobenius)).toEqual(numbers(mul(2, flat)));
    },
  );

  test('vectors have none, and say NaN', () => {
    // V diag(w) V^T is A itself, with gradient S for the weights S: no rule can know it from V and w.
    const remade = (a: Variable): Variable => {
      const [w, vectors] = eigh(a);
      return matmul(mul(vectors, expandDims(w, -2)), transpose(vectors));
    };
    const [g] = gradients(sum(mul(remade(twice), symmetric)), [twice]);
    expect(numbers(g).every(Number.isNaN)).toBe(true);
    const [, tangent] = jvp(remade, [twice], [symmetric]);
    expect(numbers(tangent).every(Number.isNaN)).toBe(true);
    // Apart from each other by more than rounding they have one.
    const apart = float64([
      [2, 0, 0],
      [0, 2.001, 0],
      [0, 0, 2.003],
    ]);
    const [exact] = gradients(sum(mul(remade(apart), symmetric)), [apart]);
    expect(relativeError(numbers(exact), numbers(symmetric))).toBeLessThanOrEqual(1e-12);
    // The second derivative of a function of eigenvalues goes through the vectors.
    const [once] = gradients(sum(square(eigh(twice)[0])), [twice]);
    const [second] = gradients(sum(mul(once, symmetric)), [twice]);
    expect(numbers(second).every(Number.isNaN)).toBe(true);
  });

  test('degenerate: zero is right for projections on their span', () => {
    const a = float64([
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 3],
    ]);
    const projection = (degenerate: 'nan' | 'zero', x: Variable): Variable => {
      const span = slice(eigh(x, { degenerate })[1], [0, 0], [3, 2]);
      return matmul(span, transpose(span));
    };
    const [g] = gradients(sum(mul(projection('zero', a), symmetric)), [a]);
    // dP_ij = dA_ij / (w_i - w_j) between the span and its complement, 0 within each.
    const [right, below] = numbers(symmetric).filter((_, i) => i === 2 || i === 5);
    const expected = [0, 0, -right / 2, 0, 0, -below / 2, -right / 2, -below / 2, 0];
    expect(relativeError(numbers(g), expected)).toBeLessThanOrEqual(1e-15);
    const [, tangent] = jvp((x: Variable) => projection('zero', x), [a], [symmetric]);
    expect(relativeError(numbers(tangent), expected)).toBeLessThanOrEqual(1e-15);
    const [none] = gradients(sum(mul(projection('nan', a), symmetric)), [a]);
    expect(numbers(none).some(Number.isNaN)).toBe(true);
  });

  test('degenerate: zero is right for the orthogonal factor U V^T', () => {
    const polar = (x: Variable): Variable => {
      const [u, , vT] = svd(x, { degenerate: 'zero' });
      return matmul(u, vT);
    };
    // For A = s Q, Q orthogonal: d(U V^T) = (dA - Q dA^T Q) / 2s.
    const [q] = qr(v);
    const a = mul(2, q);
    const expected = sub(v, matmul(matmul(q, transpose(v)), q)).div(4);
    const [, tangent] = jvp(polar, [a], [v]);
    expect(relativeError(numbers(tangent), numbers(expected))).toBeLessThanOrEqual(1e-14);
    const [g] = gradients(sum(mul(polar(a), v)), [a]);
    expect(relativeError(numbers(g), numbers(expected))).toBeLessThanOrEqual(1e-14);
  });

  test('masks tell where', () => {
    const flags = (x: Variable): boolean[] => numbers(x).map(Boolean);
    const w = float64([
      [1, 1 + 1e-15, 3],
      [1, 1 + 1e-9, 3],
    ]);
    expect(flags(repeatedEigenvalues(w))).toEqual([true, true, false, false, false, false]);
    const a = matmul(float64([[1], [2], [3]]), float64([[1, 1, 1, 1]]));
    expect(flags(degenerateSingularValues(svd(a)[1]))).toEqual([false, true, true]);
    expect(flags(degenerateSingularValues(float64([4, 2, 0])))).toEqual([false, false, true]);
    expect(flags(dependentColumns(qr(a)[1]))).toEqual([false, true, true]);
    expect(
      flags(
        dependentColumns(
          qr(
            float64([
              [1, 1e-20],
              [1, -1e-20],
            ]),
          )[1],
        ),
      ),
    ).toEqual([false, false]);
    const narrow = registry.cast(float64([1, 1 + 1e-7, 3]), 'float32');
    expect(flags(repeatedEigenvalues(narrow))).toEqual([true, true, false]);
    expect(repeatedEigenvalues(float64([[], []])).shape).toEqual([2, 0]);
  });
});

describe('where singular values are zero', () => {
  const singular = float64([
    [1, 2],
    [2, 4],
  ]);

  test('square matrices have vectors with derivatives', () => {
    // The one zero singular value has vectors of its own, up to their signs.
    const outer = (x: Variable): Variable => {
      const [u] = svd(x);
      const last = slice(u, [0, 1], [2, 2]);
      return matmul(last, transpose(last));
    };
    const v = float64([
      [1, 0],
      [-3, 2],
    ]);
    const [, tangent] = jvp(outer, [singular], [v]);
    const step = 1e-5;
    const moved = (t: number): number[] => numbers(outer(singular.add(mul(t, v))));
    const [after, before] = [moved(step), moved(-step)];
    const slope = after.map((value, i) => (value - before[i]) / (2 * step));
    expect(relativeError(numbers(tangent), slope)).toBeLessThanOrEqual(1e-9);
  });

  test('others have not: NaN, but for singular values', () => {
    const tall = float64([
      [1, 2],
      [2, 4],
      [0, 0],
    ]);
    const [u, s] = svd(tall);
    const [fromVectors] = gradients(sum(u), [tall]);
    expect(numbers(fromVectors).some(Number.isNaN)).toBe(true);
    const [fromValues] = gradients(sum(square(s)), [tall]);
    expect(relativeError(numbers(fromValues), numbers(mul(2, tall)))).toBeLessThanOrEqual(1e-15);
  });

  test('the pseudo-inverse keeps its rank', () => {
    // Among matrices of rank 1, A = s u v^T: A^+ = v u^T / s, which for u, v held fixed is d(1 / s).
    const [, tangent] = jvp((x: Variable) => pinv(x), [singular], [singular]);
    expect(relativeError(numbers(tangent), numbers(mul(-1, pinv(singular))))).toBeLessThanOrEqual(1e-15);
    const [g] = gradients(sum(lstsq(singular, float64([1, 0]))), [singular]);
    expect(numbers(g).every(Number.isFinite)).toBe(true);
  });
});

test('QR of dependent columns has no derivative: NaN', () => {
  const a = float64([
    [1, 2],
    [2, 4],
    [3, 6],
  ]);
  const [, r] = qr(a);
  const [g] = gradients(sum(r), [a]);
  expect(numbers(g).some(Number.isNaN)).toBe(true);
  expect(numbers(jvp((x: Variable) => qr(x)[0], [a], [a])[1]).some(Number.isNaN)).toBe(true);
});

describe('closed forms', () => {
  const a = float64([
    [4, 1, 0.5],
    [1, 3, -1],
    [0.5, -1, 5],
  ]);

  test('log det by slogdet, cholesky and eigh: the inverse', () => {
    const { diagonal } = registry;
    const functions = [
      (x: Variable) => slogdet(x)[1],
      (x: Variable) => mul(2, sum(log(diagonal(cholesky(x))))),
      (x: Variable) => sum(log(eigh(x)[0])),
      (x: Variable) => sum(log(svd(x)[1])),
      (x: Variable) => mul(1, sum(log(diagonal(qr(x)[1])))),
      (x: Variable) => log(det(x)),
    ];
    for (const f of functions) {
      const [g] = gradients(f(a), [a]);
      expect(relativeError(numbers(g), numbers(inv(a)))).toBeLessThanOrEqual(1e-14);
    }
  });

  test('the log density of a normal distribution, from the factor and from the matrix', () => {
    const r = float64([1, -2, 0.5]);
    const direct = (x: Variable): Variable => sum(mul(r, solve(x, r))).add(slogdet(x)[1]);
    const factored = (x: Variable): Variable => {
      const l = cholesky(x);
      return sum(square(triangularSolve(l, r))).add(mul(2, sum(log(registry.diagonal(l)))));
    };
    const [p, q] = [direct(a), factored(a)];
    expect(relativeError(numbers(p), numbers(q))).toBeLessThanOrEqual(1e-15);
    expect(relativeError(numbers(gradients(p, [a])[0]), numbers(gradients(q, [a])[0]))).toBeLessThanOrEqual(
      1e-14,
    );
  });
});
