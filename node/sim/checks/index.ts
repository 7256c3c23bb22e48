/** What must hold of everything that clients saw, and of what the nodes hold in the end. */

export { checkHistory } from './check-history.ts';
export { checkLocalWrites } from './local-writes.ts';
export { checkPast, type PastRules, type ToldPast, type ToldVersion } from './past.ts';
export { pictureOf } from './picture.ts';
export * from './types.ts';
export { checkWeakWrites } from './weak-writes.ts';
