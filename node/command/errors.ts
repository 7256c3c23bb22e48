/** `unplaced_proposal`: `execute` was called before the last proposal was placed or dropped. */
export type CommandErrorCode = 'unplaced_proposal';

/** The session is used in a way that would lose track of what is proposed: a bug of the caller. */
export class CommandError extends Error {
  readonly code: CommandErrorCode;

  constructor(code: CommandErrorCode, message: string) {
    super(message);
    this.name = 'CommandError';
    this.code = code;
  }
}
