import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A server under measurement, in its own process. */
export interface BenchServer {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts `node WORDS…`, pinned to a processor where one is named, and waits until `url` answers. */
export async function startServer(
  name: string,
  words: readonly string[],
  url: string,
  processor: number | null,
  environment: Readonly<Record<string, string>> = {},
): Promise<BenchServer> {
  const pinned = processor === null ? [] : ['taskset', '-c', String(processor)];
  const [program = '', ...rest] = [...pinned, process.execPath, ...words];
  const child = spawn(program, rest, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...environment },
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await answering(url, child, name);
  return {
    name,
    url,
    pid: child.pid ?? 0,
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      await exited;
    },
  };
}

/** Resolves when `url` answers with any 2xx. */
async function answering(url: string, child: ChildProcess, name: string): Promise<void> {
  const givesUpMs = performance.now() + 60_000;
  while (performance.now() < givesUpMs) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`);
    const ok = await fetch(url).then(
      async (response) => {
        await response.arrayBuffer();
        return response.ok || [400, 404, 405, 500].includes(response.status);
      },
      () => false,
    );
    if (ok) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${name} did not answer on ${url}`);
}

/** Resident memory of a process in megabytes (Linux). */
export function rssMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
}
