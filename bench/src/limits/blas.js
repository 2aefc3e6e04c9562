/** The limit of matrix products: OpenBLAS, called on the numbers where they lie. */
import { createRequire } from 'node:module';
import { draw, sizeOf, uniform } from '../cases/draw.js';
import { layersOf } from '../cases/steps.js';
import { labelOf } from '../engines/engine.js';
import { importPeer, NotHere } from '../engines/implementation.js';

/** Where OpenBLAS is found; the variable CHAINRULE_BLAS can name another file. */
const libraries = ['libopenblas.so.0', 'libopenblas.so', 'libopenblas.dylib', 'libopenblas.dll'];

/** cblas.h: the numbers of row-major order, and of plain and transposed operands. */
const [rowMajor, plain, transposed] = [101, 111, 112];

/** @throws NotHere without koffi, or without a library that it can load */
function load(koffi) {
  const named = process.env.CHAINRULE_BLAS;
  const candidates = named && /[./\\]/.test(named) ? [named] : libraries;
  for (const candidate of candidates) {
    try {
      const library = koffi.load(candidate);
      const sgemm = library.func(
        'void cblas_sgemm(int, int, int, int, int, int, float, void *, int, void *, int, float, void *, int)',
      );
      return { sgemm, configuration: library.func('const char *openblas_get_config()')() };
    } catch {
      // The next name may be the one that this system knows it by.
    }
  }
  throw new NotHere(`blas: none of ${candidates.join(', ')} can be loaded`);
}

/** @returns {Promise<import('../engines/implementation.js').Implementation>} */
export async function open({ threads }) {
  await importPeer('koffi');
  const { sgemm, configuration } = load(createRequire(import.meta.url)('koffi'));
  const [name, version] = configuration.split(' ');

  /** A call of the product C = A B, as it will be made again and again. */
  function product({ m, k, n, a, b, c, transposeA = false, transposeB = false }) {
    const [opA, opB] = [transposeA, transposeB].map((each) => (each ? transposed : plain));
    const [lda, ldb] = [transposeA ? m : k, transposeB ? k : n];
    return () => sgemm(rowMajor, opA, opB, m, n, k, 1, a, lda, b, ldb, 0, c, n);
  }

  return {
    version,
    label: labelOf(name, version, threads),
    families: {
      product(testCase) {
        const c = new Float32Array(testCase.m * testCase.n);
        const once = product({ ...testCase, a: draw(testCase.a), b: draw(testCase.b), c });
        return {
          once,
          read() {
            once();
            return c;
          },
        };
      },
      /** The products of a training step, alone: forward X W, then X^T G for each W, and G W^T but for the first layer. */
      step(testCase) {
        const { batch } = testCase;
        const layers = layersOf(testCase).map(({ inputs, outputs, w }, i) => ({
          inputs,
          outputs,
          x: uniform(batch * inputs, 1, 7001 + i),
          w: draw(w),
          g: uniform(batch * outputs, 1, 7101 + i),
          dw: new Float32Array(sizeOf(w.shape)),
        }));
        const forward = layers.map(({ inputs, outputs, x, w }) =>
          product({ m: batch, k: inputs, n: outputs, a: x, b: w, c: new Float32Array(batch * outputs) }),
        );
        const backward = layers.toReversed().flatMap(({ inputs, outputs, x, w, g, dw }, i) => [
          product({ m: inputs, k: batch, n: outputs, a: x, b: g, c: dw, transposeA: true }),
          ...(i === layers.length - 1
            ? []
            : [
                product({
                  m: batch,
                  k: outputs,
                  n: inputs,
                  a: g,
                  b: w,
                  c: new Float32Array(batch * inputs),
                  transposeB: true,
                }),
              ]),
        ]);
        const calls = [...forward, ...backward];
        return {
          once() {
            for (const call of calls) call();
          },
        };
      },
    },
  };
}
