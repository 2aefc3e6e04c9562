import { describe, expect, test } from 'vitest';
import { type FunctionBuilder, ModuleBuilder, type ValueType } from '../../../src/backends/wasm/encoder.ts';
import { OPCODES, type PlainInstruction } from '../../../src/backends/wasm/opcodes.ts';

const memory = new WebAssembly.Memory({ initial: 1 });

type Numbers = (number | bigint)[];

/** A module of one function, run on `args`. */
function run(
  parameters: readonly ValueType[],
  result: ValueType | undefined,
  write: (f: FunctionBuilder) => void,
  ...args: Numbers
): number | bigint {
  const module = new ModuleBuilder();
  const f = module.func('f', parameters, result === undefined ? [] : [result]);
  write(f);
  module.export('f', f);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), { env: { memory } });
  return (instance.exports.f as (...given: Numbers) => number | bigint)(...args);
}

/** The 16 bytes of a vector that a function leaves on the stack. */
function lanes(write: (f: FunctionBuilder) => void): number[] {
  run([], undefined, (f) => {
    f.i32(64);
    write(f);
    f.memory('v128.store');
  });
  return [...new Uint8Array(memory.buffer, 64, 16)];
}

const bytesOf = (array: ArrayBufferView): number[] => [
  ...new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
];

describe('constants', () => {
  const edges = [0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, 8192, -8193, 2 ** 20, 2 ** 31 - 1, -(2 ** 31)];

  test.each(edges)('i32 %i', (value) => {
    expect(run([], 'i32', (f) => f.i32(value))).toBe(value);
  });

  test('an i32 above 2^31 is an address', () => {
    expect(run([], 'i32', (f) => f.i32(2 ** 32 - 64))).toBe(-64);
  });

  test.each([
    ...edges.map(BigInt),
    2n ** 63n - 1n,
    -(2n ** 63n),
    2n ** 62n,
    -(2n ** 62n) - 1n,
    0x123456789abcdefn,
  ])('i64 %i', (value) => {
    expect(run([], 'i64', (f) => f.i64(value))).toBe(value);
  });

  test.each([0, -0, 1, -1.5, 1e-45, 3.4028234663852886e38, Infinity, -Infinity, NaN])('f32 %f', (value) => {
    expect(run([], 'f32', (f) => f.f32(value))).toBe(Math.fround(value));
  });

  test.each([0, -0, Math.PI, -1e-310, 5e-324, Number.MAX_VALUE, Infinity, -Infinity, NaN])(
    'f64 %f',
    (value) => {
      expect(run([], 'f64', (f) => f.f64(value))).toBe(value);
    },
  );

  test('vectors', () => {
    const pattern = Array.from({ length: 16 }, (_, i) => 255 - 17 * i);
    expect(lanes((f) => f.v128(pattern))).toEqual(pattern);
    expect(lanes((f) => f.f32x4(-0.1))).toEqual(bytesOf(new Float32Array(4).fill(-0.1)));
    expect(lanes((f) => f.f64x2(-0.1))).toEqual(bytesOf(new Float64Array(2).fill(-0.1)));
    expect(lanes((f) => f.i32x4(-2))).toEqual(bytesOf(new Int32Array(4).fill(-2)));
    expect(lanes((f) => f.i64x2(-(2n ** 40n)))).toEqual(bytesOf(new BigInt64Array(2).fill(-(2n ** 40n))));
  });
});

describe('locals', () => {
  test('follow the parameters, keep their types, and start at zero', () => {
    const mixed = (f: FunctionBuilder): void => {
      const [a, b, c] = [f.local('f64'), f.local('i32'), f.local('f64')];
      f.get(0).op('f64.convert_i32_s').set(a).i32(7).set(b);
      f.get(a).get(b).op('f64.convert_i32_s', 'f64.add').get(c).op('f64.add');
    };
    expect(run(['i32'], 'f64', mixed, 35)).toBe(42);
  });

  test('beyond 127 are addressed', () => {
    const many = (f: FunctionBuilder): void => {
      const all = Array.from({ length: 300 }, () => f.local('i32'));
      for (const local of all) f.i32(local).set(local);
      f.get(all[0]).get(all[299]).op('i32.add');
    };
    expect(run([], 'i32', many)).toBe(299);
  });

  test('tee leaves the value on the stack', () => {
    const twice = (f: FunctionBuilder): void => {
      const local = f.local('i32');
      f.get(0).tee(local).get(local).op('i32.add');
    };
    expect(run(['i32'], 'i32', twice, 21)).toBe(42);
  });
});

describe('control flow', () => {
  const sumTo = (step: number) => (f: FunctionBuilder) => {
    const [i, total] = [f.local('i32'), f.local('i32')];
    f.forRange(
      i,
      () => f.i32(0),
      () => f.get(0),
      step,
      () => f.get(total).get(i).op('i32.add').set(total),
    );
    f.get(total);
  };

  test('forRange runs zero or more times', () => {
    expect(run(['i32'], 'i32', sumTo(1), 5)).toBe(10);
    expect(run(['i32'], 'i32', sumTo(1), 0)).toBe(0);
    expect(run(['i32'], 'i32', sumTo(1), -3)).toBe(0);
    expect(run(['i32'], 'i32', sumTo(4), 10)).toBe(12);
  });

  test('if chooses', () => {
    const choose = (f: FunctionBuilder): void => {
      f.get(0).if(
        () => f.i32(10),
        () => f.i32(20),
        'i32',
      );
    };
    expect(run(['i32'], 'i32', choose, 1)).toBe(10);
    expect(run(['i32'], 'i32', choose, 0)).toBe(20);
  });

  test('branches count the blocks they leave', () => {
    const find = (f: FunctionBuilder): void => {
      const i = f.local('i32');
      f.block((found) => {
        f.loop((again) => {
          f.block((inner) => {
            f.get(i).get(0).op('i32.eq').brIf(found);
            f.br(inner);
          });
          f.get(i).i32(1).op('i32.add').set(i).br(again);
        });
      });
      f.get(i);
    };
    expect(run(['i32'], 'i32', find, 1000)).toBe(1000);
  });

  test('a block gives a value', () => {
    const early = (f: FunctionBuilder): void => {
      f.block((exit) => {
        f.i32(1).get(0).brIf(exit).op('drop').i32(2);
      }, 'i32');
    };
    expect(run(['i32'], 'i32', early, 1)).toBe(1);
    expect(run(['i32'], 'i32', early, 0)).toBe(2);
  });
});

describe('lanes and memory', () => {
  test('extract_lane and replace_lane', () => {
    const replaced = (f: FunctionBuilder): void => {
      f.i32x4(7).i32(9).lane('i32x4.replace_lane', 2).lane('i32x4.extract_lane', 2);
    };
    expect(run([], 'i32', replaced)).toBe(9);
    expect(run([], 'f64', (f) => f.f64x2(1.5).lane('f64x2.extract_lane', 1))).toBe(1.5);
  });

  test('shuffle picks bytes of both operands', () => {
    const first = Array.from({ length: 16 }, (_, i) => i);
    const second = first.map((byte) => byte + 100);
    const order = [31, 0, 30, 1, 29, 2, 16, 15, 8, 8, 8, 8, 24, 24, 24, 24];
    const shuffled = lanes((f) => f.v128(first).v128(second).shuffle(order));
    expect(shuffled).toEqual(order.map((lane) => (lane < 16 ? first[lane] : second[lane - 16])));
  });

  test('offsets and lanes of loads and stores', () => {
    const words = new Int32Array(memory.buffer, 1024, 100);
    words.forEach((_, i) => {
      words[i] = 1000 + i;
    });
    expect(run(['i32'], 'i32', (f) => f.get(0).memory('i32.load', 1024 + 4 * 77), 8)).toBe(1079);
    const lane = (f: FunctionBuilder): void => {
      f.i32(0)
        .i32x4(5)
        .memory('v128.load32_lane', 1024 + 12, 3)
        .lane('i32x4.extract_lane', 3);
    };
    expect(run([], 'i32', lane)).toBe(1003);
    run([], undefined, (f) => f.i32(1024).i32x4(-1).memory('v128.store32_lane', 4, 0));
    expect([...words.subarray(0, 3)]).toEqual([1000, -1, 1002]);
  });
});

describe('modules', () => {
  test('call functions before and after, imported ones too', () => {
    const module = new ModuleBuilder();
    const log = module.importFunction('host', 'twice', ['i32'], ['i32']);
    const main = module.func('main', ['i32'], ['i32']);
    const helper = module.func('helper', ['i32'], ['i32']);
    main.get(0).call(helper).call(log);
    helper.get(0).i32(1).op('i32.add');
    module.export('main', main);
    const instance = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), {
      env: { memory },
      host: { twice: (x: number) => 2 * x },
    });
    expect((instance.exports.main as (x: number) => number)(20)).toBe(42);
  });

  test('imports come before functions', () => {
    const module = new ModuleBuilder();
    module.func('f', []);
    expect(() => module.importFunction('host', 'late', [], [])).toThrow('imports come before functions');
  });

  test('a thousand functions, and one of 100,000 instructions', () => {
    const module = new ModuleBuilder();
    const total = module.func('total', [], ['i32']);
    total.i32(0);
    for (let i = 0; i < 1000; i++) {
      const f = module.func(`f${i}`, ['i32'], ['i32']);
      f.get(0).i32(i).op('i32.add');
      total.call(f);
    }
    for (let i = 0; i < 50_000; i++) total.i32(1).op('i32.add');
    module.export('total', total);
    const instance = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), { env: { memory } });
    expect((instance.exports.total as () => number)()).toBe((999 * 1000) / 2 + 50_000);
  });

  test('with shared memory', () => {
    const shared = new WebAssembly.Memory({ initial: 1, maximum: 300, shared: true });
    const module = new ModuleBuilder({ maximum: 300 });
    const f = module.func('f', [], ['i32']);
    f.i32(0).memory('i32.load');
    module.export('f', f);
    const instance = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), {
      env: { memory: shared },
    });
    new Int32Array(shared.buffer)[0] = 77;
    expect((instance.exports.f as () => number)()).toBe(77);
  });
});

/** Operand types and result of an instruction without immediates, told from its name by the rules of the text format. */
function signature(name: string): { operands: ValueType[]; result: ValueType } | undefined {
  const [prefix, rest] = name.split('.') as [string, string];
  if (rest === undefined || /load|store|_lane|atomic/.test(name)) return undefined;
  const scalar = (['i32', 'i64', 'f32', 'f64'] as const).find((type) => type === prefix);
  const lane = {
    i8x16: 'i32',
    i16x8: 'i32',
    i32x4: 'i32',
    i64x2: 'i64',
    f32x4: 'f32',
    f64x2: 'f64',
  } as const;
  if (scalar === undefined) {
    if (rest === 'splat') return { operands: [lane[prefix as keyof typeof lane]], result: 'v128' };
    if (/^(any_true|all_true|bitmask)$/.test(rest)) return { operands: ['v128'], result: 'i32' };
    if (/^(shl|shr_s|shr_u)$/.test(rest)) return { operands: ['v128', 'i32'], result: 'v128' };
    if (/bitselect|madd/.test(rest)) return { operands: ['v128', 'v128', 'v128'], result: 'v128' };
    const unary =
      /^(not|abs|neg|sqrt|ceil|floor|trunc|nearest)$|^extend_|^convert_|^demote|^promote|^trunc_sat|^relaxed_trunc/;
    return { operands: unary.test(rest) ? ['v128'] : ['v128', 'v128'], result: 'v128' };
  }
  const from = /_(i32|i64|f32|f64)(_[su])?$/.exec(rest)?.[1] as ValueType | undefined;
  if (from !== undefined) return { operands: [from], result: scalar };
  if (rest === 'eqz') return { operands: [scalar], result: 'i32' };
  if (/^(eq|ne|lt|gt|le|ge)(_[su])?$/.test(rest)) return { operands: [scalar, scalar], result: 'i32' };
  const unary = /^(clz|ctz|popcnt|abs|neg|ceil|floor|trunc|nearest|sqrt|extend\d+_s)$/;
  return { operands: unary.test(rest) ? [scalar] : [scalar, scalar], result: scalar };
}

describe('opcodes', () => {
  const names = Object.keys(OPCODES) as PlainInstruction[];
  const validates = (
    write: (f: FunctionBuilder) => void,
    parameters: ValueType[],
    result?: ValueType,
  ): boolean => {
    const module = new ModuleBuilder();
    write(module.func('f', parameters, result === undefined ? [] : [result]));
    return WebAssembly.validate(module.encode());
  };
  // Not every engine has the relaxed instructions.
  const relaxed = validates(
    (f) => f.get(0).get(1).get(2).op('f32x4.relaxed_madd'),
    ['v128', 'v128', 'v128'],
    'v128',
  );

  test('each instruction without immediates takes and gives what its name says', () => {
    let count = 0;
    for (const name of names) {
      const type = signature(name);
      if (type === undefined || (name.includes('relaxed') && !relaxed)) continue;
      const write = (f: FunctionBuilder): void => {
        type.operands.forEach((_, i) => {
          f.get(i);
        });
        f.op(name);
      };
      expect(validates(write, type.operands, type.result), name).toBe(true);
      count++;
    }
    expect(count).toBeGreaterThan(200);
  });

  test('each lane instruction takes its lane', () => {
    const lane = {
      i8x16: 'i32',
      i16x8: 'i32',
      i32x4: 'i32',
      i64x2: 'i64',
      f32x4: 'f32',
      f64x2: 'f64',
    } as const;
    for (const name of names.filter((each) => /extract_lane|replace_lane/.test(each))) {
      const type = lane[name.split('.')[0] as keyof typeof lane];
      const extract = name.includes('extract');
      const parameters: ValueType[] = extract ? ['v128'] : ['v128', type];
      const write = (f: FunctionBuilder): void => {
        parameters.forEach((_, i) => {
          f.get(i);
        });
        f.lane(name, 1);
      };
      expect(validates(write, parameters, extract ? type : 'v128'), name).toBe(true);
    }
  });

  test('each load and store takes an address, its offset and its lane', () => {
    for (const name of names.filter((each) => /load|store/.test(each) && !each.includes('atomic'))) {
      const type = name.split('.')[0] as ValueType;
      const inLane = name.endsWith('_lane');
      const store = name.includes('store');
      const parameters: ValueType[] = store || inLane ? ['i32', type] : ['i32'];
      const write = (f: FunctionBuilder): void => {
        parameters.forEach((_, i) => {
          f.get(i);
        });
        f.memory(name as Parameters<FunctionBuilder['memory']>[0], 300, inLane ? 1 : undefined);
      };
      expect(validates(write, parameters, store ? undefined : type), name).toBe(true);
    }
  });

  test('each atomic instruction takes an address, and what its name says', () => {
    const operands: Record<string, ValueType[]> = {
      'memory.atomic.notify': ['i32', 'i32'],
      'memory.atomic.wait32': ['i32', 'i32', 'i64'],
      'i32.atomic.load': ['i32'],
      'i32.atomic.store': ['i32', 'i32'],
      'i32.atomic.rmw.add': ['i32', 'i32'],
    };
    for (const name of names.filter((each) => each.includes('atomic'))) {
      const parameters = operands[name];
      const write = (f: FunctionBuilder): void => {
        parameters.forEach((_, i) => {
          f.get(i);
        });
        f.memory(name as Parameters<FunctionBuilder['memory']>[0], 64);
      };
      expect(validates(write, parameters, name.endsWith('store') ? undefined : 'i32'), name).toBe(true);
    }
  });

  test('no two names share a code', () => {
    const codes = Object.values(OPCODES).map((code) => JSON.stringify(code));
    expect(new Set(codes).size).toBe(codes.length);
  });

  test('a few compute what they are called', () => {
    expect(run(['i32', 'i32'], 'i32', (f) => f.get(0).get(1).op('i32.rotl'), 1, 33)).toBe(2);
    expect(run(['f64'], 'f64', (f) => f.get(0).op('f64.nearest'), 2.5)).toBe(2);
    expect(run(['f32'], 'i32', (f) => f.get(0).op('i32.trunc_sat_f32_s'), 1e20)).toBe(2 ** 31 - 1);
    expect(run(['i32'], 'i32', (f) => f.get(0).op('i32.extend8_s'), 0xff)).toBe(-1);
    expect(run(['f64', 'f64'], 'f64', (f) => f.get(0).get(1).op('f64.copysign'), 3, -0)).toBe(-3);
    const narrow = (f: FunctionBuilder): void => {
      f.i32x4(70_000).i32x4(-5).op('i16x8.narrow_i32x4_u');
    };
    expect(lanes(narrow)).toEqual(bytesOf(Uint16Array.of(65535, 65535, 65535, 65535, 0, 0, 0, 0)));
  });
});
