import type { Clock } from '../../ports/index.ts';

/** A request as it goes over the wire, without a connection. Header names are in lower case. */
export interface Request {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty for none. */
  readonly body: string;
}

/** Header names are in lower case. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * What comes of sending. `refused`: nobody listened, so it was certainly not executed. `lost`: the
 * connection ended before the answer came; the request may have been executed, or may still be.
 */
export type Delivery =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'refused' }
  | { readonly kind: 'lost' };

/** What the clients need of the world that they live in. */
export interface ClientWorld {
  /** Nodes that a client may know of, up or down. */
  nodes(): readonly number[];
  /** May never settle (a partition): clients have their own timeout. Never rejects. */
  send(node: number, request: Request): Promise<Delivery>;
  /** The clients' own time, which never jumps. */
  readonly clock: Clock;
  /** A seeded number in [0, 1). */
  readonly random: () => number;
}
