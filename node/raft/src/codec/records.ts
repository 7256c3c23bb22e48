import type { ConfState, Entry, HardState, Snapshot } from '../types.ts';
import { EntryType } from '../types.ts';
import { CodecError, Reader, Writer } from './wire.ts';

/** The least that an encoded entry takes: type, term, index, length. */
const LEAST_ENTRY_SIZE = 4;

/** What an encoded entry takes besides its data, at most. */
export const ENTRY_OVERHEAD = 25;

/** The room to begin with for a record of a few numbers. */
const SMALL_RECORD = 64;

/** `type, term, index, length, data`. @throws {CodecError} when a number cannot be encoded. */
export function encodeEntry(entry: Entry): Uint8Array {
  const writer = new Writer(ENTRY_OVERHEAD + entry.data.length);
  writeEntry(writer, entry);
  return writer.finish();
}

/** The data is a view of `bytes`. @throws {CodecError} for anything but one encoded entry. */
export function decodeEntry(bytes: Uint8Array): Entry {
  const reader = new Reader(bytes);
  const entry = readEntry(reader);
  reader.end();
  return entry;
}

/** `term, vote, commit`. @throws {CodecError} when a number cannot be encoded. */
export function encodeHardState(state: HardState): Uint8Array {
  const writer = new Writer(SMALL_RECORD);
  writer.varint('term', state.term);
  writer.varint('vote', state.vote);
  writer.varint('commit', state.commit);
  return writer.finish();
}

/** @throws {CodecError} for anything but one encoded hard state. */
export function decodeHardState(bytes: Uint8Array): HardState {
  const reader = new Reader(bytes);
  const state = { term: reader.varint(), vote: reader.varint(), commit: reader.varint() };
  reader.end();
  return state;
}

/** The four lists, each with its length, and autoLeave. @throws {CodecError} for an impossible id. */
export function encodeConfState(state: ConfState): Uint8Array {
  const writer = new Writer(SMALL_RECORD);
  writeConfState(writer, state);
  return writer.finish();
}

/** @throws {CodecError} for anything but one encoded ConfState. */
export function decodeConfState(bytes: Uint8Array): ConfState {
  const reader = new Reader(bytes);
  const state = readConfState(reader);
  reader.end();
  return state;
}

export function writeEntry(writer: Writer, entry: Entry): void {
  writer.byte(entry.type);
  writer.varint('entry.term', entry.term);
  writer.varint('entry.index', entry.index);
  writer.byteString(entry.data);
}

export function readEntries(reader: Reader): Entry[] {
  const entries: Entry[] = [];
  for (let left = reader.count(LEAST_ENTRY_SIZE); left > 0; left--) entries.push(readEntry(reader));
  return entries;
}

function readEntry(reader: Reader): Entry {
  const type = entryType(reader.byte());
  return { term: reader.varint(), index: reader.varint(), type, data: reader.byteString() };
}

function entryType(value: number): EntryType {
  switch (value) {
    case EntryType.Normal:
    case EntryType.ConfChange:
    case EntryType.ConfChangeV2:
      return value;
    default:
      throw new CodecError('BAD_VALUE', `entry type ${value}`);
  }
}

export function writeSnapshot(writer: Writer, snapshot: Snapshot): void {
  writer.varint('snapshot.index', snapshot.metadata.index);
  writer.varint('snapshot.term', snapshot.metadata.term);
  writeConfState(writer, snapshot.metadata.confState);
  writer.byteString(snapshot.data);
}

export function readSnapshot(reader: Reader): Snapshot {
  const index = reader.varint();
  const term = reader.varint();
  const confState = readConfState(reader);
  return { data: reader.byteString(), metadata: { confState, index, term } };
}

function writeConfState(writer: Writer, state: ConfState): void {
  for (const ids of [state.voters, state.learners, state.votersOutgoing, state.learnersNext]) {
    writer.varint('length', ids.length);
    for (const id of ids) writer.varint('member id', id);
  }
  writer.byte(state.autoLeave ? 1 : 0);
}

function readConfState(reader: Reader): ConfState {
  const voters = readIds(reader);
  const learners = readIds(reader);
  const votersOutgoing = readIds(reader);
  const learnersNext = readIds(reader);
  const autoLeave = reader.byte();
  if (autoLeave > 1) throw new CodecError('BAD_VALUE', `autoLeave is ${autoLeave}`);
  return { voters, learners, votersOutgoing, learnersNext, autoLeave: autoLeave === 1 };
}

function readIds(reader: Reader): number[] {
  const ids: number[] = [];
  for (let left = reader.count(1); left > 0; left--) ids.push(readId(reader));
  return ids;
}

function readId(reader: Reader): number {
  const id = reader.varint();
  if (id === 0) throw new CodecError('BAD_VALUE', 'member id is 0');
  return id;
}
