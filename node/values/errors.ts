/** Why a value is not one of its declared type. Stable: clients and tests rely on them. */
export type ValueErrorCode =
  | 'invalid_type'
  | 'invalid_unicode'
  | 'invalid_number'
  | 'too_many_digits'
  | 'not_representable'
  | 'invalid_date'
  | 'invalid_datetime'
  | 'invalid_uuid'
  | 'not_in_values';

/** A refused value; the message completes the sentence "<field> ...". */
export interface ValueError {
  readonly ok: false;
  readonly code: ValueErrorCode;
  readonly message: string;
}

/** A canonical value of its declared type. */
export interface Canonical<T> {
  readonly ok: true;
  readonly value: T;
}

/** What reading a value gives: the canonical form, or why there is none. */
export type Reading<T> = Canonical<T> | ValueError;

export function refuse(code: ValueErrorCode, message: string): ValueError {
  return { ok: false, code, message };
}

export function accept<T>(value: T): Canonical<T> {
  return { ok: true, value };
}
