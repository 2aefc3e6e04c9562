import { beforeEach, describe, expect, it } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { Random, readSafetensors, writeSafetensors } from '../../src/data/index.ts';
import { evaluate } from '../../src/engine/index.ts';
import { input, type Parameter, Tensor, tensor, type Variable } from '../../src/graph/index.ts';
import {
  constantInitializer,
  l2Penalty,
  linear,
  namedParameters,
  ones,
  parameterValues,
  sequential,
  setParameterValues,
  setSeed,
  zeros,
} from '../../src/nn/index.ts';
import { relu } from '../../src/operations/activation.ts';
import { mul } from '../../src/operations/elementwise.ts';
import { tanh } from '../../src/operations/trigonometric.ts';

const numbers = (variable: Variable): unknown => evaluate([variable])[0].toArray();

beforeEach(() => setSeed(1));

describe('linear', () => {
  it('computes x W + b', () => {
    const layer = linear(2, 3);
    layer.weight.set([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    layer.bias.set([0.5, -0.5, 1]);
    expect(
      numbers(
        layer([
          [1, 1],
          [2, -1],
        ]),
      ),
    ).toEqual([
      [5.5, 6.5, 10],
      [-1.5, -1.5, 1],
    ]);
    expect(numbers(layer(tensor([1, 0])))).toEqual([1.5, 1.5, 4]);
    expect(numbers(layer([[[1, 0]], [[0, 1]]]))).toEqual([[[1.5, 1.5, 4]], [[4.5, 4.5, 7]]]);
  });

  it('has parameters of the right shape, a bias of zero and names', () => {
    const layer = linear(4, 5, { name: 'hidden' });
    expect(layer.parameters).toEqual([layer.weight, layer.bias]);
    expect([layer.inputs, layer.outputs]).toEqual([4, 5]);
    expect([layer.weight.type, layer.bias.type]).toEqual(['float32[4, 5]', 'float32[5]']);
    expect([layer.weight.name, layer.bias.name]).toEqual(['hidden.weight', 'hidden.bias']);
    expect(layer.bias.value).toEqual(tensor([0, 0, 0, 0, 0]));
    expect(layer.weight.value.data.every((each) => Math.abs(each) <= Math.sqrt(6 / 9) && each !== 0)).toBe(
      true,
    );
  });

  it('can do without a bias, in float64, with another initialiser', () => {
    const layer = linear(2, 2, { bias: false, dtype: 'float64', initializer: constantInitializer(0.1) });
    expect(layer.bias).toBeUndefined();
    expect(layer.parameters).toEqual([layer.weight]);
    expect(layer.weight.type).toBe('float64[2, 2]');
    expect(numbers(layer(tensor([1, 2], { dtype: 'float64' })))).toEqual([0.1 + 0.2, 0.1 + 0.2]);
  });

  it('takes bytes, as pictures have them', () => {
    const layer = linear(2, 1, { initializer: ones });
    expect(numbers(layer(tensor([[200, 100]], { dtype: 'uint8' })))).toEqual([[300]]);
  });

  it('is the same for the same seed, and different layers differ', () => {
    const weights = (): Tensor[] => [linear(3, 3), linear(3, 3)].map((layer) => layer.weight.value);
    setSeed(5);
    const first = weights();
    expect(first[0]).not.toEqual(first[1]);
    setSeed(5);
    expect(weights()).toEqual(first);
    setSeed(6);
    expect(weights()).not.toEqual(first);
  });

  it('draws from its own seed or generator, and then leaves the default one alone', () => {
    const own = linear(3, 3, { seed: 9 }).weight.value;
    const next = linear(3, 3).weight.value;
    setSeed(1);
    expect(linear(3, 3).weight.value).toEqual(next);
    expect(linear(3, 3, { seed: 9 }).weight.value).toEqual(own);
    expect(linear(3, 3, { random: new Random(9) }).weight.value).toEqual(own);
    const shared = new Random(9);
    expect(linear(3, 3, { random: shared }).weight.value).toEqual(own);
    expect(linear(3, 3, { random: shared }).weight.value).not.toEqual(own);
  });

  it('rejects sizes that are none, and rows that do not fit', () => {
    for (const size of [0, -1, 1.5, Number.NaN]) {
      expect(() => linear(size, 3)).toThrow(`linear: inputs is ${size}; use a whole number of at least 1`);
      expect(() => linear(3, size)).toThrow(`linear: outputs is ${size}`);
    }
    const layer = linear(3, 2, { name: 'head' });
    expect(() => layer([1, 2])).toThrow(
      /linear: head\.weight \[3, 2\] maps rows of 3, got x of shape \[2\]; its last extent must be 3 at layers\.test\.ts:\d+/,
    );
    expect(() => layer(1)).toThrow('x of shape []');
  });

  it('has the gradients G W^T, X^T G and the column sums of G', () => {
    const layer = linear(2, 2, { dtype: 'float64' });
    layer.weight.set([
      [1, 2],
      [3, 4],
    ]);
    const x = tensor(
      [
        [1, -1],
        [0.5, 2],
      ],
      { dtype: 'float64' },
    );
    const given = input([2, 2], { dtype: 'float64' });
    const seed = input([2, 2], { dtype: 'float64' });
    const G = tensor(
      [
        [1, 0.5],
        [-1, 2],
      ],
      { dtype: 'float64' },
    );
    const found = gradients(layer(given), [given, layer.weight, layer.bias], { seed });
    const [dx, dW, db] = evaluate(
      found,
      new Map([
        [given, x],
        [seed, G],
      ]),
    );
    expect(dx.toArray()).toEqual([
      [2, 5],
      [3, 5],
    ]);
    expect(dW.toArray()).toEqual([
      [0.5, 1.5],
      [-3, 3.5],
    ]);
    expect(db.toArray()).toEqual([0, 2.5]);
  });
});

describe('sequential', () => {
  it('applies its layers in order', () => {
    const double = (x: Variable): Variable => mul(2, x);
    const model = sequential(linear(2, 2, { initializer: ones }), relu, double);
    expect(
      numbers(
        model([
          [1, 2],
          [-3, 1],
        ]),
      ),
    ).toEqual([
      [6, 6],
      [0, 0],
    ]);
    expect(numbers(sequential()([1, 2]))).toEqual([1, 2]);
  });

  it('lists parameters, a shared layer once, and can be walked and nested', () => {
    const tied = linear(3, 3);
    const inner = sequential(tied, tanh);
    const model = sequential(inner, tied, linear(3, 1));
    expect(model.parameters).toEqual([...tied.parameters, ...model.layers[2].parameters]);
    expect([...model]).toEqual([...model.layers]);
    expect([...namedParameters(model).keys()]).toEqual([
      'layers.0.layers.0.weight',
      'layers.0.layers.0.bias',
      'layers.2.weight',
      'layers.2.bias',
    ]);
  });

  it('refuses what is no layer', () => {
    expect(() => sequential(relu, undefined as unknown as typeof relu)).toThrow(
      'layer 1 is undefined, not a function',
    );
  });
});

describe('parameters by name', () => {
  const build = () => sequential(linear(2, 3), relu, linear(3, 1));

  it('names them by path, through objects, arrays and maps', () => {
    const model = build();
    expect([...namedParameters(model).keys()]).toEqual([
      'layers.0.weight',
      'layers.0.bias',
      'layers.2.weight',
      'layers.2.bias',
    ]);
    const map = new Map([['a', model.layers[0].weight as Parameter]]);
    expect([
      ...namedParameters({ heads: [linear(1, 1), linear(1, 1, { bias: false })], map }).keys(),
    ]).toEqual(['heads.0.weight', 'heads.0.bias', 'heads.1.weight', 'map.a']);
  });

  it('saves to safetensors and loads into a model made anew', () => {
    const model = build();
    const bytes = writeSafetensors(parameterValues(model), { framework: 'chainrule' });
    const other = build();
    expect(parameterValues(other)).not.toEqual(parameterValues(model));
    setParameterValues(other, readSafetensors(bytes).tensors);
    expect(parameterValues(other)).toEqual(parameterValues(model));
  });

  it('writes nothing unless every name and shape fits', () => {
    const model = build();
    const before = parameterValues(model);
    const missing = new Map(before);
    missing.delete('layers.2.bias');
    missing.set('layers.3.bias', tensor([1]));
    expect(() => setParameterValues(model, missing)).toThrow(
      /layers\.2\.bias missing; layers\.3\.bias not in the model/,
    );
    const misshapen = new Map(
      [...before].map(([name, value]) => [
        name,
        new Tensor(
          value.shape,
          'float32',
          value.data.map(() => 7),
        ),
      ]),
    );
    misshapen.set('layers.2.bias', tensor([1, 2]));
    expect(() => setParameterValues(model, misshapen)).toThrow(
      /layers\.2\.bias: expected float32\[1\], got float32\[2\]/,
    );
    expect(parameterValues(model)).toEqual(before);
  });
});

describe('l2Penalty', () => {
  it('is the sum of squares, with gradient 2 W', () => {
    const layer = linear(2, 1, { initializer: constantInitializer(3) });
    const other = linear(1, 1, { bias: false, initializer: zeros });
    const penalty = l2Penalty([layer.weight, other.weight]);
    expect(numbers(penalty)).toBe(18);
    expect(numbers(gradients(penalty, [layer.weight])[0])).toEqual([[6], [6]]);
    expect(() => l2Penalty([])).toThrow('no parameters to penalise');
  });
});
