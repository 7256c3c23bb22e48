import type { Socket } from 'node:net';

/** What happens to bytes on their way from one member to another. */
export interface Conditions {
  /** Bytes wait until this ends, as in a network that delivers nothing. */
  blocked: boolean;
  delayMs: number;
  /** This share of what is sent is lost at first, and arrives when it has been sent again. */
  lossShare: number;
}

/** After so long TCP sends again what was not confirmed, and after twice as long once more. */
const RETRANSMISSION_MS = 200;
const MOST_LOSSES = 3;

/** So much may be under way in one direction of one connection. */
const MAX_UNDER_WAY_BYTES = 4 * 1024 * 1024;

/** One direction of a connection. Bytes keep their order; those that have no way wait. */
export class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #conditions: Conditions;
  readonly #queue: { readonly chunk: Buffer; readonly dueMs: number }[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | null = null;
  #ended = false;

  constructor(from: Socket, to: Socket, conditions: Conditions) {
    this.#from = from;
    this.#to = to;
    this.#conditions = conditions;
    from.on('data', (chunk: Buffer) => this.#take(chunk));
    from.once('end', () => {
      this.#ended = true;
      this.flush();
    });
    to.on('drain', () => this.flush());
  }

  /** To be called where the conditions changed. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#conditions.blocked || this.#to.destroyed) return;
    const nowMs = performance.now();
    let next = this.#queue[0];
    while (next !== undefined && next.dueMs <= nowMs && !this.#to.writableNeedDrain) {
      this.#queue.shift();
      this.#bytes -= next.chunk.length;
      this.#to.write(next.chunk);
      next = this.#queue[0];
    }
    if (this.#bytes < MAX_UNDER_WAY_BYTES) this.#from.resume();
    if (next !== undefined && next.dueMs > nowMs) {
      this.#timer = setTimeout(() => this.flush(), next.dueMs - nowMs);
    }
    if (next === undefined && this.#ended) this.#to.end();
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  #take(chunk: Buffer): void {
    const { delayMs, lossShare } = this.#conditions;
    this.#queue.push({ chunk, dueMs: performance.now() + delayMs + lostMs(lossShare) });
    this.#bytes += chunk.length;
    if (this.#bytes >= MAX_UNDER_WAY_BYTES) this.#from.pause();
    if (this.#timer === null) this.flush();
  }
}

/** How long losses keep a packet back. What is lost has no seed: neither has what is sent. */
function lostMs(share: number): number {
  let ms = 0;
  for (let count = 0; count < MOST_LOSSES && Math.random() < share; count += 1) {
    ms += RETRANSMISSION_MS * 2 ** count;
  }
  return ms;
}
