/** Thrown when the Go module cannot be asked; says nothing about any script. */
export class OracleError extends Error {
  override readonly name = 'OracleError';
}

/** Thrown when the Go module does not come to an end with a script. */
export class HangError extends Error {
  override readonly name = 'HangError';
  /** Which one of the scripts that were given to it. */
  readonly at: number;

  constructor(at: number, timeoutMs: number) {
    super(`the Go module did not end within ${timeoutMs / 1000} s`);
    this.at = at;
  }
}
