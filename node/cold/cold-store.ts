/** Stable codes of what a cold store cannot do. */
export type ColdErrorCode =
  | 'COLD_UNAVAILABLE'
  | 'COLD_REFUSED'
  | 'COLD_MISSING'
  | 'COLD_CORRUPT'
  | 'COLD_KEY';

/**
 * A cold store cannot be used now, refuses us, lacks an object, or holds other bytes than it should;
 * or the keys of a member do not open an object, or are not those of the others.
 */
export class ColdError extends Error {
  readonly code: ColdErrorCode;

  constructor(code: ColdErrorCode, message: string) {
    super(message);
    this.name = 'ColdError';
    this.code = code;
  }
}

/** What a store tells of an object. */
export interface ColdStat {
  readonly bytes: number;
  /** sha256 (hex) as the store keeps it; null where it keeps none. */
  readonly sha256: string | null;
}

/**
 * Where objects lie. Names are words of letters, digits, dots and dashes in folders: `a/b.arc`. An
 * object is there as a whole or not at all, and is durable once it was put.
 *
 * @throws ColdError from every method
 */
export interface ColdStore {
  /** For people: `s3://bucket/prefix`. No secret. */
  readonly description: string;
  /** Puts an object, in place of one of that name. */
  put(name: string, bytes: Uint8Array): Promise<void>;
  /** Null where there is none. */
  stat(name: string): Promise<ColdStat | null>;
  /** Exactly so many bytes from an offset. */
  read(name: string, offset: number, length: number): Promise<Uint8Array>;
  /** Fine where there is none. */
  remove(name: string): Promise<void>;
  /** Names of all objects in a folder, the folder included. */
  list(folder: string): Promise<readonly string[]>;
  close(): void;
}
