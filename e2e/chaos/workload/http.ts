import { Agent, request } from 'node:http';

/** A request over the wire. */
export interface WireRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** `unsent`: nobody can have seen it. `lost`: no whole answer came. */
export type Reply =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly header: (name: string) => string | null;
      readonly body: unknown;
    }
  | { readonly kind: 'unsent'; readonly reason: string }
  | { readonly kind: 'lost'; readonly reason: string };

/** Sends requests over a few connections that are kept. */
export class HttpClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 2 });

  /** Never throws. */
  send({ method, url, headers, body }: WireRequest, timeoutMs: number): Promise<Reply> {
    return new Promise((resolve) => {
      const sent = request(url, { method, agent: this.#agent, headers: { ...headers } });
      const timer = setTimeout(() => sent.destroy(new Error('timeout')), timeoutMs);
      const done = (reply: Reply): void => {
        clearTimeout(timer);
        resolve(reply);
      };
      sent.on('error', (error: NodeJS.ErrnoException) => {
        const reason = error.code ?? error.message;
        done({ kind: reason === 'ECONNREFUSED' ? 'unsent' : 'lost', reason });
      });
      sent.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', (error) => done({ kind: 'lost', reason: error.message }));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const header = (name: string): string | null => {
            const value = response.headers[name];
            return typeof value === 'string' ? value : null;
          };
          done({ kind: 'answer', status: response.statusCode ?? 0, header, body: parsed(text) });
        });
      });
      sent.end(body ?? undefined);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function parsed(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text);
  } catch {
    return text;
  }
}
