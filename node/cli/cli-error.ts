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

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is no directory',
  EACCES: 'permission denied',
  EEXIST: 'it is there already',
  ENOSPC: 'the disk is full',
  EROFS: 'the disk takes no writes',
};

/** What the system refused of a file, in one line with its path; null where it is something else. */
export function systemFailure(error: unknown): string | null {
  if (!(error instanceof Error) || !('syscall' in error)) return null;
  // A write to an open file does not say which one it is.
  return 'path' in error ? `${String(error.path)}: ${fileReason(error)}` : fileReason(error);
}

/** Why a file could not be read or written, in words. */
export function fileReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return REASONS[code] ?? error.message;
}
