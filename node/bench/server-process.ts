import { type ChildProcess, spawn } from 'node:child_process';

const OUTPUT_BYTES = 8192;

/** A server that is killed, stopped and started again while it is measured. */
export class ServerProcess {
  readonly #command: string;
  readonly #words: readonly string[];
  readonly #environment: Readonly<Record<string, string>>;
  #child: ChildProcess | null = null;
  #ended: Promise<void> = Promise.resolve();
  #output = '';

  /** @param environment what it has beside that of this process */
  constructor(
    command: string,
    words: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ) {
    this.#command = command;
    this.#words = words;
    this.#environment = environment;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** The last that it said. */
  get output(): string {
    return this.#output;
  }

  /** Starts it; it does not outlive this process where that is told to end. */
  start(): void {
    const child = spawn(this.#command, this.#words, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...this.#environment },
    });
    const kill = (): void => void child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('close', () => process.off('exit', kill));
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString('utf8')).slice(-OUTPUT_BYTES);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    this.#ended = new Promise((resolve) => child.once('close', () => resolve()));
    this.#child = child;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = null;
    // A stopped process ends only once it goes on.
    child?.kill('SIGCONT');
    child?.kill(signal);
    await this.#ended;
  }
}
