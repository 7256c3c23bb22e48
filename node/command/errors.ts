/**
 * `unplaced_proposal`: `execute` was called before the last proposal was placed or dropped;
 * `unforeseen`: the outcome of a proposal was asked for before apply decided over it, and its model
 * demands a majority; `no_patches`: a patch came to a session that was made without a way to merge it;
 * `no_row_access`: a model with rules for rows met a session that cannot judge them; `no_field_keys`: one
 * with encrypted fields met a session that cannot encrypt them.
 */
export type CommandErrorCode =
  | 'unplaced_proposal'
  | 'unforeseen'
  | 'no_patches'
  | 'no_row_access'
  | 'no_field_keys';

/** The session is used in a way that would lose track of what is proposed: a bug of the caller. */
export class CommandError extends Error {
  readonly code: CommandErrorCode;

  constructor(code: CommandErrorCode, message: string) {
    super(message);
    this.name = 'CommandError';
    this.code = code;
  }
}
