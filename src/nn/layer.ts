/**
 * Layers are modules: functions of a Variable that know nothing of the rest of the graph. A layer with weights
 * also carries its `parameters`; a plain function such as relu is a layer too.
 */
import {
  assertLike,
  ChainruleError,
  Parameter,
  type Shape,
  type ShapeMismatch,
  type Tensor,
  type Variable,
} from '../graph/index.ts';

/** Anything that maps one Variable to another. */
export type Layer = (x: Variable) => Variable;

/** A layer that carries what it trains. */
export interface Module {
  (x: Variable): Variable;
  /** What optimisers train, each once, in the order of the layers. */
  readonly parameters: readonly Parameter[];
}

/** Parameters by name: a model's weights, or an optimiser's state. */
export type NamedParameters = ReadonlyMap<string, Parameter>;

/**
 * Every parameter of a model by its path: `layers.0.weight`.
 *
 * A model is a layer, or objects, arrays and maps of layers and parameters nested in any way, so one call also covers
 * `{ encoder, decoder }`. A parameter that two layers share has the name of its first place.
 */
export function namedParameters(model: unknown): Map<string, Parameter> {
  const named = new Map<string, Parameter>();
  const seen = new Set<unknown>();
  const walk = (value: unknown, path: readonly string[]): void => {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function') || seen.has(value))
      return;
    seen.add(value);
    if (value instanceof Parameter) named.set(path.join('.'), value);
    else if (value instanceof Map) for (const [key, each] of value) walk(each, [...path, String(key)]);
    else if (isContainer(value)) {
      for (const [key, each] of Object.entries(value)) if (key !== 'parameters') walk(each, [...path, key]);
    }
  };
  walk(model, []);
  return named;
}

/** Plain objects, arrays and functions are searched; tensors, typed arrays and other instances are not. */
function isContainer(value: object): boolean {
  if (typeof value === 'function' || Array.isArray(value)) return true;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * The current numbers of every parameter of a model (or of an optimiser's `state`) by name: what to save.
 *
 * ```ts
 * const bytes = writeSafetensors(parameterValues(model));
 * setParameterValues(model, readSafetensors(bytes).tensors);
 * ```
 */
export function parameterValues(model: unknown): Map<string, Tensor> {
  const values = new Map<string, Tensor>();
  for (const [name, parameter] of namedParameters(model)) values.set(name, parameter.value);
  return values;
}

/**
 * Gives every parameter of a model the numbers saved under its name.
 * @throws ChainruleError naming what is missing or left over; ShapeError or DTypeError where a saved tensor does not
 * fit. Then nothing has been written.
 */
export function setParameterValues(model: unknown, values: ReadonlyMap<string, Tensor>): void {
  const named = namedParameters(model);
  const missing = [...named.keys()].filter((name) => !values.has(name));
  const extra = [...values.keys()].filter((name) => !named.has(name));
  if (missing.length > 0 || extra.length > 0) {
    throw new ChainruleError(
      `setParameterValues: the names differ from the model's: ${[
        ...(missing.length > 0 ? [`${missing.join(', ')} missing`] : []),
        ...(extra.length > 0 ? [`${extra.join(', ')} not in the model`] : []),
      ].join('; ')}; was it saved from another model?`,
    );
  }
  for (const [name, parameter] of named)
    assertLike(`setParameterValues: ${name}`, parameter, values.get(name)!);
  for (const [name, parameter] of named) parameter.set(values.get(name)!);
}

/** The shape after a layer that maps the last axis from I to O; `never` where the last extent is not I. */
export type MapLast<S extends Shape, I extends number, O extends number> = number extends S['length']
  ? Shape
  : S extends readonly [...infer Lead extends Shape, infer Last extends number]
    ? number extends Last | I
      ? readonly [...Lead, O]
      : Last extends I
        ? readonly [...Lead, O]
        : never
    : never;

/** The shape that the compiler knows of an operand: a Variable's; of anything else nothing. */
export type ShapeIn<X> = X extends Variable<infer S extends Shape> ? S : Shape;

/** Asks nothing of an operand, unless the shape after it is `never`: then no value is accepted. */
export type Fits<After, Message extends string, Given extends Shape, Wanted extends Shape> = [After] extends [
  never,
]
  ? ShapeMismatch<Message, Given, Wanted>
  : unknown;
