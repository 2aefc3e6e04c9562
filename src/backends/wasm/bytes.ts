/** Bytes of the binary format: LEB128 integers and names (WebAssembly Core Specification 2.0, chapter 5.2). */

/** Appends an unsigned LEB128 integer. */
export function unsigned(out: number[], value: number): void {
  // Nearly all are this small, and a first program is encoded before V8 has optimized anything.
  if (value < 128) {
    out.push(value);
    return;
  }
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    out.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
}

/** Appends a signed LEB128 integer of 32 bits. */
export function signed32(out: number[], value: number): void {
  let rest = value | 0;
  // While more than the sign is left beyond the low 7 bits.
  for (; rest < -64 || rest > 63; rest >>= 7) out.push((rest & 0x7f) | 0x80);
  out.push(rest & 0x7f);
}

/** Appends a signed LEB128 integer of 64 bits. */
export function signed64(out: number[], value: bigint): void {
  let rest = value;
  for (;;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    const done = (rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0);
    out.push(done ? low : low | 0x80);
    if (done) return;
  }
}

export function utf8(out: number[], text: string): void {
  const bytes = new TextEncoder().encode(text);
  unsigned(out, bytes.length);
  for (const byte of bytes) out.push(byte);
}

/** Bytes of all parts together. */
export function lengthOf(parts: readonly (readonly number[])[]): number {
  return parts.reduce((length, part) => length + part.length, 0);
}

/** All parts, one after another. */
export function joined(parts: readonly (readonly number[])[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(lengthOf(parts));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}
