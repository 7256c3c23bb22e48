/** What a leader knows about its members, and what everyone knows about the membership. */
export { Configuration } from './configuration.ts';
export { Inflights } from './inflights.ts';
export { Progress, ProgressState, progressStateName } from './progress.ts';
export type { ProgressMap, Tally } from './tracker.ts';
export { ProgressTracker } from './tracker.ts';
