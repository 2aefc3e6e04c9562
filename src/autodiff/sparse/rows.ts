/** Sets of positions, one for each element of a tensor. */
import { type Shape, sizeOf, type TypedArray, type Variable } from '../../graph/index.ts';

/** Positions in ascending order. Never changed once made: elements that depend on the same share one. */
export type Row = readonly number[];

/** One for each element of a tensor, in row-major order. */
export type Rows = readonly Row[];

export const EMPTY: Row = [];

/** The rows of every variable that has any: the others depend on nothing. */
export type RowTable = Map<Variable, Rows>;

/** What the rules of the operations work with. */
export interface Tools {
  readonly unite: Unite;
  /** The numbers of a variable, if constants alone decide them. */
  known(variable: Variable): TypedArray | undefined;
  /** Fills in the table for `outputs` from what it holds, without a look beneath `boundary`. */
  propagate(outputs: readonly Variable[], table: RowTable, boundary?: readonly Variable[]): void;
}

/** The rows of each input of an application; undefined where it depends on nothing. */
export type Moving = readonly (Rows | undefined)[];

/** Unions of rows. One that holds all the others is itself the result, so that what was shared stays shared. */
export type Unite = (rows: readonly Row[]) => Row;

/** Unions of positions below `columns`, in time proportional to their lengths. */
export function uniter(columns: number): Unite {
  const mark = new Int32Array(columns);
  let call = 0;
  return (rows) => {
    let largest = EMPTY;
    for (const row of rows) if (row.length > largest.length) largest = row;
    call++;
    for (const column of largest) mark[column] = call;
    const more: number[] = [];
    for (const row of rows) {
      if (row === largest) continue;
      for (const column of row) {
        if (mark[column] === call) continue;
        mark[column] = call;
        more.push(column);
      }
    }
    return more.length === 0 ? largest : [...largest, ...more].sort((a, b) => a - b);
  };
}

/** Where each element of a strided tensor stands, in row-major order. */
export function positionsOf(shape: Shape, strides: readonly number[], offset = 0): Int32Array {
  const positions = new Int32Array(sizeOf(shape));
  const index = new Array<number>(shape.length).fill(0);
  let position = offset;
  for (let i = 0; i < positions.length; i++) {
    positions[i] = position;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      position += strides[axis];
      if (++index[axis] < shape[axis]) break;
      position -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return positions;
}

/** Strides with which a tensor of shape `from`, in row-major order, reads as one of the shape `to` it broadcasts to. */
export function broadcastStrides(from: Shape, to: Shape): number[] {
  const lead = to.length - from.length;
  const strides = new Array<number>(to.length).fill(0);
  let stride = 1;
  for (let axis = from.length - 1; axis >= 0; axis--) {
    if (from[axis] !== 1) strides[lead + axis] = stride;
    stride *= from[axis];
  }
  return strides;
}

export function emptyRows(shape: Shape): Rows {
  return new Array<Row>(sizeOf(shape)).fill(EMPTY);
}

/** Every element depends on all that any element of the inputs depends on. */
export function mixed(moving: Moving, shape: Shape, { unite }: Tools): Rows {
  return new Array<Row>(sizeOf(shape)).fill(unite(moving.flatMap((rows) => rows ?? [])));
}

/** Element by element, what either depends on. */
export function both(a: Rows | undefined, b: Rows | undefined, { unite }: Tools): Rows | undefined {
  if (a === undefined || b === undefined || a === b) return a ?? b;
  return a.map((row, i) => (row === b[i] ? row : unite([row, b[i]])));
}
