/** A real S3 server for tests: versitygw over a directory, built from a pinned Go module. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const SOURCES = join(import.meta.dirname, 's3-server');
const ROOT = join(import.meta.dirname, '..', '..', '..');
/** The first build takes minutes of processor time; it is kept. */
const PROGRAM = join(ROOT, 'node_modules', '.cache', 'lithair', 'versitygw');
const BUILD_MS = 15 * 60_000;
const START_MS = 30_000;

const required = process.env['LITHAIR_REQUIRE_GO'] === '1';

/** Why tests with an S3 server cannot run here; false where they can. */
export const s3Skip = goCommand() !== null || required ? false : 'there is no go command';

/** The credentials that it takes. */
export const S3_ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: 'AKLITHAIRTEST',
  AWS_SECRET_ACCESS_KEY: 'not-a-secret-of-anyone',
} as const;

export const BUCKET = 'past';

/** A server with one bucket, until it is closed. */
export class S3Server {
  readonly endpoint: string;
  /** Objects of the bucket lie here as files. */
  readonly bucketDirectory: string;
  readonly #directory: string;
  readonly #port: number;
  #child: ChildProcess | null = null;

  private constructor(directory: string, port: number) {
    this.#directory = directory;
    this.#port = port;
    this.endpoint = `http://127.0.0.1:${port}`;
    this.bucketDirectory = join(directory, BUCKET);
  }

  /** @throws Error where it cannot be built or does not start */
  static async start(): Promise<S3Server> {
    build();
    const directory = mkdtempSync(join(tmpdir(), 'lithair-s3-'));
    mkdirSync(join(directory, BUCKET));
    const server = new S3Server(directory, await freePort());
    await server.open();
    return server;
  }

  /** Answers, again where it was down. */
  async open(): Promise<void> {
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = S3_ENVIRONMENT;
    const who = ['--access', AWS_ACCESS_KEY_ID, '--secret', AWS_SECRET_ACCESS_KEY];
    const where = ['--quiet', '--port', `127.0.0.1:${this.#port}`, 'posix', this.#directory];
    const child = spawn(PROGRAM, [...who, ...where], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4000)));
    }
    this.#child = child;
    const givesUpMs = performance.now() + START_MS;
    for (;;) {
      const answer = await fetch(this.endpoint).catch(() => null);
      if (answer !== null) return;
      if (child.exitCode !== null || performance.now() > givesUpMs) {
        await this.close();
        throw new Error(`the S3 server does not start: ${output}`);
      }
      await sleep(50);
    }
  }

  /** Answers no more; what was put there stays. */
  async down(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  async close(): Promise<void> {
    await this.down();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function build(): void {
  const pinned = statSync(join(SOURCES, 'go.sum')).mtimeMs;
  if (existsSync(PROGRAM) && statSync(PROGRAM).mtimeMs > pinned) return;
  const go = goCommand();
  if (go === null) throw new Error('the S3 server needs Go: there is no go command');
  mkdirSync(dirname(PROGRAM), { recursive: true });
  // Other tests may build it at the same time.
  const own = `${PROGRAM}-${process.pid}`;
  const words = ['build', '-o', own, 'github.com/versity/versitygw/cmd/versitygw'];
  const built = spawnSync(go, words, { cwd: SOURCES, encoding: 'utf8', timeout: BUILD_MS });
  if (built.status !== 0) {
    throw new Error(`go build failed: ${built.error?.message ?? built.stderr.trim()}`);
  }
  renameSync(own, PROGRAM);
}

function goCommand(): string | null {
  for (const command of ['go', '/usr/local/go/bin/go']) {
    if (command.startsWith('/') && !existsSync(command)) continue;
    if (spawnSync(command, ['version']).status === 0) return command;
  }
  return null;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
