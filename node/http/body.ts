import type { IncomingMessage, ServerResponse } from 'node:http';
import { Problem } from './problems.ts';

/** The client hung up before its request was complete: nobody waits for an answer. */
export class ClientGone extends Error {}

const EMPTY = Buffer.alloc(0);

/**
 * Receives bodies, each within its limit and all together within one: those that arrive, and those
 * whose requests are not answered yet, as where there is no leader.
 */
export class BodyReceiver {
  readonly #totalLimit: number;
  #total = 0;

  /** `totalLimit`: bytes of all bodies together. */
  constructor(totalLimit: number) {
    this.#totalLimit = totalLimit;
  }

  /**
   * The whole body. It counts until it is given back by {@link release}.
   *
   * @throws Problem `body_too_large`: at once where the length is announced, else where the limit
   *   is passed; `overloaded`
   * @throws ClientGone
   */
  receive(req: IncomingMessage, res: ServerResponse, limit: number): Promise<Uint8Array> {
    const announced = Number(req.headers['content-length'] ?? 0);
    if (announced > limit) return Promise.reject(tooLarge(limit));
    if (this.#total + announced > this.#totalLimit) return Promise.reject(overloaded());
    if (req.headers.expect !== undefined) res.writeContinue();
    return this.#collect(req, limit);
  }

  /** The request that a received body belongs to is done with. */
  release(body: Uint8Array): void {
    this.#total -= body.length;
  }

  #collect(req: IncomingMessage, limit: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      let first: Buffer = EMPTY;
      let more: Buffer[] | null = null;
      let size = 0;
      const giveUp = (error: Error) => {
        this.#total -= size;
        size = 0;
        reject(error);
      };
      const refuse = (problem: Problem) => {
        req.removeAllListeners('data');
        giveUp(problem);
      };
      req.on('data', (chunk: Buffer) => {
        size += chunk.length;
        this.#total += chunk.length;
        if (size > limit) refuse(tooLarge(limit));
        else if (this.#total > this.#totalLimit) refuse(overloaded());
        else if (first === EMPTY) first = chunk;
        else if (more === null) more = [first, chunk];
        else more.push(chunk);
      });
      let isWhole = false;
      req.on('end', () => {
        isWhole = true;
        resolve(more === null ? first : Buffer.concat(more));
      });
      req.on('error', () => {
        if (!isWhole) giveUp(new ClientGone('the client hung up'));
      });
    });
  }
}

function tooLarge(limit: number): Problem {
  const detail = `The body of this request may have at most ${limit} bytes.`;
  return new Problem('body_too_large', detail, { closes: true });
}

function overloaded(): Problem {
  return new Problem(
    'overloaded',
    'Too many writes are under way: their bodies take up all the room that there is for them.',
    { closes: true },
  );
}
