/** What an application carries beside its inputs, and the texts by which applications are compared. */

/** Values an application carries beside its inputs (axes, slices): plain JSON, so that it can be compared. */
export type Attributes = Readonly<Record<string, unknown>>;

/** Attributes as text: equal attributes, and only those, give equal texts (NaN, infinities and -0 told apart). */
export function attributeKey(attributes: Attributes): string {
  return JSON.stringify(attributes, (_, value) => {
    if (typeof value !== 'number' || (Number.isFinite(value) && !Object.is(value, -0))) return value;
    return `number ${Object.is(value, -0) ? '-0' : value}`;
  });
}

const numbers = new WeakMap<object, number>();
let numbered = 0;

/** A number of its own for each operation, for keys: two operations may share a name. */
export function operationNumber(operation: object): number {
  let number = numbers.get(operation);
  if (number === undefined) {
    number = numbered++;
    numbers.set(operation, number);
  }
  return number;
}
