/** Calls of the matrix product: for each index of the batch axes, and for each thread its part. */
import type { Access, Factor, MatrixAccess, ProductKernel } from '../../compile/program.ts';
import { BYTES } from '../../graph/index.ts';
import type { FunctionBuilder } from './encoder.ts';
import { emitPart, type ThreadGlobals } from './share.ts';

/** Threads take rows and columns of C in multiples of these, so that tiles stay whole. */
const ROWS = 16;
const COLUMNS = 32;

/** A batch of so many products is shared out as it is. */
const BATCH = 4;

export interface ProductCall {
  readonly kernel: ProductKernel;
  /** The own function. */
  readonly own: { readonly index: number };
  /** The native one that is called instead, if one is; it takes no workspace. */
  readonly native: { readonly index: number } | undefined;
  /** Whether all threads share it. */
  readonly joint: boolean;
  /** Into how many parts a native product is cut then. */
  readonly parts: number;
  readonly team: ThreadGlobals;
  /** Pushes the address of an access. */
  push(access: Access): FunctionBuilder;
}

type Operand = 'a' | 'b' | 'c';

/** Emits the product of one kernel. */
export function callProduct(f: FunctionBuilder, call: ProductCall): void {
  const { kernel, team } = call;
  const { batch, n, m } = kernel;
  const bytes = BYTES[kernel.dtype];
  const pointers = { a: f.local('i32'), b: f.local('i32'), c: f.local('i32') };
  const names: readonly Operand[] = ['a', 'b', 'c'];
  for (const name of names) call.push(kernel[name]).set(pointers[name]);
  /** Moves a pointer by `count` steps (a number or, if `local`, what it holds). */
  const advance = (name: Operand, step: number, count: number, local = false): void => {
    if (step === 0) return;
    const pointer = pointers[name];
    f.get(pointer);
    if (local)
      f.get(count)
        .i32(step * bytes)
        .op('i32.mul');
    else f.i32(step * count * bytes);
    f.op('i32.add').set(pointer);
  };
  const advanceBatch = (axis: number, count: number, local = false): void => {
    for (const name of names) advance(name, kernel[name].strides[axis], count, local);
  };
  const size = { rows: () => f.i32(n), columns: () => f.i32(m) };
  const nest = (axis: number): void => {
    if (axis === batch.length) return multiply(f, call, pointers, size);
    const round = f.local('i32');
    f.forRange(
      round,
      () => f.i32(0),
      () => f.i32(batch[axis]),
      1,
      () => {
        nest(axis + 1);
        advanceBatch(axis, 1);
      },
    );
    advanceBatch(axis, -batch[axis]);
  };
  if (!call.joint) return nest(0);
  if (batch.length > 0 && batch[0] >= BATCH) {
    const { first, end } = emitPart(f, team, batch[0]);
    advanceBatch(0, first, true);
    const round = f.local('i32');
    f.forRange(
      round,
      () => f.get(first),
      () => f.get(end),
      1,
      () => {
        nest(1);
        advanceBatch(0, 1);
      },
    );
    return;
  }
  const cutsRows = n / ROWS >= m / COLUMNS;
  const [extent, unit] = cutsRows ? [n, ROWS] : [m, COLUMNS];
  const units = Math.ceil(extent / unit);
  const from = { a: f.local('i32'), b: f.local('i32'), c: f.local('i32') };
  for (const name of names) f.get(pointers[name]).set(from[name]);
  const count = f.local('i32');
  if (cutsRows) size.rows = () => f.get(count);
  else size.columns = () => f.get(count);
  /** The product of the units from `first` up to `end`; the last one may be shorter than others. */
  const range = (first: number, end: number): void => {
    f.get(first).i32(unit).op('i32.mul').set(first);
    f.get(end).i32(unit).op('i32.mul').tee(end).i32(extent).get(end).i32(extent).op('i32.lt_s', 'select');
    f.get(first).op('i32.sub').tee(count).i32(0).op('i32.gt_s');
    f.if(() => {
      for (const name of names) f.get(from[name]).set(pointers[name]);
      advance(cutsRows ? 'a' : 'b', cutsRows ? kernel.a.rows : kernel.b.columns, first, true);
      advance('c', cutsRows ? kernel.c.rows : 1, first, true);
      nest(0);
    });
  };
  if (call.native === undefined) {
    const { first, end } = emitPart(f, team, units);
    return range(first, end);
  }
  // What a library computes may depend on how it is cut. So that is the same however many threads are there.
  const mine = emitPart(f, team, call.parts);
  const part = f.local('i32');
  const [first, end] = [f.local('i32'), f.local('i32')];
  f.forRange(
    part,
    () => f.get(mine.first),
    () => f.get(mine.end),
    1,
    () => {
      f.get(part).i32(units).op('i32.mul').i32(call.parts).op('i32.div_u').set(first);
      f.get(part).i32(1).op('i32.add').i32(units).op('i32.mul').i32(call.parts).op('i32.div_u').set(end);
      range(first, end);
    },
  );
}

/** One call, on what the pointers point to. */
function multiply(
  f: FunctionBuilder,
  { kernel, own, native, team, push }: ProductCall,
  pointers: Record<Operand, number>,
  size: { rows(): void; columns(): void },
): void {
  const { a, b, c, k, alpha, beta, dtype } = kernel;
  const matrix = (pointer: number, { rows, columns }: MatrixAccess): void => {
    f.get(pointer).i32(rows).i32(columns);
  };
  const callGemm = (gemm: { readonly index: number }): void => {
    size.rows();
    size.columns();
    f.i32(k);
    matrix(pointers.a, a);
    matrix(pointers.b, b);
    f.get(pointers.c).i32(c.rows);
    if (gemm === own) f.getGlobal(team.workspace);
    pushFactor(f, dtype, alpha, push);
    pushFactor(f, dtype, beta, push);
    f.call(gemm);
  };
  if (native === undefined || alpha.by === undefined) return callGemm(native ?? own);
  // A library does not look at A and B where alpha is 0, and would lose a NaN in them.
  const type = dtype === 'float32' ? 'f32' : 'f64';
  pushFactor(f, dtype, alpha, push);
  f[type](0).op(`${type}.eq`);
  f.if(
    () => callGemm(own),
    () => callGemm(native),
  );
}

function pushFactor(
  f: FunctionBuilder,
  dtype: ProductKernel['dtype'],
  { scale, by }: Factor,
  push: (access: Access) => FunctionBuilder,
): void {
  const type = dtype === 'float32' ? 'f32' : 'f64';
  f[type](scale);
  if (by !== undefined && scale !== 0) push(by).memory(`${type}.load`).op(`${type}.mul`);
}
