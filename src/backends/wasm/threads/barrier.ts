/**
 * Waiting, as WebAssembly: a thread spins for a moment, since what it waits for mostly comes within microseconds, and then
 * sleeps until it is woken.
 */
import type { FunctionBuilder, ModuleBuilder } from '../encoder.ts';
import { CONTROL } from './control.ts';

/** Looks at a word before a thread sleeps at a barrier: some tens of microseconds. */
const BARRIER_SPINS = 40_000;

/** Looks before a worker without work sleeps: a training loop comes back with the next batch in less. */
const IDLE_SPINS = 200_000;

/** A sleeper at a barrier wakes up this often (in nanoseconds) to see whether another thread has failed. */
const GLANCE = 500_000_000n;

/** For a word on whose change nobody sleeps. */
const FOREVER = -1n;

/**
 * Adds `barrier(threads)`: returns when that many threads have called it. Traps once a thread has failed.
 *
 * The last thread to arrive resets the count and opens the barrier. A thread announces itself as a sleeper before it
 * sleeps on the number of openings: either the opener sees the announcement, or the sleeper sees the opening.
 *
 * @param control the address of the control block
 * @param maySleep false where a thread must not block (the main thread of a page): it spins on
 */
export function buildBarrier(module: ModuleBuilder, control: number, maySleep: boolean): FunctionBuilder {
  const f = module.func('barrier', ['i32']);
  const [opened, spins] = [f.local('i32'), f.local('i32')];
  const word = (name: keyof typeof CONTROL): FunctionBuilder => f.i32(control + CONTROL[name]);
  f.get(0).i32(1).op('i32.le_s');
  f.if(() => f.op('return'));
  word('opened').memory('i32.atomic.load').set(opened);
  word('arrived').i32(1).memory('i32.atomic.rmw.add').i32(1).op('i32.add').get(0).op('i32.eq');
  f.if(() => {
    word('arrived').i32(0).memory('i32.atomic.store');
    word('opened').get(opened).i32(1).op('i32.add').memory('i32.atomic.store');
    wake(f, control, 'sleeping', 'opened');
    f.op('return');
  });
  const isClosed = (): FunctionBuilder => word('opened').memory('i32.atomic.load').get(opened).op('i32.eq');
  const trapIfFailed = (): void => {
    word('failed').memory('i32.atomic.load');
    f.if(() => f.op('unreachable'));
  };
  if (!maySleep) {
    f.loop((again) => {
      trapIfFailed();
      isClosed().brIf(again);
    });
    return f;
  }
  spin(f, spins, BARRIER_SPINS, isClosed);
  word('sleeping').i32(1).memory('i32.atomic.rmw.add').op('drop');
  f.block((exit) => {
    f.loop((again) => {
      isClosed().op('i32.eqz').brIf(exit);
      trapIfFailed();
      word('opened').get(opened).i64(GLANCE).memory('memory.atomic.wait32').op('drop').br(again);
    });
  });
  word('sleeping').i32(-1).memory('i32.atomic.rmw.add').op('drop');
  return f;
}

/** Adds `next_command(seen)`: waits for a command other than `seen`, and returns it. Only workers call it: it sleeps. */
export function buildNextCommand(module: ModuleBuilder, control: number): FunctionBuilder {
  const f = module.func('next_command', ['i32'], ['i32']);
  const spins = f.local('i32');
  const command = (): FunctionBuilder => f.i32(control + CONTROL.command).memory('i32.atomic.load');
  const isOld = (): FunctionBuilder => command().get(0).op('i32.eq');
  spin(f, spins, IDLE_SPINS, isOld, () => command().op('return'));
  const idle = (by: number): FunctionBuilder =>
    f
      .i32(control + CONTROL.idle)
      .i32(by)
      .memory('i32.atomic.rmw.add')
      .op('drop');
  idle(1);
  f.block((exit) => {
    f.loop((again) => {
      isOld().op('i32.eqz').brIf(exit);
      f.i32(control + CONTROL.command)
        .get(0)
        .i64(FOREVER)
        .memory('memory.atomic.wait32')
        .op('drop')
        .br(again);
    });
  });
  idle(-1);
  command();
  return f;
}

/** Adds `give_command(word)`: workers that wait for a command get this one. */
export function buildGiveCommand(module: ModuleBuilder, control: number): FunctionBuilder {
  const f = module.func('give_command', ['i32']);
  f.i32(control + CONTROL.command)
    .get(0)
    .memory('i32.atomic.store');
  wake(f, control, 'idle', 'command');
  return f;
}

/** Wakes all who sleep on `word`, if any have said so. */
function wake(
  f: FunctionBuilder,
  control: number,
  sleepers: keyof typeof CONTROL,
  word: keyof typeof CONTROL,
): void {
  f.i32(control + CONTROL[sleepers]).memory('i32.atomic.load');
  f.if(() =>
    f
      .i32(control + CONTROL[word])
      .i32(-1)
      .memory('memory.atomic.notify')
      .op('drop'),
  );
}

/** Looks `times` times whether `isWaiting` (it pushes a truth) still holds; returns from the function once it does not. */
function spin(
  f: FunctionBuilder,
  counter: number,
  times: number,
  isWaiting: () => FunctionBuilder,
  answer: () => void = () => {},
): void {
  f.i32(times).set(counter);
  f.loop((again) => {
    isWaiting().op('i32.eqz');
    f.if(() => {
      answer();
      f.op('return');
    });
    f.get(counter).i32(1).op('i32.sub').tee(counter).brIf(again);
  });
}
