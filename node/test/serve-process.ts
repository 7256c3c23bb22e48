import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { join } from 'node:path';

/** The bundle that the test runner made, or the sources. */
const CLI = process.env['LITHAIR_PROGRAM'] ?? join(import.meta.dirname, '..', 'cli', 'main.ts');

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A `lithair` process that a test started, and all that it printed. */
export class LithairProcess {
  readonly ended: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  #output = '';

  /** Starts `lithair WORDS…`. */
  constructor(words: readonly string[]) {
    this.#child = spawn(process.execPath, [CLI, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (chunk: Buffer) => this.#keep(chunk));
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#keep(chunk));
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => resolve({ code, signal }));
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Standard output and error so far, the last megabyte of it. */
  get output(): string {
    return this.#output;
  }

  /** Sends a signal and waits for the end. */
  async kill(signal: NodeJS.Signals): Promise<ProcessEnd> {
    this.#child.kill(signal);
    return this.ended;
  }

  /** Sends a signal and returns at once. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  #keep(chunk: Buffer): void {
    this.#output = (this.#output + chunk.toString('utf8')).slice(-1024 * 1024);
  }
}

/** Runs `lithair WORDS…` to its end. */
export async function lithair(...words: string[]): Promise<ProcessEnd & { output: string }> {
  const started = new LithairProcess(words);
  const end = await started.ended;
  return { ...end, output: started.output };
}

/**
 * A port that was free a moment ago, of those that no kernel gives to outgoing connections: a node
 * that starts again finds it free, too.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < MOST_PORTS_TRIED; attempt++) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    if (!given.has(port) && (await isFree(port))) {
      given.add(port);
      return port;
    }
  }
  throw new Error(`no free port among ${MOST_PORTS_TRIED} from ${FIRST_PORT} to ${LAST_PORT}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Linux gives outgoing connections ports from 32768 on, others from 49152. */
const [FIRST_PORT, LAST_PORT] = [22_000, 32_000];
const MOST_PORTS_TRIED = 100;
/** By this process, whose nodes may be between two starts. */
const given = new Set<number>();

/** The three port options of `serve`, on ports that were free a moment ago; `port` may be given. */
export async function freePortFlags(port?: number): Promise<string[]> {
  const [free, opsPort, peerPort] = await Promise.all([freePort(), freePort(), freePort()]);
  const flags = { port: port ?? free, 'ops-port': opsPort, 'peer-port': peerPort };
  return Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, String(value)]);
}

/**
 * Waits until `check` gives something other than null.
 *
 * @throws Error with what was waited for, after `timeoutMs`
 */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | null>,
  timeoutMs = 60_000,
): Promise<T> {
  const givesUpMs = performance.now() + timeoutMs;
  while (performance.now() < givesUpMs) {
    const found = await check().catch(() => null);
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`waited in vain for ${what}`);
}

/** Serves a restored directory with a model while something is asked of it. */
export async function servingRestored<T>(
  model: string,
  dir: string,
  ask: (url: string) => Promise<T>,
): Promise<T> {
  const words = await freePortFlags();
  const served = new LithairProcess(['serve', model, '--data', dir, ...words]);
  const url = `http://127.0.0.1:${words[words.indexOf('--port') + 1]}`;
  try {
    await eventually('the node to serve', async () =>
      (await fetch(`${url}/readyz`)).ok ? true : null,
    );
    return await ask(url);
  } finally {
    await served.kill('SIGTERM');
  }
}
