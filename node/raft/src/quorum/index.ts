/** Who decides: majorities and joint majorities, as pure arithmetic. */
export { describeQuorum } from './describe.ts';
export { JointConfig } from './joint.ts';
export type { AckedIndexer } from './majority.ts';
export { MajorityConfig, VoteResult } from './majority.ts';
