import type { Message } from '../src/index.ts';
import { MessageType } from '../src/index.ts';
import type { Disk } from './disk.ts';
import type { Surroundings, View } from './surroundings.ts';
import { demand } from './violation.ts';

/** Checks a message at the moment when it leaves for the network. */
export function checkLeaving(
  around: Surroundings,
  watch: View,
  disk: Disk,
  message: Message,
): void {
  switch (message.type) {
    case MessageType.VoteResp:
      return checkVote(around, disk, message);
    case MessageType.AppResp:
      return checkAcknowledgement(around, watch, disk, message);
    case MessageType.App:
      return watch.flow.appended(message);
    case MessageType.Snap:
      return watch.flow.restarted(message.to);
    case MessageType.Heartbeat:
      return checkHeartbeat(around, message);
    case MessageType.TimeoutNow:
      return checkTimeoutNow(around, watch, message);
    case MessageType.Prop:
      demand(
        !watch.memberPlan.disableProposalForwarding,
        'disableProposalForwarding',
        () => `${watch.id} forwards a proposal`,
      );
      return;
    default:
  }
}

/** A vote leaves when it is durable. */
function checkVote(around: Surroundings, disk: Disk, message: Message): void {
  if (message.reject) return;
  // Also a vote that was never durable itself, because a later term came before the sync.
  around.ledger.vote(message.term, message.from, message.to);
  const { term, vote } = disk.hardState;
  demand(
    term > message.term || (term === message.term && vote === message.to),
    'votes are durable before they leave',
    () =>
      `${message.from} votes for ${message.to} in term ${message.term}, ` +
      `its disk says ${vote} in term ${term}`,
  );
}

/** An acknowledgement leaves when the entries are durable, and they are those of the leader. */
function checkAcknowledgement(
  around: Surroundings,
  watch: View,
  disk: Disk,
  message: Message,
): void {
  // Once a later term is durable, nobody counts what is said in this one.
  const { term } = disk.hardState;
  if (message.reject || message.index === 0 || term > message.term) return;
  const rule = 'acknowledged entries are durable';
  demand(term === message.term, rule, () => `${watch.id} says term ${message.term} too early`);
  if (message.index <= disk.snapshotIndex) return;
  const known = disk.log.at(message.index);
  // The log in memory may have gone on to a later term, or to a snapshot.
  const comparable = watch.status.term === message.term && message.index >= watch.mirror.first;
  demand(
    known !== undefined && (!comparable || known === watch.mirror.at(message.index)),
    rule,
    () => `${watch.id} acknowledges ${message.index}, its disk ends at ${disk.log.last}`,
  );
  const leader = around.watch(message.to);
  if (leader === undefined || !leader.leads || leader.status.term !== message.term) return;
  const theirs = leader.mirror.at(message.index);
  demand(
    theirs === undefined || theirs === known,
    'acknowledged entries are those of the leader',
    () => `${watch.id} acknowledges another entry ${message.index} than ${message.to} has`,
  );
}

/** A heartbeat may only commit what the receiver is known to hold. */
function checkHeartbeat(around: Surroundings, message: Message): void {
  const disk = around.disk(message.to);
  demand(
    disk === undefined || message.commit <= Math.max(disk.log.last, disk.snapshotIndex),
    'heartbeats commit what the receiver holds',
    () => `${message.to} is told to commit ${message.commit}, and has up to ${disk?.log.last}`,
  );
}

/** Leadership goes to a member that has the whole log. */
function checkTimeoutNow(around: Surroundings, watch: View, message: Message): void {
  const disk = around.disk(message.to);
  // The transferee is told right after its last acknowledgement has come.
  const complete = disk !== undefined && disk.log.last >= watch.mirror.last;
  demand(
    complete || watch.status.term !== message.term || !watch.memberPlan.async,
    'leadership goes to an up-to-date member',
    () => `${message.to} is told to lead with ${disk?.log.last} of ${watch.mirror.last} entries`,
  );
}
