import { packEntry, unpackEntry } from '../entry/index.ts';
import { ENTRY_CODEC, isEntryType, NO_CODEC, PACKED_CODEC, RecordType } from './record.ts';

/** How payloads are written from now on; each record says how its own was (`store.codec`). */
export type PayloadCodec = 'json' | 'binary';

/** The bytes of a payload as they stand in a record, and how they are written. */
export interface StoredPayload {
  readonly codec: number;
  readonly bytes: Uint8Array;
}

/**
 * A payload as it is to be stored. What cannot be packed so that the same bytes come back stays as
 * it is. The bytes are good until the next call.
 */
export function storedPayload(type: number, data: Uint8Array, wanted: PayloadCodec): StoredPayload {
  if (!isEntryType(type)) return { codec: NO_CODEC, bytes: data };
  const packed =
    wanted === 'binary' && type === RecordType.Entry && data.length > 0 ? packEntry(data) : null;
  if (packed === null) return { codec: ENTRY_CODEC, bytes: data };
  return { codec: PACKED_CODEC, bytes: packed };
}

/**
 * The payload as it was given to the log.
 *
 * @throws EntryError where stored bytes are none that {@link storedPayload} gives
 */
export function originalPayload(codec: number, bytes: Uint8Array): Uint8Array {
  return codec === PACKED_CODEC ? unpackEntry(bytes) : bytes;
}
