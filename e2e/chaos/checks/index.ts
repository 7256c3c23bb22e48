export { type Tally, tally, violations, voids } from './evidence.ts';
export { acknowledgedMemos } from './memos.ts';
export { Checker, type Verdict } from './porcupine.ts';
export { type BrokenPromise, broken, type Violation } from './violation.ts';
