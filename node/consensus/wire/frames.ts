import { WireError } from '../errors.ts';

/** What a frame on a peer link holds. The numbers are part of the protocol `lithair-raft/1`. */
export const FrameKind = {
  /** First frame of whoever dials: who it is and whom it wants. */
  Hello: 1,
  /** The answer of whoever was dialled: who it is. */
  Welcome: 2,
  /** Instead of a welcome: a code and a reason; the connection ends. */
  Refused: 3,
  Message: 4,
  Request: 5,
  Response: 6,
  /** Content of a snapshot; the Message frame before it says which. */
  SnapshotChunk: 7,
  SnapshotEnd: 8,
  SnapshotTaken: 9,
  SnapshotFailed: 10,
  /** With the clock of whoever asks: milliseconds since the epoch, a double; or without. */
  Ping: 11,
  Pong: 12,
  /** A whole frame, made smaller; on connections where both sides have agreed to it. */
  Compressed: 13,
  /** The answer to the Message frame of a snapshot: what is there of one that broke off. */
  SnapshotPart: 14,
  /** Where the chunks that follow begin. */
  SnapshotFrom: 15,
} as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

/** Length of the rest (4 bytes), then the kind (1 byte). */
const HEADER_BYTES = 5;

/** Builds a frame around its payload, which may come in parts. */
export function encodeFrame(kind: FrameKind, ...parts: readonly Uint8Array[]): Buffer {
  let length = 1;
  for (const part of parts) length += part.length;
  const frame = Buffer.allocUnsafe(4 + length);
  frame.writeUInt32BE(length, 0);
  frame.writeUInt8(kind, 4);
  let offset = HEADER_BYTES;
  for (const part of parts) {
    frame.set(part, offset);
    offset += part.length;
  }
  return frame;
}

/** Takes the bytes of a connection and gives back whole frames, none longer than `maxBytes`. */
export class FrameReader {
  /** Bound of one frame, kind included. May be raised once the peer is known. */
  maxBytes: number;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #payload: Buffer | null = null;
  #payloadBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /**
   * Calls back for each frame that `chunk` completes; payloads may share its memory.
   *
   * @throws WireError where a frame is empty or too long
   */
  push(chunk: Buffer, onFrame: (kind: number, payload: Buffer) => void): void {
    let offset = 0;
    while (offset < chunk.length) {
      offset =
        this.#payload === null
          ? this.#readHeader(chunk, offset, onFrame)
          : this.#readPayload(chunk, offset, this.#payload, onFrame);
    }
  }

  #readHeader(
    chunk: Buffer,
    offset: number,
    onFrame: (kind: number, payload: Buffer) => void,
  ): number {
    const wanted = Math.min(HEADER_BYTES - this.#headerBytes, chunk.length - offset);
    chunk.copy(this.#header, this.#headerBytes, offset, offset + wanted);
    this.#headerBytes += wanted;
    const next = offset + wanted;
    if (this.#headerBytes < HEADER_BYTES) return next;
    const length = this.#header.readUInt32BE(0);
    if (length === 0) throw new WireError('empty frame');
    if (length > this.maxBytes) {
      throw new WireError(`frame of ${length} bytes, at most ${this.maxBytes} are accepted`);
    }
    return this.#beginPayload(chunk, next, length - 1, onFrame);
  }

  #beginPayload(
    chunk: Buffer,
    offset: number,
    length: number,
    onFrame: (kind: number, payload: Buffer) => void,
  ): number {
    if (chunk.length - offset >= length) {
      this.#headerBytes = 0;
      onFrame(this.#header.readUInt8(4), chunk.subarray(offset, offset + length));
      return offset + length;
    }
    this.#payload = Buffer.allocUnsafe(length);
    this.#payloadBytes = 0;
    return offset;
  }

  #readPayload(
    chunk: Buffer,
    offset: number,
    payload: Buffer,
    onFrame: (kind: number, payload: Buffer) => void,
  ): number {
    const wanted = Math.min(payload.length - this.#payloadBytes, chunk.length - offset);
    chunk.copy(payload, this.#payloadBytes, offset, offset + wanted);
    this.#payloadBytes += wanted;
    if (this.#payloadBytes === payload.length) {
      this.#payload = null;
      this.#headerBytes = 0;
      onFrame(this.#header.readUInt8(4), payload);
    }
    return offset + wanted;
  }
}
