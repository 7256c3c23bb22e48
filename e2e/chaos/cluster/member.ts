import { type ChildProcess, spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** How a process is allowed to end. */
export type ExpectedEnd = 'none' | 'killed' | 'stopped' | 'disk failure';

const OUTPUT_BYTES = 64 * 1024;
/** A node promises to stop within ten seconds. */
const STOP_MS = 20_000;

/** One member: its place in the cluster stays, its process comes and goes. */
export class Member {
  readonly name: string;
  readonly url: string;
  readonly opsUrl: string;
  readonly peerAddress: string;
  readonly dataDir: string;
  /** What it is meant to be; of an elastic member that changes. */
  role: 'voter' | 'learner';
  /** What it is when it joins, before anybody asks for more. */
  readonly joinsAs: 'voter' | 'learner';
  /** It comes and goes while the cluster runs. */
  readonly elastic: boolean;
  /** Whether it belongs to the cluster, or is meant to. */
  isIn = true;
  /** Its vote was asked for, so it may have it at any time, and has to in the end. */
  promotionAsked = false;
  /** It has to leave, whatever the answer to that was. */
  mustLeave = false;
  /** How many disks it had before this one. */
  disk = 0;
  /** How its process may end from now on. */
  expected: ExpectedEnd = 'none';
  /** A fault keeps it from working; at most one at a time. */
  impaired = false;
  /** Its removal was asked for, so it may hear at any time that it belongs to no cluster. */
  removalAsked = false;
  readonly #words: readonly string[];
  readonly #onUnexpected: (problem: string) => void;
  #child: ChildProcess | null = null;
  #ended: Promise<ProcessEnd> = Promise.resolve({ code: null, signal: null });
  #output = '';

  constructor(
    place: {
      readonly name: string;
      readonly port: number;
      readonly opsPort: number;
      readonly peerPort: number;
      readonly dataDir: string;
      readonly role: 'voter' | 'learner';
      readonly elastic: boolean;
    },
    words: readonly string[],
    onUnexpected: (problem: string) => void,
  ) {
    this.name = place.name;
    this.url = `http://127.0.0.1:${place.port}`;
    this.opsUrl = `http://127.0.0.1:${place.opsPort}`;
    this.peerAddress = `127.0.0.1:${place.peerPort}`;
    this.dataDir = place.dataDir;
    this.role = place.role;
    this.joinsAs = place.role;
    this.elastic = place.elastic;
    this.#words = words;
    this.#onUnexpected = onUnexpected;
  }

  get running(): boolean {
    return this.#child !== null;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** How the process that was started last ended. */
  get ended(): Promise<ProcessEnd> {
    return this.#ended;
  }

  /** The last lines of all its processes. */
  get output(): string {
    return this.#output;
  }

  /** Starts its process; it ends with this one, also where this one is killed. */
  start(): void {
    if (this.#child !== null) throw new Error(`${this.name} runs already`);
    this.expected = 'none';
    const child = spawn(process.execPath, this.#words, {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, LITHAIR_LOG_LEVEL: 'info', LITHAIR_LOG: 'json' },
    });
    this.#child = child;
    let spoke = false;
    const keep = (chunk: Buffer): void => {
      spoke = true;
      this.#output = (this.#output + chunk.toString('utf8')).slice(-OUTPUT_BYTES);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    this.#ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#child = null;
        this.#judge({ code, signal }, spoke);
        resolve({ code, signal });
      });
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Kills the process, if there is one, and waits for its end. */
  async kill(): Promise<void> {
    if (this.#child === null) return;
    this.expected = 'killed';
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** Stops the process in order; one that takes too long for that is killed, which is a problem. */
  async stop(): Promise<void> {
    this.expected = 'stopped';
    this.#child?.kill('SIGTERM');
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), STOP_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  /** The disk is a new one. */
  async wipe(): Promise<void> {
    await rm(this.dataDir, { recursive: true, force: true });
    this.disk += 1;
    this.removalAsked = false;
    this.promotionAsked = false;
  }

  #judge({ code, signal }: ProcessEnd, spoke: boolean): void {
    if (isExpected(this.expected, code, signal)) return;
    // A program that is still being loaded has no handler yet, and has done nothing either.
    if (this.expected === 'stopped' && signal === 'SIGTERM' && !spoke) return;
    if (this.removalAsked && code === DATA_REFUSED) return;
    const how = signal === null ? `exit code ${code}` : signal;
    const last = lastWords(this.#output);
    this.#onUnexpected(`${this.name} ended with ${how}, which nobody asked for:\n  ${last}`);
  }
}

/** As many as an error that nobody caught takes, with its stack and the line that it comes from. */
const LAST_LINES = 16;
const LINE_CHARACTERS = 200;

function lastWords(output: string): string {
  const lines = output.trimEnd().split('\n').slice(-LAST_LINES);
  return lines.map((line) => line.slice(0, LINE_CHARACTERS)).join('\n  ');
}

const FAIL_STOP = 4;
const DATA_REFUSED = 3;

function isExpected(
  expected: ExpectedEnd,
  code: number | null,
  signal: NodeJS.Signals | null,
): boolean {
  switch (expected) {
    case 'none':
      return false;
    case 'killed':
      return true;
    case 'stopped':
      return code === 0;
    case 'disk failure':
      return code === FAIL_STOP || signal === 'SIGKILL';
  }
}
