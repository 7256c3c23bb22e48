import type { FieldError, Outcome, RejectionCode } from '../ports/index.ts';
import type { Conflict } from '../state/index.ts';

/** A rejection of the whole command. */
export function refusal(
  code: RejectionCode,
  message: string,
  errors: readonly FieldError[] = [],
): Outcome {
  return { kind: 'rejected', code, message, errors };
}

/** A problem of one row of a command, in the terms of `rejectionOf`. */
export function conflict(
  code: RejectionCode,
  at: number,
  field: string | null,
  message: string,
  about?: Conflict['about'],
): Conflict {
  return { code, at, field, message, ...(about && { about }) };
}
