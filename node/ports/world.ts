/** Time, as everything outside raft, command and state reads it. The simulator brings its own. */
export interface Clock {
  /** Wall clock, epoch milliseconds. May jump. */
  nowMs(): number;
  /** Monotonic clock, milliseconds from an arbitrary origin. */
  monotonicMs(): number;
  /** Calls back once after `delayMs`; the handle cancels it. Timers never keep a process alive. */
  after(delayMs: number, callback: () => void): TimerHandle;
}

/** Cancels a pending timer; cancelling twice, or after it fired, does nothing. */
export interface TimerHandle {
  cancel(): void;
}

/** Randomness, as everything outside raft, command and state draws it. */
export interface Random {
  /** Fills and returns `target`. */
  fill(target: Uint8Array): Uint8Array;
  /** A number in [0, 1). Not for secrets. */
  fraction(): number;
}

/** A value in a structured log line. Never a secret or a name of a person. */
export type LogValue = string | number | boolean | null | undefined;

/** Fields of a structured log line; `context` and the like have fields of their own. */
export type LogFields = Readonly<Record<string, LogValue | Readonly<Record<string, LogValue>>>>;

/** The logger that every room is given. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}
