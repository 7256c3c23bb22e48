import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { WireError } from '../errors.ts';
import { encodeFrame, FrameKind } from '../wire/index.ts';
import { ZSTD } from './hello.ts';
import type { Hello, LocalMember } from './types.ts';

/** What smaller frames have saved; bytes. */
export interface CompressionFigures {
  /** Frames as they would have been sent. */
  plainBytes: number;
  /** What was sent in their place. */
  sentBytes: number;
}

/** Shorter frames gain nothing that is worth the work. */
const LEAST_BYTES = 512;
/** Fastest: what pays is the time on a link between regions. */
const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const HEADER_BYTES = 5;

/** Whether frames between the two are made smaller: between regions, where both can. */
export function isWorthwhile({ region = '' }: LocalMember, peer: Hello): boolean {
  const apart = region !== '' && peer.region !== '' && region !== peer.region;
  return apart && peer.compression.includes(ZSTD);
}

/** The frame to send in place of this one; the same where that would not be shorter. */
export function smaller(frame: Uint8Array, figures: CompressionFigures): Uint8Array {
  if (frame.length < LEAST_BYTES) return frame;
  const compressed = encodeFrame(FrameKind.Compressed, zstdCompressSync(frame, LEVEL));
  const sent = compressed.length < frame.length ? compressed : frame;
  figures.plainBytes += frame.length;
  figures.sentBytes += sent.length;
  return sent;
}

/**
 * The frame that was made smaller.
 *
 * @throws WireError where it is none, or longer than `maxBytes`
 */
export function restored(
  payload: Buffer,
  maxBytes: number,
): { readonly kind: number; readonly payload: Buffer } {
  const frame = decompressed(payload, maxBytes);
  if (frame.length < HEADER_BYTES || frame.readUInt32BE(0) !== frame.length - 4) {
    throw new WireError('a compressed frame is not whole');
  }
  return { kind: frame.readUInt8(4), payload: frame.subarray(HEADER_BYTES) };
}

function decompressed(payload: Buffer, maxBytes: number): Buffer {
  try {
    return zstdDecompressSync(payload, { maxOutputLength: maxBytes + HEADER_BYTES });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new WireError(`a frame cannot be decompressed: ${reason}`);
  }
}
