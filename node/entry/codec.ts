import type { MemberRecord } from '../ports/index.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { EntryError } from './errors.ts';
import { readLocalWrites, writeLocalWrites } from './local-writes-codec.ts';
import { PackedReader, PackedWriter } from './packed.ts';
import {
  pick,
  readActor,
  readIdempotency,
  readTexts,
  writeActor,
  writeIdempotency,
  writeTexts,
} from './parts.ts';
import { TextMemo } from './text-memo.ts';
import {
  type ActivateEntry,
  APPLY_VERSION,
  type ApplyVersionEntry,
  type Change,
  type ColdEntry,
  type ColdObject,
  type CompactEntry,
  type Entry,
  type GenerationDigest,
  isPut,
  MAX_CHANGES,
  type MemberEntry,
  type MemberRemovalEntry,
  type SchemaEntry,
  type WriteEntry,
} from './types.ts';

// An entry is: apply version (varint), kind (byte), length of the whole (uint32, little endian),
// then the fields of the kind. Positions in these lists are part of the format: append only.
const KINDS = [
  'write',
  'schema',
  'member',
  'memberRemoval',
  'compact',
  'activate',
  'applyVersion',
  'localWrites',
  'cold',
] as const;
const EFFECTS = ['created', 'updated', 'deleted', 'unchanged'] as const;
const INTENTS = ['voter', 'learner'] as const;

/** Set in a change's first byte where its model is that of the change before. */
const SAME_MODEL = 0x10;
/** Set where names of events stand behind the change; from apply version 2 on. */
const HAS_EVENTS = 0x20;
/** Set in a member's last byte where its region stands behind it. */
const HAS_REGION = 0x10;
/** The apply version from which on model changes are prepared before they are in force. */
const PREPARED_CHANGES = 4;
/** The apply version from which members have a region. */
const REGIONS = 4;
/** The apply version from which on there are writes that nodes took by themselves. */
const LOCAL_WRITES = 4;
/** Effect, empty id, version. */
const LEAST_CHANGE_BYTES = 3;

/** Owned by `encodeEntry` and `packEntry`, which are not reentrant and leave them empty. */
const writer = new ByteWriter();
const packed = new PackedWriter();
/** Owned by `readChange`. */
const models = new TextMemo();

/**
 * Writes an entry.
 *
 * @throws EntryError `entry_too_large` beyond {@link MAX_CHANGES} changes
 */
export function encodeEntry(entry: Entry): Uint8Array {
  return encodeInto(entry).take();
}

/** The same into {@link writer}, which holds it until something else is written. */
function encodeInto(entry: Entry): ByteWriter {
  writer.reset();
  writer.varint(neededVersion(entry));
  writer.byte(KINDS.indexOf(entry.kind));
  const lengthAt = writer.reserveUint32();
  writeBody(writer, entry);
  writer.setUint32(lengthAt, writer.length);
  return writer;
}

/**
 * Writes an entry in the binary form of the log's records (codec 2): the same fields in the same
 * order, without the length, and with texts and rows packed. Null where these bytes are not what
 * {@link encodeEntry} writes: they could not be given back as they are.
 *
 * @returns a view that is good until the next call
 */
export function packEntry(data: Uint8Array): Uint8Array | null {
  const entry = readable(data);
  if (entry === null || Buffer.compare(encodeInto(entry).view(), data) !== 0) return null;
  packed.begin();
  packed.varint(neededVersion(entry));
  packed.byte(KINDS.indexOf(entry.kind));
  writeBody(packed, entry);
  return packed.view();
}

function readable(data: Uint8Array): Entry | null {
  try {
    return decodeEntry(data);
  } catch (error) {
    if (error instanceof EntryError) return null;
    throw error;
  }
}

/**
 * The inverse of {@link packEntry}: the bytes that were packed.
 *
 * @throws EntryError as {@link decodeEntry}
 */
export function unpackEntry(data: Uint8Array): Uint8Array {
  const reader = new PackedReader(data);
  const version = reader.varint();
  requireKnown(version);
  const entry = readBody(reader, pick(KINDS, reader.byte(), 'kind'), version);
  reader.end();
  return encodeEntry(entry);
}

/** The least apply version that can tell what an entry means. */
function neededVersion(entry: Entry): number {
  switch (entry.kind) {
    case 'localWrites':
      return LOCAL_WRITES;
    case 'activate':
      return PREPARED_CHANGES;
    case 'schema':
      return neededBySchema(entry);
    case 'compact':
      return 2;
    case 'cold':
      return 5;
    case 'write':
      return entry.changes.some(({ events }) => events !== undefined) ? 2 : 1;
    case 'member':
      return entry.member.region === undefined ? 1 : REGIONS;
    case 'applyVersion':
      return entry.to;
    default:
      return 1;
  }
}

function neededBySchema({ atOnce, needs }: SchemaEntry): number {
  return atOnce === true ? 1 : (needs ?? PREPARED_CHANGES);
}

/** Whether data is an entry that puts a prepared model change in force; reads no more than its head. */
export function isActivation(data: Uint8Array): boolean {
  if (data.length === 0) return false;
  const reader = new ByteReader(data);
  reader.varint();
  return KINDS[reader.byte()] === 'activate';
}

function writeBody(target: ByteWriter, entry: Entry): void {
  switch (entry.kind) {
    case 'write':
      return writeWrite(target, entry);
    case 'schema':
      return writeSchema(target, entry);
    case 'member':
      return writeMember(target, entry.member);
    case 'memberRemoval':
      return target.varint(entry.memberId);
    case 'compact':
      return writeCompact(target, entry);
    case 'cold':
      return writeCold(target, entry);
    case 'activate':
      return writeActivate(target, entry);
    case 'applyVersion':
      return target.varint(entry.to);
    case 'localWrites':
      return writeLocalWrites(target, entry);
  }
}

function writeWrite(target: ByteWriter, entry: WriteEntry): void {
  if (entry.changes.length > MAX_CHANGES) {
    throw new EntryError('entry_too_large', `an entry holds at most ${MAX_CHANGES} changes`);
  }
  target.varint(entry.memberId);
  target.varint(entry.timestampMs);
  target.varint(entry.schemaVersion);
  writeActor(target, entry.actor);
  writeIdempotency(target, entry.idempotency);
  target.varint(entry.changes.length);
  let model = '';
  for (const change of entry.changes) {
    writeChange(target, change, model);
    model = change.model;
  }
}

function writeChange(target: ByteWriter, change: Change, modelBefore: string): void {
  const sameModel = change.model === modelBefore;
  const { events } = change;
  const flags = (sameModel ? SAME_MODEL : 0) | (events === undefined ? 0 : HAS_EVENTS);
  target.byte(EFFECTS.indexOf(change.effect) | flags);
  if (!sameModel) target.text(change.model);
  target.text(change.id);
  target.varint(change.expectedVersion);
  if (isPut(change)) {
    target.json(change.json);
    writeTexts(target, change.keys);
  }
  if (events !== undefined) writeTexts(target, events);
}

function writeSchema(target: ByteWriter, entry: SchemaEntry): void {
  target.varint(entry.memberId);
  target.varint(entry.timestampMs);
  target.varint(entry.expectedSchemaVersion);
  target.text(entry.schemaJson);
}

function writeActivate(target: ByteWriter, entry: ActivateEntry): void {
  target.varint(entry.memberId);
  target.varint(entry.timestampMs);
  target.varint(entry.schemaVersion);
}

function writeCompact(target: ByteWriter, entry: CompactEntry): void {
  target.varint(entry.memberId);
  target.varint(entry.timestampMs);
  target.varint(entry.generation);
  writeDigests(target, entry.digests);
}

function writeCold(
  target: ByteWriter,
  { memberId, timestampMs, model, removed, added }: ColdEntry,
): void {
  target.varint(memberId);
  target.varint(timestampMs);
  target.text(model);
  target.varint(removed.length);
  for (const name of removed) target.text(name);
  target.varint(added.length);
  for (const object of added) writeColdObject(target, object);
}

/** Writes what is known of an object; snapshots hold it in the same form. */
export function writeColdObject(target: ByteWriter, object: ColdObject): void {
  target.text(object.name);
  for (const number of [object.upToMs, object.oldestMs, object.records, object.bytes]) {
    target.varint(number);
  }
  target.text(object.sha256);
  target.text(object.digest);
}

/** Writes digests; snapshots hold them in the same form. */
export function writeDigests(target: ByteWriter, digests: readonly GenerationDigest[]): void {
  target.varint(digests.length);
  for (const { generation, digest } of digests) {
    target.varint(generation);
    target.text(digest);
  }
}

/** Writes a member record; snapshots hold them in the same form. */
export function writeMember(target: ByteWriter, member: MemberRecord): void {
  target.varint(member.id);
  target.text(member.name);
  target.text(member.address);
  target.text(member.diskUuid);
  const { region } = member;
  target.byte(INTENTS.indexOf(member.intent) | (region === undefined ? 0 : HAS_REGION));
  if (region !== undefined) target.text(region);
}

/** The apply version that an encoded entry asks for. */
export function neededApplyVersion(data: Uint8Array): number {
  return new ByteReader(data).varint();
}

/**
 * Reads an entry. JSON in it is not parsed.
 *
 * @param latest the apply version that this member takes part up to
 * @throws EntryError `malformed_entry`, or `unsupported_entry` for a later apply version
 */
export function decodeEntry(data: Uint8Array, latest = APPLY_VERSION): Entry {
  const reader = new ByteReader(data);
  const version = reader.varint();
  requireKnown(version, latest);
  const kind = pick(KINDS, reader.byte(), 'kind');
  if (reader.uint32() !== data.length) {
    throw new EntryError('malformed_entry', 'the length of the entry is not the one it announces');
  }
  const entry = readBody(reader, kind, version);
  reader.end();
  return entry;
}

function requireKnown(version: number, latest = APPLY_VERSION): void {
  if (version > 0 && version <= latest) return;
  throw new EntryError(
    'unsupported_entry',
    `an entry needs apply version ${version}, this member takes part up to ${latest}: update it`,
  );
}

function readBody(reader: ByteReader, kind: Entry['kind'], version: number): Entry {
  switch (kind) {
    case 'write':
      return readWrite(reader);
    case 'schema':
      return readSchema(reader, version);
    case 'member':
      return { kind, member: readMember(reader) } satisfies MemberEntry;
    case 'memberRemoval':
      return { kind, memberId: reader.varint() } satisfies MemberRemovalEntry;
    case 'compact':
      return readCompact(reader);
    case 'activate':
      return readActivate(reader);
    case 'applyVersion':
      return { kind, to: reader.varint() } satisfies ApplyVersionEntry;
    case 'localWrites':
      return readLocalWrites(reader);
    case 'cold':
      return readCold(reader);
  }
}

function readWrite(reader: ByteReader): WriteEntry {
  const memberId = reader.varint();
  const timestampMs = reader.varint();
  const schemaVersion = reader.varint();
  const actor = readActor(reader);
  const idempotency = readIdempotency(reader);
  const count = reader.count(LEAST_CHANGE_BYTES);
  if (count > MAX_CHANGES) throw new EntryError('malformed_entry', `it has ${count} changes`);
  const changes: Change[] = [];
  let model = '';
  for (let i = 0; i < count; i++) {
    const change = readChange(reader, model);
    changes.push(change);
    model = change.model;
  }
  return { kind: 'write', memberId, timestampMs, schemaVersion, actor, idempotency, changes };
}

function readChange(reader: ByteReader, modelBefore: string): Change {
  const head = reader.byte();
  const effect = pick(EFFECTS, head & ~(SAME_MODEL | HAS_EVENTS), 'effect');
  const model = (head & SAME_MODEL) === 0 ? reader.frequentText(models) : modelBefore;
  const id = reader.text();
  const expectedVersion = reader.varint();
  const named = (head & HAS_EVENTS) !== 0;
  if (effect === 'deleted' || effect === 'unchanged') {
    const change = { effect, model, id, expectedVersion };
    return named ? { ...change, events: readTexts(reader) } : change;
  }
  const change = {
    effect,
    model,
    id,
    expectedVersion,
    json: reader.json(),
    keys: readTexts(reader),
  };
  return named ? { ...change, events: readTexts(reader) } : change;
}

function readSchema(reader: ByteReader, version: number): SchemaEntry {
  return {
    ...(version < PREPARED_CHANGES && { atOnce: true }),
    ...(version > PREPARED_CHANGES && { needs: version }),
    kind: 'schema',
    memberId: reader.varint(),
    timestampMs: reader.varint(),
    expectedSchemaVersion: reader.varint(),
    schemaJson: reader.text(),
  };
}

function readActivate(reader: ByteReader): ActivateEntry {
  return {
    kind: 'activate',
    memberId: reader.varint(),
    timestampMs: reader.varint(),
    schemaVersion: reader.varint(),
  };
}

function readCompact(reader: ByteReader): CompactEntry {
  return {
    kind: 'compact',
    memberId: reader.varint(),
    timestampMs: reader.varint(),
    generation: reader.varint(),
    digests: readDigests(reader),
  };
}

function readCold(reader: ByteReader): ColdEntry {
  return {
    kind: 'cold',
    memberId: reader.varint(),
    timestampMs: reader.varint(),
    model: reader.text(),
    removed: readTexts(reader),
    added: Array.from({ length: reader.count(7) }, () => readColdObject(reader)),
  };
}

/** Reads what {@link writeColdObject} wrote. */
export function readColdObject(reader: ByteReader): ColdObject {
  return {
    name: reader.text(),
    upToMs: reader.varint(),
    oldestMs: reader.varint(),
    records: reader.varint(),
    bytes: reader.varint(),
    sha256: reader.text(),
    digest: reader.text(),
  };
}

/** Reads what {@link writeDigests} wrote. */
export function readDigests(reader: ByteReader): GenerationDigest[] {
  return Array.from({ length: reader.count(2) }, () => ({
    generation: reader.varint(),
    digest: reader.text(),
  }));
}

/** Reads what {@link writeMember} wrote. */
export function readMember(reader: ByteReader): MemberRecord {
  const id = reader.varint();
  const [name, address, diskUuid] = [reader.text(), reader.text(), reader.text()];
  const last = reader.byte();
  const intent = pick(INTENTS, last & ~HAS_REGION, 'intent');
  const member = { id, name, address, diskUuid, intent };
  return (last & HAS_REGION) === 0 ? member : { ...member, region: reader.text() };
}
