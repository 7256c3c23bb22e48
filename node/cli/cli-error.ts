/** What went wrong, in one line for the person at the terminal, and the code to exit with. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: ExitCode = EXIT.failed) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
  }
}

/** Exit codes of every command. */
export const EXIT = {
  ok: 0,
  /** The work failed, or what was given is not valid. */
  failed: 1,
  /** The command line itself is wrong. */
  usage: 2,
  /** The data directory was refused: locked, of another cluster, or corrupt. */
  dataRefused: 3,
  /** A disk error ended the process. */
  failStop: 4,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
