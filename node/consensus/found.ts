import { type ConfState, NO_BYTES } from 'etcd-raft-ts';
import type { Log } from '../log/index.ts';
import type { AppliedEntry, StateMachine } from './ports.ts';

/** Index and term that a new cluster's first snapshot stands at. */
const FIRST_INDEX = 1;
const FIRST_TERM = 1;

/**
 * Begins the log of a new cluster with its only voter and its initial state, which has applied
 * nothing yet. Every later member starts from a snapshot, never from an empty log.
 */
export async function foundCluster<Result extends AppliedEntry>(
  log: Pick<Log, 'bootstrap'>,
  state: StateMachine<Result>,
  memberId: number,
): Promise<void> {
  state.apply(FIRST_INDEX, FIRST_TERM, NO_BYTES);
  const confState: ConfState = {
    voters: [memberId],
    learners: [],
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  };
  const metadata = { index: FIRST_INDEX, term: FIRST_TERM, confState };
  await log.bootstrap(metadata, state.snapshot());
}
