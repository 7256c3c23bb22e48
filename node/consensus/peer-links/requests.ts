import type { Clock } from '../../ports/index.ts';
import { PeerRequestError, WireError } from '../errors.ts';
import type { RequestKind } from '../ports.ts';
import { encodeFrame, FrameKind } from '../wire/index.ts';
import type { Connection } from './connection.ts';

const KINDS: readonly RequestKind[] = ['command', 'admin', 'archive', 'outbox'];
/** Request: id (4), kind (1). */
const REQUEST_HEADER_BYTES = 5;
/** Response: id (4), status (1). */
const RESPONSE_HEADER_BYTES = 5;
const STATUS = { answered: 0, failed: 1, refused: 2 } as const;
const NOTHING = new Uint8Array(0);

interface Outstanding {
  readonly connection: Connection;
  readonly dueMs: number;
  readonly resolve: (body: Uint8Array) => void;
  readonly reject: (error: PeerRequestError) => void;
}

/** The asking side: requests that were written and not yet answered. */
export class OutstandingRequests {
  readonly #clock: Clock;
  readonly #outstanding = new Map<number, Outstanding>();
  #lastId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  send(
    connection: Connection,
    kind: RequestKind,
    body: Uint8Array,
    timeoutMs: number,
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#lastId = (this.#lastId + 1) % 0xffff_ffff;
      const dueMs = this.#clock.monotonicMs() + timeoutMs;
      this.#outstanding.set(this.#lastId, { connection, dueMs, resolve, reject });
      const header = Buffer.allocUnsafe(REQUEST_HEADER_BYTES);
      header.writeUInt32BE(this.#lastId, 0);
      header.writeUInt8(KINDS.indexOf(kind), 4);
      connection.write(encodeFrame(FrameKind.Request, header, body));
    });
  }

  /** @throws WireError */
  onResponse(payload: Buffer): void {
    if (payload.length < RESPONSE_HEADER_BYTES) throw new WireError('response too short');
    const id = payload.readUInt32BE(0);
    const outstanding = this.#outstanding.get(id);
    // Given up meanwhile.
    if (outstanding === undefined) return;
    this.#outstanding.delete(id);
    const status = payload.readUInt8(4);
    if (status === STATUS.answered) outstanding.resolve(payload.subarray(RESPONSE_HEADER_BYTES));
    else if (status === STATUS.refused) {
      outstanding.reject(new PeerRequestError(false, 'the peer has too many requests under way'));
    } else outstanding.reject(new PeerRequestError(true, 'the peer failed to answer'));
  }

  /** Gives up what is overdue. */
  sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [id, outstanding] of this.#outstanding) {
      if (outstanding.dueMs > nowMs) continue;
      this.#outstanding.delete(id);
      outstanding.reject(new PeerRequestError(true, 'no answer in time'));
    }
  }

  onDown(connection: Connection): void {
    for (const [id, outstanding] of this.#outstanding) {
      if (outstanding.connection !== connection) continue;
      this.#outstanding.delete(id);
      outstanding.reject(new PeerRequestError(true, 'the connection was lost'));
    }
  }
}

/** What executes a request of a peer. */
export type RequestHandler = (kind: RequestKind, body: Uint8Array) => Promise<Uint8Array>;

/** The answering side of one connection; bounded. */
export class RequestServer {
  readonly #connection: Connection;
  readonly #maxRequests: number;
  readonly #handler: RequestHandler;
  #running = 0;

  constructor(connection: Connection, maxRequests: number, handler: RequestHandler) {
    this.#connection = connection;
    this.#maxRequests = maxRequests;
    this.#handler = handler;
  }

  /** @throws WireError */
  onRequest(payload: Buffer): void {
    if (payload.length < REQUEST_HEADER_BYTES) throw new WireError('request too short');
    const id = payload.readUInt32BE(0);
    const kind = KINDS[payload.readUInt8(4)];
    if (kind === undefined) throw new WireError('unknown kind of request');
    if (this.#running >= this.#maxRequests) {
      this.#respond(id, STATUS.refused, NOTHING);
      return;
    }
    this.#running++;
    this.#handler(kind, payload.subarray(REQUEST_HEADER_BYTES)).then(
      (body) => this.#finish(id, STATUS.answered, body),
      () => this.#finish(id, STATUS.failed, NOTHING),
    );
  }

  #finish(id: number, status: number, body: Uint8Array): void {
    this.#running--;
    this.#respond(id, status, body);
  }

  #respond(id: number, status: number, body: Uint8Array): void {
    const header = Buffer.allocUnsafe(RESPONSE_HEADER_BYTES);
    header.writeUInt32BE(id, 0);
    header.writeUInt8(status, 4);
    this.#connection.write(encodeFrame(FrameKind.Response, header, body));
  }
}
