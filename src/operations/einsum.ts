/** Einstein summation: any product of tensors, by names of axes. */
import { at, formatShape, ShapeError, sizeOf, type TensorLike, type Variable } from '../graph/index.ts';
import { sum } from './broadcasting.ts';
import { declare, real } from './declare.ts';
import { unify } from './elementwise.ts';
import { diagonal, matmul } from './linearAlgebra.ts';
import { reshape, transpose } from './movement.ts';

/** A tensor whose axes carry letters, each letter once. */
interface Lettered {
  readonly letters: string;
  readonly value: Variable;
}

/** Takes the diagonal of letters that repeat (`ii`) and sums letters that nobody else needs. */
function simplify({ letters, value }: Lettered, needed: string): Lettered {
  let text = letters;
  let x = value;
  for (let i = 0; i < text.length; i++) {
    const j = text.indexOf(text[i], i + 1);
    if (j < 0) continue;
    x = diagonal(x, { axes: [i, j] });
    text = text.slice(0, i) + text.slice(i + 1, j) + text.slice(j + 1) + text[i];
    i = -1;
  }
  const idle = [...text].flatMap((letter, axis) => (needed.includes(letter) ? [] : [axis]));
  if (idle.length > 0) x = sum(x, idle);
  return { letters: [...text].filter((letter) => needed.includes(letter)).join(''), value: x };
}

/** Rearranges axes into the order of `letters`. */
function arrange({ letters, value }: Lettered, order: string): Variable {
  if (letters === order) return value;
  return transpose(
    value,
    [...order].map((letter) => letters.indexOf(letter)),
  );
}

/** One pair: shared letters still needed are batch axes, shared letters not needed are summed by a matrix product. */
function contract(a: Lettered, b: Lettered, needed: string): Lettered {
  const left = simplify(a, needed + b.letters);
  const right = simplify(b, needed + left.letters);
  const shared = [...left.letters].filter((letter) => right.letters.includes(letter));
  const batch = shared.filter((letter) => needed.includes(letter)).join('');
  const inner = shared.filter((letter) => !needed.includes(letter)).join('');
  const only = (x: Lettered): string => [...x.letters].filter((letter) => !shared.includes(letter)).join('');
  const rows = only(left);
  const columns = only(right);
  const extent = (letter: string): number =>
    left.letters.includes(letter)
      ? left.value.shape[left.letters.indexOf(letter)]
      : right.value.shape[right.letters.indexOf(letter)];
  const extents = (letters: string): number[] => [...letters].map(extent);
  const size = (letters: string): number => sizeOf(extents(letters));
  const matrixA = reshape(arrange(left, batch + rows + inner), [...extents(batch), size(rows), size(inner)]);
  const matrixB = reshape(arrange(right, batch + inner + columns), [
    ...extents(batch),
    size(inner),
    size(columns),
  ]);
  const letters = batch + rows + columns;
  return { letters, value: reshape(matmul(matrixA as Variable, matrixB as Variable), extents(letters)) };
}

function parse(subscripts: string, operands: readonly Variable[]): { inputs: string[]; output: string } {
  const fail = (why: string): never => {
    throw new ShapeError(
      `einsum: "${subscripts}" ${why} (operands ${operands.map((x) => formatShape(x.shape)).join(', ')})${at()}`,
    );
  };
  const [left, right, extra] = subscripts.replace(/\s/g, '').split('->');
  const inputs = left.split(',');
  if (
    extra !== undefined ||
    !/^[A-Za-z,]*$/.test(left) ||
    (right !== undefined && !/^[A-Za-z]*$/.test(right))
  ) {
    fail('is not of the form "ij,jk->ik"');
  }
  if (inputs.length !== operands.length) fail(`names ${inputs.length} operands, not ${operands.length}`);
  const extents = new Map<string, number>();
  inputs.forEach((letters, i) => {
    if (letters.length !== operands[i].rank)
      fail(`gives operand ${i} ${letters.length} axes, not ${operands[i].rank}`);
    [...letters].forEach((letter, axis) => {
      const extent = operands[i].shape[axis];
      const known = extents.get(letter);
      if (known !== undefined && known !== extent)
        fail(`has axis ${letter} of extent ${known} and of ${extent}`);
      extents.set(letter, extent);
    });
  });
  const once = [...extents.keys()].filter((letter) => left.split(letter).length === 2).sort();
  const output = right ?? once.join('');
  for (const letter of output) {
    if (!extents.has(letter)) fail(`asks for axis ${letter}, which no operand has`);
    if (output.split(letter).length > 2) fail(`repeats axis ${letter} in its output`);
  }
  return { inputs, output };
}

const matrixOf = (rows: number, columns: number) => ({ shape: [rows, columns], domain: real(-2, 2) });

/**
 * `einsum('ij,jk->ik', a, b)`: letters name axes, letters that the output lacks are summed. Without `->` the output
 * has the letters that occur once, sorted. Operands are contracted from the left, two at a time.
 */
export const einsum = declare((subscripts: string, ...operands: TensorLike[]): Variable => {
  const values = unify(operands, 'number');
  const { inputs, output } = parse(subscripts, values);
  let done: Lettered = { letters: inputs[0], value: values[0] };
  for (let i = 1; i < values.length; i++) {
    const needed = output + inputs.slice(i + 1).join('');
    done = contract(done, { letters: inputs[i], value: values[i] }, needed);
  }
  return arrange(simplify(done, output), output);
})({
  name: 'einsum',
  doc: 'Sum of products by names of axes: einsum("ij,jk->ik", a, b) is the matrix product.',
  dtypes: 'number',
  samples: [
    {
      inputs: [matrixOf(3, 4), matrixOf(4, 2)],
      call: (x, y) => einsum('ij,jk->ik', x, y),
      torch: 'torch.einsum("ij,jk->ik", x, y)',
    },
    { inputs: [matrixOf(3, 3)], call: (x) => einsum('ii', x), torch: 'torch.einsum("ii", x)' },
    { inputs: [matrixOf(3, 3)], call: (x) => einsum('ii->i', x), torch: 'torch.einsum("ii->i", x)' },
    { inputs: [matrixOf(3, 4)], call: (x) => einsum('ij->ji', x), torch: 'torch.einsum("ij->ji", x)' },
    { inputs: [matrixOf(3, 4)], call: (x) => einsum('ij->', x), torch: 'torch.einsum("ij->", x)' },
    {
      inputs: [matrixOf(3, 4), matrixOf(3, 4)],
      call: (x, y) => einsum('ij,ij->i', x, y),
      torch: 'torch.einsum("ij,ij->i", x, y)',
    },
    {
      inputs: [matrixOf(2, 3), matrixOf(4, 5)],
      call: (x, y) => einsum('ij,kl->iljk', x, y),
      torch: 'torch.einsum("ij,kl->iljk", x, y)',
    },
    {
      inputs: [
        { shape: [2, 3, 4], domain: real(-2, 2) },
        { shape: [2, 4, 3], domain: real(-2, 2) },
      ],
      call: (x, y) => einsum('bij,bjk->bik', x, y),
      torch: 'torch.einsum("bij,bjk->bik", x, y)',
    },
    {
      inputs: [matrixOf(2, 3), matrixOf(3, 4), matrixOf(4, 2)],
      call: (x, y, z) => einsum('ij,jk,ki->', x, y, z),
      torch: 'torch.einsum("ij,jk,ki->", x, y, z)',
    },
  ],
});
