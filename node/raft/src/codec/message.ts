import { isLocalMessage, newMessage } from '../messages.ts';
import type { Message } from '../types.ts';
import { MessageType } from '../types.ts';
import { ENTRY_OVERHEAD, readEntries, readSnapshot, writeEntry, writeSnapshot } from './records.ts';
import { CodecError, Reader, Writer } from './wire.ts';

/**
 * A frame is: format, type, two bytes of flags (least significant first), then every
 * field whose flag is set, in the order of the flags. A field without a flag is zero.
 */
const FORMAT = 1;
/** What a frame takes without entries and byte strings, at most. */
const HEADER_AND_NUMBERS = 96;

const TO = 1 << 0;
const FROM = 1 << 1;
const TERM = 1 << 2;
const LOG_TERM = 1 << 3;
const INDEX = 1 << 4;
const COMMIT = 1 << 5;
const VOTE = 1 << 6;
const REJECT_HINT = 1 << 7;
const REJECT = 1 << 8;
const CONTEXT = 1 << 9;
const ENTRIES = 1 << 10;
const SNAPSHOT = 1 << 11;
const KNOWN_FLAGS = (1 << 12) - 1;

const TYPES: readonly MessageType[] = Object.values(MessageType);

/**
 * A message as it travels between members.
 *
 * @throws {CodecError} LOCAL_MESSAGE for a message that must not travel, BAD_VALUE
 *   for a number that cannot be encoded.
 */
export function encodeMessage(message: Message): Uint8Array {
  if (isLocalMessage(message.type) || message.responses.length > 0) {
    throw new CodecError('LOCAL_MESSAGE', `message type ${message.type}`);
  }
  const flags = flagsOf(message);
  const writer = new Writer(expectedSize(message));
  writer.byte(FORMAT);
  writer.byte(message.type);
  writer.byte(flags & 0xff);
  writer.byte(flags >> 8);
  writeNumbers(writer, message, flags);
  if (flags & CONTEXT) writer.byteString(message.context);
  if (flags & ENTRIES) {
    writer.varint('length', message.entries.length);
    for (const entry of message.entries) writeEntry(writer, entry);
  }
  if (message.snapshot !== null) writeSnapshot(writer, message.snapshot);
  return writer.finish();
}

/**
 * The message in a frame; its bytes (data, context) are views of the frame, which
 * must therefore not be reused.
 *
 * @throws {CodecError} for anything but one whole, well-formed frame.
 */
export function decodeMessage(frame: Uint8Array): Message {
  const reader = new Reader(frame);
  const format = reader.byte();
  if (format !== FORMAT) throw new CodecError('UNKNOWN_FORMAT', `message format ${format}`);
  const message = newMessage(messageType(reader.byte()), 0);
  const flags = reader.byte() | (reader.byte() << 8);
  if (flags > KNOWN_FLAGS) throw new CodecError('UNKNOWN_FORMAT', `message flags ${flags}`);
  readNumbers(reader, message, flags);
  if (flags & REJECT) message.reject = true;
  if (flags & CONTEXT) message.context = reader.byteString();
  if (flags & ENTRIES) message.entries = readEntries(reader);
  if (flags & SNAPSHOT) message.snapshot = readSnapshot(reader);
  reader.end();
  return message;
}

function messageType(value: number): MessageType {
  const type = TYPES[value];
  if (type === undefined) throw new CodecError('BAD_VALUE', `message type ${value}`);
  if (isLocalMessage(type)) throw new CodecError('LOCAL_MESSAGE', `message type ${value}`);
  return type;
}

function writeNumbers(writer: Writer, message: Message, flags: number): void {
  if (flags & TO) writer.varint('to', message.to);
  if (flags & FROM) writer.varint('from', message.from);
  if (flags & TERM) writer.varint('term', message.term);
  if (flags & LOG_TERM) writer.varint('logTerm', message.logTerm);
  if (flags & INDEX) writer.varint('index', message.index);
  if (flags & COMMIT) writer.varint('commit', message.commit);
  if (flags & VOTE) writer.varint('vote', message.vote);
  if (flags & REJECT_HINT) writer.varint('rejectHint', message.rejectHint);
}

function readNumbers(reader: Reader, message: Message, flags: number): void {
  if (flags & TO) message.to = reader.varint();
  if (flags & FROM) message.from = reader.varint();
  if (flags & TERM) message.term = reader.varint();
  if (flags & LOG_TERM) message.logTerm = reader.varint();
  if (flags & INDEX) message.index = reader.varint();
  if (flags & COMMIT) message.commit = reader.varint();
  if (flags & VOTE) message.vote = reader.varint();
  if (flags & REJECT_HINT) message.rejectHint = reader.varint();
}

function flagsOf(message: Message): number {
  let flags = numberFlags(message);
  if (message.reject) flags |= REJECT;
  if (message.context.length > 0) flags |= CONTEXT;
  if (message.entries.length > 0) flags |= ENTRIES;
  if (message.snapshot !== null) flags |= SNAPSHOT;
  return flags;
}

function numberFlags(message: Message): number {
  let flags = 0;
  if (message.to !== 0) flags |= TO;
  if (message.from !== 0) flags |= FROM;
  if (message.term !== 0) flags |= TERM;
  if (message.logTerm !== 0) flags |= LOG_TERM;
  if (message.index !== 0) flags |= INDEX;
  if (message.commit !== 0) flags |= COMMIT;
  if (message.vote !== 0) flags |= VOTE;
  if (message.rejectHint !== 0) flags |= REJECT_HINT;
  return flags;
}

/** At least the size of the frame, unless the snapshot has a very long ConfState. */
function expectedSize(message: Message): number {
  let size = HEADER_AND_NUMBERS + message.context.length;
  for (const entry of message.entries) size += ENTRY_OVERHEAD + entry.data.length;
  if (message.snapshot !== null) size += HEADER_AND_NUMBERS + message.snapshot.data.length;
  return size;
}
