/** Which products go to a native library, and how programs and worker threads come by it. */
import type { ProductKernel } from '../../compile/program.ts';
import {
  type Blas,
  type BlasChoice,
  bindBlasSource,
  findBlas,
  fitsBlas,
  loadBlas,
  worthBlas,
} from './blas/index.ts';
import type { NativeImports } from './threads/worker.ts';

/** The native products of one memory. The library is looked for when the first product comes that is worth it. */
export class NativeProducts {
  private readonly choice: BlasChoice;
  private readonly memory: WebAssembly.Memory;
  private found: { readonly blas: Blas | undefined } | undefined;

  constructor(choice: BlasChoice, memory: WebAssembly.Memory) {
    this.choice = choice;
    this.memory = memory;
  }

  /** The library; undefined if there is none. @throws ChainruleError if one was asked for that cannot be used */
  get blas(): Blas | undefined {
    this.found ??= { blas: loadBlas(this.choice, this.memory) };
    return this.found.blas;
  }

  /** Why no library is used, a line for each that was tried; empty where one is, or none was asked for. */
  get problems(): readonly string[] {
    return this.choice === 'off' || this.blas !== undefined ? [] : findBlas(this.choice).failures;
  }

  /** Whether a product goes to the library: it is faster at this size, can handle the strides, and is there. */
  takes({ n, m, k, a, b, c }: ProductKernel): boolean {
    if (this.choice === 'off' || !worthBlas(n, m, k)) return false;
    const strides = { rsA: a.rows, csA: a.columns, rsB: b.rows, csB: b.columns, rsC: c.rows };
    return fitsBlas(n, m, k, strides) && this.blas !== undefined;
  }

  /** What programs import. */
  get imports(): NativeImports {
    const gemm = this.found?.blas?.gemm;
    return { gemm_f32: gemm?.float32 ?? nothing, gemm_f64: gemm?.float64 ?? nothing };
  }

  /** How a worker thread comes by the same: data, and the text of a function `(data, memory) => NativeImports`. */
  get forWorkers(): { readonly data: unknown; readonly bind: string } {
    const { blas } = this;
    if (blas === undefined) return { data: undefined, bind: '() => ({})' };
    const bind = `(description, memory) => {
      const { float32, float64 } = ${bindBlasSource()}(require, description, memory);
      return { gemm_f32: float32, gemm_f64: float64 };
    }`;
    return { data: blas.description, bind };
  }
}

const nothing = (): void => {};
