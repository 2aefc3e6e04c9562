/** The first floor: every operation, by name, and the helpers that other floors build on. */
import './methods.ts';

export { sumTo } from './broadcasting.ts';
export {
  type Declaration,
  type Declared,
  type Domain,
  declare,
  real,
  type Sample,
  truth,
  whole,
} from './declare.ts';
export { full } from './generators.ts';
export { families, type OperationName, registry } from './registry/index.ts';
