/** Layers one after the other. */
import {
  at,
  ChainruleError,
  type Parameter,
  type Shape,
  type TensorLike,
  toVariable,
  type Variable,
} from '../graph/index.ts';
import type { Fits, Layer, MapLast, Module, ShapeIn } from './layer.ts';

/** What the compiler can say of the shape after one layer: nothing, unless the layer is linear or elementwise. */
type After<S extends Shape, L> = L extends {
  readonly inputs: infer I extends number;
  readonly outputs: infer O extends number;
}
  ? MapLast<S, I, O>
  : L extends { readonly layers: infer Inner extends readonly unknown[] }
    ? AfterAll<S, Inner>
    : L extends <X extends Shape>(x: Variable<X>) => Variable<X>
      ? S
      : Shape;

/** The shape after all layers; nothing is known of it where their number is not. */
type AfterAll<S extends Shape, Layers extends readonly unknown[]> = number extends Layers['length']
  ? Shape
  : Layers extends readonly [infer First, ...infer Rest]
    ? [After<S, First>] extends [never]
      ? never
      : AfterAll<After<S, First>, Rest>
    : S;

/** A chain of layers, itself a layer. Literal shapes are followed through linear and elementwise layers. */
export interface Sequential<Layers extends readonly Layer[] = readonly Layer[]> {
  <X extends TensorLike>(
    x: X & Fits<AfterAll<ShapeIn<X>, Layers>, 'a layer does not fit what comes before it', ShapeIn<X>, Shape>,
  ): Variable<AfterAll<ShapeIn<X>, Layers>>;
  readonly layers: Layers;
  readonly parameters: Module['parameters'];
  [Symbol.iterator](): Iterator<Layers[number]>;
}

/**
 * The composition of `layers`, first to last: linear layers, activations, and any function of a Variable.
 *
 * ```ts
 * const model = sequential(linear(784, 128), relu, linear(128, 10));
 * model(x);                        // [32, 784] to [32, 10]
 * model.layers[0].weight.value;    // numbers
 * ```
 * A plain function that closes over parameters of its own does not list them in `parameters`; optimisers find them
 * all the same, through the loss.
 * @throws ChainruleError where a layer is no function
 */
export function sequential<const Layers extends readonly Layer[]>(...layers: Layers): Sequential<Layers> {
  layers.forEach((layer: unknown, i) => {
    if (typeof layer !== 'function') {
      const what = layer === null ? 'null' : typeof layer;
      throw new ChainruleError(`sequential: layer ${i} is ${what}, not a function of a Variable${at()}`);
    }
  });
  const parameters = new Set<Parameter>();
  for (const layer of layers as readonly Partial<Module>[]) {
    for (const each of layer.parameters ?? []) parameters.add(each);
  }
  const apply = (x: TensorLike): Variable =>
    layers.reduce<Variable>((value, layer) => layer(value), toVariable(x));
  return Object.assign(apply, {
    layers,
    parameters: [...parameters],
    [Symbol.iterator]: () => layers[Symbol.iterator](),
  }) as unknown as Sequential<Layers>;
}
