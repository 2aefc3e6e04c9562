/**
 * What an engine's module in JavaScript gives to its process.
 *
 * @typedef {object} Implementation
 * @property {string} version
 * @property {string} label
 * @property {Record<string, (testCase: object) => Prepared | Promise<Prepared>>} families what it can do, by the kinds of cases
 * @property {Record<string, (testCase: object, rounds: number) => Promise<any>>} [measurements] what it measures itself
 *
 * @typedef {object} Prepared
 * @property {() => any} once does the work once; its result is the loss, if there is no `read`
 * @property {boolean} [asynchronous] whether `once` promises its result
 * @property {() => ArrayLike<number> | Promise<ArrayLike<number>>} [read] does the work once and gives the numbers
 * @property {() => void} [dispose]
 */

/** Thrown by an engine's `open`: it is not installed, or not what was asked for. */
export class NotHere extends Error {}

/** Thrown in the preparation of a case that the engine has no way to do. */
export class Unable extends Error {}

/** Imports a peer's package. @throws NotHere */
export async function importPeer(specifier) {
  try {
    return await import(specifier);
  } catch (error) {
    if (error.code === 'ERR_MODULE_NOT_FOUND') throw new NotHere(`${specifier} is not installed`);
    throw error;
  }
}

/** The entry of a table, by a case's name for it. @throws Unable */
export function entryOf(table, name) {
  if (!Object.hasOwn(table, name)) throw new Unable(`it has no ${name} here`);
  return table[name];
}
