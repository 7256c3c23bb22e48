import type { InvariantErrorCode } from './errors.ts';
import { RaftInvariantError } from './errors.ts';

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

/** What may stand in a log line; it is turned into text only when the line is written. */
type Value = string | number | boolean | { toString(): string };

/**
 * Writes log lines as tagged templates: `logger.info`became leader at term ${term}``.
 * Below the logger's level nothing is put together.
 */
export class LineLogger {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  debug(texts: TemplateStringsArray, ...values: readonly Value[]): void {
    if (this.#logger.level <= LogLevel.Debug) this.#write(LogLevel.Debug, texts, values);
  }

  info(texts: TemplateStringsArray, ...values: readonly Value[]): void {
    if (this.#logger.level <= LogLevel.Info) this.#write(LogLevel.Info, texts, values);
  }

  warning(texts: TemplateStringsArray, ...values: readonly Value[]): void {
    if (this.#logger.level <= LogLevel.Warning) this.#write(LogLevel.Warning, texts, values);
  }

  error(texts: TemplateStringsArray, ...values: readonly Value[]): void {
    if (this.#logger.level <= LogLevel.Error) this.#write(LogLevel.Error, texts, values);
  }

  /** Logs that something impossible has happened, and returns the error to throw. */
  fatal(texts: TemplateStringsArray, ...values: readonly Value[]): RaftInvariantError {
    return this.#fail('INVARIANT', join(texts, values));
  }

  /** The same for a Storage whose answers contradict its contract. */
  storageFault(texts: TemplateStringsArray, ...values: readonly Value[]): RaftInvariantError {
    return this.#fail('STORAGE_CONTRACT', `storage breaks its contract: ${join(texts, values)}`);
  }

  /** The same for an embedder that breaks the rules of RawNode. */
  misuse(texts: TemplateStringsArray, ...values: readonly Value[]): RaftInvariantError {
    return this.#fail('MISUSE', join(texts, values));
  }

  #fail(code: InvariantErrorCode, text: string): RaftInvariantError {
    if (this.#logger.level <= LogLevel.Fatal) this.#logger.write(LogLevel.Fatal, text);
    return new RaftInvariantError(text, code);
  }

  #write(level: LogLevel, texts: TemplateStringsArray, values: readonly Value[]): void {
    this.#logger.write(level, join(texts, values));
  }
}

function join(texts: TemplateStringsArray, values: readonly Value[]): string {
  return texts.map((text, i) => (i === 0 ? text : String(values[i - 1]) + text)).join('');
}
