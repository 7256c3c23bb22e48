import { REPLICATION, SNAPSHOTS } from './log-mutants.ts';
import type { Mutant } from './mutant.ts';
import { LEADERSHIP, LIMITS, MEMBERSHIP, READS } from './service-mutants.ts';
import { ELECTIONS, QUORUMS } from './voting-mutants.ts';

/** All faults, in the order in which they are planted. */
export const MUTANTS: readonly Mutant[] = [
  ...ELECTIONS,
  ...QUORUMS,
  ...REPLICATION,
  ...SNAPSHOTS,
  ...READS,
  ...MEMBERSHIP,
  ...LEADERSHIP,
  ...LIMITS,
];
