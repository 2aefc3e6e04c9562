/** Random loop kernels: a recipe that fast-check draws and shrinks, and the kernel it describes. */
import fc from 'fast-check';
import type { Access, LoopKernel, ScalarNode } from '../../src/compile/program.ts';
import { DTYPES, type DType, isFloat, type Monoid, type ScalarFunction } from '../../src/graph/index.ts';

/** How a buffer lies under a loop: the order of its axes in memory, and what becomes of each axis' stride. */
interface Layout {
  readonly order: readonly number[];
  readonly strides: readonly ('forward' | 'backward' | 'constant' | 'gaps')[];
}

export interface KernelRecipe {
  readonly extents: readonly number[];
  readonly reduced: number;
  readonly loads: readonly { readonly dtype: DType; readonly layout: Layout }[];
  readonly body: readonly Step[];
  readonly monoids: readonly { readonly monoid: Monoid; readonly node: number; readonly dtype: DType }[];
  readonly epilogue: readonly Step[];
  readonly stores: readonly { readonly dtype: DType; readonly node: number; readonly layout: Layout }[];
  /** Whether the first store overwrites the buffer of the first load, element for element, where it can. */
  readonly inPlace: boolean;
}

interface Step {
  readonly op: string;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly dtype: DType;
}

/** A kernel, and the length and dtype of the buffer behind each access (in-place accesses share one). */
export interface KernelCase {
  readonly kernel: LoopKernel;
  readonly buffers: readonly { readonly dtype: DType; readonly length: number }[];
}

const ARITHMETIC = ['add', 'sub', 'mul', 'neg', 'abs', 'min', 'max'] as const;
const FLOAT_ONLY = ['div', 'sqrt', 'floor', 'ceil', 'round'] as const;
const COMPARISONS = ['eq', 'ne', 'lt', 'le'] as const;
const LOGIC = ['and', 'or', 'not'] as const;
const UNARY: ReadonlySet<string> = new Set(['neg', 'abs', 'sqrt', 'floor', 'ceil', 'round', 'not']);
/** Functions that keep whole numbers whole, so that sums of them are exact in any order. */
const WHOLE = [...ARITHMETIC, ...COMPARISONS, ...LOGIC, 'select', 'cast', 'literal', 'index'];
const EVERY = [...WHOLE, ...FLOAT_ONLY];

const dtype = fc.constantFrom(...DTYPES);
const extent = fc.oneof(
  fc.integer({ min: 0, max: 9 }),
  fc.constantFrom(1, 2, 4, 15, 16, 17, 31, 32, 33, 64, 65),
);

const layout: fc.Arbitrary<Layout> = fc.record({
  order: fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
  strides: fc.array(
    fc.constantFrom('forward', 'forward', 'forward', 'forward', 'backward', 'constant', 'gaps'),
    {
      minLength: 4,
      maxLength: 4,
    },
  ),
});

const steps = (names: readonly string[], maxLength: number): fc.Arbitrary<Step[]> =>
  fc.array(fc.record({ op: fc.constantFrom(...names), a: fc.nat(30), b: fc.nat(30), c: fc.nat(30), dtype }), {
    maxLength,
  });

/** Recipes of maps, or of reductions with an epilogue. */
export function kernelRecipes(kind: 'map' | 'reduction'): fc.Arbitrary<KernelRecipe> {
  const map = kind === 'map';
  return fc.record({
    extents: fc
      .array(extent, { minLength: map ? 0 : 1, maxLength: 4 })
      .filter((extents) => extents.reduce((product, each) => product * Math.max(1, each), 1) <= 2000),
    reduced: map ? fc.constant(0) : fc.integer({ min: 1, max: 4 }),
    loads: fc.array(fc.record({ dtype, layout }), { minLength: 1, maxLength: 3 }),
    body: steps(map ? EVERY : WHOLE, 8),
    monoids: map
      ? fc.constant([])
      : fc.array(
          fc.record({
            monoid: fc.constantFrom<Monoid[]>('sum', 'prod', 'max', 'min', 'any', 'all'),
            node: fc.nat(30),
            dtype,
          }),
          { minLength: 1, maxLength: 3 },
        ),
    epilogue: map ? fc.constant([]) : steps(EVERY, 4),
    stores: fc.array(fc.record({ dtype, node: fc.nat(30), layout }), { minLength: 1, maxLength: 3 }),
    inPlace: fc.boolean(),
  });
}

/** Strides and offset of a fresh buffer laid out as asked, with its length. */
function arrange(
  { order, strides: wishes }: Layout,
  extents: readonly number[],
  constant: (axis: number) => boolean,
): { offset: number; strides: number[]; length: number } {
  const strides = extents.map(() => 0);
  let length = 1;
  let offset = 0;
  for (const axis of order) {
    if (axis >= extents.length || constant(axis)) continue;
    const wish = wishes[axis];
    const step = wish === 'gaps' ? 2 * length : length;
    strides[axis] = wish === 'backward' ? -step : step;
    const reach = step * Math.max(0, extents[axis] - 1);
    if (wish === 'backward') offset += reach;
    length += reach;
  }
  return { offset, strides, length };
}

/** The kernel of a recipe. Floats are only combined in ways that are exact in any order. */
export function kernelOfRecipe(recipe: KernelRecipe): KernelCase {
  const { extents } = recipe;
  const reduced = Math.min(recipe.reduced, extents.length);
  const rank = extents.length - reduced;
  const accesses: Access[] = [];
  const buffers: { dtype: DType; length: number }[] = [];
  const nodes: ScalarNode[] = [];
  const push = (node: ScalarNode): number => nodes.push(node) - 1;
  const access = (lay: Layout, of: DType, constant: (axis: number) => boolean): number => {
    const { offset, strides, length } = arrange(lay, extents, constant);
    buffers.push({ dtype: of, length });
    return accesses.push({ buffer: buffers.length - 1, offset, strides }) - 1;
  };

  let usable: number[] = [];
  const note = (node: number): number => {
    usable.push(node);
    return node;
  };
  /** A usable node of dtype `wanted`, converted if there is none. */
  const pick = (k: number, wanted: (of: DType) => boolean, otherwise: DType): number => {
    const fitting = usable.filter((node) => wanted(nodes[node].dtype));
    if (fitting.length > 0) return fitting[k % fitting.length];
    return note(push({ op: 'cast', dtype: otherwise, args: [usable[k % usable.length]] }));
  };
  const step = ({ op, a, b, c, dtype: to }: Step): number => {
    if (op === 'literal') return push({ op, dtype: to, value: to === 'bool' ? a % 2 : a % 5 });
    if (op === 'index') {
      const last = usable.some((node) => nodes[node].op === 'accumulator') ? rank : extents.length;
      return push({ op, dtype: 'int32', offset: a, strides: extents.map((_, i) => (i < last ? b - i : 0)) });
    }
    if (op === 'cast') return push({ op, dtype: to, args: [usable[a % usable.length]] });
    const wanted: (of: DType) => boolean = (FLOAT_ONLY as readonly string[]).includes(op)
      ? isFloat
      : (LOGIC as readonly string[]).includes(op)
        ? (of) => of === 'bool'
        : op === 'select' || (COMPARISONS as readonly string[]).includes(op)
          ? () => true
          : (of) => of !== 'bool';
    const otherwise = wanted(to) ? to : wanted('bool') ? 'bool' : 'float32';
    const first = pick(a, wanted, otherwise);
    const { dtype: operand } = nodes[first];
    const same = (of: DType): boolean => of === operand;
    if (op === 'select') {
      const condition = pick(c, (of) => of === 'bool', 'bool');
      return push({ op, dtype: operand, args: [condition, first, pick(b, same, operand)] });
    }
    const truth =
      (COMPARISONS as readonly string[]).includes(op) || (LOGIC as readonly string[]).includes(op);
    const args = UNARY.has(op) ? [first] : [first, pick(b, same, operand)];
    return push({ op: op as ScalarFunction, dtype: truth ? 'bool' : operand, args });
  };

  recipe.loads.forEach(({ dtype: of, layout: lay }) => {
    const constant = (axis: number): boolean => lay.strides[axis] === 'constant';
    note(push({ op: 'load', dtype: of, access: access(lay, of, constant) }));
  });
  for (const each of recipe.body) note(step(each));

  const accumulators = recipe.monoids.map(({ monoid, node, dtype: to }) => {
    const body = exact(
      monoid,
      pick(node, (of) => of === to, to),
      nodes,
      push,
    );
    return { monoid, node: body };
  });
  if (reduced > 0) {
    usable = accumulators.map(({ node }, index) =>
      push({ op: 'accumulator', dtype: nodes[node].dtype, index }),
    );
    // The epilogue also reads memory: what does not move along the reduced axes.
    const { dtype: of, layout: lay } = recipe.loads[0];
    const constant = (axis: number): boolean => axis >= rank || lay.strides[axis] === 'constant';
    note(push({ op: 'load', dtype: of, access: access(lay, of, constant) }));
    for (const each of recipe.epilogue) note(step(each));
  }

  const overwritten = nodes.findIndex((node) => node.op === 'load');
  const source = accesses[(nodes[overwritten] as { access: number }).access];
  const covers = reduced === 0 && source.strides.every((stride, axis) => stride !== 0 || extents[axis] === 1);
  const stores = recipe.stores.map(({ dtype: to, node, layout: lay }, i) => {
    if (i === 0 && recipe.inPlace && covers) {
      const of = nodes[overwritten].dtype;
      const value = pick(node, (each) => each === of, of);
      return { access: accesses.push({ ...source }) - 1, node: value };
    }
    const value = pick(node, (each) => each === to, to);
    return { access: access(lay, to, (axis) => axis >= rank), node: value };
  });
  return {
    kernel: { kind: 'loop', extents, reduced, accesses, nodes, accumulators, stores },
    buffers,
  };
}

/** Bounds what is added or multiplied in floats, so that no order of doing so rounds. */
function exact(
  monoid: Monoid,
  body: number,
  nodes: readonly ScalarNode[],
  push: (node: ScalarNode) => number,
): number {
  const { dtype: of } = nodes[body];
  if (monoid === 'any' || monoid === 'all')
    return of === 'bool' ? body : push({ op: 'cast', dtype: 'bool', args: [body] });
  if (of === 'bool') return exact(monoid, push({ op: 'cast', dtype: 'int32', args: [body] }), nodes, push);
  if (!isFloat(of) || monoid === 'max' || monoid === 'min') return body;
  const literal = (value: number): number => push({ op: 'literal', dtype: of, value });
  if (monoid === 'sum') {
    const low = push({ op: 'max', dtype: of, args: [body, literal(-64)] });
    return push({ op: 'min', dtype: of, args: [low, literal(64)] });
  }
  const negative = push({ op: 'lt', dtype: 'bool', args: [body, literal(0)] });
  return push({ op: 'select', dtype: of, args: [negative, literal(-1), literal(1)] });
}
