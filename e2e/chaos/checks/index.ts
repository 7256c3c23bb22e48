export { type Tally, tally, violations, voids } from './evidence.ts';
export { Checker, type Verdict } from './porcupine.ts';
