/**
 * - `not_leader`: nothing was proposed here; the request may be sent elsewhere, freely.
 * - `proposal_lost`: another entry was applied in its place; it definitely has no effect.
 * - `change_refused`: the membership change was not possible at its turn; it has no effect.
 * - `stopped`: this member is shutting down or has failed; nothing was proposed.
 */
export type ConsensusErrorCode = 'not_leader' | 'proposal_lost' | 'change_refused' | 'stopped';

/** A proposal that certainly has no effect; the code says why. */
export class ConsensusError extends Error {
  override readonly name = 'ConsensusError';
  readonly code: ConsensusErrorCode;

  constructor(code: ConsensusErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Bytes from a peer that no correct peer would have sent; the connection is closed. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

/**
 * A request to a peer that brought no answer. `sent` is false where it certainly never left this
 * process, so that it may be repeated without asking what it does.
 */
export class PeerRequestError extends Error {
  override readonly name = 'PeerRequestError';
  readonly sent: boolean;

  constructor(sent: boolean, message: string) {
    super(message);
    this.sent = sent;
  }
}

/** An error that nobody expected, as the log tells it; members hear nothing of it. */
export function traceOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
