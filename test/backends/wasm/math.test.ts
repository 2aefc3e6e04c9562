import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ModuleBuilder } from '../../../src/backends/wasm/encoder.ts';
import {
  ConstantPool,
  MathLibrary,
  type MathName,
  type VectorType,
} from '../../../src/backends/wasm/math/index.ts';

type UnaryName = Exclude<MathName, 'pow'>;
const UNARY: readonly UnaryName[] = [
  'exp',
  'expm1',
  'log',
  'log1p',
  'sin',
  'cos',
  'tan',
  'asin',
  'acos',
  'atan',
  'sinh',
  'cosh',
  'tanh',
  'sigmoid',
  'erf',
];
const NAMES: readonly MathName[] = [...UNARY, 'pow'];
const TYPES: readonly VectorType[] = ['f32x4', 'f64x2'];
/** The contract, in units in the last place. */
const LIMIT = { f32x4: 2, f64x2: 4 } as const;

type Floats = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;
const FloatArray = { f32x4: Float32Array, f64x2: Float64Array } as const;

/** How the function is put into the loop that applies it to an array. */
interface Emission {
  sideBySide: boolean;
  pool: boolean;
}

/** Compiles all functions; the result applies one to arrays (whole vectors, at most 2^18 bytes each). */
function compile({
  sideBySide,
  pool,
}: Emission): (name: MathName, type: VectorType, x: Floats, y?: Floats) => Floats {
  const [X, Y, RESULT, CONSTANTS] = [0, 1, 2, 3].map((i) => i * 2 ** 18);
  const module = new ModuleBuilder();
  const constants = pool ? new ConstantPool(CONSTANTS) : undefined;
  const library = new MathLibrary(module, constants);
  for (const name of NAMES) {
    for (const type of TYPES) {
      const loop = module.func(name, ['i32']);
      module.export(`${name} ${type}`, loop);
      const p = loop.local('i32');
      const end = () => loop.get(0);
      loop.forRange(
        p,
        () => loop.i32(0),
        end,
        16,
        () => {
          const neighbour = loop.local('i32');
          loop.get(p).i32(16).op('i32.xor').set(neighbour);
          const operands = [p, neighbour].map((at) =>
            [X, Y].map((from) => {
              const operand = loop.local('v128');
              loop.get(at).memory('v128.load', from).set(operand);
              return operand;
            }),
          );
          const results = sideBySide ? library.together(name, type, loop, operands) : undefined;
          loop.get(p);
          if (results !== undefined) loop.get(results[0]);
          else {
            loop.get(operands[0][0]);
            if (name === 'pow') loop.get(operands[0][1]);
            loop.call(library.function(name, type));
          }
          loop.memory('v128.store', RESULT);
        },
      );
    }
  }
  const memory = new WebAssembly.Memory({ initial: 13 });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), { env: { memory } });
  if (constants !== undefined) new Uint8Array(memory.buffer).set(constants.bytes, CONSTANTS);
  return (name, type, x, y) => {
    const view = FloatArray[type];
    new view(memory.buffer, X, x.length).set(x);
    if (y !== undefined) new view(memory.buffer, Y, y.length).set(y);
    (instance.exports[`${name} ${type}`] as (bytes: number) => void)(x.byteLength);
    return new view(memory.buffer.slice(RESULT, RESULT + x.byteLength));
  };
}

const apply = compile({ sideBySide: false, pool: false });

/** Applies to any number of values. */
function map(name: MathName, type: VectorType, x: readonly number[], y?: readonly number[]): number[] {
  const lanes = type === 'f32x4' ? 4 : 2;
  const padded = (values: readonly number[]) => {
    const array = new FloatArray[type](Math.ceil(values.length / lanes) * lanes);
    array.set(values);
    return array;
  };
  return Array.from(apply(name, type, padded(x), y && padded(y))).slice(0, x.length);
}

/** mulberry32: uniform on [0, 1). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The unit in the last place of a number of that size. */
function unit(value: number, type: VectorType): number {
  const [bits, lowest] = type === 'f32x4' ? [23, -149] : [52, -1074];
  let exponent = Math.floor(Math.log2(Math.abs(value)));
  if (2 ** exponent > Math.abs(value)) exponent--; // log2 rounds
  return 2 ** Math.max(exponent - bits, lowest);
}

const bitsView = new DataView(new ArrayBuffer(8));
function fromHex(text: string): number {
  bitsView.setBigUint64(0, BigInt(`0x${text}`));
  return bitsView.getFloat64(0);
}

/** Truth, for float32 results: float64 functions are accurate to far less than a float32 unit. */
const REFERENCE: Record<Exclude<UnaryName, 'erf'>, (x: number) => number> = {
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  sigmoid: (x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))),
};

/** The worst error in units, and where; infinite for a wrong special value (but a zero is judged by its error). */
function worst(
  x: ArrayLike<number>,
  got: ArrayLike<number>,
  truth: ArrayLike<number>,
  type: VectorType,
): { ulp: number; x: number; got: number; truth: number } {
  let found = { ulp: 0, x: NaN, got: NaN, truth: NaN };
  const round = type === 'f32x4' ? Math.fround : (value: number) => value;
  for (let i = 0; i < x.length; i++) {
    const t = truth[i];
    let ulp = Math.abs(got[i] - t) / unit(t, type);
    if (t === 0 || !Number.isFinite(round(t))) ulp = Object.is(round(t), got[i]) ? 0 : Infinity;
    if (!(ulp <= found.ulp)) found = { ulp, x: x[i], got: got[i], truth: t };
  }
  return found;
}

/** Random on [-10, 10] and [-1, 1], and spread over all sizes; of both signs. */
function samples64(count: number): Float64Array<ArrayBuffer> {
  const random = randomFrom(1);
  const kinds = [
    () => 20 * random() - 10,
    () => 2 * random() - 1,
    () => (2 * random() - 1) * 800,
    () => (random() < 0.5 ? -1 : 1) * 2 ** (random() * 2098 - 1074),
    () => (random() < 0.5 ? -1 : 1) * 2 ** (random() * 80 - 60),
    () => (random() < 0.5 ? -1 : 1) * (1 - 2 ** (-53 * random())),
  ];
  return Float64Array.from({ length: count }, (_, i) => kinds[i % kinds.length]());
}

/** Every so-many-th of all 2^32 floats, then random ones on [-10, 10]. */
function samples32(stride: number, extra: number): Float32Array<ArrayBuffer> {
  const random = randomFrom(2);
  const patterns = Uint32Array.from({ length: Math.floor(2 ** 32 / stride) }, (_, i) => i * stride);
  const spread = new Float32Array(patterns.buffer);
  const length = Math.ceil((spread.length + extra) / 4) * 4;
  return Float32Array.from({ length }, (_, i) => (i < spread.length ? spread[i] : 20 * random() - 10));
}

/** The first place where two results differ, -1 if none; NaN equals NaN, and -0 is not 0. */
function firstDifference(a: Floats, b: Floats): number {
  return a.findIndex((value, i) => !Object.is(value, b[i]));
}

/** In pieces that fit. */
function applyAll(name: MathName, type: VectorType, x: Floats, y?: Floats): Floats {
  const size = 2 ** 18 / x.BYTES_PER_ELEMENT;
  const result = new FloatArray[type](x.length);
  for (let i = 0; i < x.length; i += size) {
    result.set(apply(name, type, x.slice(i, i + size), y?.slice(i, i + size)), i);
  }
  return result;
}

describe('float32', () => {
  const x = samples32(40_009, 40_000);
  const wide = new Float64Array(x);

  it.each(UNARY)('%s is within 2 ulp of the truth over all floats', (name) => {
    const truth = name === 'erf' ? applyAll('erf', 'f64x2', wide) : wide.map(REFERENCE[name]);
    const found = worst(x, applyAll(name, 'f32x4', x), truth, 'f32x4');
    expect(found.ulp, JSON.stringify(found)).toBeLessThanOrEqual(LIMIT.f32x4);
  });

  it('pow is within 2 ulp of the truth', () => {
    const random = randomFrom(3);
    const base = x.map((value) => (random() < 0.8 ? Math.abs(value) : value));
    const exponent = x.map((_, i) => {
      const kind = i % 3;
      if (kind === 0) return 8 * random() - 4;
      if (kind === 1) return Math.round(20 * random() - 10);
      return ((2 * random() - 1) * 100) / Math.log(Math.abs(base[i])); // results of all sizes
    });
    const truth = Float64Array.from(base, (value, i) => value ** exponent[i]);
    for (let i = 0; i < base.length; i++) if (base[i] === 1 || Math.abs(base[i]) === 1) truth[i] = NaN;
    const got = applyAll('pow', 'f32x4', base, exponent).map((value, i) =>
      Number.isNaN(truth[i]) ? NaN : value,
    );
    const found = worst(base, got, truth, 'f32x4');
    expect(found.ulp, JSON.stringify(found)).toBeLessThanOrEqual(LIMIT.f32x4);
  });
});

describe('float64', () => {
  const file = new URL('./mathTruth.json', import.meta.url);
  const table = JSON.parse(readFileSync(file, 'utf8')) as Record<MathName, string[]>;

  it.each(NAMES)('%s is within 4 ulp of tabulated truth', (name) => {
    const rows = table[name].map((line) => line.split(' '));
    const x = rows.map((row) => fromHex(row[0]));
    const y = name === 'pow' ? rows.map((row) => fromHex(row[1])) : undefined;
    const got = map(name, 'f64x2', x, y);
    let worstUlp = 0;
    for (const [i, row] of rows.entries()) {
      const [nearest, rest] = [fromHex(row.at(-2)!), Number(row.at(-1)!)];
      const ulp = Math.abs((got[i] - nearest) / unit(nearest, 'f64x2') - rest);
      expect(ulp, `${name}(${x[i]}, ${y?.[i]}) = ${got[i]}`).toBeLessThanOrEqual(LIMIT.f64x2);
      worstUlp = Math.max(worstUlp, ulp);
    }
    expect(rows.length).toBeGreaterThan(100);
    expect(worstUlp).toBeGreaterThan(0.4); // or the table would be too easy
  });

  // JavaScript's functions are fdlibm's in V8, within about 1 ulp themselves.
  const x = samples64(60_000);
  it.each(UNARY.filter((name) => name !== 'erf'))('%s agrees with JavaScript', (name) => {
    const found = worst(x, applyAll(name, 'f64x2', x), x.map(REFERENCE[name]), 'f64x2');
    expect(found.ulp, JSON.stringify(found)).toBeLessThanOrEqual(LIMIT.f64x2);
  });

  it('erf is odd, monotone near its seams, and 1 from 6 on', () => {
    const positive = x.map(Math.abs);
    const got = applyAll('erf', 'f64x2', positive);
    const negated = (values: Floats) => values.map((value) => -value);
    expect(firstDifference(applyAll('erf', 'f64x2', negated(positive)), negated(got))).toBe(-1);
    for (const [i, value] of positive.entries()) if (value >= 6) expect(got[i]).toBe(1);
    const seam = map('erf', 'f64x2', [1 - 2 ** -40, 1, 1 + 2 ** -40]);
    expect(seam).toEqual(seam.toSorted((a, b) => a - b));
  });
});

describe('special values', () => {
  const inf = Infinity;
  const halfPi = { f32x4: Math.fround(Math.PI / 2), f64x2: Math.PI / 2 };
  const pi = { f32x4: Math.fround(Math.PI), f64x2: Math.PI };
  const tiny = { f32x4: 2 ** -149, f64x2: 2 ** -1074 };

  /** x, f(x) pairs; NaN to NaN holds for all and is added below. */
  const table = (type: VectorType): Record<UnaryName, [x: number, y: number][]> => {
    const odd: [number, number][] = [
      [0, 0],
      [-0, -0],
      [tiny[type], tiny[type]],
      [-tiny[type], -tiny[type]],
    ];
    const circular: [number, number][] = [
      [inf, NaN],
      [-inf, NaN],
    ];
    return {
      exp: [
        [0, 1],
        [-0, 1],
        [inf, inf],
        [-inf, 0],
        [tiny[type], 1],
        [1e5, inf],
        [-1e5, 0],
        [1e38, inf],
        [-1e38, 0],
      ],
      expm1: [...odd, [inf, inf], [-inf, -1], [1e5, inf], [-1e5, -1]],
      log: [
        [1, 0],
        [0, -inf],
        [-0, -inf],
        [inf, inf],
        [-1, NaN],
        [-inf, NaN],
        [-tiny[type], NaN],
      ],
      log1p: [...odd, [-1, -inf], [inf, inf], [-1.5, NaN], [-inf, NaN]],
      sin: [...odd, ...circular],
      cos: [[0, 1], [-0, 1], [tiny[type], 1], ...circular],
      tan: [...odd, ...circular],
      asin: [
        ...odd,
        [1, halfPi[type]],
        [-1, -halfPi[type]],
        [1.5, NaN],
        [-1.5, NaN],
        [inf, NaN],
        [-inf, NaN],
      ],
      acos: [
        [1, 0],
        [-1, pi[type]],
        [0, halfPi[type]],
        [-0, halfPi[type]],
        [1.5, NaN],
        [-1.5, NaN],
        [inf, NaN],
      ],
      atan: [...odd, [inf, halfPi[type]], [-inf, -halfPi[type]]],
      sinh: [...odd, [inf, inf], [-inf, -inf], [1e5, inf], [-1e5, -inf]],
      cosh: [
        [0, 1],
        [-0, 1],
        [inf, inf],
        [-inf, inf],
        [-1e5, inf],
      ],
      tanh: [...odd, [inf, 1], [-inf, -1], [1e5, 1], [-1e5, -1]],
      sigmoid: [
        [0, 0.5],
        [-0, 0.5],
        [inf, 1],
        [-inf, 0],
        [1e5, 1],
        [-1e5, 0],
      ],
      erf: [
        [0, 0],
        [-0, -0],
        [inf, 1],
        [-inf, -1],
        [1e5, 1],
        [-1e5, -1],
      ],
    };
  };

  describe.each(TYPES)('%s', (type) => {
    it.each(UNARY)('%s', (name) => {
      const pairs: [number, number][] = [...table(type)[name], [NaN, NaN]];
      const got = map(
        name,
        type,
        pairs.map(([x]) => x),
      );
      expect(pairs.map(([x], i) => [x, got[i]])).toEqual(pairs); // toEqual tells -0 from 0
    });

    it('pow: C99 Annex F.9.4.4', () => {
      const any = [0, -0, 1, -1, 0.5, -2.5, 1e30, tiny[type], inf, -inf, NaN];
      const cases: [x: number, y: number, power: number][] = [
        ...any.flatMap((x): [number, number, number][] => [
          [x, 0, 1],
          [x, -0, 1],
        ]),
        ...any.map((y): [number, number, number] => [1, y, 1]),
        ...any.filter((x) => x !== 1).map((x): [number, number, number] => [x, NaN, NaN]),
        ...any.filter((y) => y !== 0).map((y): [number, number, number] => [NaN, y, NaN]),
        [0, -3, inf],
        [-0, -3, -inf],
        [0, -2, inf],
        [-0, -2, inf],
        [-0, -2.5, inf],
        [0, -inf, inf],
        [-0, -inf, inf],
        [0, 3, 0],
        [-0, 3, -0],
        [0, 2, 0],
        [-0, 2, 0],
        [-0, 2.5, 0],
        [0, inf, 0],
        [-0, inf, 0],
        [-1, inf, 1],
        [-1, -inf, 1],
        [-1, 3, -1],
        [-1, 4, 1],
        [-1, 0.5, NaN],
        [-8, 1 / 3, NaN],
        [-8, 3, -512],
        [-8, 2, 64],
        [-8, -1, -0.125],
        [-2.5, 1e30, inf],
        [-0.5, 1e30, 0],
        [0.5, -inf, inf],
        [2, -inf, 0],
        [0.5, inf, 0],
        [2, inf, inf],
        [-0.5, -inf, inf],
        [-2, -inf, 0],
        [-0.5, inf, 0],
        [-2, inf, inf],
        [-inf, -3, -0],
        [-inf, -2, 0],
        [-inf, -2.5, 0],
        [-inf, 3, -inf],
        [-inf, 2, inf],
        [-inf, 2.5, inf],
        [inf, -0.5, 0],
        [inf, 0.5, inf],
        [inf, inf, inf],
        [inf, -inf, 0],
        [-inf, inf, inf],
        [-inf, -inf, 0],
        [2, 1e4, inf],
        [2, -1e4, 0],
        [-2, 10_001, -inf],
        [-2, -10_001, -0],
        [1e30, 1e30, inf],
        [2, type === 'f32x4' ? -149 : -1074, tiny[type]],
        [tiny[type], 1, tiny[type]],
        [3, 4, 81],
        [10, 2, 100],
      ];
      const [x, y] = [cases.map((c) => c[0]), cases.map((c) => c[1])];
      const got = map('pow', type, x, y);
      expect(cases.map((_, i) => [x[i], y[i], got[i]])).toEqual(cases);
    });

    it('exp and pow underflow gradually', () => {
      const [from, to, bits] = type === 'f32x4' ? [-126, -150, 23] : [-1022, -1075, 52];
      const exponents = Array.from({ length: from - to - 1 }, (_, i) => from - i);
      const powers = map(
        'pow',
        type,
        exponents.map(() => 2),
        exponents,
      );
      expect(powers).toEqual(exponents.map((e) => 2 ** e));
      const exps = map(
        'exp',
        type,
        exponents.map((e) => e * Math.LN2),
      );
      for (const [i, e] of exponents.entries()) {
        // x is rounded: at |x| near 700, by up to 2^-bits-1 of itself.
        const allowed = 2 ** (from - bits) + 2 ** e * Math.abs(e) * 2 ** -bits;
        expect(Math.abs(exps[i] - 2 ** e)).toBeLessThanOrEqual(allowed);
        expect(exps[i]).toBeGreaterThan(0);
      }
    });
  });
});

describe('lanes', () => {
  const special = [
    0,
    -0,
    1,
    -1,
    NaN,
    Infinity,
    -Infinity,
    1e-40,
    1e-310,
    1e30,
    -1e30,
    3e6,
    -88,
    88,
    0.5,
    -0.6,
    2.7,
  ];
  const emissions: Emission[] = [
    { sideBySide: true, pool: false },
    { sideBySide: false, pool: true },
    { sideBySide: true, pool: true },
  ];

  it.each(TYPES)('%s: a result depends neither on the other lanes nor on the lane', (type) => {
    const random = randomFrom(4);
    const lanes = type === 'f32x4' ? 4 : 2;
    const pick = () => special[Math.floor(random() * special.length)];
    for (const name of NAMES) {
      const x = new FloatArray[type](lanes * 256).map(pick);
      const y = new FloatArray[type](lanes * 256).map(pick);
      const together = apply(name, type, x, y);
      for (let lane = 0; lane < lanes; lane++) {
        const alone = (values: Floats) => values.map((_, i) => values[i - (i % lanes) + lane]);
        const single = apply(name, type, alone(x), alone(y));
        const expected = together.map((_, i) => together[i - (i % lanes) + lane]);
        expect(firstDifference(single, expected), name).toBe(-1);
      }
    }
  });

  it.each(emissions)('results are the same with side by side $sideBySide, pool $pool', (emission) => {
    const other = compile(emission);
    for (const type of TYPES) {
      const x = type === 'f32x4' ? samples32(1_000_003, 100) : samples64(4000);
      const y = x.map((_, i) => (i % 41) / 4 - 5);
      for (const name of NAMES)
        expect(firstDifference(other(name, type, x, y), apply(name, type, x, y)), name).toBe(-1);
    }
  });
});

describe('MathLibrary', () => {
  it('emits each function once, and helpers only when needed', () => {
    const module = new ModuleBuilder();
    const library = new MathLibrary(module);
    const exp = library.function('exp', 'f32x4');
    expect(library.function('exp', 'f32x4')).toBe(exp);
    const small = module.encode().length;
    expect(small).toBeLessThan(1000);
    library.function('sin', 'f32x4');
    library.function('sin', 'f64x2');
    expect(library.function('cos', 'f32x4').index).toBe(6); // exp, 2 sin, 3 helpers
  });

  it('keeps constants in code when the pool is full', () => {
    const pool = new ConstantPool(64, 8);
    expect(pool.place(32, 1n)).toBe(64);
    expect(pool.place(32, 1n)).toBe(64);
    expect(pool.place(64, 1n)).toBeUndefined();
    expect(pool.place(32, 2n)).toBe(68);
    expect(pool.bytes).toEqual(Uint8Array.of(1, 0, 0, 0, 2, 0, 0, 0));
  });
});
