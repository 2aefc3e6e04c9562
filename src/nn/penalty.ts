/** Regularisers: terms of the loss that depend on the parameters alone. */
import { at, ChainruleError, type Variable } from '../graph/index.ts';
import { add, square } from '../operations/arithmetic.ts';
import { sum } from '../operations/broadcasting.ts';

/**
 * The sum of the squares of all elements, to be weighed by lambda and added to the loss:
 * `J = add(crossEntropy(y, labels), mul(1e-4, l2Penalty([W1, W2])))`, whose gradient gains 2 lambda W.
 * @throws ChainruleError for an empty list
 */
export function l2Penalty(parameters: Iterable<Variable>): Variable<readonly []> {
  const squares = [...parameters].map((each) => sum(square(each)));
  if (squares.length === 0) throw new ChainruleError(`l2Penalty: no parameters to penalise${at()}`);
  return squares.reduce((total, each) => add(total, each));
}
