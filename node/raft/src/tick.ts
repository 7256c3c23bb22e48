import { newMessage } from './messages.ts';
import type { Raft } from './raft.ts';
import { step } from './step.ts';
import { MessageType, NONE } from './types.ts';

/** Lets one tick pass. */
export function tick(raft: Raft): void {
  if (raft.isLeader) tickHeartbeat(raft);
  else tickElection(raft);
}

/** A member that may lead campaigns once it has heard from no leader for its election timeout. */
function tickElection(raft: Raft): void {
  raft.electionElapsed++;
  if (!raft.promotable || raft.electionElapsed < raft.randomizedElectionTimeout) return;
  raft.electionElapsed = 0;
  stepOwn(raft, MessageType.Hup);
}

/** A leader sends heartbeats, and once per election timeout sees whether it still should lead. */
function tickHeartbeat(raft: Raft): void {
  raft.heartbeatElapsed++;
  raft.electionElapsed++;
  if (raft.electionElapsed >= raft.config.electionTick) {
    raft.electionElapsed = 0;
    if (raft.config.checkQuorum) stepOwn(raft, MessageType.CheckQuorum);
    // A transfer that took so long has failed; proposals are accepted again.
    if (raft.isLeader) raft.leadTransferee = NONE;
  }
  if (!raft.isLeader || raft.heartbeatElapsed < raft.config.heartbeatTick) return;
  raft.heartbeatElapsed = 0;
  stepOwn(raft, MessageType.Beat);
}

function stepOwn(raft: Raft, type: MessageType): void {
  const message = newMessage(type, 0);
  message.from = raft.id;
  step(raft, message);
}
