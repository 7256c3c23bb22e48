import { CodecError, decodeConfChange, decodeConfChangeV2 } from './codec/index.ts';
import { toConfChangeV2 } from './confchange/index.ts';
import { describeConfChange, hex } from './describe.ts';
import type { Raft } from './raft.ts';
import type { StepResult } from './ready.ts';
import { appendEntries, broadcastAppend } from './replication.ts';
import type { ConfChangeV2, Entry, Message } from './types.ts';
import { EntryType, NONE, REFUSED_CHANGE } from './types.ts';

/** Takes proposals into the leader's log, unless it has to drop them. */
export function propose(raft: Raft, message: Message): StepResult {
  if (message.entries.length === 0) {
    throw raft.logger.misuse`${hex(raft.id)} stepped empty MsgProp`;
  }
  // Removed from the membership while leading: not a place for new entries.
  if (raft.tracker.get(raft.id) === undefined) return 'proposal-dropped';
  if (raft.leadTransferee !== NONE) {
    raft.logger
      .debug`${hex(raft.id)} [term ${raft.term}] transfer leadership to ${hex(raft.leadTransferee)} is in progress; dropping proposal`;
    return 'proposal-dropped';
  }
  const admitted = admitConfChanges(raft, message.entries);
  if (admitted === null || !appendEntries(raft, admitted)) return 'proposal-dropped';
  broadcastAppend(raft);
  return 'ok';
}

/**
 * Replaces membership changes that are not possible now by empty entries. Null when
 * one cannot be decoded: it may come from a peer, and must not get into the log.
 */
function admitConfChanges(raft: Raft, entries: readonly Entry[]): readonly Entry[] | null {
  let admitted: Entry[] | null = null;
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i];
    if (entry === undefined || entry.type === EntryType.Normal) continue;
    const change = decodeChange(entry);
    if (change === null) return null;
    const reason = refusal(raft, change);
    if (reason === null || raft.config.disableConfChangeValidation) {
      raft.pendingConfIndex = raft.log.lastIndex() + i + 1;
      continue;
    }
    raft.logger
      .info`${hex(raft.id)} ignoring conf change ${describeConfChange(change)} at config ${raft.tracker.config}: ${reason}`;
    admitted ??= entries.slice();
    admitted[i] = { term: 0, index: 0, type: EntryType.Normal, data: REFUSED_CHANGE };
  }
  return admitted ?? entries;
}

function decodeChange(entry: Entry): ConfChangeV2 | null {
  try {
    return entry.type === EntryType.ConfChange
      ? toConfChangeV2(decodeConfChange(entry.data))
      : decodeConfChangeV2(entry.data);
  } catch (error) {
    if (error instanceof CodecError) return null;
    throw error;
  }
}

/**
 * Why a change must not enter the log now, or null. The check is against the
 * configuration in force, which is as good as any while no change is pending.
 */
function refusal(raft: Raft, change: ConfChangeV2): string | null {
  if (raft.pendingConfIndex > raft.log.applied) {
    return (
      `possible unapplied conf change at index ${raft.pendingConfIndex} ` +
      `(applied to ${raft.log.applied})`
    );
  }
  const joint = raft.tracker.config.joint;
  const leaving = change.changes.length === 0;
  if (joint && !leaving) return 'must transition out of joint config first';
  if (!joint && leaving) return 'not in joint state; refusing empty conf change';
  return null;
}
