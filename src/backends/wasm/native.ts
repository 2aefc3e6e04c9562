/** Products by a native library, as the engine uses it. */
import type { ProductKernel } from '../../compile/program.ts';
import type { NativeImports } from './threads/worker.ts';

export interface Native {
  /** What programs import. */
  readonly imports: NativeImports;
  /** Whether a product goes to the library: it can handle the strides, and is faster at this size. */
  takes(kernel: ProductKernel): boolean;
  /** How a worker thread comes by the same: data, and the text of a function that makes {@link imports} of it. */
  readonly forWorkers: { readonly data: unknown; readonly bind: string };
}

const nothing = (): void => {};

/** No library: every product is our own. */
export const noNative: Native = {
  imports: { gemm_f32: nothing, gemm_f64: nothing },
  takes: () => false,
  forWorkers: { data: undefined, bind: '() => undefined' },
};
