import type { Logger } from '../../src/index.ts';
import { LogLevel } from '../../src/index.ts';

const LEVEL_NAMES = ['DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL', 'NONE'] as const;
const LEVELS: readonly LogLevel[] = Object.values(LogLevel);

/**
 * What a directive prints: the log lines of all nodes, and what the environment
 * itself has to say, in the order in which it happens. At level NONE neither is
 * kept.
 */
export class Output implements Logger {
  level: LogLevel = LogLevel.Debug;
  #text = '';

  write(level: LogLevel, text: string): void {
    this.print(`${LEVEL_NAMES[level]} ${text}\n`);
  }

  print(text: string): void {
    if (!this.quiet) this.#text += text;
  }

  get quiet(): boolean {
    return this.level === LogLevel.None;
  }

  /** Returns what was printed, and begins anew. */
  take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }

  /** Runs `body`, and indents what it prints. */
  indented(body: () => void): void {
    const before = this.take();
    try {
      body();
    } finally {
      const lines = this.#text.split('\n');
      if (lines.at(-1) === '') lines.pop();
      this.#text = before + lines.map((line) => `  ${line}\n`).join('');
    }
  }

  /** Sets the level by name, in any case; false when there is no such level. */
  setLevel(name: string): boolean {
    const level = LEVELS[LEVEL_NAMES.findIndex((known) => known === name.toUpperCase())];
    if (level === undefined) return false;
    this.level = level;
    return true;
  }
}
