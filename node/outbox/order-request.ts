import { decodeEntry, EntryError, encodeEntry, type LocalWritesEntry } from '../entry/index.ts';

/**
 * What the leader answers to writes that a member sends to be ordered. `later`: nothing was done
 * that can be relied on, they may be sent again; the member hears what was ordered from its log.
 */
export type OrderAnswer = 'ordered' | 'schema_changed' | 'gap' | 'not_a_member' | 'later';

const ANSWERS: readonly OrderAnswer[] = [
  'ordered',
  'schema_changed',
  'gap',
  'not_a_member',
  'later',
];

export function encodeRequest(writes: LocalWritesEntry): Uint8Array {
  return encodeEntry(writes);
}

/**
 * The writes that a member sends; it can only send its own.
 *
 * @throws EntryError
 */
export function decodeRequest(from: number, body: Uint8Array): LocalWritesEntry {
  const entry = decodeEntry(body);
  if (entry.kind === 'localWrites' && entry.origin === from) return entry;
  throw new EntryError('malformed_entry', `member ${from} did not send writes of its own`);
}

export function encodeAnswer(answer: OrderAnswer): Uint8Array {
  return Uint8Array.of(ANSWERS.indexOf(answer));
}

/** An answer that is unknown here may be one of a later version: it is asked again. */
export function decodeAnswer(body: Uint8Array): OrderAnswer {
  return ANSWERS[body[0] ?? -1] ?? 'later';
}
