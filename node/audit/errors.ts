/** Stable codes of what the audit log refuses. */
export type AuditErrorCode = 'AUDIT_CORRUPT' | 'AUDIT_FORMAT';

/** Entries of an audit log are not what was written, or cannot be understood; names the file. */
export class AuditError extends Error {
  readonly code: AuditErrorCode;

  constructor(code: AuditErrorCode, message: string) {
    super(message);
    this.name = 'AuditError';
    this.code = code;
  }
}
