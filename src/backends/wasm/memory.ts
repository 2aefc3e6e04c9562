/** One growing linear memory, and the blocks of it that are in use. */
import { alignUp } from '../../compile/lifetimes.ts';
import { ChainruleError } from '../../graph/index.ts';

const PAGE = 65536;
const ALIGNMENT = 64;
/** 4 GiB less a page: what 32-bit addresses can reach. */
const LARGEST = 65535 * PAGE;

/** The maximum that a shared memory has to declare; its pages take no room until they are used. */
export const SHARED_PAGES = 65536;

/** Addresses below this are never handed out: 0 stays invalid. */
const FIRST = 1024;

/** Hands out blocks of a WebAssembly memory by first fit; neighbours that are free melt together. */
export class Heap {
  readonly memory: WebAssembly.Memory;
  private readonly free: { address: number; bytes: number }[] = [];
  private readonly used = new Map<number, number>();
  private end = FIRST;

  constructor() {
    // Shared where that exists: everywhere but on pages that are not cross-origin isolated.
    const shared = typeof SharedArrayBuffer !== 'undefined';
    this.memory = new WebAssembly.Memory({ initial: 16, maximum: SHARED_PAGES, shared });
  }

  get isShared(): boolean {
    return typeof SharedArrayBuffer !== 'undefined' && this.memory.buffer instanceof SharedArrayBuffer;
  }

  /** The address of `bytes` fresh bytes, a multiple of 64. Their content is undefined. */
  allocate(bytes: number): number {
    const size = alignUp(Math.max(1, bytes));
    const i = this.free.findIndex((block) => block.bytes >= size);
    let address: number;
    if (i >= 0) {
      const block = this.free[i];
      address = block.address;
      block.address += size;
      block.bytes -= size;
      if (block.bytes === 0) this.free.splice(i, 1);
    } else {
      address = this.end;
      this.ensure(address + size);
      this.end = address + size;
    }
    this.used.set(address, size);
    return address;
  }

  release(address: number): void {
    const bytes = this.used.get(address);
    if (bytes === undefined) return;
    this.used.delete(address);
    let i = this.free.findIndex((block) => block.address > address);
    if (i < 0) i = this.free.length;
    this.free.splice(i, 0, { address, bytes });
    for (const k of [i, i - 1]) {
      const [a, b] = [this.free[k], this.free[k + 1]];
      if (a !== undefined && b !== undefined && a.address + a.bytes === b.address) {
        a.bytes += b.bytes;
        this.free.splice(k + 1, 1);
      }
    }
  }

  /** Bytes handed out and not released. */
  get bytesInUse(): number {
    let total = 0;
    for (const bytes of this.used.values()) total += bytes;
    return total;
  }

  private ensure(end: number): void {
    // A vector load of the last element may reach up to 16 bytes beyond it.
    const missing = end + ALIGNMENT - this.memory.buffer.byteLength;
    if (missing <= 0) return;
    if (end > LARGEST) {
      throw new ChainruleError(
        `wasm: ${end} bytes are needed, but a WebAssembly memory holds 4 GiB; use smaller batches`,
      );
    }
    // Grow by half as much again, so that many small blocks do not grow it many times.
    const wanted = Math.min(LARGEST, Math.max(end + ALIGNMENT, this.memory.buffer.byteLength * 1.5));
    this.memory.grow(Math.ceil((wanted - this.memory.buffer.byteLength) / PAGE));
  }
}
