/** `z.evaluate()`: the engine's door on every Variable. Importing this module installs it. */
import { type Feeds, type Shape, type Tensor, Variable } from '../graph/index.ts';
import { evaluate } from './evaluate.ts';

declare module '../graph/variable.ts' {
  interface Variable<S extends Shape = Shape> {
    /** The numbers of this expression. @throws EvaluationError for an input without a value in `feeds` */
    evaluate(feeds?: Feeds): Tensor<S>;
  }
}

Object.defineProperty(Variable.prototype, 'evaluate', {
  value: function method(this: Variable, feeds?: Feeds): Tensor {
    return evaluate<Variable>(this, feeds) as Tensor;
  },
  writable: true,
  configurable: true,
});
