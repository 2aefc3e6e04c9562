/**
 * What a loop computes, at one vector of its elements. The same body is emitted for full vectors and for the first few
 * lanes that are left at the end of an axis: there is one way to compute, so an element's value does not depend on
 * where it stands.
 */
import { neededFor } from '../../../compile/expression.ts';
import { isWideTotal, type LoopKernel, type ScalarNode } from '../../../compile/program.ts';
import { BYTES, type DType } from '../../../graph/index.ts';
import type { FunctionBuilder } from '../encoder.ts';
import { transpose } from '../gemm/lines.ts';
import { isMathName, type MathLibrary } from '../math/index.ts';
import { type Accumulator, accumulator } from './accumulator.ts';
import { LaneCode, pushConstant, type Width } from './lanes.ts';
import { type LoopAxis, type Nest, planNest } from './nest.ts';
import { type IndexNode, stepsOutermost } from './place.ts';
import type { Spot, Walk } from './walk.ts';

/** Values that are in locals already, by node. */
export type Known = Map<number, number>;

export class Body {
  readonly f: FunctionBuilder;
  readonly kernel: LoopKernel;
  readonly nest: Nest;
  readonly width: Width;
  /** Constants, set once at the start. */
  readonly literals: Known = new Map();
  private readonly dtypes: readonly DType[];
  private readonly code: LaneCode;
  private readonly walk: Walk;
  private readonly uses: number[];
  /** The nodes that the accumulators gather. */
  readonly bodies: readonly number[];

  constructor(kernel: LoopKernel, dtypes: readonly DType[], width: Width, walk: Walk, library: MathLibrary) {
    this.f = walk.f;
    this.kernel = kernel;
    this.dtypes = dtypes;
    this.nest = planNest(kernel, width);
    this.walk = walk;
    this.bodies = kernel.accumulators.map(({ node }) => node);
    this.width = width;
    this.code = new LaneCode(this.f, this.width, library);
    this.uses = new Array<number>(kernel.nodes.length).fill(0);
    for (const node of kernel.nodes) if ('args' in node) for (const arg of node.args) this.uses[arg]++;
    for (const { node } of [...kernel.stores, ...kernel.accumulators]) this.uses[node]++;
    kernel.nodes.forEach((node, i) => {
      if (node.op !== 'literal') return;
      const local = this.f.local('v128');
      pushConstant(this.f, node.dtype, node.value);
      this.f.set(local);
      this.literals.set(i, local);
    });
  }

  /** Whether computing a term takes longer than reading it. */
  get isLaborious(): boolean {
    const needed = neededFor(this.kernel.nodes, this.bodies);
    return this.kernel.nodes.some(({ op }, i) => isMathName(op) && needed.has(i));
  }

  /** Computes now whatever `roots` need that is the same all along `axes`; returns what is known from here on. */
  hoist(roots: readonly number[], axes: readonly LoopAxis[], spot: Spot, known: Known): Known {
    const { nodes } = this.kernel;
    const needed = neededFor(this.kernel.nodes, roots);
    const fixed = new Set<number>();
    nodes.forEach((node, i) => {
      if (needed.has(i) && this.isFixed(node, i, axes, fixed)) fixed.add(i);
    });
    const out: Known = new Map(known);
    for (const i of fixed) {
      if (out.has(i)) continue;
      const readInside = nodes.some(
        (node, j) => needed.has(j) && !fixed.has(j) && 'args' in node && node.args.includes(i),
      );
      if (!readInside && !roots.includes(i)) continue;
      const local = this.f.local('v128');
      this.push(i, spot, out);
      this.f.set(local);
      out.set(i, local);
    }
    return out;
  }

  private isFixed(
    node: ScalarNode,
    i: number,
    axes: readonly LoopAxis[],
    fixed: ReadonlySet<number>,
  ): boolean {
    if (node.op === 'accumulator') return false;
    if (node.op === 'load') return axes.every((axis) => axis.accesses[node.access] === 0);
    if (node.op === 'index') return axes.every((axis) => axis.indices.get(i) === 0);
    return !('args' in node) || node.args.every((arg) => fixed.has(arg));
  }

  /** Pushes the value of a node; values used more than once are kept in a local, noted in `known`. */
  private push(i: number, spot: Spot, known: Known): void {
    const { f, code } = this;
    const local = known.get(i);
    if (local !== undefined) {
      f.get(local);
      return;
    }
    const node = this.kernel.nodes[i];
    switch (node.op) {
      case 'literal':
        pushConstant(f, node.dtype, node.value);
        break;
      case 'load': {
        const { access } = node;
        code.load(
          this.dtypes[access],
          spot.lanes,
          this.laneStride(access),
          access,
          this.bytesTo(access, spot),
        );
        break;
      }
      case 'index':
        this.pushIndex(i, node, spot);
        break;
      case 'accumulator':
        throw new Error('an accumulator is read before it is complete');
      case 'cast':
        this.push(node.args[0], spot, known);
        code.cast(this.kernel.nodes[node.args[0]].dtype, node.dtype);
        break;
      case 'max':
      case 'min': {
        const [a, b] = node.args;
        const limit = [a, b].find((arg) => this.kernel.nodes[arg].op === 'literal');
        this.push(limit === a ? b : a, spot, known);
        this.push(limit === a ? a : b, spot, known);
        const literal = limit === undefined ? undefined : this.kernel.nodes[limit];
        if (literal?.op === 'literal') code.limit(node.op, node.dtype, literal.value);
        else code.apply(node.op, node.dtype);
        break;
      }
      default: {
        for (const arg of node.args) this.push(arg, spot, known);
        code.apply(node.op, this.kernel.nodes[node.args[node.args.length - 1]].dtype);
      }
    }
    if (this.uses[i] > 1) {
      const kept = f.local('v128');
      f.tee(kept);
      known.set(i, kept);
    }
  }

  /** The step of an access between neighbouring lanes. */
  private laneStride(access: number): number {
    return this.nest.laneAxis?.accesses[access] ?? 0;
  }

  /** How many bytes ahead of its pointer an access is at `spot`. */
  private bytesTo(access: number, { ahead, row }: Spot): number {
    const rowStride = this.nest.rowAxis?.accesses[access] ?? 0;
    return (ahead * this.laneStride(access) + row * rowStride) * BYTES[this.dtypes[access]];
  }

  /** The affine coordinate: offset + sum of counters times strides, plus the lane's own step. */
  private pushIndex(i: number, node: IndexNode, { ahead, row }: Spot): void {
    const { f, nest } = this;
    f.i32(node.offset + row * (nest.rowAxis?.indices.get(i) ?? 0));
    if (stepsOutermost(node)) {
      const first = this.kernel.accesses.length;
      f.get(first).i32(node.strides[0]).op('i32.mul', 'i32.add');
    }
    for (const axis of [...nest.kept, ...nest.reduced]) {
      const stride = axis.indices.get(i) as number;
      const counter = this.walk.counterOf(axis);
      if (stride === 0 || counter === undefined) continue;
      f.get(counter).i32(stride).op('i32.mul', 'i32.add');
    }
    f.op('i32x4.splat');
    const step = nest.laneAxis?.indices.get(i) ?? 0;
    if (step === 0) return;
    const lanes = Int32Array.from([0, 1, 2, 3], (lane) => (lane + ahead) * step);
    f.v128(new Uint8Array(lanes.buffer)).op('i32x4.add');
  }

  /**
   * Computes the functions of real numbers that `roots` need, at several spots side by side.
   * @param known what is known at each spot; takes the results
   */
  together(roots: readonly number[], spots: readonly Spot[], known: readonly Known[]): void {
    if (spots.length === 1) return;
    const needed = neededFor(this.kernel.nodes, roots);
    this.kernel.nodes.forEach((node, i) => {
      if (!needed.has(i) || known[0].has(i) || !('args' in node) || !isMathName(node.op)) return;
      const operands = spots.map((spot, k) => node.args.map((arg) => this.local(arg, spot, known[k])));
      const results = this.code.applyTogether(node.op, node.dtype, operands);
      results?.forEach((local, k) => known[k].set(i, local));
    });
  }

  /** A local with the value of a node. */
  private local(i: number, spot: Spot, known: Known): number {
    const found = known.get(i);
    if (found !== undefined) return found;
    this.push(i, spot, known);
    const local = known.get(i) ?? this.f.local('v128');
    this.f.set(local);
    known.set(i, local);
    return local;
  }

  /**
   * Computes all values first and stores then: a store may overwrite what another value reads.
   * @param totals complete, where lanes are elements of their own: they hold the wide ones
   */
  storeAll(values: readonly number[], spot: Spot, known: Known, totals: readonly Accumulator[] = []): void {
    const { kernel } = this;
    const locals = values.map((i) => {
      const node = kernel.nodes[i];
      if (node.op === 'accumulator' && isWideTotal(kernel, node) && totals.length > 0)
        return totals[node.index].locals;
      return [this.local(i, spot, known)];
    });
    kernel.stores.forEach(({ access }, i) => {
      const stride = this.laneStride(access);
      const inVector = this.width / locals[i].length;
      locals[i].forEach((local, part) => {
        const lanes = Math.min(inVector, spot.lanes - part * inVector);
        const at = this.bytesTo(access, { ...spot, ahead: spot.ahead + part * inVector });
        if (lanes > 0) this.code.store(this.dtypes[access], lanes, stride, access, at, local);
      });
    });
  }

  /**
   * What is known at each of `rows` rows of one vector, after loading what lies side by side along the rows and apart along
   * the lanes: as many rows as lanes make a square block, which is read line by line and turned.
   * @param known what is known at each row already
   */
  turned(roots: readonly number[], spot: Spot, known: readonly Known[]): Known[] {
    const { f, nest, width } = this;
    const out = known.map((each) => new Map(each));
    if (known.length !== width || spot.lanes !== width) return out;
    const needed = neededFor(this.kernel.nodes, roots);
    this.kernel.nodes.forEach((node, i) => {
      if (node.op !== 'load' || !needed.has(i) || out[0].has(i)) return;
      const { access } = node;
      if (!nest.turned.includes(access)) return;
      const bytes = BYTES[this.dtypes[access]];
      const lines = Array.from({ length: width }, (_, lane) => {
        const line = f.local('v128');
        const from = this.bytesTo(access, spot) + lane * this.laneStride(access) * bytes;
        const offset = this.code.locate(access, from);
        f.memory('v128.load', offset).set(line);
        return line;
      });
      transpose(f, lines).forEach((local, row) => {
        out[row].set(i, local);
      });
    });
    return out;
  }

  /** The kernel's accumulators, each at its neutral element. */
  startAccumulators(): Accumulator[] {
    const totals = this.accumulators();
    for (const total of totals) total.start();
    return totals;
  }

  /** The kernel's accumulators, with nothing in them. */
  accumulators(): Accumulator[] {
    return this.kernel.accumulators.map(({ monoid, node }) =>
      accumulator(this.code, monoid, this.kernel.nodes[node].dtype),
    );
  }

  /** Adds the elements at `spot` to each accumulator. Where lanes will be combined, those that do not count are neutral. */
  accumulate(totals: readonly Accumulator[], spot: Spot, fixed: Known): void {
    const known: Known = new Map(fixed);
    const lanes = this.nest.lanes === 'reduced' ? spot.lanes : this.width;
    this.kernel.accumulators.forEach(({ node }, i) => {
      const body = this.kernel.nodes[node];
      const unshared = body.op === 'load' && this.uses[node] === 1 && !known.has(node);
      if (unshared && spot.lanes === this.width && this.laneStride(body.access) === 1) {
        totals[i].addLoaded(body.access, this.bytesTo(body.access, spot));
      } else {
        totals[i].add(() => this.push(node, spot, known), lanes);
      }
    });
  }

  /** The nodes that stand for finished accumulators, but for wide totals of elements in several lanes: those are only stored. */
  finished(totals: readonly Accumulator[]): Known {
    const acrossLanes = this.nest.lanes === 'reduced';
    const known: Known = new Map();
    this.kernel.nodes.forEach((node, i) => {
      if (node.op !== 'accumulator') return;
      const isWide = isWideTotal(this.kernel, node);
      if (acrossLanes || !isWide) known.set(i, totals[node.index].finish(acrossLanes, !isWide));
    });
    return known;
  }
}
