/** Which contract a {@link RaftInvariantError} is about. */
export type InvariantErrorCode =
  /** The protocol rules this out: a bug in the core, or a log that was damaged. */
  | 'INVARIANT'
  /** A {@link Storage} contradicts its contract or itself. */
  | 'STORAGE_CONTRACT'
  /** The embedder broke a rule of {@link RawNode}. */
  | 'MISUSE';

/**
 * Thrown when something happened that the protocol rules out: a bug in the core,
 * a Storage that breaks its contract, or an application that does. The RawNode
 * must not be used any more.
 */
export class RaftInvariantError extends Error {
  override readonly name = 'RaftInvariantError';
  readonly code: InvariantErrorCode;

  constructor(text: string, code: InvariantErrorCode = 'INVARIANT') {
    super(text);
    this.code = code;
  }
}

/** Thrown by `RawNode.step` for a message that no correct peer could have sent. Nothing has changed. */
export class MessageError extends Error {
  override readonly name = 'MessageError';
  readonly code = 'BAD_MESSAGE';
}

/** Thrown for a membership change that cannot be applied to the current configuration. Nothing has changed. */
export class ConfChangeError extends Error {
  override readonly name = 'ConfChangeError';
  readonly code = 'BAD_CONF_CHANGE';
}

/** @throws {RaftInvariantError} with `text` unless `condition` holds. */
export function assert(condition: boolean, text: string): asserts condition {
  if (!condition) throw new RaftInvariantError(text);
}
