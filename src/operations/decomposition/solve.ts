/** Linear systems and inverses of square matrices. */
import type { TensorLike, Variable } from '../../graph/index.ts';
import { add } from '../arithmetic.ts';
import { declare, real } from '../declare.ts';
import { mul, type Unary } from '../elementwise.ts';
import {
  factored,
  factoredOver,
  inverseOf,
  invOperation,
  solveOperation,
  solveWith,
} from './factorization.ts';
import { identityOf, squareOf, systemOf } from './matrices.ts';

const square = { shape: [3, 3], domain: real(-1, 1) };
const vector = { shape: [3], domain: real(-2, 2) };
/** Far from singular. */
const regular = (x: Variable): Variable => add(x, mul(3, identityOf(x)));
const torchRegular = '(x + 3 * torch.eye(x.shape[-1]).double())';

/**
 * x of A x = b, by elimination with partial pivoting. A is [..., n, n]; b of rank 1 is a vector, otherwise matrices
 * [..., n, k] (as in NumPy 2). Leading axes broadcast.
 *
 * Differentiation: B-bar = A^-T X-bar, A-bar = -B-bar X^T (Giles 2008, section 2), with the factors of A used again.
 * @throws NumericalError where a pivot is exactly 0
 */
export const solve = declare((a: TensorLike, b: TensorLike): Variable => {
  const { matrix, b: columns, batch, solution } = systemOf('solve', a, b);
  const factors = factored(squareOf('solve', matrix));
  return solution(solveWith(factoredOver(factors, batch), columns, 'solve'));
})({
  name: 'solve',
  doc: 'Solves A x = b for square A by elimination with partial pivoting.',
  dtypes: 'float',
  operation: solveOperation,
  samples: [
    {
      inputs: [square, { shape: [3, 2], domain: real(-2, 2) }],
      call: (x, y) => solve(regular(x), y),
      torch: `torch.linalg.solve(${torchRegular}, y)`,
    },
    {
      inputs: [{ ...square, shape: [2, 3, 3] }, vector],
      call: (x, y) => solve(regular(x), y),
      torch: `torch.linalg.solve(${torchRegular}, y[:, None])[..., 0]`,
    },
    {
      inputs: [square, { shape: [2, 3, 1], domain: real(-2, 2) }],
      call: (x, y) => solve(regular(x), y),
      torch: `torch.linalg.solve(${torchRegular}, y)`,
    },
    {
      inputs: [
        { ...square, shape: [0, 0] },
        { shape: [0, 2], domain: real(-2, 2) },
      ],
      call: (x, y) => solve(x, y),
    },
  ],
});

/**
 * The inverse of A [..., n, n]. To solve a system, `solve` is faster and more accurate.
 *
 * Differentiation: dA^-1 = -A^-1 dA A^-1 (Giles 2008, section 2).
 * @throws NumericalError where a pivot is exactly 0
 */
export const inv = declare(
  ((a: TensorLike): Variable => inverseOf(factored(squareOf('inv', a)), 'inv')) as Unary,
)({
  name: 'inv',
  doc: 'The inverse of a square matrix: Y = A^-1, dY = -Y dA Y.',
  dtypes: 'float',
  operation: invOperation,
  samples: [
    { inputs: [square], call: (x) => inv(regular(x)), torch: `torch.linalg.inv(${torchRegular})` },
    {
      inputs: [{ ...square, shape: [2, 3, 3] }],
      call: (x) => inv(regular(x)),
      torch: `torch.linalg.inv(${torchRegular})`,
    },
    { inputs: [{ ...square, shape: [0, 0] }], call: (x) => inv(x) },
  ],
});
