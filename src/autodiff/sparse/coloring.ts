/**
 * Which columns one product can serve together: columns of one color must not hide each other's elements. To find the
 * fewest colors is NP-complete; greedy colorings come close to it in practice.
 *
 * Sources: Curtis, Powell and Reid, "On the estimation of sparse Jacobian matrices", 1974; Coleman and Moré,
 * "Estimation of sparse Jacobian matrices and graph coloring problems", 1983; Gebremedhin, Manne and Pothen, "What color
 * is your Jacobian?", 2005.
 */
import { type SparsityPattern, toCSC } from './format.ts';

export interface Coloring {
  /** How many colors there are. */
  readonly count: number;
  /** The color of each column; -1 for one without elements. */
  readonly colors: Int32Array;
}

/** A matrix by its rows and by its columns. */
interface Incidence {
  readonly columns: number;
  rowOf(row: number): Int32Array;
  columnOf(column: number): Int32Array;
}

const NONE = -1;

function incidenceOf(pattern: SparsityPattern): Incidence {
  const { shape, rowPointers, columnIndices } = pattern;
  const { columnPointers, rowIndices } = toCSC(pattern);
  return {
    columns: shape[1],
    rowOf: (row) => columnIndices.subarray(rowPointers[row], rowPointers[row + 1]),
    columnOf: (column) => rowIndices.subarray(columnPointers[column], columnPointers[column + 1]),
  };
}

/** A color for each column that has elements: all that is left where some row has an element in every one of them. */
function oneColorEach(pattern: SparsityPattern, { columns, columnOf }: Incidence): Coloring | undefined {
  let count = 0;
  const colors = Int32Array.from({ length: columns }, (_, column) =>
    columnOf(column).length > 0 ? count++ : NONE,
  );
  const { rowPointers } = pattern;
  return rowPointers.some((end, row) => row > 0 && count > 0 && end - rowPointers[row - 1] === count)
    ? { count, colors }
    : undefined;
}

/** The first coloring with at most `bound` colors, or the one with the fewest. */
function fewest<C extends Coloring>(bound: number, candidates: readonly (() => C)[]): C {
  let least = candidates[0]();
  for (const candidate of candidates.slice(1)) {
    if (least.count <= bound) break;
    const other = candidate();
    if (other.count < least.count) least = other;
  }
  return least;
}

function longestRow({ rowPointers }: SparsityPattern): number {
  return rowPointers.reduce(
    (most, end, row) => (row === 0 ? 0 : Math.max(most, end - rowPointers[row - 1])),
    0,
  );
}

/** Calls `visit` for each neighbour of a vertex, for some as often as they are neighbours. */
type ForEachNeighbour = (vertex: number, visit: (neighbour: number) => void) => void;

/** Columns are neighbours, once for each row in which they meet. */
function meeting({ rowOf, columnOf }: Incidence): ForEachNeighbour {
  return (column, visit) => {
    for (const row of columnOf(column)) for (const other of rowOf(row)) visit(other);
  };
}

function naturalOrder({ columns }: Incidence): number[] {
  return Array.from({ length: columns }, (_, column) => column);
}

/**
 * From the last place to the first, the vertex with the fewest neighbours among those not placed yet.
 * (Matula, Marble and Isaacson, "Graph coloring algorithms", 1972.)
 */
function smallestLast(vertices: number, forEachNeighbour: ForEachNeighbour): number[] {
  /** Lists of the vertices of each degree, linked both ways; the highest degrees share the last list. */
  const first = new Int32Array(vertices + 1).fill(NONE);
  const next = new Int32Array(vertices).fill(NONE);
  const previous = new Int32Array(vertices).fill(NONE);
  const degree = new Float64Array(vertices);
  const listOf = (vertex: number): number => Math.min(vertices, degree[vertex]);
  const enter = (vertex: number): void => {
    const list = listOf(vertex);
    next[vertex] = first[list];
    previous[vertex] = NONE;
    if (first[list] !== NONE) previous[first[list]] = vertex;
    first[list] = vertex;
  };
  const leave = (vertex: number): void => {
    if (previous[vertex] === NONE) first[listOf(vertex)] = next[vertex];
    else next[previous[vertex]] = next[vertex];
    if (next[vertex] !== NONE) previous[next[vertex]] = previous[vertex];
  };
  for (let vertex = 0; vertex < vertices; vertex++) {
    forEachNeighbour(vertex, () => {
      degree[vertex]++;
    });
    enter(vertex);
  }
  const placed = new Uint8Array(vertices);
  const order = new Array<number>(vertices);
  for (let place = vertices - 1, least = 0; place >= 0; place--) {
    while (first[least] === NONE) least++;
    const vertex = first[least];
    leave(vertex);
    placed[vertex] = 1;
    order[place] = vertex;
    forEachNeighbour(vertex, (other) => {
      if (placed[other] === 1) return;
      leave(other);
      degree[other]--;
      enter(other);
      least = Math.min(least, listOf(other));
    });
  }
  return order;
}

/**
 * Columns such that no two of a color meet in a row: each element of the matrix is then an element of the product with
 * the indicator of its column's color.
 */
export function colorColumns(pattern: SparsityPattern): Coloring {
  const incidence = incidenceOf(pattern);
  const one = oneColorEach(pattern, incidence);
  if (one !== undefined) return one;
  const inOrder = (order: readonly number[]): Coloring => greedyColumns(pattern.shape[0], incidence, order);
  return fewest(longestRow(pattern), [
    () => inOrder(naturalOrder(incidence)),
    () => inOrder(smallestLast(incidence.columns, meeting(incidence))),
  ]);
}

/** Sets of small numbers, 32 in a word. */
type Bits = number[];

function addTo(set: Bits, member: number): void {
  const word = member >>> 5;
  while (set.length <= word) set.push(0);
  set[word] |= 1 << (member & 31);
}

/** The smallest number that is not in the set. */
function leastOutside(set: Bits): number {
  const word = set.findIndex((bits) => bits !== -1);
  if (word < 0) return 32 * set.length;
  const free = ~set[word];
  return 32 * word + 31 - Math.clz32(free & -free);
}

function greedyColumns(rows: number, { columns, columnOf }: Incidence, order: readonly number[]): Coloring {
  const colors = new Int32Array(columns).fill(NONE);
  /** The colors met in each row. */
  const met = Array.from({ length: rows }, (): Bits => []);
  let count = 0;
  for (const column of order) {
    const own = columnOf(column);
    if (own.length === 0) continue;
    const taken: Bits = [];
    for (const row of own) {
      met[row].forEach((bits, word) => {
        taken[word] = (taken[word] ?? 0) | bits;
      });
    }
    const color = leastOutside(taken);
    colors[column] = color;
    count = Math.max(count, color + 1);
    for (const row of own) addTo(met[row], color);
  }
  return { count, colors };
}

export interface SymmetricColoring extends Coloring {
  /** Of the elements (i, j) and (j, i), which are equal: whether the product for j's color has (i, j) to itself. */
  hasToItself(i: number, j: number): boolean;
}

/**
 * A star coloring of a symmetric pattern: neighbours differ, and every path of four vertices has at least three colors.
 * For each off-diagonal element, one of the products for its row's and its column's color then has it to itself. A
 * coloring of columns is one too, in which both have; it is taken where it needs fewer.
 */
export function colorSymmetric(pattern: SparsityPattern): SymmetricColoring {
  const incidence = incidenceOf(pattern);
  const { columns, rowOf } = incidence;
  const byColumns = (): SymmetricColoring => ({ ...colorColumns(pattern), hasToItself: () => true });
  if (pattern.columnIndices.length === columns * columns) return byColumns();
  const adjacent: ForEachNeighbour = (vertex, visit) => rowOf(vertex).forEach(visit);
  const stars = fewest(2, [
    () => greedyStars(incidence, naturalOrder(incidence)),
    () => greedyStars(incidence, smallestLast(columns, adjacent)),
  ]);
  // A coloring of columns needs a color for each element of a row.
  return stars.count <= longestRow(pattern) ? stars : fewest(0, [() => stars, byColumns]);
}

/** Several vertices, where one would be named. */
const SEVERAL = -2;

/** Any two colors that are neighbours form stars: one vertex of one color, the hub, and leaves of the other around it. */
function greedyStars({ columns, rowOf }: Incidence, order: readonly number[]): SymmetricColoring {
  const colors = new Int32Array(columns).fill(NONE);
  /** For each vertex and each color around it, the one neighbour of that color, or SEVERAL. */
  const around = order.map(() => new Map<number, number>());
  /** For each vertex, the colors of the hubs of which it is a leaf among others. */
  const hubs = order.map(() => new Set<number>());
  const taken: number[] = [];
  let count = 0;
  for (const v of order) {
    const neighbours = rowOf(v);
    if (neighbours.length === 0) continue;
    for (const w of neighbours) {
      if (colors[w] === NONE) continue;
      taken[colors[w]] = v;
      // Paths of two colors that v would complete: from inside, or as a further vertex behind a leaf.
      const inside = around[v].get(colors[w]) === SEVERAL;
      for (const color of inside ? around[w].keys() : hubs[w]) taken[color] = v;
    }
    let color = 0;
    while (taken[color] === v) color++;
    colors[v] = color;
    count = Math.max(count, color + 1);
    for (const w of neighbours) {
      if (w === v) continue;
      const before = around[w].get(color);
      around[w].set(color, before === undefined ? v : SEVERAL);
      if (colors[w] === NONE) continue;
      if (before !== undefined) hubs[v].add(colors[w]);
      if (before !== undefined && before !== SEVERAL) hubs[before].add(colors[w]);
      if (around[v].get(colors[w]) === SEVERAL) hubs[w].add(color);
    }
  }
  return { count, colors, hasToItself: (i, j) => i === j || around[i].get(colors[j]) === j };
}
