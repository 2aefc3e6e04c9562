import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { emitProgram } from '../../src/backends/wasm/emit.ts';
import { ConstantPool } from '../../src/backends/wasm/math/index.ts';
import type { Program } from '../../src/compile/program.ts';
import { compile, evaluate, setBackend, withUpdates } from '../../src/engine/index.ts';
import { input, type Tensor, tensor, type Variable } from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { sgd } from '../../src/optim/index.ts';
import { loopsOf, perceptron, programOf, quickly } from './support.ts';

const { add, mul, sin, neg, relu, matmul, sum, transpose } = registry;

const START = [0.5, -1.25, 2];
const start = (): { x: Variable; feeds: Map<Variable, Tensor> } => {
  const x = input([3], { dtype: 'float64' });
  return { x, feeds: new Map([[x, tensor(START, { dtype: 'float64' })]]) };
};

/** `f` applied `depth` times. */
function chain(depth: number, x: Variable, f: (y: Variable) => Variable): Variable {
  let y = x;
  for (let i = 0; i < depth; i++) y = f(y);
  return y;
}

const largestDifference = (found: Tensor, expected: readonly number[]): number =>
  Math.max(...expected.map((value, i) => Math.abs(found.data[i] - value) / Math.max(1, Math.abs(value))));

describe('deep graphs', () => {
  test('100,000 operations: x -> 0.99999 x + 1e-5', () => {
    const { x, feeds } = start();
    const y = quickly(() => chain(50_000, x, (v) => add(mul(v, 0.99999), 1e-5)));
    const expected = START.map((value) => {
      let v = value;
      for (let i = 0; i < 50_000; i++) v = v * 0.99999 + 1e-5;
      return v;
    });
    const [found] = evaluate([y], feeds) as Tensor[];
    expect([...found.data]).toEqual(expected);
  });

  test('the gradient of 25,000 sines', () => {
    const { x, feeds } = start();
    const depth = 25_000;
    const [y, dx] = quickly(() => {
      const made = chain(depth, x, (v) => sin(v));
      return [made, ...gradients(sum(made), [x])];
    });
    const [value, slope] = evaluate([y, dx], feeds) as Tensor[];
    const values: number[] = [];
    const slopes: number[] = [];
    for (const at of START) {
      let v = at;
      let d = 1;
      for (let i = 0; i < depth; i++) {
        d *= Math.cos(v);
        v = Math.sin(v);
      }
      values.push(v);
      slopes.push(d);
    }
    expect(largestDifference(value, values)).toBeLessThan(1e-9);
    slopes.forEach((each, i) => {
      expect(Math.abs(slope.data[i] / each - 1)).toBeLessThan(1e-6);
    });
  });

  test('a ladder of 1,000 diamonds, 2^1000 paths', () => {
    const { x, feeds } = start();
    const scale = 0.7;
    const [y, dx] = quickly(() => {
      const made = chain(1000, x, (v) => add(mul(sin(v), scale), mul(neg(v), 0.2)));
      return [made, ...gradients(sum(made), [x])];
    });
    const [value, slope] = evaluate([y, dx], feeds) as Tensor[];
    START.forEach((at, i) => {
      let v = at;
      let d = 1;
      for (let k = 0; k < 1000; k++) {
        d *= scale * Math.cos(v) - 0.2;
        v = scale * Math.sin(v) - 0.2 * v;
      }
      expect(value.data[i]).toBeCloseTo(v, 12);
      expect(Math.abs(slope.data[i] - d)).toBeLessThanOrEqual(1e-9 * Math.abs(d));
    });
  });

  test('a training step of 500 layers, 1,000 parameters', () => {
    const networks = (['wasm', 'reference'] as const).map((name) => {
      const { weights, biases } = perceptron(new Array<number>(501).fill(3), 'float64');
      setBackend(name);
      const step = compile((x: Variable) => {
        let h = x;
        weights.forEach((weight, i) => {
          h = add(registry.tanh(matmul(h, weight)), add(mul(h, 0.9), biases[i]));
        });
        const J = sum(mul(h, h));
        return withUpdates(J, sgd({ learningRate: 1e-6 }).minimize(J));
      });
      const J = quickly(() => step(tensor([[0.1, 0.2, 0.3]], { dtype: 'float64' })));
      return [J, weights[0].value, weights[499].value, biases[250].value];
    });
    setBackend('wasm');
    const [found, expected] = networks;
    found.forEach((value, i) => {
      expect(largestDifference(value, [...expected[i].data])).toBeLessThan(1e-9);
    });
  });

  test('a ladder whose sides are two views of one value', () => {
    const x = input([3, 3], { dtype: 'float64' });
    const y = quickly(() => chain(300, x, (v) => mul(add(registry.flip(v), transpose(v)), 0.5)));
    const program = programOf([y]);
    const nodes = loopsOf(program).reduce((total, loop) => total + loop.nodes.length, 0);
    expect(nodes).toBeLessThan(300 * 20);
    const ones = tensor(new Float64Array(9).fill(1), { shape: [3, 3] });
    const [found] = evaluate([y], new Map([[x, ones]])) as Tensor[];
    expect([...found.data]).toEqual(new Array(9).fill(1));
  });
});

describe('machine code', () => {
  const sizeOf = (program: Program): number => {
    const layout = {
      arena: 4096,
      parameters: program.parameters.map((_, i) => 2048 + 64 * i),
      constants: new Map(program.constants.map((data, i) => [data, 3072 + 64 * i] as const)),
      workspace: 1024,
      workspaceBytes: 1024,
    };
    const options = { shared: false, threads: 1, isNative: () => false };
    return emitProgram(program, layout, new ConstantPool(64, 512), options).length;
  };

  test('equal kernels share one function', () => {
    const layers = (depth: number): Program =>
      quickly(() => {
        const w = input([16, 16]);
        return programOf([chain(depth, input([8, 16]), (h) => relu(add(matmul(h, w), input([16]))))]);
      });
    const [small, large] = [layers(10), layers(1000)];
    expect(large.kernels.length - small.kernels.length).toBe(2 * 990);
    // Two calls a layer, with their addresses.
    const perLayer = (sizeOf(large) - sizeOf(small)) / 990;
    expect(perLayer).toBeLessThan(100);
  });

  test('so do kernels that differ only in where their buffers lie', () => {
    const parts = (count: number): Program =>
      programOf(Array.from({ length: count }, () => sum(sin(input([40, 30])), 1)));
    const [one, many] = [parts(1), parts(101)];
    expect((sizeOf(many) - sizeOf(one)) / 100).toBeLessThan(30);
  });

  test('kernels that differ in a number, a stride or a dtype do not', () => {
    const x = input([40, 30]);
    const base = sizeOf(programOf([add(mul(x, 2), 1)]));
    const two = sizeOf(programOf([add(mul(x, 2), 1), transpose(mul(x, 3))]));
    expect(two).toBeGreaterThan(base + 50);
  });
});
