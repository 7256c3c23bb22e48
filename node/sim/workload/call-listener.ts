import { IncomingMessage, type OutgoingHttpHeader, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Listener } from '../../http/index.ts';
import type { Answer, Request } from './world.ts';

/**
 * Hands a request to the listener of a node as if it had come over a connection, and resolves with
 * what it answers. Touches no socket, timer or clock; never settles where the listener never ends.
 */
export function callListener(listener: Listener, request: Request): Promise<Answer> {
  return new Promise((resolve) => {
    const req = new IncomingMessage(new Socket());
    const body = Buffer.from(request.body);
    req.method = request.method;
    req.url = request.target;
    req.httpVersion = '1.1';
    req.headers = { ...request.headers };
    if (body.length > 0) req.headers['content-length'] = String(body.length);
    if (body.length > 0) req.push(body);
    req.push(null);
    req.complete = true;
    listener(req, new CapturedResponse(req, resolve));
  });
}

/** Keeps what is written to it instead of framing it for a connection. */
class CapturedResponse extends ServerResponse {
  readonly #done: (answer: Answer) => void;
  readonly #headers: Record<string, string> = {};
  readonly #chunks: string[] = [];

  constructor(req: IncomingMessage, done: (answer: Answer) => void) {
    super(req);
    this.#done = done;
  }

  override writeHead(status: number, ...rest: unknown[]): this {
    this.statusCode = status;
    const headers: unknown = rest.at(-1);
    if (!Array.isArray(headers)) throw new Error('heads are written as names and values in turn');
    for (let at = 0; at + 1 < headers.length; at += 2) {
      this.#headers[String(headers[at]).toLowerCase()] = String(headers[at + 1]);
    }
    return this;
  }

  override write(chunk: unknown): boolean {
    this.#chunks.push(String(chunk));
    return true;
  }

  override end(chunk?: unknown): this {
    if (typeof chunk === 'string') this.#chunks.push(chunk);
    this.#done({
      status: this.statusCode,
      headers: this.#headers,
      body: this.#chunks.join(''),
    });
    return this;
  }

  override setHeader(name: string, value: OutgoingHttpHeader): this {
    this.#headers[name.toLowerCase()] = String(value);
    return this;
  }
}
