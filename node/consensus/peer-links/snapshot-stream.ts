import type { Message } from 'etcd-raft-ts';
import { decodeMessage, encodeMessage } from 'etcd-raft-ts';
import type { SnapshotPart } from '../../log/index.ts';
import { WireError } from '../errors.ts';
import type { PeerAddress, SnapshotContent } from '../ports.ts';
import { encodeFrame, FrameKind } from '../wire/index.ts';
import type { Connection, ConnectionHandler } from './connection.ts';
import { type DialContext, dial } from './dial.ts';

/** Pieces of a snapshot on the wire; larger chunks are cut. */
const PIECE_BYTES = 256 * 1024;
/** Above this, reading from the socket pauses until the disk has caught up. */
const HIGH_WATER_BYTES = 4 * 1024 * 1024;

/** SnapshotPart: identity (4), bytes (8). SnapshotFrom: offset (8). */
const PART_BYTES = 12;
const NO_PART: SnapshotPart = { identity: 0, bytes: 0 };

/**
 * Sends a snapshot on a connection of its own, the part left out that the receiver has of it;
 * resolves once the receiver has taken it.
 *
 * @throws Error saying why it was not taken
 */
export async function sendSnapshot(
  context: DialContext,
  peer: PeerAddress,
  message: Message,
  content: SnapshotContent,
): Promise<void> {
  const verdict = Promise.withResolvers<void>();
  const part = Promise.withResolvers<SnapshotPart>();
  // It may fail while a chunk is still being read; nobody waits for it then.
  verdict.promise.catch(part.reject);
  part.promise.catch(() => {});
  const connection = await dial(context, peer, 'snapshot', {
    onFrame: (kind, payload) => {
      if (kind === FrameKind.SnapshotPart) part.resolve(decodePart(payload));
      else if (kind === FrameKind.SnapshotTaken) verdict.resolve();
      else if (kind === FrameKind.SnapshotFailed) verdict.reject(new Error(payload.toString()));
      else throw new WireError('unexpected frame on a snapshot stream');
    },
    onClose: (reason) => verdict.reject(new Error(reason)),
  });
  try {
    connection.write(encodeFrame(FrameKind.Message, encodeMessage(message)));
    const { identity, bytes } = await part.promise;
    const offset = identity === content.identity ? bytes : 0;
    connection.write(encodeFrame(FrameKind.SnapshotFrom, encodeOffset(offset)));
    for await (const chunk of content.from(offset)) await writePieces(connection, chunk);
    connection.write(encodeFrame(FrameKind.SnapshotEnd));
    await verdict.promise;
  } finally {
    connection.close('done');
  }
}

async function writePieces(connection: Connection, chunk: Uint8Array): Promise<void> {
  for (let start = 0; start < chunk.length; start += PIECE_BYTES) {
    const piece = chunk.subarray(start, start + PIECE_BYTES);
    connection.write(encodeFrame(FrameKind.SnapshotChunk, piece));
    await connection.drained();
  }
}

function encodePart({ identity, bytes }: SnapshotPart): Buffer {
  const buffer = Buffer.alloc(PART_BYTES);
  buffer.writeUInt32BE(identity >>> 0, 0);
  buffer.writeBigUInt64BE(BigInt(bytes), 4);
  return buffer;
}

/** @throws WireError */
function decodePart(payload: Buffer): SnapshotPart {
  if (payload.length !== PART_BYTES) throw new WireError('not a part of a snapshot');
  return { identity: payload.readUInt32BE(0), bytes: decodeOffset(payload.subarray(4)) };
}

function encodeOffset(offset: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64BE(BigInt(offset));
  return buffer;
}

/** @throws WireError */
function decodeOffset(payload: Buffer): number {
  const offset = payload.length === 8 ? Number(payload.readBigUInt64BE()) : Number.NaN;
  if (!Number.isSafeInteger(offset)) throw new WireError('not an offset');
  return offset;
}

/** What takes a snapshot that arrives. */
export interface SnapshotHandler {
  /** What is here of one that broke off; null for nothing. */
  part(): SnapshotPart | null;
  take(message: Message, chunks: AsyncIterable<Uint8Array>, offset: number): Promise<void>;
}

/** The receiving side of one snapshot stream. */
export class SnapshotReceiver implements ConnectionHandler {
  readonly #connection: Connection;
  readonly #handler: SnapshotHandler;
  readonly #onClosed: () => void;
  #message: Message | null = null;
  #begun = false;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #ended = false;
  #failure: string | null = null;
  #wake: (() => void) | null = null;

  constructor(connection: Connection, handler: SnapshotHandler, onClosed: () => void) {
    this.#connection = connection;
    this.#handler = handler;
    this.#onClosed = onClosed;
  }

  onFrame(kind: number, payload: Buffer): void {
    if (kind === FrameKind.Message && this.#message === null) this.#announce(payload);
    else if (kind === FrameKind.SnapshotFrom && !this.#begun) this.#begin(decodeOffset(payload));
    else if (kind === FrameKind.SnapshotChunk && this.#begun && !this.#ended) this.#take(payload);
    else if (kind === FrameKind.SnapshotEnd && this.#begun) this.#ended = true;
    else throw new WireError('unexpected frame on a snapshot stream');
    this.#wake?.();
  }

  onClose(reason: string): void {
    if (!this.#ended) this.#failure = reason;
    this.#wake?.();
    this.#onClosed();
  }

  #announce(payload: Buffer): void {
    this.#message = decodeMessage(payload);
    const part = this.#handler.part() ?? NO_PART;
    this.#connection.write(encodeFrame(FrameKind.SnapshotPart, encodePart(part)));
  }

  #begin(offset: number): void {
    if (this.#message === null) throw new WireError('a snapshot that was not announced');
    this.#begun = true;
    this.#handler.take(this.#message, this.#chunks(), offset).then(
      () => this.#answer(FrameKind.SnapshotTaken, ''),
      (error: unknown) =>
        this.#answer(
          FrameKind.SnapshotFailed,
          error instanceof Error ? error.message : String(error),
        ),
    );
  }

  #take(payload: Buffer): void {
    this.#queue.push(payload);
    this.#queuedBytes += payload.length;
    if (this.#queuedBytes > HIGH_WATER_BYTES) this.#connection.pause();
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const queue = this.#queue;
      this.#queue = [];
      this.#queuedBytes = 0;
      this.#connection.resume();
      yield* queue;
      if (this.#queue.length > 0) continue;
      if (this.#ended) return;
      if (this.#failure !== null) throw new Error(`snapshot stream broke: ${this.#failure}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
  }

  #answer(
    kind: typeof FrameKind.SnapshotTaken | typeof FrameKind.SnapshotFailed,
    reason: string,
  ): void {
    this.#connection.write(encodeFrame(kind, Buffer.from(reason)));
    this.#connection.end('snapshot answered');
  }
}
