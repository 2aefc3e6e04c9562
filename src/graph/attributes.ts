/** What an application carries beside its inputs, and the texts by which applications are compared. */

/** Values an application carries beside its inputs (axes, slices): plain JSON, so that it can be compared. */
export type Attributes = Readonly<Record<string, unknown>>;

/** Attributes as text: equal attributes, and only those, give equal texts (NaN, infinities and -0 told apart). */
export function attributeKey(attributes: Attributes): string {
  return textOf(attributes);
}

/** As JSON.stringify, with a word for each number that JSON has none for. Most attributes are empty or a list of numbers. */
function textOf(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`;
  if (typeof value !== 'object' || value === null) return String(JSON.stringify(value));
  let text = '{';
  for (const [key, each] of Object.entries(value))
    if (each !== undefined) text += `${JSON.stringify(key)}:${textOf(each)},`;
  return `${text}}`;
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
