/** Stable codes of what an archive refuses or cannot do. */
export type ArchiveErrorCode = 'ARCHIVE_CORRUPT' | 'ARCHIVE_FORMAT' | 'ARCHIVE_MISSING';

/** Archives on the disk are not what was written, or not there; messages name the file. */
export class ArchiveError extends Error {
  readonly code: ArchiveErrorCode;

  constructor(code: ArchiveErrorCode, message: string) {
    super(message);
    this.name = 'ArchiveError';
    this.code = code;
  }
}

export function corrupt(file: string, reason: string): ArchiveError {
  return new ArchiveError('ARCHIVE_CORRUPT', `${file} is corrupt: ${reason}`);
}
