/** The doors to numbers: evaluate, compile, backward. */
import './methods.ts';

export {
  BACKENDS,
  type BackendName,
  configureEngine,
  describeEngine,
  type EngineDescription,
  getBackend,
  setBackend,
} from './backend.ts';
export { type BackwardOptions, backward } from './backward.ts';
export { type CompiledResult, compile, WithUpdates, withUpdates } from './compile.ts';
export type { EngineOptions } from './configuration.ts';
export { type Evaluated, evaluate } from './evaluate.ts';
export type { KernelProfile } from './profile/measure.ts';
export { type Profile, type ProfileOptions, profile } from './profile/profile.ts';
