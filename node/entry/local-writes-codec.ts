import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { EntryError } from './errors.ts';
import {
  pick,
  readActor,
  readIdempotency,
  readTexts,
  writeActor,
  writeIdempotency,
  writeTexts,
} from './parts.ts';
import { COUNTER_LIMIT } from './stamp.ts';
import type { LocalChange, LocalWrite, LocalWritesEntry } from './types.ts';

/** Position is part of the format: append only. */
const EFFECTS = ['put', 'deleted', 'unfit'] as const;
const EFFECT_MASK = 0x0f;
const HAS_EVENTS = 0x10;
const HAS_ROW = 0x20;
/** Effect, empty model, empty id. */
const LEAST_CHANGE_BYTES = 3;
/** Stamp, actor, no idempotency, no change. */
const LEAST_WRITE_BYTES = 6;

/** Writes the fields of an entry of this kind. */
export function writeLocalWrites(writer: ByteWriter, entry: LocalWritesEntry): void {
  writer.varint(entry.memberId);
  writer.varint(entry.timestampMs);
  writer.varint(entry.schemaVersion);
  writer.varint(entry.origin);
  writer.varint(entry.firstSequence);
  writer.varint(entry.writes.length);
  for (const write of entry.writes) writeOne(writer, write);
}

function writeOne(writer: ByteWriter, { stamp, actor, idempotency, changes }: LocalWrite): void {
  writer.varint(stamp.wallMs);
  writer.varint(stamp.counter);
  writeActor(writer, actor);
  writeIdempotency(writer, idempotency);
  writer.varint(changes.length);
  for (const change of changes) writeChange(writer, change);
}

function writeChange(writer: ByteWriter, change: LocalChange): void {
  const events = change.effect === 'unfit' ? undefined : change.events;
  const json = change.effect === 'deleted' ? null : change.json;
  const flags = (events === undefined ? 0 : HAS_EVENTS) | (json === null ? 0 : HAS_ROW);
  writer.byte(EFFECTS.indexOf(change.effect) | flags);
  writer.text(change.model);
  writer.text(change.id);
  if (json !== null) writer.json(json);
  if (change.effect === 'put') writeTexts(writer, change.keys);
  if (events !== undefined) writeTexts(writer, events);
}

/**
 * Reads what {@link writeLocalWrites} wrote.
 *
 * @throws EntryError `malformed_entry`
 */
export function readLocalWrites(reader: ByteReader): LocalWritesEntry {
  return {
    kind: 'localWrites',
    memberId: reader.varint(),
    timestampMs: reader.varint(),
    schemaVersion: reader.varint(),
    origin: reader.varint(),
    firstSequence: reader.varint(),
    writes: Array.from({ length: reader.count(LEAST_WRITE_BYTES) }, () => readOne(reader)),
  };
}

function readOne(reader: ByteReader): LocalWrite {
  const wallMs = reader.varint();
  const counter = reader.varint();
  if (counter >= COUNTER_LIMIT) throw new EntryError('malformed_entry', `counter ${counter}`);
  return {
    stamp: { wallMs, counter },
    actor: readActor(reader),
    idempotency: readIdempotency(reader),
    changes: Array.from({ length: reader.count(LEAST_CHANGE_BYTES) }, () => readChange(reader)),
  };
}

function readChange(reader: ByteReader): LocalChange {
  const flags = reader.byte();
  const effect = pick(EFFECTS, flags & EFFECT_MASK, 'effect of a local write');
  const model = reader.text();
  const id = reader.text();
  const json = (flags & HAS_ROW) === 0 ? null : reader.json();
  if (effect === 'unfit') return { effect, model, id, json };
  if (effect === 'put' && json === null)
    throw new EntryError('malformed_entry', 'a put has no row');
  const keys = effect === 'put' ? readTexts(reader) : [];
  const events = (flags & HAS_EVENTS) === 0 ? {} : { events: readTexts(reader) };
  return effect === 'put'
    ? { effect, model, id, json: json ?? '', keys, ...events }
    : { effect, model, id, ...events };
}
