/** What the clients of one run do, and how often: drawn once from the seed. */
export interface Mix {
  readonly clients: number;
  /** Items that all clients fight for. */
  readonly hotKeys: number;
  /** Mean pause of a client between two operations. */
  readonly thinkMs: number;
  /** How long a client waits for an answer before it takes the request for lost. */
  readonly patienceMs: number;
  /** Tries of a write with an idempotency key, in all. */
  readonly maxTries: number;
  /** Shares from 0 to 1. */
  readonly keyed: number;
  readonly sessions: number;
  readonly conditional: number;
  /** Answered writes with a key that are sent once more, to see that nothing happens. */
  readonly echoed: number;
  readonly weights: Readonly<Record<Act, number>>;
}

export type Act =
  | 'read'
  | 'list'
  | 'put'
  | 'patch'
  | 'create'
  | 'delete'
  | 'bulk'
  | 'ticket'
  | 'brand';

export interface MixOptions {
  /** Whether the API takes PATCH. */
  readonly patches?: boolean;
}

/** Some runs are slow and some are fast, some lack a kind of request; all of them read and put. */
export function drawMix(random: () => number, { patches = false }: MixOptions = {}): Mix {
  const between = (from: number, to: number) => from + Math.floor(random() * (to - from + 1));
  const perhaps = (weight: number) => (random() < 0.25 ? 0 : weight * random());
  return {
    clients: between(3, 8),
    hotKeys: between(3, 10),
    thinkMs: between(5, 200),
    patienceMs: between(800, 12_000),
    maxTries: between(2, 12),
    keyed: random(),
    sessions: random(),
    conditional: random() * 0.7,
    echoed: random() * 0.3,
    weights: {
      read: 1 + random() * 2,
      list: perhaps(1),
      put: 0.5 + random() * 2,
      patch: patches ? perhaps(1.5) : 0,
      create: perhaps(1.5),
      delete: perhaps(1),
      bulk: perhaps(0.5),
      ticket: perhaps(1),
      brand: perhaps(0.7),
    },
  };
}
