/** What the generators of this folder share: addresses and loops. */
import type { FunctionBuilder } from '../encoder.ts';

/** Declares several i32 locals. */
export function locals(f: FunctionBuilder, count: number): number[] {
  return Array.from({ length: count }, () => f.local('i32'));
}

/** Declares several v128 locals. */
export function vectors(f: FunctionBuilder, count: number): number[] {
  return Array.from({ length: count }, () => f.local('v128'));
}

/** Declares an i32 local with a value. */
export function constant(f: FunctionBuilder, value: number): number {
  const local = f.local('i32');
  f.i32(value).set(local);
  return local;
}

/** Pushes several locals: the arguments of a call. */
export function push(f: FunctionBuilder, ...names: readonly number[]): FunctionBuilder {
  for (const name of names) f.get(name);
  return f;
}

/** Pushes `base + index * step + ...`, all of them locals: the address of an element. */
export function address(
  f: FunctionBuilder,
  base: number,
  ...terms: readonly (readonly [number, number])[]
): FunctionBuilder {
  f.get(base);
  for (const [index, step] of terms) f.get(index).get(step).op('i32.mul', 'i32.add');
  return f;
}

/** `pointer += step`, a local, or `times` of it. */
export function advance(f: FunctionBuilder, pointer: number, step: number, times = 1): void {
  f.get(pointer).get(step);
  if (times !== 1) f.i32(times).op('i32.mul');
  f.op('i32.add').set(pointer);
}

/** `pointer += bytes`, a constant. */
export function skip(f: FunctionBuilder, pointer: number, bytes: number): void {
  f.get(pointer).i32(bytes).op('i32.add').set(pointer);
}

/** Runs the body as often as the number on the stack says, counting `counter` down. */
export function repeat(f: FunctionBuilder, counter: number, body: () => void): void {
  f.tee(counter);
  f.if(() => {
    f.loop((again) => {
      body();
      f.get(counter).i32(1).op('i32.sub').tee(counter).brIf(again);
    });
  });
}

/** `while (count >= many) { body; count -= taken }`. */
export function whileAtLeast(
  f: FunctionBuilder,
  count: number,
  many: number,
  body: () => void,
  taken = many,
): void {
  f.block((done) => {
    f.loop((again) => {
      f.get(count).i32(many).op('i32.lt_s').brIf(done);
      body();
      skip(f, count, -taken);
      f.br(again);
    });
  });
}

/** `for (at = 0; at < total; at += step)` with `size = min(step, total - at)`; all are locals and total is positive. */
export function forBlocks(
  f: FunctionBuilder,
  at: number,
  total: number,
  step: number,
  size: number,
  body: () => void,
): void {
  f.i32(0).set(at);
  f.loop((again) => {
    f.get(total).get(at).op('i32.sub').set(size);
    f.get(step).get(size).get(step).get(size).op('i32.lt_s', 'select').set(size);
    body();
    f.get(at).get(step).op('i32.add').tee(at).get(total).op('i32.lt_s').brIf(again);
  });
}
