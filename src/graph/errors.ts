/** Every error that chainrule throws on purpose. Each message names the operation, the shapes and the mend. */

export class ChainruleError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** Shapes that do not fit together, or an axis out of range. */
export class ShapeError extends ChainruleError {}

/** An element type that an operation does not take. */
export class DTypeError extends ChainruleError {}

/** A derivative that mathematics does not define, for example with respect to an index. */
export class UndefinedGradientError extends ChainruleError {}

/** A target from which no differentiable path leads to the result. */
export class DisconnectedError extends ChainruleError {}

/** A number where none can be: NaN labels, a label out of range, an index out of bounds. */
export class NumericalError extends ChainruleError {}

/** A Variable used as if it were a number, or evaluated without the values it needs. */
export class EvaluationError extends ChainruleError {}

/** A rewrite rule that cannot be, or rules that rewrite one another's results without end. */
export class RewriteError extends ChainruleError {}

/** A memory budget that no plan found keeps to. */
export class MemoryBudgetError extends ChainruleError {
  /** The least working memory that was found to be enough, in bytes. */
  readonly leastBytes: number;

  constructor(message: string, leastBytes: number) {
    super(message);
    this.leastBytes = leastBytes;
  }
}

/** Data that cannot be read: a truncated file, a wrong magic number, a missing column. */
export class DataError extends ChainruleError {}
