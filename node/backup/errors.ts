/**
 * `corrupt`: a file is not what was written; `mismatch`: parts of different clusters or histories;
 * `out_of_reach`: the backup does not hold the asked point; `refused`: a directory is in use;
 * `interrupted`: the member's answer ended early.
 */
export type BackupErrorCode = 'corrupt' | 'mismatch' | 'out_of_reach' | 'refused' | 'interrupted';

/** A backup cannot be taken, read or restored; the message names the file. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
  readonly code: BackupErrorCode;

  constructor(code: BackupErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
