import { hex, stateTypeName } from './describe.ts';
import { becomeFollower, handleVoteResponse } from './election.ts';
import { handleSnapshot } from './membership.ts';
import type { Raft } from './raft.ts';
import type { StepResult } from './ready.ts';
import { handleAppendEntries, handleHeartbeat } from './replication.ts';
import type { Message } from './types.ts';
import { MessageType, StateType } from './types.ts';

/** Handles a message of the current term on a candidate or pre-candidate. */
export function stepCandidate(raft: Raft, message: Message): StepResult {
  switch (message.type) {
    case MessageType.Prop:
      if (raft.infoOn) {
        raft.info(`${hex(raft.id)} no leader at term ${raft.term}; dropping proposal`);
      }
      return 'proposal-dropped';
    case MessageType.App:
      becomeFollower(raft, message.term, message.from);
      handleAppendEntries(raft, message);
      return 'ok';
    case MessageType.Heartbeat:
      becomeFollower(raft, message.term, message.from);
      handleHeartbeat(raft, message);
      return 'ok';
    case MessageType.Snap:
      becomeFollower(raft, message.term, message.from);
      handleSnapshot(raft, message);
      return 'ok';
    case MessageType.VoteResp:
      if (raft.state === StateType.Candidate) handleVoteResponse(raft, message);
      return 'ok';
    case MessageType.PreVoteResp:
      // A candidate may still get answers to what it asked as pre-candidate.
      if (raft.state === StateType.PreCandidate) handleVoteResponse(raft, message);
      return 'ok';
    case MessageType.TimeoutNow:
      ignoreTimeoutNow(raft, message);
      return 'ok';
    default:
      return 'ok';
  }
}

function ignoreTimeoutNow(raft: Raft, message: Message): void {
  if (!raft.debugOn) return;
  raft.debug(
    `${hex(raft.id)} [term ${raft.term} state ${stateTypeName(raft.state)}] ` +
      `ignored MsgTimeoutNow from ${hex(message.from)}`,
  );
}
