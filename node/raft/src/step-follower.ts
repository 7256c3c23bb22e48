import { ReadOnlyOption } from './config.ts';
import { hex } from './describe.ts';
import { hup } from './election.ts';
import { handleSnapshot } from './membership.ts';
import { newMessage } from './messages.ts';
import type { Raft } from './raft.ts';
import { handleReadIndexResponse } from './read-index.ts';
import type { StepResult } from './ready.ts';
import { handleAppendEntries, handleHeartbeat } from './replication.ts';
import type { Message } from './types.ts';
import { MessageType, NONE } from './types.ts';

/** Handles a message of the current term on a follower. */
export function stepFollower(raft: Raft, message: Message): void {
  switch (message.type) {
    case MessageType.App:
      hearFromLeader(raft, message.from);
      return handleAppendEntries(raft, message);
    case MessageType.Heartbeat:
      hearFromLeader(raft, message.from);
      return handleHeartbeat(raft, message);
    case MessageType.Snap:
      hearFromLeader(raft, message.from);
      return handleSnapshot(raft, message);
    case MessageType.ReadIndex:
      return forwardToLeader(raft, message, 'index reading msg');
    case MessageType.TransferLeader:
      return forwardToLeader(raft, message, 'leader transfer msg');
    case MessageType.ReadIndexResp:
      return handleReadIndexResponse(raft, message);
    case MessageType.ForgetLeader:
      return forgetLeader(raft);
    case MessageType.TimeoutNow:
      return campaignNow(raft, message);
    default:
      return;
  }
}

function hearFromLeader(raft: Raft, leader: number): void {
  raft.electionElapsed = 0;
  raft.lead = leader;
}

/** Hands a proposal on to the leader, if there is one and that is allowed. */
export function forwardProposal(raft: Raft, message: Message): StepResult {
  if (raft.lead === NONE) {
    raft.logger.info`${hex(raft.id)} no leader at term ${raft.term}; dropping proposal`;
    return 'proposal-dropped';
  }
  if (raft.config.disableProposalForwarding) {
    raft.logger
      .info`${hex(raft.id)} not forwarding to leader ${hex(raft.lead)} at term ${raft.term}; dropping proposal`;
    return 'proposal-dropped';
  }
  forward(raft, message);
  return 'ok';
}

function forwardToLeader(raft: Raft, message: Message, what: string): void {
  if (raft.lead !== NONE) {
    forward(raft, message);
  } else {
    raft.logger.info`${hex(raft.id)} no leader at term ${raft.term}; dropping ${what}`;
  }
}

/** The sender stays who it was: it gets the answer. The term is this member's, if any. */
function forward(raft: Raft, message: Message): void {
  const copy = newMessage(message.type, raft.lead);
  copy.from = message.from;
  copy.entries = message.entries;
  copy.context = message.context;
  raft.send(copy);
}

function forgetLeader(raft: Raft): void {
  if (raft.config.readOnlyOption === ReadOnlyOption.LeaseBased) {
    // The leader's lease is a promise of this member not to vote before it has run out.
    raft.logger.error`ignoring MsgForgetLeader due to ReadOnlyLeaseBased`;
    return;
  }
  if (raft.lead === NONE) return;
  raft.logger.info`${hex(raft.id)} forgetting leader ${hex(raft.lead)} at term ${raft.term}`;
  raft.lead = NONE;
}

/** The leader itself wants this election, so there is no one to ask beforehand. */
function campaignNow(raft: Raft, message: Message): void {
  raft.logger
    .info`${hex(raft.id)} [term ${raft.term}] received MsgTimeoutNow from ${hex(message.from)} and starts an election to get leadership.`;
  hup(raft, 'transfer');
}
