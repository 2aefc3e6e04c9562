/** Networks that tests train: a loss each, and what it reads. Of the weights only the shapes matter. */
import {
  allocate,
  input,
  Parameter,
  type Shape,
  sizeOf,
  Tensor,
  type Variable,
} from '../../src/graph/index.ts';
import { scan } from '../../src/index.ts';
import { registry } from '../../src/operations/index.ts';

const {
  add,
  conv,
  matmul,
  maxPool,
  mean,
  mul,
  relu,
  reshape,
  rsqrt,
  softmax,
  square,
  squaredError,
  sub,
  tanh,
} = registry;

export interface Loss {
  readonly loss: Variable;
  readonly inputs: readonly Variable[];
}

const weight = (...shape: Shape): Parameter =>
  new Parameter(new Tensor(shape, 'float32', allocate('float32', sizeOf(shape)).fill(0.1)), undefined, true);

const affine = (x: Variable, width: number): Variable =>
  add(matmul(x, weight(x.shape[x.shape.length - 1], width)), weight(width));

/** A fully connected network. */
export function perceptronLoss(sizes: readonly number[], batch: number): Loss {
  const [x, y] = [input([batch, sizes[0]]), input([batch, sizes[sizes.length - 1]])];
  const hidden = sizes.slice(1, -1).reduce<Variable>((h, size) => relu(affine(h, size)), x);
  return { loss: squaredError(affine(hidden, y.shape[1]), y), inputs: [x, y] };
}

/** h -> h + tanh(h W) V. */
export function residualLoss(depth: number, batch: number, width: number): Loss {
  const x = input([batch, width]);
  let h: Variable = x;
  for (let i = 0; i < depth; i++)
    h = add(h, matmul(tanh(matmul(h, weight(width, width))), weight(width, width)));
  return { loss: mean(square(h)), inputs: [x] };
}

/** Each position with mean 0 and variance 1, scaled and shifted. */
function layerNorm(x: Variable): Variable {
  const width = x.shape[x.shape.length - 1];
  const centred = sub(x, mean(x, -1, { keepDims: true }));
  const variance = mean(square(centred), -1, { keepDims: true });
  return add(mul(mul(centred, rsqrt(add(variance, 1e-5))), weight(width)), weight(width));
}

/** Blocks of attention and a perceptron, each behind a layer norm and beside a skip. */
export function transformerLoss(blocks: number, batch: number, length: number, width: number): Loss {
  const heads = 4;
  const shape = [batch, length, width];
  const [x, y] = [input(shape), input(shape)];
  const heading = (h: Variable): Variable =>
    registry.transpose(
      reshape(matmul(h, weight(width, width)), [batch, length, heads, width / heads]),
      [0, 2, 1, 3],
    );
  let h: Variable = x;
  for (let i = 0; i < blocks; i++) {
    const before = layerNorm(h);
    const [q, k, v] = [heading(before), heading(before), heading(before)];
    const scores = matmul(q, registry.transpose(k, [0, 1, 3, 2]));
    const mixed = matmul(softmax(mul(scores, Math.sqrt(heads / width)), -1), v);
    h = add(h, matmul(reshape(registry.transpose(mixed, [0, 2, 1, 3]), shape), weight(width, width)));
    h = add(h, affine(relu(affine(layerNorm(h), 4 * width)), width));
  }
  return { loss: mean(square(sub(h, y))), inputs: [x, y] };
}

/** Convolutions; every second one is followed by pooling, and twice as many channels. */
export function convolutionLoss(layers: number, batch: number, size: number, channels: number): Loss {
  const [x, y] = [input([batch, 1, size, size]), input([batch, 10])];
  let h: Variable = x;
  for (let i = 0; i < layers; i++) {
    h = relu(conv(h, weight(channels << (i >> 1), h.shape[1], 3, 3), { padding: 'same' }));
    if (i % 2 === 1) h = maxPool(h, 2);
  }
  const flat = reshape(h, [batch, sizeOf(h.shape) / batch]);
  return { loss: squaredError(affine(flat, 10), y), inputs: [x, y] };
}

/** A recurrent network that reads a sequence. */
export function recurrentLoss(length: number, batch: number, width: number): Loss {
  const [xs, start] = [input([length, batch, width]), input([batch, width])];
  const [w, u] = [weight(width, width), weight(width, width)];
  const [last] = scan(
    (h: Variable, x: Variable) => {
      const next = tanh(add(matmul(h, w), matmul(x, u)));
      return [next, next] as const;
    },
    start,
    xs,
  );
  return { loss: mean(square(last as Variable)), inputs: [xs, start] };
}
