/**
 * A loop kernel as a WebAssembly function. Its parameters are the byte addresses of its accesses, so that kernels
 * which differ only in where their buffers lie share one function.
 *
 * The same body is emitted for full vectors and, for what is left at the end of an axis, for single elements in
 * lane 0: there is one way to compute, so an element's value does not depend on where it stands.
 */

import type { LoopKernel, ScalarNode } from '../../../compile/program.ts';
import { BYTES, type DType } from '../../../graph/index.ts';
import type { FunctionBuilder, ModuleBuilder } from '../encoder.ts';
import type { MathLibrary } from '../math/index.ts';
import { Accumulator } from './accumulator.ts';
import { LaneCode, type Mode, pushConstant, type Width } from './lanes.ts';
import { type LoopAxis, type Nest, planNest } from './nest.ts';
import { dependsOnPlace, type IndexNode, stepsOutermost } from './place.ts';

/** Bodies of at most this many nodes are unrolled, to keep several loads under way. */
const SMALL_BODY = 10;
const UNROLL = 4;

/**
 * Emits `kernel` into `module`. The function's parameters are the byte address of each access (where the first element
 * lies) and, if the kernel {@link dependsOnPlace}, the coordinate along axis 0 at which it begins: 0 for a whole kernel,
 * more for a kernel that is a later part of a longer axis.
 * @param dtypes the dtype of each access
 */
export function emitLoop(
  module: ModuleBuilder,
  library: MathLibrary,
  kernel: LoopKernel,
  dtypes: readonly DType[],
): FunctionBuilder {
  const parameters = kernel.accesses.length + (dependsOnPlace(kernel) ? 1 : 0);
  const f = module.func('loop', new Array<'i32'>(parameters).fill('i32'));
  new LoopEmitter(f, library, kernel, dtypes).emit();
  return f;
}

/** Values that are in locals already, by node. */
type Known = Map<number, number>;

class LoopEmitter {
  private readonly f: FunctionBuilder;
  private readonly kernel: LoopKernel;
  private readonly dtypes: readonly DType[];
  private readonly width: Width;
  private readonly code: LaneCode;
  private readonly nest: Nest;
  private readonly uses: number[];
  /** The loop counter of each axis that an index node reads. */
  private readonly counters = new Map<LoopAxis, number>();
  /** Constants, set once at the start. */
  private readonly literals: Known = new Map();

  constructor(f: FunctionBuilder, library: MathLibrary, kernel: LoopKernel, dtypes: readonly DType[]) {
    this.f = f;
    this.kernel = kernel;
    this.dtypes = dtypes;
    this.width = [...dtypes, ...kernel.nodes.map(({ dtype }) => dtype)].includes('float64') ? 2 : 4;
    this.code = new LaneCode(f, this.width, library);
    this.nest = planNest(kernel, this.width);
    this.uses = new Array<number>(kernel.nodes.length).fill(0);
    for (const node of kernel.nodes) if ('args' in node) for (const arg of node.args) this.uses[arg]++;
    for (const { node } of [...kernel.stores, ...kernel.accumulators]) this.uses[node]++;
  }

  emit(): void {
    const { kernel, nest } = this;
    if (kernel.extents.slice(0, kernel.extents.length - kernel.reduced).includes(0)) return;
    kernel.nodes.forEach((node, i) => {
      if (node.op !== 'literal') return;
      const local = this.f.local('v128');
      pushConstant(this.f, node.dtype, node.value);
      this.f.set(local);
      this.literals.set(i, local);
    });
    const values = kernel.stores.map(({ node }) => node);
    if (kernel.reduced === 0) {
      this.keptLoops(nest.kept, values, (mode, shifts, known) => {
        for (const shift of shifts) this.storeAll(values, mode, shift, new Map(known));
      });
      return;
    }
    const bodies = kernel.accumulators.map(({ node }) => node);
    if (nest.lanes === 'kept' || nest.lanes === 'none') {
      // Neighbouring vectors go down the reduced axes together: they share cache lines.
      this.keptLoops(nest.kept, [], (mode, shifts, known) => {
        const slots = this.startAccumulators(shifts.length);
        const fixed = shifts.map((shift) => this.hoist(bodies, nest.reduced, mode, shift, known));
        this.loops(nest.reduced, () =>
          shifts.forEach((shift, i) => this.accumulate(slots[i], mode, shift, fixed[i])),
        );
        shifts.forEach((shift, i) => {
          this.storeAll(values, mode, shift, new Map([...fixed[i], ...this.finished(slots[i], false)]));
        });
      });
      return;
    }
    const outer = nest.reduced.slice(0, -1);
    const inner = nest.reduced[nest.reduced.length - 1];
    this.loops(nest.kept, () => {
      const unroll = this.unrollFor(inner);
      const slots = this.startAccumulators(unroll);
      this.loops(outer, () => {
        const fixed = this.hoist(bodies, [inner], 'full', 0, this.literals);
        this.vectorLoop(inner, unroll, (mode, shifts) =>
          shifts.forEach((shift, slot) =>
            this.accumulate(slots[slot], mode, shift, fixed, mode === 'single'),
          ),
        );
      });
      for (const slot of slots.slice(1)) slot.forEach((accumulator, i) => slots[0][i].merge(accumulator));
      this.storeAll(values, 'single', 0, new Map([...this.literals, ...this.finished(slots[0], true)]));
    });
  }

  /** Loops over kept axes, the innermost in vectors; what does not change along it is computed before it. */
  private keptLoops(
    axes: readonly LoopAxis[],
    hoisted: readonly number[],
    body: (mode: Mode, shifts: readonly number[], known: Known) => void,
  ): void {
    if (axes.length === 0) return body('single', [0], this.literals);
    const inner = axes[axes.length - 1];
    this.loops(axes.slice(0, -1), () => {
      const fixed = this.hoist(hoisted, [inner], 'full', 0, this.literals);
      this.vectorLoop(inner, this.unrollFor(inner), (mode, shifts) => body(mode, shifts, fixed));
    });
  }

  private unrollFor(axis: LoopAxis): number {
    const small =
      this.kernel.nodes.length <= SMALL_BODY && this.kernel.nodes.every(({ op }) => op !== 'index');
    const forward = axis.accesses.every((stride) => stride >= 0);
    return small && forward && axis.extent >= UNROLL * this.width ? UNROLL : 1;
  }

  /** Plain nested loops: pointers advance with each round and are set back at the end. */
  private loops(axes: readonly LoopAxis[], body: () => void): void {
    if (axes.length === 0) return body();
    const [axis, ...rest] = axes;
    if (axis.extent === 0) return;
    this.countedLoop(axis, axis.extent, 1, () => this.loops(rest, body));
    this.advance(axis, -axis.extent);
  }

  /** Rounds over one axis, each moving on by `step` elements; pointers stay where the last round left them. */
  private countedLoop(axis: LoopAxis, rounds: number, step: number, body: () => void): void {
    const { f } = this;
    if (rounds === 1) {
      body();
      this.advance(axis, step);
      return;
    }
    const round = f.local('i32');
    f.i32(rounds).set(round);
    f.loop((again) => {
      body();
      this.advance(axis, step);
      f.get(round).i32(1).op('i32.sub').tee(round).brIf(again);
    });
  }

  /**
   * The innermost loop: several vectors at a time, then one, then single elements. The body gets how many elements each
   * of its vectors lies ahead of the pointers.
   */
  private vectorLoop(
    axis: LoopAxis,
    unroll: number,
    body: (mode: Mode, shifts: readonly number[]) => void,
  ): void {
    const { width } = this;
    const step = width * unroll;
    const whole = Math.floor(axis.extent / step);
    const shifts = Array.from({ length: unroll }, (_, slot) => slot * width);
    if (whole > 0) this.countedLoop(axis, whole, step, () => body('full', shifts));
    const vectors = Math.floor((axis.extent - whole * step) / width);
    if (vectors > 0) this.countedLoop(axis, vectors, width, () => body('full', [0]));
    const rest = axis.extent - whole * step - vectors * width;
    if (rest > 0) this.countedLoop(axis, rest, 1, () => body('single', [0]));
    if (axis.extent > 0) this.advance(axis, -axis.extent);
  }

  /** Moves every pointer (and the axis's counter) by `elements` along `axis`. */
  private advance(axis: LoopAxis, elements: number): void {
    const { f } = this;
    axis.accesses.forEach((stride, access) => {
      if (stride === 0) return;
      f.get(access)
        .i32(stride * elements * BYTES[this.dtypes[access]])
        .op('i32.add')
        .set(access);
    });
    const counter = this.counterOf(axis);
    if (counter !== undefined) f.get(counter).i32(elements).op('i32.add').set(counter);
  }

  private counterOf(axis: LoopAxis): number | undefined {
    if (![...axis.indices.values()].some((stride) => stride !== 0)) return undefined;
    let counter = this.counters.get(axis);
    if (counter === undefined) {
      counter = this.f.local('i32');
      this.counters.set(axis, counter);
    }
    return counter;
  }

  /** Computes now whatever `roots` need that is the same all along `axes`; returns what is known from here on. */
  private hoist(
    roots: readonly number[],
    axes: readonly LoopAxis[],
    mode: Mode,
    shift: number,
    known: Known,
  ): Known {
    const { nodes } = this.kernel;
    const needed = this.ancestors(roots);
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
      this.push(i, mode, shift, out);
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

  private ancestors(roots: readonly number[]): Set<number> {
    const found = new Set<number>();
    const pending = [...roots];
    for (let i = pending.pop(); i !== undefined; i = pending.pop()) {
      if (found.has(i)) continue;
      found.add(i);
      const node = this.kernel.nodes[i];
      if ('args' in node) pending.push(...node.args);
    }
    return found;
  }

  /** Pushes the value of a node; values used more than once are kept in a local, noted in `known`. */
  private push(i: number, mode: Mode, shift: number, known: Known): void {
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
      case 'load':
        this.pushLoad(node.access, mode, shift);
        break;
      case 'index':
        this.pushIndex(i, node, shift);
        break;
      case 'accumulator':
        throw new Error('an accumulator is read before it is complete');
      case 'cast':
        this.push(node.args[0], mode, shift, known);
        code.cast(this.kernel.nodes[node.args[0]].dtype, node.dtype);
        break;
      default: {
        for (const arg of node.args) this.push(arg, mode, shift, known);
        code.apply(node.op, this.kernel.nodes[node.args[node.args.length - 1]].dtype);
      }
    }
    if (this.uses[i] > 1) {
      const kept = f.local('v128');
      f.tee(kept);
      known.set(i, kept);
    }
  }

  private pushLoad(access: number, mode: Mode, shift: number): void {
    const stride = this.laneStride(access);
    const dtype = this.dtypes[access];
    this.code.load(dtype, mode, stride, access, shift * stride * BYTES[dtype]);
  }

  /** The step of an access between neighbouring lanes. */
  private laneStride(access: number): number {
    const axis = this.laneAxis();
    return axis === undefined ? 0 : axis.accesses[access];
  }

  private laneAxis(): LoopAxis | undefined {
    if (this.nest.lanes === 'kept') return this.nest.kept.at(-1);
    return this.nest.lanes === 'reduced' ? this.nest.reduced.at(-1) : undefined;
  }

  /** The affine coordinate: offset + sum of counters times strides, plus the lane's own step. */
  private pushIndex(i: number, node: IndexNode, shift: number): void {
    const { f } = this;
    f.i32(node.offset);
    if (stepsOutermost(node)) {
      const first = this.kernel.accesses.length;
      f.get(first).i32(node.strides[0]).op('i32.mul', 'i32.add');
    }
    for (const axis of [...this.nest.kept, ...this.nest.reduced]) {
      const stride = axis.indices.get(i) as number;
      const counter = this.counterOf(axis);
      if (stride === 0 || counter === undefined) continue;
      f.get(counter).i32(stride).op('i32.mul', 'i32.add');
    }
    f.op('i32x4.splat');
    const step = this.laneAxis()?.indices.get(i) ?? 0;
    if (step === 0) return;
    const lanes = Int32Array.from([0, 1, 2, 3], (lane) => (lane + shift) * step);
    f.v128(new Uint8Array(lanes.buffer)).op('i32x4.add');
  }

  /** Computes all values first and stores then: a store may overwrite what another value reads. */
  private storeAll(values: readonly number[], mode: Mode, shift: number, known: Known): void {
    const { f, code, kernel } = this;
    const locals = values.map((node) => {
      const local = known.get(node);
      if (local !== undefined) return local;
      this.push(node, mode, shift, known);
      const made = known.get(node) ?? f.local('v128');
      f.set(made);
      known.set(node, made);
      return made;
    });
    kernel.stores.forEach(({ access }, i) => {
      const stride = this.laneStride(access);
      const dtype = this.dtypes[access];
      code.store(dtype, mode, stride, access, shift * stride * BYTES[dtype], locals[i]);
    });
  }

  /** The kernel's accumulators, `slots` times, each at its neutral element. */
  private startAccumulators(slots: number): Accumulator[][] {
    return Array.from({ length: slots }, () =>
      this.kernel.accumulators.map(({ monoid, node }) => {
        const accumulator = new Accumulator(this.code, monoid, this.kernel.nodes[node].dtype);
        accumulator.start();
        return accumulator;
      }),
    );
  }

  /** Adds the current elements to each accumulator. */
  private accumulate(
    totals: readonly Accumulator[],
    mode: Mode,
    shift: number,
    fixed: Known,
    onlyFirst = false,
  ): void {
    const known: Known = new Map(fixed);
    this.kernel.accumulators.forEach(({ node }, i) => {
      totals[i].add(() => this.push(node, mode, shift, known), onlyFirst);
    });
  }

  /** The nodes that stand for finished accumulators. */
  private finished(totals: readonly Accumulator[], acrossLanes: boolean): Known {
    const results = totals.map((accumulator) => accumulator.finish(acrossLanes));
    const known: Known = new Map();
    this.kernel.nodes.forEach((node, i) => {
      if (node.op === 'accumulator') known.set(i, results[node.index]);
    });
    return known;
  }
}
