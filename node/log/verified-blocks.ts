import { crc32 } from 'node:zlib';

/** A stretch of a segment, all of whose records matched their checksums when it was read. */
export interface VerifiedBlock {
  /** Where its first record begins. */
  readonly start: number;
  /** Behind its last record. */
  readonly end: number;
  /** CRC-32 of its bytes, which the processor computes several times as fast as that of records. */
  readonly checksum: number;
}

/**
 * What recovery has verified record by record, so that a second reading of the same bytes is verified
 * as a whole. A block that reads differently now says nothing: then each record is looked at again.
 */
export class VerifiedBlocks {
  /** By sequence number of the segment; ascending. */
  readonly #segments = new Map<number, VerifiedBlock[]>();

  /** Notes that `bytes`, which begin at `start` of a segment, are whole records that are sound. */
  note(sequence: number, start: number, bytes: Uint8Array): void {
    const blocks = this.#segments.get(sequence) ?? [];
    blocks.push({ start, end: start + bytes.length, checksum: crc32(bytes) });
    this.#segments.set(sequence, blocks);
  }

  /** The block that holds what stands at an offset of a segment. */
  find(sequence: number, offset: number): VerifiedBlock | undefined {
    const blocks = this.#segments.get(sequence) ?? [];
    let [from, to] = [0, blocks.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((blocks[middle]?.end ?? 0) > offset) to = middle;
      else from = middle + 1;
    }
    const block = blocks[from];
    return block !== undefined && block.start <= offset ? block : undefined;
  }

  /** Forgets segments before `sequence`. */
  forgetBefore(sequence: number): void {
    for (const known of this.#segments.keys()) if (known < sequence) this.#segments.delete(known);
  }
}

/** Whether the bytes that were read for a block are those that were verified. */
export function isUnchanged({ checksum }: VerifiedBlock, bytes: Uint8Array): boolean {
  return crc32(bytes) === checksum;
}
