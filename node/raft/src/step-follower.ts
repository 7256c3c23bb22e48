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
export function stepFollower(raft: Raft, message: Message): StepResult {
  switch (message.type) {
    case MessageType.App:
      hearFromLeader(raft, message.from);
      handleAppendEntries(raft, message);
      return 'ok';
    case MessageType.Heartbeat:
      hearFromLeader(raft, message.from);
      handleHeartbeat(raft, message);
      return 'ok';
    case MessageType.Snap:
      hearFromLeader(raft, message.from);
      handleSnapshot(raft, message);
      return 'ok';
    case MessageType.Prop:
      return forwardProposal(raft, message);
    case MessageType.ReadIndex:
      forwardToLeader(raft, message, 'index reading msg');
      return 'ok';
    case MessageType.TransferLeader:
      forwardToLeader(raft, message, 'leader transfer msg');
      return 'ok';
    case MessageType.ReadIndexResp:
      handleReadIndexResponse(raft, message);
      return 'ok';
    case MessageType.ForgetLeader:
      forgetLeader(raft);
      return 'ok';
    case MessageType.TimeoutNow:
      campaignNow(raft, message);
      return 'ok';
    default:
      return 'ok';
  }
}

function hearFromLeader(raft: Raft, leader: number): void {
  raft.electionElapsed = 0;
  raft.lead = leader;
}

function forwardProposal(raft: Raft, message: Message): StepResult {
  if (raft.lead === NONE) {
    if (raft.infoOn) {
      raft.info(`${hex(raft.id)} no leader at term ${raft.term}; dropping proposal`);
    }
    return 'proposal-dropped';
  }
  if (raft.config.disableProposalForwarding) {
    if (raft.infoOn) {
      raft.info(
        `${hex(raft.id)} not forwarding to leader ${hex(raft.lead)} at term ${raft.term}; ` +
          'dropping proposal',
      );
    }
    return 'proposal-dropped';
  }
  forward(raft, message);
  return 'ok';
}

function forwardToLeader(raft: Raft, message: Message, what: string): void {
  if (raft.lead !== NONE) {
    forward(raft, message);
  } else if (raft.infoOn) {
    raft.info(`${hex(raft.id)} no leader at term ${raft.term}; dropping ${what}`);
  }
}

/** The sender stays who it was: it gets the answer. */
function forward(raft: Raft, message: Message): void {
  const copy = newMessage(message.type, raft.lead);
  copy.from = message.from;
  copy.term = message.term;
  copy.entries = message.entries;
  copy.context = message.context;
  raft.send(copy);
}

function forgetLeader(raft: Raft): void {
  if (raft.config.readOnlyOption === ReadOnlyOption.LeaseBased) {
    // The leader's lease is a promise of this member not to vote before it has run out.
    raft.error('ignoring MsgForgetLeader due to ReadOnlyLeaseBased');
    return;
  }
  if (raft.lead === NONE) return;
  if (raft.infoOn) {
    raft.info(`${hex(raft.id)} forgetting leader ${hex(raft.lead)} at term ${raft.term}`);
  }
  raft.lead = NONE;
}

/** The leader itself wants this election, so there is no one to ask beforehand. */
function campaignNow(raft: Raft, message: Message): void {
  if (raft.infoOn) {
    raft.info(
      `${hex(raft.id)} [term ${raft.term}] received MsgTimeoutNow from ${hex(message.from)} ` +
        'and starts an election to get leadership.',
    );
  }
  hup(raft, 'transfer');
}
