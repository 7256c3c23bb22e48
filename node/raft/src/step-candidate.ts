import { hex, stateTypeName } from './describe.ts';
import { becomeFollower, handleVoteResponse } from './election.ts';
import type { Raft } from './raft.ts';
import { stepFollower } from './step-follower.ts';
import type { Message } from './types.ts';
import { MessageType, StateType } from './types.ts';

/** Handles a message of the current term on a candidate or pre-candidate. */
export function stepCandidate(raft: Raft, message: Message): void {
  switch (message.type) {
    case MessageType.App:
    case MessageType.Heartbeat:
    case MessageType.Snap:
      // Someone else has won this term (Raft paper, section 5.2).
      becomeFollower(raft, message.term, message.from);
      return stepFollower(raft, message);
    case MessageType.VoteResp:
      if (raft.state === StateType.Candidate) handleVoteResponse(raft, message);
      return;
    case MessageType.PreVoteResp:
      // A candidate may still get answers to what it asked as pre-candidate.
      if (raft.state === StateType.PreCandidate) handleVoteResponse(raft, message);
      return;
    case MessageType.TimeoutNow:
      raft.logger
        .debug`${hex(raft.id)} [term ${raft.term} state ${stateTypeName(raft.state)}] ignored MsgTimeoutNow from ${hex(message.from)}`;
      return;
    default:
      return;
  }
}
