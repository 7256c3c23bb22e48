/** The levels a {@link Logger} can be set to, from the most to the least talkative. */
export const LogLevel = { Debug: 0, Info: 1, Warning: 2, Error: 3, Fatal: 4, None: 5 } as const;
export type LogLevel = (typeof LogLevel)[keyof typeof LogLevel];

/**
 * Where the core reports what it does. The core builds a text only when `level`
 * admits it, so a silent logger costs one comparison per would-be line. `level`
 * may change at any time.
 */
export interface Logger {
  /** Lines below this level are neither built nor written. */
  readonly level: LogLevel;
  write(level: LogLevel, text: string): void;
}

/** Discards everything. */
export const silentLogger: Logger = { level: LogLevel.None, write: () => {} };
