import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SOURCES = join(import.meta.dirname, '..', 'checker');
const BUILD_MS = 5 * 60_000;
/** More than the checker's own limit, which makes a history undecided. */
const CHECK_MS = 5 * 60_000;

/** What Porcupine says of a history. */
export interface Verdict {
  readonly verdict: 'Ok' | 'Illegal' | 'Unknown';
  readonly operations: number;
  /** Keys that have no order, or none that was found in time. */
  readonly keys: readonly string[];
  readonly seconds: number;
}

/** The program that checks histories, built from `checker/` with the `go` command. */
export class Checker {
  readonly #directory = mkdtempSync(join(tmpdir(), 'lithair-checker-'));

  /** @throws Error where it cannot be built */
  constructor() {
    const go = goCommand();
    if (go === null) throw new Error('the checker needs Go: there is no go command');
    const words = ['build', '-trimpath', '-o', this.#program, '.'];
    const built = spawnSync(go, words, { cwd: SOURCES, encoding: 'utf8', timeout: BUILD_MS });
    if (built.status === 0) return;
    this.close();
    throw new Error(`go build failed: ${built.error?.message ?? built.stderr.trim()}`);
  }

  get #program(): string {
    return join(this.#directory, 'checker');
  }

  /**
   * Checks a history; where it fails, a picture of a key that does is drawn.
   *
   * @throws Error where the history cannot be read
   */
  check(history: string, picture: string): Verdict {
    const words = ['-picture', picture, history];
    const run = spawnSync(this.#program, words, { encoding: 'utf8', timeout: CHECK_MS });
    const said: unknown = run.stdout === '' ? null : JSON.parse(run.stdout);
    if (isVerdict(said)) return said;
    throw new Error(`the checker failed: ${run.error?.message ?? run.stderr.trim()}`);
  }

  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function isVerdict(value: unknown): value is Verdict {
  return typeof value === 'object' && value !== null && 'verdict' in value && 'keys' in value;
}

/** `go` from the PATH, or from where its installer puts it. */
export function goCommand(): string | null {
  for (const command of ['go', '/usr/local/go/bin/go']) {
    if (command.startsWith('/') && !existsSync(command)) continue;
    if (spawnSync(command, ['version']).status === 0) return command;
  }
  return null;
}
