/** What must hold of everything that clients saw, and of what the nodes hold in the end. */

export { checkHistory } from './check-history.ts';
export { LastWriteJudge, type ShownRow, type TakenWrite } from './last-write-judge.ts';
export { checkLastWrites, differsFrom, stampIn } from './last-writes.ts';
export {
  brokenBetween,
  brokenIn,
  isOver,
  type LifeRow,
  type LifeRows,
  type LifeRules,
} from './life-step.ts';
export { checkLives, type LivesRun } from './lives.ts';
export { checkLocalWrites } from './local-writes.ts';
export { checkPast, type PastRules, type ToldPast, type ToldVersion } from './past.ts';
export { pictureOf } from './picture.ts';
export { fieldText } from './row.ts';
export * from './types.ts';
export { checkWeakWrites } from './weak-writes.ts';
