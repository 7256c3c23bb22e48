/** Stable codes of what the log refuses or cannot do. */
export type LogErrorCode =
  | 'LOG_LOCKED'
  | 'LOG_CORRUPT'
  | 'LOG_FORMAT'
  | 'CLUSTER_MISMATCH'
  | 'NOT_A_LOG'
  | 'LOG_FAILED'
  | 'SNAPSHOT_INVALID'
  | 'RECORD_TOO_LARGE'
  | 'SEGMENT_CHANGED';

/** Base of everything that this room throws for operations; messages name the file. */
export class LogError extends Error {
  readonly code: LogErrorCode;

  constructor(code: LogErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Another live process, or this one, has the data directory open. */
export class LogLockedError extends LogError {
  readonly directory: string;

  constructor(directory: string) {
    super('LOG_LOCKED', `data directory ${directory} is in use by another running node`);
    this.directory = directory;
  }
}

/** Where stored bytes are not what was written. */
export interface BadPlace {
  readonly file: string;
  /** Byte offset in the file. */
  readonly offset: number;
  /** Position of the record (segment) or chunk (snapshot) in its file, from 0; -1: the file itself. */
  readonly record: number;
  readonly reason: string;
}

/** Stored bytes are not what was written, in a place that a crash cannot explain. */
export class LogCorruptError extends LogError {
  readonly place: BadPlace;

  constructor(place: BadPlace) {
    super('LOG_CORRUPT', `${describePlace(place)}: ${place.reason}`);
    this.place = place;
  }
}

function describePlace(place: BadPlace): string {
  if (place.record < 0) return `${place.file} is corrupt`;
  return `${place.file} is corrupt at offset ${place.offset}, record ${place.record}`;
}

/** Written by a newer version, or with a codec, type, group or key that this one does not know. */
export class LogFormatError extends LogError {
  constructor(message: string) {
    super('LOG_FORMAT', message);
  }
}

/** The directory belongs to another cluster or another member. */
export class ClusterMismatchError extends LogError {
  constructor(message: string) {
    super('CLUSTER_MISMATCH', message);
  }
}

/** What was named is not a log, a snapshot or a data directory. */
export class NotALogError extends LogError {
  readonly path: string;

  constructor(path: string, reason: string) {
    super('NOT_A_LOG', `${path} is not a Lithair log: ${reason}`);
    this.path = path;
  }
}

/** A write or a sync failed: nothing is durable any more, and the process must end. */
export class LogFailedError extends LogError {
  constructor(message: string, cause: unknown) {
    super('LOG_FAILED', message, { cause });
  }
}

/** A snapshot that was received or asked for cannot be used; ours are untouched. */
export class SnapshotInvalidError extends LogError {
  constructor(message: string) {
    super('SNAPSHOT_INVALID', message);
  }
}

/** An entry is larger than the log can hold. Nothing of the call was stored. */
export class RecordTooLargeError extends LogError {
  constructor(size: number, limit: number) {
    super('RECORD_TOO_LARGE', `an entry of ${size} bytes is larger than the limit of ${limit}`);
  }
}

/** A live log was compacted while it was read from outside; reading it again succeeds. */
export class SegmentChangedError extends LogError {
  constructor(file: string) {
    super('SEGMENT_CHANGED', `${file} was recycled while it was read; run again`);
  }
}
