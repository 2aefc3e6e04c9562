/**
 * What the rules of a user's operation answer, checked: a mistake in a rule must be an error that names the rule, never
 * a number.
 */
import {
  at,
  ChainruleError,
  checkExtents,
  DTYPES,
  DTypeError,
  formatShape,
  type Gradient,
  type Shape,
  ShapeError,
  undefinedGradient,
  Variable,
  type VariableType,
} from '../graph/index.ts';

/** The answers of a rule that gives one thing or a list of them, `count` in all. */
export function checkedList<T>(
  operation: string,
  rule: string,
  answers: T | readonly T[],
  count: number,
  noun: string,
): readonly T[] {
  const list: readonly T[] = Array.isArray(answers) ? answers : [answers as T];
  if (list.length !== count) {
    throw new ChainruleError(
      `${operation}: its ${rule} answered with ${list.length} for ${count} ${noun}${count === 1 ? '' : 's'}${at()}`,
    );
  }
  return list;
}

/** The types that `infer` answers with. */
export function checkedTypes(
  operation: string,
  types: VariableType | readonly VariableType[],
): readonly VariableType[] {
  const list: readonly VariableType[] = Array.isArray(types) ? types : [types];
  for (const type of list as readonly Partial<VariableType>[]) {
    if (!Array.isArray(type?.shape) || type.dtype === undefined || !DTYPES.includes(type.dtype)) {
      throw new DTypeError(
        `${operation}: its infer must answer with { shape, dtype }, or a list of them, with a dtype of ` +
          `${DTYPES.join(', ')}${at()}`,
      );
    }
    checkExtents(operation, type.shape);
  }
  return list;
}

/** A gradient with respect to `input`: of its shape, or of one to which it was broadcast, or one of the words. */
export function checkedGradient(operation: string, rule: string, input: Variable, answer: unknown): Gradient {
  const gradient = checkedAnswer(operation, rule, answer);
  if (gradient instanceof Variable && !stretches(input.shape, gradient.shape)) {
    throw new ShapeError(
      `${operation}: its ${rule} gives a gradient of shape ${formatShape(gradient.shape)} for an input of shape ` +
        `${formatShape(input.shape)}; they must be equal, up to axes along which the input was broadcast${at()}`,
    );
  }
  return gradient;
}

/** A tangent of `output`: of its shape, or of one that broadcasts to it, or one of the words. */
export function checkedTangent(operation: string, output: Variable, answer: unknown): Gradient {
  const tangent = checkedAnswer(operation, 'jvp', answer);
  if (tangent instanceof Variable && !stretches(tangent.shape, output.shape)) {
    throw new ShapeError(
      `${operation}: its jvp gives a tangent of shape ${formatShape(tangent.shape)} for an output of shape ` +
        `${formatShape(output.shape)}; they must be equal${at()}`,
    );
  }
  return tangent;
}

/**
 * The answer of a rule, unless it is asked for the derivative of an integer output too. Integers have none: an expression that
 * only serves the other outputs must not pass for the whole. A rule may still say that it is zero.
 */
export function unlessOfIntegers(
  operation: string,
  outputs: readonly Variable[],
  gradients: readonly Gradient[],
  answer: Gradient,
): Gradient {
  if (!(answer instanceof Variable)) return answer;
  const index = outputs.findIndex(({ dtype }, i) => {
    const gradient = gradients[i];
    const asked = gradient instanceof Variable || gradient.gradient === 'undefined';
    return asked && (dtype === 'int32' || dtype === 'uint8');
  });
  if (index < 0) return answer;
  return undefinedGradient(
    `output ${index} of ${operation} is ${outputs[index].dtype}, which has no derivative`,
  );
}

function checkedAnswer(operation: string, rule: string, answer: unknown): Gradient {
  if (answer instanceof Variable || isWord(answer)) return answer;
  const what = answer === null ? 'null' : typeof answer;
  throw new ChainruleError(
    `${operation}: its ${rule} answered with ${what}; answer with a Variable, zero, disconnected or ` +
      `undefinedGradient(reason)${at()}`,
  );
}

function isWord(answer: unknown): answer is Exclude<Gradient, Variable> {
  const word = (answer as { gradient?: unknown } | null | undefined)?.gradient;
  return word === 'zero' || word === 'disconnected' || word === 'undefined';
}

/** Whether `from` broadcasts to `to`. */
function stretches(from: Shape, to: Shape): boolean {
  const lead = to.length - from.length;
  return lead >= 0 && from.every((extent, axis) => extent === to[lead + axis] || extent === 1);
}
