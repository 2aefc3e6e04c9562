/**
 * Constants kept in linear memory, from where one instruction loads and splats them.
 *
 * One pool serves any number of modules that share a memory. Its owner reserves `capacity` bytes at `address`, and
 * copies `bytes` there after modules were built and before they run; places never change.
 */
export class ConstantPool {
  readonly address: number;
  private readonly content: DataView<ArrayBuffer>;
  private readonly places = new Map<string, number>();
  private size = 0;

  /** @param address a multiple of 8. 4096 bytes are enough for all functions in both formats. */
  constructor(address: number, capacity = 4096) {
    this.address = address;
    this.content = new DataView(new ArrayBuffer(capacity));
  }

  /** The address of a constant of `width` bits; undefined if the pool is full. */
  place(width: 32 | 64, bits: bigint): number | undefined {
    const key = `${width} ${bits}`;
    const known = this.places.get(key);
    if (known !== undefined) return this.address + known;
    const bytes = width / 8;
    const offset = Math.ceil(this.size / bytes) * bytes;
    if (offset + bytes > this.content.byteLength) return undefined;
    if (width === 32) this.content.setUint32(offset, Number(bits), true);
    else this.content.setBigUint64(offset, bits, true);
    this.size = offset + bytes;
    this.places.set(key, offset);
    return this.address + offset;
  }

  /** The content, to be copied to `address`. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.content.buffer, 0, this.size);
  }
}
