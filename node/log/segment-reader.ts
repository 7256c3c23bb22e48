import { crc32cIn } from './crc32c.ts';
import { LogFormatError } from './errors.ts';
import type { OpenFile } from './file-system.ts';
import { viewOf } from './numbers.ts';
import {
  emptyHeader,
  MAX_PAYLOAD_BYTES,
  RECORD_ALIGNMENT,
  RECORD_HEADER_BYTES,
  type RecordHeader,
  readHeader,
  recordBytes,
  whyUnsupported,
} from './record.ts';
import { SEGMENT_HEADER_BYTES } from './segment-header.ts';

const WINDOW_BYTES = 1024 * 1024;
/** What a file that was never written to the end mostly holds. */
const ZEROS = Buffer.alloc(4096);

/** What stands behind the last sound record of a segment. */
export interface TailSurvey {
  /** Why the next bytes are no record of this segment. */
  readonly reason: string;
  /**
   * Offset of a record whose batch began behind the bad place, which proves that the bad bytes had
   * been durable: corruption. Null where a crash in the last batch explains everything.
   */
  readonly provenBy: number | null;
  /** End of the last remains of the torn batch; the offset of the bad place where there are none. */
  readonly end: number;
}

/** Takes whole records, all of which are sound, and where in the segment they begin. */
export type VerifiedListener = (start: number, bytes: Uint8Array) => void;

/**
 * Reads the records of one segment in order. `header` and `payload` are reused by every `next`.
 */
export class SegmentReader {
  header: RecordHeader = emptyHeader();
  /** Where the record in `header` begins. */
  recordOffset = SEGMENT_HEADER_BYTES;
  /** Position of that record in the segment, from 0. */
  record = -1;
  /** Behind the last sound record. */
  end = SEGMENT_HEADER_BYTES;
  /** Where the batch of the last sound record began. */
  batchOffset = SEGMENT_HEADER_BYTES;
  /** Checksum of the last sound record. */
  checksum: number;

  readonly #file: OpenFile;
  readonly #name: string;
  readonly #salt: number;
  #next: RecordHeader = emptyHeader();
  #window: Uint8Array;
  #view: DataView;
  #windowStart = 0;
  #windowBytes = 0;
  readonly #onVerified: VerifiedListener | null;

  /** @param onVerified hears of what was read, piece by piece; for the last one see `endBlock` */
  constructor(
    file: OpenFile,
    name: string,
    salt: number,
    onVerified: VerifiedListener | null = null,
  ) {
    this.#file = file;
    this.#name = name;
    this.#salt = salt;
    this.#onVerified = onVerified;
    this.checksum = salt;
    this.#window = new Uint8Array(
      Math.min(WINDOW_BYTES, Math.max(file.size(), RECORD_HEADER_BYTES)),
    );
    this.#view = viewOf(this.#window);
  }

  /**
   * Moves to the next record; false where the bytes there are none that follows.
   *
   * @throws LogFormatError for a sound record that this version cannot read
   */
  next(): boolean {
    if (this.#whyNoRecord(this.end) !== null) return false;
    const spare = this.header;
    this.header = this.#next;
    this.#next = spare;
    this.recordOffset = this.end;
    this.record += 1;
    this.end += recordBytes(this.header.payloadBytes);
    this.batchOffset = this.header.batchOffset;
    this.checksum = this.header.checksum;
    return true;
  }

  /** Of the record in `header`; valid until the next call. */
  get payload(): Uint8Array {
    const at = this.recordOffset - this.#windowStart + RECORD_HEADER_BYTES;
    return this.#window.subarray(at, at + this.header.payloadBytes);
  }

  /** Forgets what was read ahead, so that a live file is seen as it is now. */
  refresh(): void {
    this.#windowBytes = 0;
  }

  /** Tells of the records that were read since it was last told; to be called behind the last one. */
  endBlock(): void {
    const [start, end] = [this.#windowStart, this.end];
    if (this.#onVerified === null || end <= start || this.record === -1) return;
    this.#onVerified(start, this.#window.subarray(0, end - start));
  }

  /** Reads everything behind the last sound record; call it when `next` has returned false. */
  survey(): TailSurvey {
    const reason = this.#whyNoRecord(this.end) ?? 'it reads differently now';
    const header = emptyHeader();
    const size = this.#file.size();
    let end = this.end;
    for (let at = this.end; at + RECORD_HEADER_BYTES <= size; at += RECORD_ALIGNMENT) {
      if (this.#isZero(at, size)) {
        at += ZEROS.length - RECORD_HEADER_BYTES;
        continue;
      }
      if (!this.#fill(at, RECORD_HEADER_BYTES)) break;
      if (!this.#looksLikeHeader(at, size) || !this.#headerAt(at, header)) continue;
      if (header.batchOffset > this.end) return { reason, provenBy: at, end };
      end = Math.min(size, at + recordBytes(header.payloadBytes));
    }
    return { reason, provenBy: null, end };
  }

  /** Whether a page of zeros begins here: no header begins in it. Looked at where pages do. */
  #isZero(at: number, size: number): boolean {
    if (at % ZEROS.length !== 0 || at + ZEROS.length > size) return false;
    if (!this.#fill(at, ZEROS.length)) return false;
    const start = at - this.#windowStart;
    return ZEROS.equals(this.#window.subarray(start, start + ZEROS.length));
  }

  #whyNoRecord(at: number): string | null {
    const header = this.#next;
    if (!this.#fill(at, RECORD_HEADER_BYTES)) return 'the file ends';
    if (!this.#headerAt(at, header)) return 'the record header does not match its checksum';
    if (header.previous !== this.checksum) return 'the record does not follow the one before it';
    if (header.payloadBytes > MAX_PAYLOAD_BYTES) return 'the record is too long';
    if (!this.#fill(at, recordBytes(header.payloadBytes))) return 'the file ends inside the record';
    if (!this.#payloadMatches(at, header)) return 'the payload does not match its checksum';
    const unsupported = whyUnsupported(header);
    if (unsupported === null) return null;
    const place = `offset ${at}, record ${this.record + 1}`;
    throw new LogFormatError(`${this.#name}, ${place}: ${unsupported} to this version`);
  }

  #headerAt(at: number, header: RecordHeader): boolean {
    return readHeader(this.#view, at - this.#windowStart, header, this.#salt);
  }

  #payloadMatches(at: number, header: RecordHeader): boolean {
    const start = at - this.#windowStart + RECORD_HEADER_BYTES;
    const checksum = crc32cIn(this.#view, start, start + header.payloadBytes, 0);
    return checksum === header.payloadChecksum;
  }

  /** Cheap test before the checksum: most bytes of a recycled file fail it. */
  #looksLikeHeader(at: number, size: number): boolean {
    const i = at - this.#windowStart;
    if (this.#window[i + 20] === 0 || this.#view.getUint16(i + 22, true) !== 0) return false;
    if (this.#view.getUint32(i + 16, true) > at) return false;
    return this.#view.getUint32(i + 4, true) <= size;
  }

  /** Makes `[at, at + bytes)` readable in the window; false where the file is shorter. */
  #fill(at: number, bytes: number): boolean {
    const end = this.#windowStart + this.#windowBytes;
    if (at >= this.#windowStart && at + bytes <= end) return true;
    if (at === this.end) this.endBlock();
    if (bytes > this.#window.length) {
      this.#window = new Uint8Array(bytes);
      this.#view = viewOf(this.#window);
    }
    this.#windowStart = at;
    this.#windowBytes = this.#file.read(this.#window, at);
    return bytes <= this.#windowBytes;
  }
}
