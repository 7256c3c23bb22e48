/**
 * `out_of_order`: an entry was applied twice or skipped. `broken`: an invariant does not hold.
 * `bad_snapshot`: the chunks are not a whole snapshot of a format that this binary knows.
 * `apply_version`: the cluster is ahead of this binary, or too far behind it.
 */
export type StateErrorCode = 'out_of_order' | 'broken' | 'bad_snapshot' | 'apply_version';

/** The state cannot go on. The first two are bugs; the member must stop. */
export class StateError extends Error {
  readonly code: StateErrorCode;

  constructor(code: StateErrorCode, message: string) {
    super(message);
    this.name = 'StateError';
    this.code = code;
  }
}
