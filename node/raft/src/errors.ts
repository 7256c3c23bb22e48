/**
 * Thrown when something happened that the protocol rules out: a bug in the core,
 * a Storage that breaks its contract, or an application that does. The RawNode
 * must not be used any more.
 */
export class RaftInvariantError extends Error {
  override readonly name = 'RaftInvariantError';
}

/** Thrown by `RawNode.step` for a message that no correct peer could have sent. */
export class MessageError extends Error {
  override readonly name = 'MessageError';
}

/** Thrown for a membership change that cannot be applied to the current configuration. */
export class ConfChangeError extends Error {
  override readonly name = 'ConfChangeError';
}

/** @throws {RaftInvariantError} with `text` unless `condition` holds. */
export function assert(condition: boolean, text: string): asserts condition {
  if (!condition) throw new RaftInvariantError(text);
}
