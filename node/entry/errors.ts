/**
 * `malformed_entry`: the bytes are not an entry. `unsupported_entry`: they are of an apply
 * version that this binary does not know. `entry_too_large`: it holds more than an entry may.
 */
export type EntryErrorCode = 'malformed_entry' | 'unsupported_entry' | 'entry_too_large';

/** An entry that cannot be written or read. In a committed entry it stops the member. */
export class EntryError extends Error {
  readonly code: EntryErrorCode;

  constructor(code: EntryErrorCode, message: string) {
    super(message);
    this.name = 'EntryError';
    this.code = code;
  }
}
