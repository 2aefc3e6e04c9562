/** Calls of a rule's examples at zeros of both signs, infinities, NaN, and numbers near the ends of the range. */
import { allocate, type DType, isFloat, sizeOf, Tensor } from '../../src/graph/index.ts';
import { drawInputs } from './draw.ts';
import { uniform } from './random.ts';
import { callOn, drawCase, fedWith, type RuleCall, type RuleCase } from './ruleExamples.ts';
import { isElementwise } from './ruleNumbers.ts';

const ORDINARY = [0, -0, 1, -1, 0.5, -2.7, 3, 20, -100, Infinity, -Infinity, NaN];

/** Rules promise what they promise for all numbers; these are the ones at which formulas differ. */
const SPECIAL: Record<DType, readonly number[]> = {
  float32: [...ORDINARY, 1e-10, -1e-30, 1e-40, 1e5, 1e10, 1e20, -1e30, 3e38],
  float64: [...ORDINARY, 1e-20, -1e-200, 1e-310, 1e5, 1e80, 1e160, -1e300, 1.7e308],
  int32: [0, 1, -1, 2, 7, -13, 46341, 2 ** 31 - 1, -(2 ** 31)],
  uint8: [0, 1, 2, 3, 127, 128, 200, 255],
  bool: [0, 1],
};

/** All combinations of up to this many; beyond, as many at random. */
const COMBINATIONS = 2500;
/** Draws of an example whose elements depend on one another; derivatives take longer. */
const DRAWS = { all: 16, plain: 6 };

type Special = (dtype: DType) => readonly number[];

/** Whether a derivative at such a number does not overflow or underflow in its own steps: no NaN, and none near the ends. */
const isPlain = (value: number): boolean =>
  value === 0 || Math.abs(value) === Infinity || (Math.abs(value) >= 1e-10 && Math.abs(value) <= 1e5);

/**
 * Special values for all inputs, or only those among them that are plain: in all combinations where elements do not
 * depend on one another, at random elsewhere.
 */
export function specialCalls(each: RuleCase, which: 'all' | 'plain' = 'all'): RuleCall[] {
  const special: Special = (dtype) => (which === 'all' ? SPECIAL[dtype] : SPECIAL[dtype].filter(isPlain));
  const combined = combinedCall(each, special);
  if (combined !== undefined) return [combined];
  return Array.from({ length: DRAWS[which] }, (_, i) => scatteredCall(each, i, special));
}

/** The dtypes of a case's inputs. */
const dtypesOf = (each: RuleCase): DType[] => drawCase(each).inputs.map(({ dtype }) => dtype);

/** One long vector an input, where the example takes such vectors. */
function combinedCall(each: RuleCase, special: Special): RuleCall | undefined {
  if (!isElementwise(drawCase(each).outputs)) return undefined;
  const dtypes = dtypesOf(each);
  const lists = dtypes.map(special);
  const total = lists.reduce((product, { length }) => product * length, 1);
  const count = Math.min(total, COMBINATIONS);
  const random = uniform(each.seed);
  let stride = 1;
  const tensors = lists.map((list, i) => {
    const data = allocate(dtypes[i], count);
    for (let k = 0; k < count; k++)
      data[k] = list[(total === count ? Math.floor(k / stride) : Math.floor(random() * total)) % list.length];
    stride *= list.length;
    return new Tensor([count], dtypes[i], data);
  });
  try {
    const call = callOn(each.example, tensors);
    return call.outputs.every(({ shape }) => shape.join() === String(count)) ? call : undefined;
  } catch {
    return undefined;
  }
}

/** How much of a tensor is special, and what of it: infinities would cover what large numbers do. */
const MIXTURES: readonly { readonly share: number; readonly keep: (value: number) => boolean }[] = [
  { share: 0.08, keep: () => true },
  { share: 0.3, keep: Number.isFinite },
  { share: 1, keep: () => true },
  { share: 0.7, keep: (value) => Number.isFinite(value) && Math.abs(value) >= 1e10 },
];

/** Numbers of the example's domains with special ones among them. */
function scatteredCall(each: RuleCase, round: number, special: Special): RuleCall {
  const random = uniform(each.seed + round);
  const { share, keep } = MIXTURES[round % MIXTURES.length];
  const usual = drawInputs(each.example, each.dtype, each.seed + round);
  const tensors = usual.map(({ shape, dtype, data }, i) => {
    // Whole numbers of their own domain are indices and the like.
    if (!isFloat(dtype) && (each.example.inputs[i].domain.dtype ?? 'float') !== 'float')
      return new Tensor(shape, dtype, data);
    const kept = isFloat(dtype) ? special(dtype).filter(keep) : special(dtype);
    const list = kept.length > 0 ? kept : special(dtype);
    const mixed = allocate(dtype, sizeOf(shape));
    for (let k = 0; k < mixed.length; k++)
      mixed[k] = random() < share ? list[Math.floor(random() * list.length)] : data[k];
    return new Tensor(shape, dtype, mixed);
  });
  return fedWith(drawCase(each), tensors);
}
