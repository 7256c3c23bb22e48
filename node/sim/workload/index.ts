/**
 * The clients of the simulated world: what they ask, how they retry, and what they remember.
 * A world gives its clients a {@link ClientWorld}; {@link callListener} brings a request to the
 * HTTP handlers of a node without a connection.
 */
export { callListener } from './call-listener.ts';
export { deliver } from './deliver.ts';
export { LIFE_RULES, overdueIn } from './life-models.ts';
export {
  type LifeAnswer,
  type LifeAttempt,
  type LifeCall,
  LifeWriters,
} from './life-writers.ts';
export {
  type LocalAttempt,
  LocalWriters,
  type LostOwnWrite,
} from './local-writers.ts';
export type { Mix, MixOptions } from './mix.ts';
export {
  finalStateOf,
  otherSpec,
  PAST_RULES,
  pathOf,
  type StoreSettings,
  stampsOf,
  workloadSpec,
} from './model.ts';
export { type WeakAttempt, WeakWriters } from './weak-writers.ts';
export { Workload } from './workload.ts';
export type { Answer, ClientWorld, Delivery, Request } from './world.ts';
