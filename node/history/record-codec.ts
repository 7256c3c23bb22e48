import { type ByteReader, type ByteWriter, EntryError } from '../entry/index.ts';
import type { Evidence, VersionRecord } from '../ports/index.ts';
import type { ModelVersion } from './generation.ts';

// Positions in these lists are part of the format: append only.
const EFFECTS = ['created', 'updated', 'deleted', 'overridden'] as const;
const METHODS = ['none', 'apiKey', 'jwt', 'certificate'] as const;

const EFFECT_MASK = 0x03;
const HAS_EVIDENCE = 0x04;
const HAS_ACTOR = 0x10;
const HAS_ROW = 0x20;
const HAS_BEFORE = 0x40;
const HAS_CHANGED = 0x80;

/** Writes a version with the name of its model before it. */
export function writeModelVersion(writer: ByteWriter, { model, record }: ModelVersion): void {
  writer.text(model);
  writeVersion(writer, record);
}

/**
 * Reads what {@link writeModelVersion} wrote.
 *
 * @throws EntryError `malformed_entry`
 */
export function readModelVersion(reader: ByteReader): ModelVersion {
  return { model: reader.text(), record: readVersion(reader) };
}

/** Writes a version: flags, numbers, names of events, then what the flags announce. */
export function writeVersion(writer: ByteWriter, record: VersionRecord): void {
  const { actor, json, before, changed, evidence } = record;
  writer.byte(
    EFFECTS.indexOf(record.effect) |
      (evidence === null ? 0 : HAS_EVIDENCE) |
      (actor === null ? 0 : HAS_ACTOR) |
      (json === null ? 0 : HAS_ROW) |
      (before === null ? 0 : HAS_BEFORE) |
      (changed === null ? 0 : HAS_CHANGED),
  );
  writer.text(record.id);
  writer.varint(record.version);
  writer.varint(record.sequence);
  writer.varint(record.index);
  writer.varint(record.timeMs);
  writeTexts(writer, record.events);
  if (actor !== null) {
    writer.text(actor.subject);
    writer.byte(METHODS.indexOf(actor.method));
  }
  if (json !== null) writer.text(json);
  if (before !== null) writer.text(before);
  if (changed !== null) writeTexts(writer, changed);
  if (evidence !== null) writeEvidence(writer, evidence);
}

/**
 * Reads what {@link writeVersion} wrote.
 *
 * @throws EntryError `malformed_entry`
 */
export function readVersion(reader: ByteReader): VersionRecord {
  const flags = reader.byte();
  return {
    effect: pick(EFFECTS, flags & EFFECT_MASK, 'effect'),
    id: reader.text(),
    version: reader.varint(),
    sequence: reader.varint(),
    index: reader.varint(),
    timeMs: reader.varint(),
    events: readTexts(reader),
    actor: (flags & HAS_ACTOR) === 0 ? null : readActor(reader),
    json: (flags & HAS_ROW) === 0 ? null : reader.text(),
    before: (flags & HAS_BEFORE) === 0 ? null : reader.text(),
    changed: (flags & HAS_CHANGED) === 0 ? null : readTexts(reader),
    evidence: (flags & HAS_EVIDENCE) === 0 ? null : readEvidence(reader),
  };
}

function writeEvidence(writer: ByteWriter, { position, previous, link }: Evidence): void {
  writer.varint(position);
  writer.text(previous);
  writer.text(link);
}

function readEvidence(reader: ByteReader): Evidence {
  return { position: reader.varint(), previous: reader.text(), link: reader.text() };
}

function readActor(reader: ByteReader): VersionRecord['actor'] {
  return { subject: reader.text(), method: pick(METHODS, reader.byte(), 'method') };
}

function writeTexts(writer: ByteWriter, texts: readonly string[]): void {
  writer.varint(texts.length);
  for (const text of texts) writer.text(text);
}

function readTexts(reader: ByteReader): string[] {
  return Array.from({ length: reader.count(1) }, () => reader.text());
}

function pick<T>(list: readonly T[], at: number, what: string): T {
  const found = list[at];
  if (found === undefined) throw new EntryError('malformed_entry', `unknown ${what} ${at}`);
  return found;
}
