/** Nested arrays and objects of tensors, as functions take and return them. */
import { DTypeError } from './errors.ts';
import { type TensorLike, toVariable } from './leaves.ts';
import { at } from './site.ts';
import { isTypedArray, Tensor } from './tensor.ts';
import { Variable } from './variable.ts';

/** A value that holds `Leaf`s in nested arrays and plain objects. */
export type Tree<Leaf> = Leaf | readonly Tree<Leaf>[] | { readonly [key: string]: Tree<Leaf> };

/** Whether `value` stands for one tensor: a Variable, a Tensor, numbers, or nested arrays of numbers. */
export function isTensorLike(value: unknown): value is TensorLike {
  if (value instanceof Variable || value instanceof Tensor || isTypedArray(value)) return true;
  if (typeof value === 'number' || typeof value === 'boolean') return true;
  return (
    Array.isArray(value) &&
    value.every((each) => isTensorLike(each) && !(each instanceof Variable || each instanceof Tensor))
  );
}

/** Replaces every leaf, keeping the structure; `path` reads like `[0].weights`. */
export function mapTree<From, To>(
  tree: unknown,
  isLeaf: (value: unknown) => value is From,
  replace: (leaf: From, path: string) => To,
  path = '',
): any {
  if (isLeaf(tree)) return replace(tree, path);
  if (Array.isArray(tree)) return tree.map((each, i) => mapTree(each, isLeaf, replace, `${path}[${i}]`));
  if (tree !== null && typeof tree === 'object' && isPlain(tree)) {
    return Object.fromEntries(
      Object.entries(tree).map(([key, each]) => [key, mapTree(each, isLeaf, replace, `${path}.${key}`)]),
    );
  }
  const symbols = (isLeaf as unknown) === isVariable;
  const mend = symbols && isTensorLike(tree) ? '; constant(...) makes a Variable of numbers' : '';
  throw new DTypeError(
    `expected ${symbols ? 'Variables' : 'tensors'} in nested arrays or objects, got ${kindOf(tree)}` +
      `${path === '' ? '' : ` at ${path}`}${mend}${at()}`,
  );
}

/** What a value is, for messages: the name of its class or of its primitive type. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return typeof value === 'object' ? (value.constructor?.name ?? 'object') : typeof value;
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** All leaves, in order. */
export function leavesOf<Leaf>(tree: unknown, isLeaf: (value: unknown) => value is Leaf): Leaf[] {
  const leaves: Leaf[] = [];
  mapTree(tree, isLeaf, (leaf) => leaves.push(leaf));
  return leaves;
}

export function isVariable(value: unknown): value is Variable {
  return value instanceof Variable;
}

/** The same tree with every tensor-like leaf as a Variable. */
export function variablesOf(tree: unknown): any {
  return mapTree(tree, isTensorLike, (leaf) => toVariable(leaf));
}
