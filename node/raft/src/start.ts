import type { Config } from './config.ts';
import { resolveConfig } from './config.ts';
import { hex } from './describe.ts';
import { becomeFollower } from './election.ts';
import { restoreMembership } from './membership.ts';
import { Raft } from './raft.ts';
import type { HardState } from './types.ts';
import { NONE } from './types.ts';

/** A member as it was before its restart: a follower that knows no leader. */
export function startRaft(config: Config): Raft {
  const raft = new Raft(resolveConfig(config));
  const { hardState, confState } = raft.config.storage.initialState();
  restoreMembership(raft, confState);
  if (hardState !== null && !isEmpty(hardState)) loadHardState(raft, hardState);
  if (raft.config.applied > 0) raft.log.appliedTo(raft.config.applied, 0);
  becomeFollower(raft, raft.term, NONE);
  raft.logger
    .info`newRaft ${hex(raft.id)} [peers: [${raft.tracker.config.voters.ids.map(hex).join(',')}], term: ${raft.term}, commit: ${raft.log.committed}, applied: ${raft.log.applied}, lastindex: ${raft.log.lastIndex()}, lastterm: ${raft.log.lastTerm()}]`;
  return raft;
}

function isEmpty(state: HardState): boolean {
  return state.term === 0 && state.vote === NONE && state.commit === 0;
}

/** A commit index beyond the log means that a part of the log is gone. */
function loadHardState(raft: Raft, state: HardState): void {
  const { log } = raft;
  if (state.commit < log.committed || state.commit > log.lastIndex()) {
    throw raft.logger
      .fatal`${hex(raft.id)} state.commit ${state.commit} is out of range [${log.committed}, ${log.lastIndex()}]`;
  }
  log.commitTo(state.commit);
  raft.term = state.term;
  raft.vote = state.vote;
}
