import { EXIT, type ExitCode } from '../exit-codes.ts';

export { EXIT };

/** What went wrong, in one line for the person at the terminal, and the code to exit with. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: ExitCode = EXIT.failed) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
  }
}
