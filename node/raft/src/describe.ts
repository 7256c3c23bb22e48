import { decodeConfChange, decodeConfChangeV2 } from './codec/index.ts';
import { toConfChangeV2 } from './confchange/index.ts';
import { quote } from './quote.ts';
import type { Ready, Status } from './ready.ts';
import { progressStateName } from './tracker/index.ts';
import type {
  ConfChange,
  ConfChangeSingle,
  ConfChangeV2,
  ConfState,
  Entry,
  HardState,
  Message,
  Snapshot,
  SoftState,
} from './types.ts';
import {
  ConfChangeTransition,
  ConfChangeType,
  EntryType,
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  MessageType,
  NONE,
  StateType,
} from './types.ts';

/**
 * Texts for people: log lines and dumps. The formats are those of the upstream
 * implementation, so that its recorded conversations can be compared with ours.
 */

const MESSAGE_TYPE_NAMES = namesOf('Msg', MessageType);
const ENTRY_TYPE_NAMES = namesOf('Entry', EntryType);
const STATE_NAMES = namesOf('State', StateType);
const CONF_CHANGE_TYPE_NAMES = namesOf('ConfChange', ConfChangeType);
const TRANSITION_NAMES = namesOf('ConfChangeTransition', ConfChangeTransition);
const CHANGE_LETTERS = ['v', 'r', 'u', 'l'] as const;

/** Renders an entry's bytes. */
export type EntryFormatter = (data: Uint8Array) => string;

/** `MsgApp` and the like. */
export function messageTypeName(type: Message['type']): string {
  return MESSAGE_TYPE_NAMES[type] ?? String(type);
}

/** The type with the given name, undefined when there is none. */
export function messageTypeByName(name: string): number | undefined {
  const type = MESSAGE_TYPE_NAMES.findIndex((known) => known === name);
  return type < 0 ? undefined : type;
}

/** `StateLeader` and the like. */
export function stateTypeName(state: SoftState['raftState']): string {
  return STATE_NAMES[state] ?? String(state);
}

/** An id as it appears in log lines. */
export function hex(id: number): string {
  return id.toString(16);
}

/** `Term:2 Vote:1 Commit:7`; a vote that was not cast is left out. */
export function describeHardState(state: HardState): string {
  const vote = state.vote === NONE ? '' : ` Vote:${state.vote}`;
  return `Term:${state.term}${vote} Commit:${state.commit}`;
}

/** `Lead:1 State:StateFollower`. */
export function describeSoftState(state: SoftState): string {
  return `Lead:${state.lead} State:${stateTypeName(state.raftState)}`;
}

/** The four lists and autoLeave, on one line. */
export function describeConfState(state: ConfState): string {
  return (
    `Voters:[${state.voters.join(' ')}] VotersOutgoing:[${state.votersOutgoing.join(' ')}] ` +
    `Learners:[${state.learners.join(' ')}] LearnersNext:[${state.learnersNext.join(' ')}] ` +
    `AutoLeave:${state.autoLeave}`
  );
}

/** A ConfState field by field, as the text form of its protobuf message has it. */
export function confStateFields(state: ConfState): string {
  return [
    ...state.voters.map((id) => `voters:${id}`),
    ...state.learners.map((id) => `learners:${id}`),
    ...state.votersOutgoing.map((id) => `voters_outgoing:${id}`),
    ...state.learnersNext.map((id) => `learners_next:${id}`),
    `auto_leave:${state.autoLeave}`,
  ].join(' ');
}

/** Index, term and membership; the data is left out. */
export function describeSnapshot(snapshot: Snapshot): string {
  const { index, term, confState } = snapshot.metadata;
  return `Index:${index} Term:${term} ConfState:${describeConfState(confState)}`;
}

/** Several lines, each ended by a line break. */
export function describeEntries(entries: readonly Entry[], format: EntryFormatter = quote): string {
  return entries.map((entry) => `${describeEntry(entry, format)}\n`).join('');
}

/** `term/index type content`, where a membership change is decoded. */
export function describeEntry(entry: Entry, format: EntryFormatter = quote): string {
  const content = describeContent(entry, format);
  const name = ENTRY_TYPE_NAMES[entry.type];
  return `${entry.term}/${entry.index} ${name}${content === '' ? '' : ` ${content}`}`;
}

function describeContent(entry: Entry, format: EntryFormatter): string {
  if (entry.type === EntryType.Normal) return format(entry.data);
  try {
    return entry.type === EntryType.ConfChange
      ? describeChanges(toConfChangeV2(decodeConfChange(entry.data)).changes)
      : describeChanges(decodeConfChangeV2(entry.data).changes);
  } catch (error) {
    return String(error);
  }
}

/** The short form, as in `v1 l2 r3`. */
export function describeChanges(changes: readonly ConfChangeSingle[]): string {
  return changes.map((change) => `${CHANGE_LETTERS[change.type]}${change.nodeId}`).join(' ');
}

/** Either form of a change as the general one, field by field. */
export function describeConfChange(change: ConfChange | ConfChangeV2): string {
  const { transition, changes, context } = toConfChangeV2(change);
  let text = `transition:${TRANSITION_NAMES[transition]}`;
  for (const { type, nodeId } of changes) {
    text += ` changes:{type:${CONF_CHANGE_TYPE_NAMES[type]} node_id:${nodeId}}`;
  }
  return context.length === 0 ? text : `${text} context:${quote(context)}`;
}

/** One line, followed by those of its entries, snapshot and responses where there are several. */
export function describeMessage(message: Message, format: EntryFormatter = quote): string {
  return describeIndented('', message, format);
}

function describeIndented(indent: string, message: Message, format: EntryFormatter): string {
  let text =
    `${indent}${describeTarget(message.from)}->${describeTarget(message.to)} ` +
    `${messageTypeName(message.type)} Term:${message.term} Log:${message.logTerm}/${message.index}`;
  if (message.reject) text += ` Rejected (Hint: ${message.rejectHint})`;
  if (message.commit !== 0) text += ` Commit:${message.commit}`;
  if (message.vote !== NONE) text += ` Vote:${message.vote}`;
  text += describeEntryList(indent, message.entries, format);
  const snapshot = message.snapshot;
  if (snapshot !== null && snapshot.metadata.index !== 0) {
    text += `\n${indent}  Snapshot: ${describeSnapshot(snapshot)}`;
  }
  if (message.responses.length === 0) return text;
  const responses = message.responses.map(
    (response) => `\n${describeIndented(`${indent}  `, response, format)}`,
  );
  return `${text} Responses:[${responses.join('')}\n${indent}]`;
}

function describeEntryList(
  indent: string,
  entries: readonly Entry[],
  format: EntryFormatter,
): string {
  const [first] = entries;
  if (first === undefined) return '';
  if (entries.length === 1) return ` Entries:[${describeEntry(first, format)}]`;
  const lines = entries.map((entry) => `\n${indent}  ${describeEntry(entry, format)}`);
  return ` Entries:[${lines.join('')}\n${indent}]`;
}

function describeTarget(id: number): string {
  if (id === NONE) return 'None';
  if (id === LOCAL_APPEND_THREAD) return 'AppendThread';
  return id === LOCAL_APPLY_THREAD ? 'ApplyThread' : hex(id);
}

/** A status as JSON, ids in hexadecimal, without the parts that change with the version. */
export function describeStatus(status: Status): string {
  const { id, term, vote, commit, lead, raftState, applied, leadTransferee } = status;
  const progress = Array.from(status.progress.values(), (member) => {
    const { match, next, state } = member;
    return [hex(member.id), { match, next, state: progressStateName(state) }];
  });
  return JSON.stringify({
    id: hex(id),
    term,
    vote: hex(vote),
    commit,
    lead: hex(lead),
    raftState: stateTypeName(raftState),
    applied,
    progress: Object.fromEntries(progress),
    leadtransferee: hex(leadTransferee),
  });
}

/** The whole of a Ready, over several lines. */
export function describeReady(ready: Ready, format: EntryFormatter = quote): string {
  let text = '';
  if (ready.softState !== null) text += `${describeSoftState(ready.softState)}\n`;
  if (ready.hardState !== null) text += `HardState ${describeHardState(ready.hardState)}\n`;
  if (ready.readStates.length > 0) text += `ReadStates ${describeReadStates(ready)}\n`;
  if (ready.entries.length > 0) text += `Entries:\n${describeEntries(ready.entries, format)}`;
  if (ready.snapshot !== null) text += `Snapshot ${describeSnapshot(ready.snapshot)}\n`;
  if (ready.committedEntries.length > 0) {
    text += `CommittedEntries:\n${describeEntries(ready.committedEntries, format)}`;
  }
  if (ready.messages.length > 0) {
    const lines = ready.messages.map((message) => `${describeMessage(message, format)}\n`);
    text += `Messages:\n${lines.join('')}`;
  }
  return text === '' ? '<empty Ready>' : `Ready MustSync=${ready.mustSync}:\n${text}`;
}

function describeReadStates(ready: Ready): string {
  const states = ready.readStates.map(
    (state) => `{${state.index} [${Array.from(state.requestCtx).join(' ')}]}`,
  );
  return `[${states.join(' ')}]`;
}

/** The names of numbered kinds, by number. */
function namesOf(prefix: string, kinds: Readonly<Record<string, number>>): readonly string[] {
  return Object.keys(kinds).map((name) => `${prefix}${name}`);
}
