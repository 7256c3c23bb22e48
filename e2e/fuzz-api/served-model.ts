import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../chaos/cluster/ports.ts';
import { CLI } from './subjects.ts';

const START_MS = 60_000;
const LOOK_MS = 200;
const KEPT_LENGTH = 4_000;

/** A throw-away node that serves one model on loopback. */
export class ServedModel {
  readonly url: string;
  readonly #directory: string;
  readonly #child: ChildProcess;
  #said = '';

  /** Starts it, and waits until it is ready. @throws Error with its last lines */
  static async start(model: string): Promise<ServedModel> {
    const [port = 0] = await freePorts(1);
    const served = new ServedModel(model, port);
    const dueMs = performance.now() + START_MS;
    while (!(await served.isReady())) {
      if (performance.now() > dueMs || served.#child.exitCode !== null) {
        await served.stop();
        throw new Error(`the node did not start:\n${served.lastLines()}`);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return served;
  }

  private constructor(model: string, port: number) {
    this.url = `http://127.0.0.1:${port}`;
    this.#directory = mkdtempSync(join(tmpdir(), 'lithair-fuzz-'));
    const file = join(this.#directory, 'model.yaml');
    writeFileSync(file, model);
    const words = [CLI, 'serve', file, '--port', String(port)];
    const data = ['--data', join(this.#directory, 'data')];
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    this.#child = spawn(process.execPath, [...words, ...data], { stdio: [...stdio] });
    const onData = (chunk: Buffer): void => {
      this.#said = (this.#said + chunk.toString('utf8')).slice(-KEPT_LENGTH);
    };
    this.#child.stdout?.on('data', onData);
    this.#child.stderr?.on('data', onData);
  }

  async isReady(): Promise<boolean> {
    try {
      const answer = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(10_000) });
      return answer.status === 200;
    } catch {
      return false;
    }
  }

  /** The end of its log. */
  lastLines(): string {
    return this.#said;
  }

  /** Ends it, and takes its data away. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child.exitCode === null && child.signalCode === null) {
      const closed = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await closed;
      clearTimeout(timer);
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
