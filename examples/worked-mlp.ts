/**
 * A network with one hidden layer, differentiated twice: by hand, and by the library.
 *
 *   H = relu(X W1),   logits = H W2,   J = crossEntropy(logits, labels) + lambda (sum W1^2 + sum W2^2)
 *
 * By hand, one goes backwards and asks at each step how J changes with what was computed there. With
 * G = dJ/dlogits = (softmax(logits) - onehot(labels)) / n:
 *
 *   dJ/dW2 = H^T G + 2 lambda W2        the product rule for C = A B is A^T G to B, and G B^T to A
 *   dJ/dH  = G W2^T
 *   G'     = dJ/dH, with zeros where X W1 < 0      relu passes on only what it let through
 *   dJ/dW1 = X^T G' + 2 lambda W1       each W collects two terms, for it is used twice
 *
 * See Goodfellow, Bengio and Courville, "Deep Learning" (2016), section 6.5.7. The program prints by how much the
 * two differ: not at all, but for rounding.
 */
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import {
  abs,
  add,
  crossEntropy,
  div,
  evaluate,
  gradients,
  greater,
  matmul,
  max,
  mul,
  oneHot,
  parameter,
  print as printGraph,
  relu,
  softmax,
  square,
  sub,
  sum,
  tensor,
  transpose,
  type Variable,
  where,
} from 'chainrule';

const float64 = { dtype: 'float64' } as const;

/** Differences between the formulas and the library, for dJ/dW1 and dJ/dW2. */
export function main(print: (line: string) => void = console.log): { W1: number; W2: number } {
  // Four examples with three features; two classes; three hidden units.
  const X = tensor(
    [
      [0.5, -1.0, 2.0],
      [1.5, 0.3, -0.7],
      [-0.2, 0.8, 0.4],
      [0.9, 1.1, -1.6],
    ],
    float64,
  );
  const labels = tensor([0, 1, 1, 0], { dtype: 'int32' });
  const W1 = parameter(
    [
      [0.4, -0.6, 0.1],
      [-0.3, 0.8, 0.5],
      [0.7, 0.2, -0.9],
    ],
    { ...float64, name: 'W1' },
  );
  const W2 = parameter(
    [
      [0.6, -0.4],
      [-0.5, 0.9],
      [0.3, 0.2],
    ],
    { ...float64, name: 'W2' },
  );
  const lambda = 0.01;

  // Forward. Nothing is computed yet: these are symbols.
  const before = matmul(X, W1);
  const H = relu(before);
  const logits = matmul(H, W2);
  const penalty = mul(lambda, add(sum(square(W1)), sum(square(W2))));
  const J = add(crossEntropy(logits, labels), penalty);

  // Backward, by hand: the formulas above, written in the same operations.
  const n = 4;
  const G = div(sub(softmax(logits), oneHot(labels, 2, 'float64')), n);
  const dW2 = add(matmul(transpose(H), G), mul(2 * lambda, W2));
  const dH = matmul(G, transpose(W2));
  const masked = where(greater(before, 0), dH, 0);
  const dW1 = add(matmul(transpose(X), masked), mul(2 * lambda, W1));

  // Backward, by the library: again symbols, that could be printed, drawn or differentiated once more.
  const [autoW1, autoW2] = gradients(J, [W1, W2]);

  // Numbers, all from one program.
  const difference = (a: Variable, b: Variable): Variable => max(abs(sub(a, b)));
  const results = evaluate({
    J,
    dW1,
    dW2,
    W1: difference(dW1, autoW1),
    W2: difference(dW2, autoW2),
  });
  print(`J      = ${results.J.item()}`);
  print(`dJ/dW1 = ${JSON.stringify(results.dW1.toArray())}`);
  print(`dJ/dW2 = ${JSON.stringify(results.dW2.toArray())}`);
  print(`largest difference from gradients(J, [W1, W2]): ${results.W1.item()} and ${results.W2.item()}`);
  print('');
  print('The derivative with respect to W2, as the library wrote it:');
  print(printGraph(autoW2));
  return { W1: results.W1.item(), W2: results.W2.item() };
}

if (argv[1] === fileURLToPath(import.meta.url)) main();
