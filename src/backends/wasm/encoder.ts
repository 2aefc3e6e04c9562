/**
 * A small WebAssembly binary encoder: just what generated kernels need.
 *
 * Instructions are written by the names of the WebAssembly text format (`'f32x4.mul'`), so emitted code reads
 * like a listing. Source of all encodings: WebAssembly Core Specification 2.0, chapter 5 (binary format), and
 * the relaxed SIMD extension.
 */
import { joined, lengthOf, signed32, signed64, unsigned, utf8 } from './bytes.ts';
import { OPCODES, type PlainInstruction } from './opcodes.ts';

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

const VALUE_TYPE: Record<ValueType, number> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };

const scratch = new DataView(new ArrayBuffer(8));

/** Memory instructions, each with the log2 of its natural alignment (the alignment hint only affects speed). */
export type MemoryInstruction = Extract<
  PlainInstruction,
  `${string}load${string}` | `${string}store${string}` | `${string}.atomic.${string}`
>;

/** One function under construction: append instructions, then it is encoded with its module. */
export class FunctionBuilder {
  readonly index: number;
  readonly typeIndex: number;
  readonly name: string;
  readonly parameterCount: number;
  private readonly localTypes: ValueType[] = [];
  private readonly code: number[] = [];
  private depth = 0;

  constructor(index: number, typeIndex: number, name: string, parameterCount: number) {
    this.index = index;
    this.typeIndex = typeIndex;
    this.name = name;
    this.parameterCount = parameterCount;
  }

  /** Declares a local (zero at entry) and returns its index; parameters are locals 0, 1, ... */
  local(type: ValueType): number {
    this.localTypes.push(type);
    return this.parameterCount + this.localTypes.length - 1;
  }

  /** Any instruction without immediates: `op('i32.add')`. */
  op(...names: PlainInstruction[]): this {
    for (const name of names) this.opcode(name);
    return this;
  }

  private opcode(name: PlainInstruction): void {
    const code = OPCODES[name];
    if (typeof code === 'number') this.code.push(code);
    else {
      this.code.push(code[0]);
      unsigned(this.code, code[1]);
    }
  }

  get(local: number): this {
    this.code.push(0x20);
    unsigned(this.code, local);
    return this;
  }

  set(local: number): this {
    this.code.push(0x21);
    unsigned(this.code, local);
    return this;
  }

  tee(local: number): this {
    this.code.push(0x22);
    unsigned(this.code, local);
    return this;
  }

  getGlobal({ globalIndex }: Global): this {
    this.code.push(0x23);
    unsigned(this.code, globalIndex);
    return this;
  }

  setGlobal({ globalIndex }: Global): this {
    this.code.push(0x24);
    unsigned(this.code, globalIndex);
    return this;
  }

  i32(value: number): this {
    this.code.push(0x41);
    signed32(this.code, value);
    return this;
  }

  i64(value: bigint): this {
    this.code.push(0x42);
    signed64(this.code, BigInt.asIntN(64, value));
    return this;
  }

  f32(value: number): this {
    scratch.setFloat32(0, value, true);
    this.code.push(0x43);
    for (let i = 0; i < 4; i++) this.code.push(scratch.getUint8(i));
    return this;
  }

  f64(value: number): this {
    scratch.setFloat64(0, value, true);
    this.code.push(0x44);
    for (let i = 0; i < 8; i++) this.code.push(scratch.getUint8(i));
    return this;
  }

  /** A v128 constant of 16 bytes. */
  v128(bytes: ArrayLike<number>): this {
    this.code.push(0xfd, 12);
    for (let i = 0; i < 16; i++) this.code.push(bytes[i]);
    return this;
  }

  /** The same float in all four lanes. */
  f32x4(value: number): this {
    return this.v128(new Uint8Array(new Float32Array(4).fill(value).buffer));
  }

  /** The same double in both lanes. */
  f64x2(value: number): this {
    return this.v128(new Uint8Array(new Float64Array(2).fill(value).buffer));
  }

  /** The same 32-bit integer in all four lanes. */
  i32x4(value: number): this {
    return this.v128(new Uint8Array(new Int32Array(4).fill(value).buffer));
  }

  /** The same 64-bit integer in both lanes. */
  i64x2(value: bigint): this {
    return this.v128(new Uint8Array(new BigInt64Array(2).fill(value).buffer));
  }

  /** A load or store at the address on the stack plus `offset` bytes. */
  memory(name: MemoryInstruction, offset = 0, lane?: number): this {
    this.opcode(name);
    // Alignment hint 2^0: any address is valid; but atomic instructions (here all of 32 bits) demand their own.
    unsigned(this.code, name.includes('.atomic.') ? 2 : 0);
    unsigned(this.code, offset);
    if (lane !== undefined) this.code.push(lane);
    return this;
  }

  /** `extract_lane` and `replace_lane` instructions. */
  lane(name: PlainInstruction, lane: number): this {
    this.opcode(name);
    this.code.push(lane);
    return this;
  }

  /** `i8x16.shuffle`: byte k of the result is byte `lanes[k]` of the two operands laid end to end. */
  shuffle(lanes: readonly number[]): this {
    this.code.push(0xfd, 13);
    for (const lane of lanes) this.code.push(lane);
    return this;
  }

  call(target: { readonly index: number }): this {
    this.code.push(0x10);
    unsigned(this.code, target.index);
    return this;
  }

  private open(opcode: number, result: ValueType | undefined, body: (label: Label) => void): this {
    this.code.push(opcode, result === undefined ? 0x40 : VALUE_TYPE[result]);
    this.depth++;
    body({ depth: this.depth });
    this.depth--;
    this.code.push(0x0b);
    return this;
  }

  /** `block ... end`; branching to its label leaves the block. */
  block(body: (label: Label) => void, result?: ValueType): this {
    return this.open(0x02, result, body);
  }

  /** `loop ... end`; branching to its label starts the next round. */
  loop(body: (label: Label) => void): this {
    return this.open(0x03, undefined, body);
  }

  /** `if ... else ... end` on the i32 on the stack. */
  if(then: () => void, otherwise?: () => void, result?: ValueType): this {
    return this.open(0x04, result, () => {
      then();
      if (otherwise !== undefined) {
        this.code.push(0x05);
        otherwise();
      }
    });
  }

  br(label: Label): this {
    this.code.push(0x0c);
    unsigned(this.code, this.depth - label.depth);
    return this;
  }

  brIf(label: Label): this {
    this.code.push(0x0d);
    unsigned(this.code, this.depth - label.depth);
    return this;
  }

  /** `for (local = from; local < limit; local += step)` over i32; runs its body zero or more times. */
  forRange(local: number, from: () => void, limit: () => void, step: number, body: () => void): this {
    from();
    this.set(local);
    return this.block((exit) => {
      this.loop((again) => {
        this.get(local);
        limit();
        this.op('i32.ge_s').brIf(exit);
        body();
        this.get(local).i32(step).op('i32.add').set(local).br(again);
      });
    });
  }

  /** Bytes written so far: how large the function is getting. */
  get size(): number {
    return this.code.length;
  }

  /** The entry of the code section, in parts. */
  encode(): readonly (readonly number[])[] {
    const locals: number[] = [];
    const runs: { type: ValueType; count: number }[] = [];
    for (const type of this.localTypes) {
      const last = runs.at(-1);
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    unsigned(locals, runs.length);
    for (const run of runs) {
      unsigned(locals, run.count);
      locals.push(VALUE_TYPE[run.type]);
    }
    const end = [0x0b];
    const size: number[] = [];
    unsigned(size, locals.length + this.code.length + end.length);
    return [size, locals, this.code, end];
  }
}

/** Where `br` can go: made by `block`, `loop` and `if`. */
export interface Label {
  readonly depth: number;
}

/** An imported function. */
export interface ImportedFunction {
  readonly index: number;
}

/** A variable of a module's instance: a mutable i32, zero at first. */
export interface Global {
  readonly globalIndex: number;
}

/** A module under construction. Declare all imports before the first function. */
export class ModuleBuilder {
  private readonly types: string[] = [];
  private readonly imports: { module: string; name: string; typeIndex: number }[] = [];
  private readonly functions: FunctionBuilder[] = [];
  private readonly exports: { name: string; index: number }[] = [];
  private globals = 0;
  private readonly sharedMemory: { maximum: number } | undefined;

  /** @param sharedMemory set when the imported memory is shared: its declared maximum in pages. */
  constructor(sharedMemory?: { maximum: number }) {
    this.sharedMemory = sharedMemory;
  }

  private type(parameters: readonly ValueType[], results: readonly ValueType[]): number {
    const key = `${parameters.join(' ')}->${results.join(' ')}`;
    const known = this.types.indexOf(key);
    return known >= 0 ? known : this.types.push(key) - 1;
  }

  importFunction(
    module: string,
    name: string,
    parameters: readonly ValueType[],
    results: readonly ValueType[],
  ): ImportedFunction {
    if (this.functions.length > 0) throw new Error('imports come before functions');
    this.imports.push({ module, name, typeIndex: this.type(parameters, results) });
    return { index: this.imports.length - 1 };
  }

  func(name: string, parameters: readonly ValueType[], results: readonly ValueType[] = []): FunctionBuilder {
    const index = this.imports.length + this.functions.length;
    const built = new FunctionBuilder(index, this.type(parameters, results), name, parameters.length);
    this.functions.push(built);
    return built;
  }

  global(): Global {
    return { globalIndex: this.globals++ };
  }

  export(name: string, target: { readonly index: number }): void {
    this.exports.push({ name, index: target.index });
  }

  /** The binary. Every module imports its linear memory as `env.memory`. */
  encode(): Uint8Array<ArrayBuffer> {
    const parts: (readonly number[])[] = [[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]];
    /** A section: what `write` writes, then `rest`, which is not copied byte by byte. */
    const section = (
      id: number,
      write: (body: number[]) => void,
      rest: readonly (readonly number[])[] = [],
    ): void => {
      const body: number[] = [];
      write(body);
      const head = [id];
      unsigned(head, body.length + lengthOf(rest));
      parts.push(head, body);
      for (const each of rest) parts.push(each);
    };

    section(1, (body) => {
      unsigned(body, this.types.length);
      for (const key of this.types) {
        const [parameters, results] = key
          .split('->')
          .map((list) => list.split(' ').filter((type) => type !== '') as ValueType[]);
        body.push(0x60);
        for (const list of [parameters, results]) {
          unsigned(body, list.length);
          for (const type of list) body.push(VALUE_TYPE[type]);
        }
      }
    });
    section(2, (body) => {
      unsigned(body, this.imports.length + 1);
      for (const { module, name, typeIndex } of this.imports) {
        utf8(body, module);
        utf8(body, name);
        body.push(0x00);
        unsigned(body, typeIndex);
      }
      utf8(body, 'env');
      utf8(body, 'memory');
      body.push(0x02);
      if (this.sharedMemory === undefined) body.push(0x00, 0x00);
      else {
        body.push(0x03, 0x00);
        unsigned(body, this.sharedMemory.maximum);
      }
    });
    section(3, (body) => {
      unsigned(body, this.functions.length);
      for (const built of this.functions) unsigned(body, built.typeIndex);
    });
    section(6, (body) => {
      unsigned(body, this.globals);
      for (let i = 0; i < this.globals; i++) body.push(VALUE_TYPE.i32, 0x01, 0x41, 0x00, 0x0b);
    });
    section(7, (body) => {
      unsigned(body, this.exports.length);
      for (const { name, index } of this.exports) {
        utf8(body, name);
        body.push(0x00);
        unsigned(body, index);
      }
    });
    section(
      10,
      (body) => unsigned(body, this.functions.length),
      this.functions.flatMap((built) => built.encode()),
    );
    return joined(parts);
  }
}
