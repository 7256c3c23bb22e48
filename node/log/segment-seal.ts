import {
  type BlockCipher,
  EncryptionError,
  type FileKeys,
  type KeyTag,
  NONCE_BYTES,
  TAG_BYTES,
} from '../encryption/index.ts';
import { setUint64, viewOf } from './numbers.ts';
import { NO_KEY, type RecordHeader } from './record.ts';
import type { SegmentHeader } from './segment-header.ts';

/** What encryption adds to the payload of a record: a nonce before it, a tag behind it. */
export const SEALED_BYTES = NONCE_BYTES + TAG_BYTES;

/** Whether the files of a log are to be encrypted, and with what. */
export interface LogEncryption {
  readonly keys: FileKeys | null;
  /** Whether new files are encrypted. Never true without keys. */
  isOn: boolean;
  /** Hears that a received snapshot must be encrypted, where there are no keys. */
  readonly onSecret: (error: Error) => void;
}

/** Id of the key that new files get; 0 for none. */
export function wantedKeyId({ keys, isOn }: LogEncryption): number {
  return isOn && keys !== null ? keys.activeId : 0;
}

/**
 * Encrypts the payloads of one segment's entries, each on its own: with a random nonce, because a
 * torn record leaves its place to another one, and bound to its place and its header, so that no
 * record can stand in for another.
 */
export class SegmentSeal {
  readonly tag: KeyTag;
  readonly #cipher: BlockCipher;
  readonly #keys: FileKeys;
  readonly #context = new Uint8Array(34);
  readonly #view = viewOf(this.#context);

  constructor(tag: KeyTag, cipher: BlockCipher, keys: FileKeys) {
    this.tag = tag;
    this.#cipher = cipher;
    this.#keys = keys;
  }

  /** Writes a sealed payload to `target` from `at` on; `SEALED_BYTES` longer than the plain one. */
  seal(
    payload: Uint8Array,
    header: RecordHeader,
    offset: number,
    target: Uint8Array,
    at: number,
  ): void {
    this.#keys.nonce(target, at);
    const nonce = target.subarray(at, at + NONCE_BYTES);
    this.#cipher.seal(nonce, this.#contextOf(header, offset), payload, target, at + NONCE_BYTES);
  }

  /** Null where the payload is not what was sealed at this place, under this header. */
  open(payload: Uint8Array, header: RecordHeader, offset: number): Uint8Array | null {
    if (payload.length < SEALED_BYTES) return null;
    const nonce = payload.subarray(0, NONCE_BYTES);
    const context = this.#contextOf(header, offset);
    return this.#cipher.open(nonce, context, payload.subarray(NONCE_BYTES));
  }

  #contextOf(header: RecordHeader, offset: number): Uint8Array {
    const view = this.#view;
    setUint64(view, 0, offset);
    view.setUint8(8, header.type);
    view.setUint8(9, header.codec);
    view.setUint32(10, header.group, true);
    view.setUint32(14, header.key, true);
    setUint64(view, 18, header.index);
    setUint64(view, 26, header.term);
    return this.#context;
  }
}

/** The segment that a seal is for. */
type SegmentName = Pick<SegmentHeader, 'clusterId' | 'memberId' | 'sequence'>;

function purposeOf({ clusterId, memberId, sequence }: SegmentName): string {
  return `segment ${clusterId} ${memberId} ${sequence}`;
}

/** The seal of a new segment with this random nonce; null where it is not to be encrypted. */
export function beginSeal(
  { keys, isOn }: LogEncryption,
  segment: SegmentName,
  nonce: Uint8Array,
): SegmentSeal | null {
  if (!isOn || keys === null) return null;
  const { tag, cipher } = keys.begin(purposeOf(segment), nonce);
  return new SegmentSeal(tag, cipher, keys);
}

/**
 * The seal of a segment that there is; null where it is not encrypted.
 *
 * @throws EncryptionError
 */
export function openSeal(
  keys: FileKeys | null,
  header: SegmentHeader,
  file: string,
): SegmentSeal | null {
  if (header.tag === null) return null;
  if (keys === null) throw withoutKeys(file, header.tag.keyId);
  return new SegmentSeal(header.tag, keys.open(purposeOf(header), header.tag, file), keys);
}

/**
 * The payload of an entry as it was saved; null where it is not what was written. `seal` is that of
 * its segment: in an encrypted one, an entry that is not encrypted did not come from us.
 */
export function unsealed(
  seal: SegmentSeal | null,
  payload: Uint8Array,
  header: RecordHeader,
  offset: number,
): Uint8Array | null {
  if (header.key !== (seal?.tag.keyId ?? NO_KEY)) return null;
  return seal === null ? payload : seal.open(payload, header, offset);
}

/** What is wrong where {@link unsealed} gives null. */
export function notAuthentic(seal: SegmentSeal | null): string {
  if (seal === null) return 'it is encrypted, and its segment is not';
  return `it does not authenticate under key ${seal.tag.keyId}: it was changed, moved or exchanged`;
}

/** Why the keys do not open a segment; null where they do. */
export function whyNotOpen(
  keys: FileKeys | null,
  header: SegmentHeader,
  file: string,
): EncryptionError | null {
  if (header.tag === null) return null;
  if (keys === null) return withoutKeys(file, header.tag.keyId);
  return keys.whyNot(purposeOf(header), header.tag, file);
}

/** The error for a file that is encrypted, where no keys were given. */
export function withoutKeys(file: string, keyId: number): EncryptionError {
  const text = `${file} is encrypted with key ${keyId}, and no keys were given (--keys FILE)`;
  return new EncryptionError('KEYS_MISSING', text);
}
