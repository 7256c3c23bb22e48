import { pino } from 'pino';
import pretty from 'pino-pretty';
import type { Logger } from '../ports/index.ts';

/** Least level that is written. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LoggerOptions {
  readonly level: LogLevel;
  /** `pretty` for a person at a terminal, `json` for everything that collects lines. */
  readonly format: 'pretty' | 'json';
  /** File descriptor to write to: 1 or 2. */
  readonly fd: number;
  /** Fields of every line, such as the name of the node. */
  readonly base: Readonly<Record<string, string | number>>;
}

/**
 * A logger that writes synchronously and without worker threads, so that the last line before a
 * fail stop is never lost.
 */
export function createLogger(options: LoggerOptions): Logger {
  const settings = {
    level: options.level,
    base: options.base,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(settings, destination(options));
}

/** `pretty` on a terminal, `json` everywhere else. */
export function defaultLogFormat(stream: { readonly isTTY?: boolean }): LoggerOptions['format'] {
  return stream.isTTY === true ? 'pretty' : 'json';
}

/** A logger that writes nothing. */
export const silentLogger: Logger = {
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
};

function ignore(): void {}

function destination(options: LoggerOptions) {
  if (options.format === 'json') return pino.destination({ fd: options.fd, sync: true });
  return pretty({
    colorize: true,
    destination: options.fd,
    sync: true,
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
  });
}
