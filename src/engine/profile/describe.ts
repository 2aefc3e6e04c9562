/** What a kernel is, in words: for people who read a profile. */
import type {
  Kernel,
  LoopKernel,
  MatrixAccess,
  Operand,
  ProductKernel,
  RowsKernel,
} from '../../compile/program.ts';
import { buffersOf } from '../../compile/program.ts';
import { type Application, formatShape } from '../../graph/index.ts';

/** What a kernel computes, in the words of the user's program. */
export interface Origins {
  /**
   * The operations, each once, as the program has them in order: `matmul`; `matmul'` for what the derivative rule of matmul
   * has made. An operation that is composed of others stands for them all.
   */
  readonly operations: readonly string[];
  /** The lines on which they stand, like `train.ts:12`. */
  readonly sites: readonly string[];
  /** The same lines with full path and column, like `file:///home/me/train.ts:12:7`. */
  readonly locations: readonly string[];
}

/** @param applications what the `origins` of kernels stand for */
export function originsOf(kernel: Kernel, applications: readonly Application[]): Origins {
  const parts: readonly Kernel[] = kernel.kind === 'rows' ? kernel.loops : [kernel];
  const list = parts
    .flatMap(({ origins = [] }) => origins.map((origin) => applications[origin]))
    .sort((a, b) => a.order - b.order);
  const unique = (texts: readonly (string | undefined)[]): string[] => [
    ...new Set(texts.filter((text): text is string => text !== undefined && text !== '')),
  ];
  return {
    operations: unique(list.map(nameOf)),
    sites: unique(list.map(({ site }) => site.toString())),
    locations: unique(list.map(({ site }) => site.location())),
  };
}

function nameOf({ operation, site }: Application): string {
  return site.maker ?? operation.name;
}

/** The extents and all else that decides how long a kernel takes: `float32 [32, 784] x [784, 128]`. */
export function describe(kernel: Kernel): string {
  switch (kernel.kind) {
    case 'loop':
      return describeLoop(kernel);
    case 'rows':
      return describeRows(kernel);
    case 'product':
      return describeProduct(kernel);
    case 'routine': {
      const shapes = (operands: readonly Operand[]): string =>
        operands.map(({ shape }) => formatShape(shape)).join(', ');
      return `${shapes(kernel.inputs)} -> ${shapes(kernel.outputs)}`;
    }
    case 'repeat':
      return kernel.rounds === undefined ? 'rounds while true' : `${kernel.rounds} rounds`;
    case 'choose':
      return 'one of two';
  }
}

function describeLoop({ extents, reduced, nodes, stores }: LoopKernel): string {
  const kept = extents.slice(0, extents.length - reduced);
  const dtypes = new Set(stores.map(({ node }) => nodes[node].dtype));
  const over = reduced === 0 ? '' : ` over ${formatShape(extents.slice(kept.length))}`;
  return `${[...dtypes].join(', ')} ${formatShape(kept)}${over}`;
}

function describeRows({ loops, chunk }: RowsKernel): string {
  const each = [...new Set(loops.map(describeLoop))];
  return `${each.join('; ')}, by ${chunk} rows`;
}

function describeProduct(kernel: ProductKernel): string {
  const { batch, n, m, k, a, b, c, dtype } = kernel;
  const transposed = ({ rows, columns }: MatrixAccess, height: number, width: number): boolean =>
    rows === 1 && columns !== 1 && height > 1 && width > 1;
  return [
    `${dtype} ${formatShape([...batch, n, k])} x ${formatShape([...batch, k, m])}`,
    ...(transposed(a, n, k) ? ['A transposed'] : []),
    ...(transposed(b, k, m) ? ['B transposed'] : []),
    ...(buffersOf(kernel).reads.includes(c.buffer) ? ['added to C'] : []),
  ].join(', ');
}
