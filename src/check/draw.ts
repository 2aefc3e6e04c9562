/** Tensors to call operations with, drawn from the domains that their declarations state. */
import { allocate, ChainruleError, type DType, isFloat, type Shape, sizeOf, Tensor } from '../graph/index.ts';
import type { Domain, Sample } from '../operations/index.ts';
import { shuffle, uniform } from './random.ts';

/** How far draws keep from points where there is no derivative, and from each other where they must not tie. */
export const MARGIN = 0.05;

/** Three decimals: drawn numbers read well in a failure, and cost few bytes where they are kept. */
const GRID = 1000;
const onGrid = (value: number): number => Math.round(value * GRID) / GRID;

/**
 * Inputs for `sample`. Domains of dtype `float` are drawn in `dtype`, which may also be an integer or boolean type:
 * then whole numbers are taken from the same interval. The same seed gives the same numbers.
 */
export function drawInputs(sample: Sample, dtype: DType, seed: number): Tensor[] {
  const random = uniform(seed);
  const spread = distinctValues(sample, random);
  return sample.inputs.map(({ shape, domain }) => {
    const type = domain.dtype === undefined || domain.dtype === 'float' ? dtype : domain.dtype;
    const data = allocate(type, sizeOf(shape));
    for (let i = 0; i < data.length; i++) {
      if (!isFloat(type)) data[i] = drawWhole(domain, type, random);
      else data[i] = domain.distinct === true ? spread.pop()! : drawReal(domain, random);
    }
    return new Tensor(shape, type, data);
  });
}

function drawReal({ low, high, avoid = [] }: Domain, random: () => number): number {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const value = onGrid(low + random() * (high - low));
    if (avoid.every((point) => Math.abs(value - point) >= MARGIN)) return value;
  }
  throw new ChainruleError(`no value between ${low} and ${high} is ${MARGIN} away from ${avoid.join(', ')}`);
}

function drawWhole({ low, high }: Domain, dtype: DType, random: () => number): number {
  if (dtype === 'bool') return random() < 0.5 ? 0 : 1;
  const least = dtype === 'uint8' ? Math.max(0, Math.ceil(low)) : Math.ceil(low);
  const most = Math.max(least, Math.floor(high));
  return least + Math.floor(random() * (most - least + 1));
}

/** Values for all inputs that must not tie, within an input or across two: one from each of equal cells, shuffled. */
function distinctValues(sample: Sample, random: () => number): number[] {
  const inputs = sample.inputs.filter(({ domain }) => domain.distinct === true);
  if (inputs.length === 0) return [];
  const count = inputs.reduce((total, { shape }) => total + sizeOf(shape), 0);
  const low = Math.max(...inputs.map(({ domain }) => domain.low));
  const high = Math.min(...inputs.map(({ domain }) => domain.high));
  const cell = (high - low) / count;
  if (cell < MARGIN)
    throw new ChainruleError(`${count} values do not fit ${MARGIN} apart between ${low} and ${high}`);
  const freedom = Math.max(0, cell - MARGIN - 2 / GRID);
  const values = Array.from({ length: count }, (_, i) => onGrid(low + i * cell + random() * freedom));
  return shuffle(values, random);
}

/** Weights between 0.5 and 1.5 of either sign, so that no term hides behind another. */
export function drawWeights(shape: Shape, dtype: DType, random: () => number): Tensor {
  const data = allocate(dtype, sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = onGrid((random() < 0.5 ? -1 : 1) * (0.5 + random()));
  return new Tensor(shape, dtype, data);
}
