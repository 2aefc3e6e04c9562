/**
 * LU factors, which solve, inv, det and slogdet share: where several of them meet the same matrix, or their derivatives
 * do, the applications of `factorLU` are equal and merge, and the matrix is factored once.
 *
 * Every operation on factors has A itself among its inputs, and counts the whole derivative there. The factors are
 * numbers known beforehand: no derivative flows through them. They are float64 whatever A is.
 */
import {
  apply,
  applyOperation,
  disconnected,
  NumericalError,
  type Operation,
  type Shape,
  Variable,
  zero,
} from '../../graph/index.ts';
import { neg } from '../arithmetic.ts';
import { matmul } from '../linearAlgebra.ts';
import { total, unshifted } from '../rules.ts';
import { factorLU as eliminate, solveFactored, zeroOnDiagonal } from './algorithms/elimination.ts';
import { countOf, matrixAt, whichMatrix } from './algorithms/matrix.ts';
import { identityOf, product, transposeLast, withBatch } from './matrices.ts';
import { moreColumns } from './triangular.ts';

const factorLUOperation: Operation<Record<string, never>> = {
  name: 'factorLU',
  infer: ([a]) => [
    { shape: a.shape, dtype: 'float64' },
    { shape: a.shape.slice(0, -1), dtype: 'int32' },
  ],
  bprop: () => zero,
  jvp: () => [zero, zero],
  batch: unshifted,
  computation: {
    kind: 'routine',
    run([a], [lu, swaps]) {
      const n = a.shape[a.shape.length - 1];
      for (let index = 0; index < countOf(a); index++) {
        const factors = matrixAt(a, index);
        const exchanged = new Int32Array(n);
        eliminate(factors, n, exchanged);
        lu.data.set(factors, index * n * n);
        swaps.data.set(exchanged, index * n);
      }
    },
  },
};

/** A matrix, its LU factors, and the exchanges of rows: the first inputs of every operation on factors. */
export type Factored = readonly [a: Variable, lu: Variable, swaps: Variable];

/** Factors A [..., n, n], singular or not. */
export function factored(a: Variable): Factored {
  const [lu, swaps] = applyOperation(factorLUOperation, [a], {});
  return [a, lu, swaps];
}

/** The same over more leading axes. */
export function factoredOver([a, lu, swaps]: Factored, batch: Shape): Factored {
  return [withBatch(a, batch), withBatch(lu, batch), withBatch(swaps, batch, 1)];
}

/** The functions that meet singular matrices, and what their errors advise. */
const ADVICE = {
  solve: 'use lstsq, or add a small multiple of the identity',
  inv: 'use pinv, or add a small multiple of the identity',
  slogdet: 'the logarithm of its determinant has no derivative',
  det: 'from the third derivative of a determinant on, the matrix must be regular',
};

type Caller = keyof typeof ADVICE;

type SolveAttributes = { transpose: boolean; caller: Caller };

/** A^-1 B, or A^-T B, from the factors of A. */
export const solveOperation: Operation<SolveAttributes> = {
  name: 'solve',
  infer: ([, , , b]) => [{ shape: b.shape, dtype: b.dtype }],
  bprop({ inputs: [a, lu, swaps], outputs: [x], g, index, attributes }) {
    if (index === 1 || index === 2) return disconnected;
    const transpose = !attributes.transpose;
    const toB = apply(solveOperation, [a, lu, swaps, g], { ...attributes, transpose });
    if (index === 3) return toB;
    return neg(attributes.transpose ? matmul(x, transposeLast(toB)) : matmul(toB, transposeLast(x)));
  },
  jvp({ inputs: [a, lu, swaps], outputs: [x], tangents: [da, , , db], attributes }) {
    const change = da && matmul(attributes.transpose ? transposeLast(da) : da, x);
    const right = total(db, change && neg(change));
    return right instanceof Variable ? [apply(solveOperation, [a, lu, swaps, right], attributes)] : [right];
  },
  batch: moreColumns,
  computation: {
    kind: 'routine',
    run([a, lu, swaps, b], [x], { transpose, caller }) {
      const [n, columns] = b.shape.slice(-2);
      for (let index = 0; index < countOf(a); index++) {
        const factors = matrixAt(lu, index);
        const zeroAt = zeroOnDiagonal(factors, n);
        if (zeroAt >= 0) {
          throw new NumericalError(
            `${caller}: ${whichMatrix(a, index)} is singular: pivot ${zeroAt} of its elimination is 0; ` +
              ADVICE[caller],
          );
        }
        const columnsOfX = matrixAt(b, index);
        solveFactored(factors, swaps.data.subarray(index * n), n, transpose, columnsOfX, columns);
        x.data.set(columnsOfX, index * n * columns);
      }
    },
  },
};

/** A^-1 B from the factors of A, for B of the same leading axes. */
export function solveWith(factors: Factored, b: Variable, caller: Caller): Variable {
  return apply(solveOperation, [...factors, b], { transpose: false, caller });
}

/** A^-1 from the factors of A: its own derivative, -A^-1 dA A^-1, needs no more than products. */
export const invOperation: Operation<{ caller: Caller }> = {
  name: 'inv',
  infer: ([a]) => [{ shape: a.shape, dtype: a.dtype }],
  bprop({ outputs: [y], g, index }) {
    if (index > 0) return disconnected;
    const adjoint = transposeLast(y);
    return neg(product(adjoint, g, adjoint));
  },
  jvp: ({ outputs: [y], tangents: [da] }) => [da === undefined ? zero : neg(product(y, da, y))],
  batch: unshifted,
  computation: {
    kind: 'composition',
    expand([a, lu, swaps], { caller }) {
      const unit = identityOf(a);
      return solveWith([a, lu, swaps], withBatch(unit, a.shape.slice(0, -2)), caller);
    },
  },
};

/** A^-1 from the factors of A. */
export function inverseOf(factors: Factored, caller: Caller): Variable {
  return apply(invOperation, factors, { caller });
}
