import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { EXIT } from '../cli-error.ts';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;
const STABLE_AFTER_MS = 10_000;
const STOP_TIMEOUT_MS = 15_000;

/** Exit codes that another start would only repeat. */
const FINAL: readonly number[] = [EXIT.failed, EXIT.usage, EXIT.dataRefused];

/** One member of a local cluster: its process, restarted with a growing pause when it dies. */
export class Member {
  readonly #name: string;
  readonly #words: readonly string[];
  #child: ChildProcess | null = null;
  #stopping = false;
  #pauseMs = FIRST_PAUSE_MS;
  #restart: NodeJS.Timeout | null = null;

  constructor(name: string, words: readonly string[]) {
    this.#name = name;
    this.#words = words;
  }

  /** Starts the process and keeps it running; `onFinal` hears an exit that a restart cannot mend. */
  run(onFinal: (exitCode: number) => void): void {
    const startedMs = performance.now();
    const pretty = process.stdout.isTTY ? 'pretty' : 'json';
    const child = spawn(process.execPath, [process.argv[1] ?? '', ...this.#words], {
      // The channel ends with this process, however it ends, and the member with the channel.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { LITHAIR_LOG: pretty, ...process.env },
      // A signal of the terminal must reach the members through the one that stops them in order.
      detached: true,
    });
    this.#child = child;
    this.#forward(child.stdout, process.stdout);
    this.#forward(child.stderr, process.stderr);
    child.once('exit', (code, signal) => {
      this.#child = null;
      if (this.#stopping) return;
      if (code !== null && FINAL.includes(code)) return onFinal(code);
      this.#restartLater(signal ?? `exit ${code}`, performance.now() - startedMs, onFinal);
    });
  }

  /** Ends the process in order (SIGTERM), after 15 seconds by force. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#restart !== null) clearTimeout(this.#restart);
    const child = this.#child;
    if (child === null) return;
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  }

  #restartLater(reason: string, ranMs: number, onFinal: (exitCode: number) => void): void {
    if (ranMs > STABLE_AFTER_MS) this.#pauseMs = FIRST_PAUSE_MS;
    process.stderr.write(`${this.#name} | ended (${reason}), starting it again\n`);
    this.#restart = setTimeout(() => this.run(onFinal), this.#pauseMs);
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
  }

  #forward(from: NodeJS.ReadableStream | null, to: NodeJS.WriteStream): void {
    if (from === null) return;
    createInterface({ input: from }).on('line', (line) => to.write(`${this.#name} | ${line}\n`));
  }
}
