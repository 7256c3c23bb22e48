import type { ConfChange, ConfChangeSingle, ConfChangeV2 } from '../types.ts';
import { ConfChangeTransition, ConfChangeType, NO_BYTES } from '../types.ts';
import { CodecError, Reader, Writer } from './wire.ts';

/**
 * Membership changes are stored as protobuf messages of raftpb: they count towards
 * size limits by that length, and tools that know the format can read them. Unknown
 * fields are skipped, as protobuf prescribes.
 */

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** Field numbers of raftpb.ConfChange. */
const CHANGE = { id: 1, type: 2, nodeId: 3, context: 4 } as const;
/** Field numbers of raftpb.ConfChangeSingle. */
const SINGLE = { type: 1, nodeId: 2 } as const;
/** Field numbers of raftpb.ConfChangeV2. */
const CHANGE_V2 = { transition: 1, changes: 2, context: 3 } as const;

/** The room to begin with, besides the context. */
const FEW_CHANGES = 64;

/** @throws {CodecError} when a number cannot be encoded. */
export function encodeConfChange(change: ConfChange): Uint8Array {
  const writer = new Writer(FEW_CHANGES + change.context.length);
  if (change.id !== 0) writeNumber(writer, CHANGE.id, 'id', change.id);
  writeNumber(writer, CHANGE.type, 'type', change.type);
  writeNumber(writer, CHANGE.nodeId, 'nodeId', change.nodeId);
  writeContext(writer, CHANGE.context, change.context);
  return writer.finish();
}

/** @throws {CodecError} when a number cannot be encoded. */
export function encodeConfChangeV2(change: ConfChangeV2): Uint8Array {
  const writer = new Writer(FEW_CHANGES + change.context.length);
  writeNumber(writer, CHANGE_V2.transition, 'transition', change.transition);
  for (const single of change.changes) writeBytes(writer, CHANGE_V2.changes, encodeSingle(single));
  writeContext(writer, CHANGE_V2.context, change.context);
  return writer.finish();
}

function encodeSingle(single: ConfChangeSingle): Uint8Array {
  const writer = new Writer(FEW_CHANGES);
  writeNumber(writer, SINGLE.type, 'type', single.type);
  writeNumber(writer, SINGLE.nodeId, 'nodeId', single.nodeId);
  return writer.finish();
}

/** @throws {CodecError} for anything that is not an encoded ConfChange. */
export function decodeConfChange(bytes: Uint8Array): ConfChange {
  const reader = new Reader(bytes);
  let id = 0;
  let type: ConfChangeType = ConfChangeType.AddNode;
  let nodeId = 0;
  let context = NO_BYTES;
  while (reader.remaining > 0) {
    const tag = reader.varint();
    if (tag === tagOf(CHANGE.id, VARINT)) id = reader.varint();
    else if (tag === tagOf(CHANGE.type, VARINT)) type = changeType(reader.varint());
    else if (tag === tagOf(CHANGE.nodeId, VARINT)) nodeId = reader.varint();
    else if (tag === tagOf(CHANGE.context, BYTES)) context = reader.byteString();
    else skip(reader, tag);
  }
  return { id, type, nodeId, context };
}

/** @throws {CodecError} for anything that is not an encoded ConfChangeV2. */
export function decodeConfChangeV2(bytes: Uint8Array): ConfChangeV2 {
  const reader = new Reader(bytes);
  let transition: ConfChangeTransition = ConfChangeTransition.Auto;
  const changes: ConfChangeSingle[] = [];
  let context = NO_BYTES;
  while (reader.remaining > 0) {
    const tag = reader.varint();
    if (tag === tagOf(CHANGE_V2.transition, VARINT)) transition = transitionOf(reader.varint());
    else if (tag === tagOf(CHANGE_V2.changes, BYTES)) changes.push(decodeSingle(reader));
    else if (tag === tagOf(CHANGE_V2.context, BYTES)) context = reader.byteString();
    else skip(reader, tag);
  }
  return { transition, changes, context };
}

function decodeSingle(outer: Reader): ConfChangeSingle {
  const reader = new Reader(outer.byteString());
  let type: ConfChangeType = ConfChangeType.AddNode;
  let nodeId = 0;
  while (reader.remaining > 0) {
    const tag = reader.varint();
    if (tag === tagOf(SINGLE.type, VARINT)) type = changeType(reader.varint());
    else if (tag === tagOf(SINGLE.nodeId, VARINT)) nodeId = reader.varint();
    else skip(reader, tag);
  }
  return { type, nodeId };
}

function tagOf(field: number, wireType: number): number {
  return (field << 3) | wireType;
}

function skip(reader: Reader, tag: number): void {
  switch (tag % 8) {
    case VARINT:
      reader.varint();
      return;
    case FIXED64:
      reader.view(8);
      return;
    case BYTES:
      reader.byteString();
      return;
    case FIXED32:
      reader.view(4);
      return;
    default:
      throw new CodecError('BAD_VALUE', `protobuf tag ${tag}`);
  }
}

function changeType(value: number): ConfChangeType {
  for (const type of Object.values(ConfChangeType)) if (type === value) return type;
  throw new CodecError('BAD_VALUE', `conf change type ${value}`);
}

function transitionOf(value: number): ConfChangeTransition {
  for (const known of Object.values(ConfChangeTransition)) if (known === value) return known;
  throw new CodecError('BAD_VALUE', `conf change transition ${value}`);
}

function writeNumber(writer: Writer, field: number, name: string, value: number): void {
  writer.varint('tag', tagOf(field, VARINT));
  writer.varint(name, value);
}

function writeBytes(writer: Writer, field: number, value: Uint8Array): void {
  writer.varint('tag', tagOf(field, BYTES));
  writer.byteString(value);
}

function writeContext(writer: Writer, field: number, context: Uint8Array): void {
  if (context.length > 0) writeBytes(writer, field, context);
}
