/** The module that all programs share: matrix products, and how threads wait for one another. */
import { ModuleBuilder } from './encoder.ts';
import { buildGemm } from './gemm/index.ts';
import { SHARED_PAGES } from './memory.ts';
import { buildBarrier, buildGiveCommand, buildNextCommand } from './threads/barrier.ts';

export interface RuntimeOptions {
  /** The address of the control block; undefined where memory is not shared, and there is one thread. */
  readonly control: number | undefined;
  /** Whether the thread that runs it may block. */
  readonly maySleep: boolean;
  /** Whether products fuse multiplication and addition. */
  readonly relaxed: boolean;
}

/** The module. It exports `gemm_f32` and `gemm_f64` and, on shared memory, what barrier.ts says. */
export function emitRuntime({ control, maySleep, relaxed }: RuntimeOptions): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(control === undefined ? undefined : { maximum: SHARED_PAGES });
  buildGemm(module, { relaxed });
  if (control !== undefined) {
    module.export('barrier', buildBarrier(module, control, maySleep));
    module.export('give_command', buildGiveCommand(module, control));
    if (maySleep) module.export('next_command', buildNextCommand(module, control));
  }
  return module.encode();
}

/** Whether relaxed SIMD is there: in Node from version 22 on, or with a flag; in most browsers. */
export function hasRelaxedSimd(): boolean {
  const module = new ModuleBuilder();
  const f = module.func('probe', ['v128', 'v128', 'v128'], ['v128']);
  f.get(0).get(1).get(2).op('f32x4.relaxed_madd');
  return WebAssembly.validate(module.encode());
}
