import { encodeConfChange } from './codec/index.ts';
import { toConfChangeV2 } from './confchange/index.ts';
import type { Config } from './config.ts';
import { ConfigError, requireInteger, resolveConfig } from './config.ts';
import { hex } from './describe.ts';
import { becomeFollower } from './election.ts';
import { applyConfChange, restoreMembership } from './membership.ts';
import { Raft } from './raft.ts';
import type { Peer } from './ready.ts';
import type { HardState } from './types.ts';
import { ConfChangeType, EntryType, NO_BYTES, NONE } from './types.ts';

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
function loadHardState(raft: Raft, { term, vote, commit }: HardState): void {
  const { log } = raft;
  if (![term, vote, commit].every((value) => Number.isSafeInteger(value) && value >= 0)) {
    throw raft.logger.storageFault`hard state term ${term}, vote ${vote}, commit ${commit}`;
  }
  if (commit < log.committed || commit > log.lastIndex()) {
    throw raft.logger
      .fatal`${hex(raft.id)} state.commit ${commit} is out of range [${log.committed}, ${log.lastIndex()}]`;
  }
  log.commitTo(commit);
  raft.term = term;
  raft.vote = vote;
}

/**
 * Founds a group on an empty log: one committed entry per founder, the same on each of
 * them, and the membership that they add up to.
 */
export function bootstrap(raft: Raft, peers: readonly Peer[]): void {
  if (peers.length === 0) throw new ConfigError('bootstrap needs at least one peer');
  for (const peer of peers) requireInteger('peer id', peer.id, 1);
  if (raft.log.lastIndex() !== 0) throw new ConfigError('bootstrap needs an empty Storage');
  becomeFollower(raft, 1, NONE);
  const changes = peers.map(({ id, context = NO_BYTES }) => {
    return { id: 0, type: ConfChangeType.AddNode, nodeId: id, context };
  });
  const entries = changes.map((change, i) => {
    return { term: 1, index: i + 1, type: EntryType.ConfChange, data: encodeConfChange(change) };
  });
  raft.log.commitTo(raft.log.append(entries));
  // They come back as committed entries too, and then change nothing.
  for (const change of changes) applyConfChange(raft, toConfChangeV2(change));
}
