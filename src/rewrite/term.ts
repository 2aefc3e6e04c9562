/**
 * The language that rules are written in: terms, which are expressions with unknowns. They are plain data, built with
 * functions that have the names of the operations: `log(add(1, x))`.
 */
import type { Attributes, Operation, Variable } from '../graph/index.ts';
import { type OperationName, registry } from '../operations/index.ts';

/** What the unknowns of a pattern stand for in one place of a graph. */
export interface Bindings {
  readonly variables: Readonly<Record<string, Variable>>;
  /** Attributes of applications, whole, by the names that the pattern gives them. */
  readonly attributes: Readonly<Record<string, any>>;
  /** The numbers behind the unknowns of {@link number}. */
  readonly numbers: Readonly<Record<string, number>>;
}

/** Stands for any expression; in all places of a rule for the same one. */
export interface Unknown {
  readonly kind: 'unknown';
  readonly name: string;
  /** Stands only for tensors known to hold one number everywhere. */
  readonly known: boolean;
}

/** One number everywhere: written in the rule, or worked out from what the pattern has found. */
export interface NumberTerm {
  readonly kind: 'number';
  readonly value: number | ((found: Bindings) => number);
}

export interface AttributesTerm {
  readonly kind: 'attributes';
  /** The name under which they are found and used again, or what they are, worked out from what the pattern has found. */
  readonly value: string | ((found: Bindings) => Attributes);
}

export interface Applied {
  readonly kind: 'applied';
  readonly operation: Operation;
  readonly operands: readonly Term[];
  /** Absent in a pattern: any. Absent in a replacement: none. */
  readonly attributes?: AttributesTerm;
}

export type Term = Unknown | NumberTerm | Applied;

/** Any expression. */
export function unknown(name: string): Unknown {
  return { kind: 'unknown', name, known: false };
}

/** Any number known beforehand, the same in every place of a tensor; or, in a replacement, one that is worked out. */
export function number(name: string): Unknown;
export function number(value: (found: Bindings) => number): NumberTerm;
export function number(value: string | ((found: Bindings) => number)): Unknown | NumberTerm {
  return typeof value === 'string'
    ? { kind: 'unknown', name: value, known: true }
    : { kind: 'number', value };
}

/** The attributes of an application: axes, permutations, bounds. */
export function attributes(value: string | ((found: Bindings) => Attributes)): AttributesTerm {
  return { kind: 'attributes', value };
}

/** An application of `operation` to terms; numbers stand for themselves. */
export function applied(
  operation: Operation,
  operands: readonly (Term | number | AttributesTerm)[],
): Applied {
  const terms: Term[] = [];
  let found: AttributesTerm | undefined;
  for (const each of operands) {
    if (typeof each === 'number') terms.push({ kind: 'number', value: each });
    else if (each.kind === 'attributes') found = each;
    else terms.push(each);
  }
  return { kind: 'applied', operation, operands: terms, attributes: found };
}

/** A function for each operation of the registry, of terms instead of tensors. Attributes come last. */
export const terms = Object.fromEntries(
  Object.entries(registry).flatMap(([name, { declaration }]) => {
    const { operation } = declaration;
    if (operation === undefined) return [];
    return [[name, (...operands: (Term | number | AttributesTerm)[]) => applied(operation, operands)]];
  }),
) as unknown as {
  readonly [K in OperationName]: (...operands: (Term | number | AttributesTerm)[]) => Applied;
};

/** `log(add(1, x))`; what is worked out is `?`. */
export function termText(term: Term): string {
  switch (term.kind) {
    case 'unknown':
      return term.name;
    case 'number':
      return typeof term.value === 'number' ? String(term.value) : '?';
    case 'applied': {
      const texts = term.operands.map(termText);
      const named = term.attributes?.value;
      if (typeof named === 'string') texts.push(named);
      return `${term.operation.name}(${texts.join(', ')})`;
    }
  }
}
