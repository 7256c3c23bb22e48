import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadRequest, LoadResult } from '../load.ts';
import { output } from '../load.ts';
import { eventually, jsonOf, type ReplicatedSystem } from '../replicated-system.ts';
import { ServerProcess } from '../server-process.ts';

const BUILD_MS = 15 * 60_000;
const HEARTBEAT_MS = 50;
const ELECTION_MS = 300;
/** About as long as a product of the bench model. */
const VALUE_BYTES = 200;

/** The programs of this module, once built. */
export interface EtcdPrograms {
  readonly server: string;
  readonly load: string;
}

/** Why there is no etcd to compare with on this machine; null where there is. */
export function whyNoEtcd(): string | null {
  return goCommand() === null ? 'there is no go command, so etcd is left out' : null;
}

/**
 * Builds etcd and its load with the `go` command, at the version in go.mod. The first time takes
 * minutes and downloads the modules.
 *
 * @throws Error where it cannot be built
 */
export function buildEtcd(directory: string): EtcdPrograms {
  const go = goCommand();
  if (go === null) throw new Error('etcd needs Go: there is no go command');
  const words = ['build', '-trimpath', '-o', `${directory}/`, './server', './load'];
  const built = spawnSync(go, words, {
    cwd: import.meta.dirname,
    encoding: 'utf8',
    timeout: BUILD_MS,
  });
  if (built.status !== 0) {
    throw new Error(`go build failed: ${built.error?.message ?? built.stderr.trim()}`);
  }
  return { server: join(directory, 'server'), load: join(directory, 'load') };
}

/** `go` from the PATH, or from where its installer puts it. */
function goCommand(): string | null {
  for (const command of ['go', '/usr/local/go/bin/go']) {
    if (command.startsWith('/') && !existsSync(command)) continue;
    if (spawnSync(command, ['version']).status === 0) return command;
  }
  return null;
}

/** etcd members with the timers that Lithair has by default. */
export class EtcdMembers implements ReplicatedSystem {
  readonly name = 'etcd';
  readonly size: number;
  readonly #firstPort: number;
  readonly #processes: readonly ServerProcess[];

  private constructor(firstPort: number, processes: readonly ServerProcess[]) {
    this.#firstPort = firstPort;
    this.#processes = processes;
    this.size = processes.length;
  }

  /** Starts them on ports from `firstPort` on, clients first, and waits until all serve. */
  static async start(
    { server }: EtcdPrograms,
    directory: string,
    firstPort: number,
    size: number,
  ): Promise<EtcdMembers> {
    const names = Array.from({ length: size }, (_, i) => `e${i + 1}`);
    const peers = names.map((_, i) => `http://127.0.0.1:${firstPort + size + i}`);
    const initial = names.map((name, i) => `${name}=${peers[i]}`).join(',');
    const processes = names.map((name, i) => {
      const client = `http://127.0.0.1:${firstPort + i}`;
      const flags = {
        name,
        'data-dir': join(directory, name),
        'listen-client-urls': client,
        'advertise-client-urls': client,
        'listen-peer-urls': peers[i] ?? '',
        'initial-advertise-peer-urls': peers[i] ?? '',
        'initial-cluster': initial,
        'heartbeat-interval': HEARTBEAT_MS,
        'election-timeout': ELECTION_MS,
        'log-level': 'error',
      };
      const words = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, String(value)]);
      return new ServerProcess(server, words);
    });
    const members = new EtcdMembers(firstPort, processes);
    for (const started of processes) started.start();
    for (const at of processes.keys()) {
      await members.#healthy(at).catch(async (error: unknown) => {
        await members.stop();
        throw new Error(`${String(error)}\n${processes[at]?.output}`);
      });
    }
    return members;
  }

  /** `host:port` for gRPC. */
  endpoint(at: number): string {
    return `127.0.0.1:${this.#firstPort + at}`;
  }

  get pids(): readonly number[] {
    return this.#processes.map(({ pid }) => pid);
  }

  write(at: number): LoadRequest {
    const [key, value] = ['bench', 'x'.repeat(VALUE_BYTES)].map((text) => btoa(text));
    const body = JSON.stringify({ key, value });
    return { url: `http://${this.endpoint(at)}/v3/kv/put`, method: 'POST', body };
  }

  leader(): Promise<number> {
    return eventually('a leader of etcd', async () => {
      for (const at of this.#processes.keys()) {
        const status = await this.#status(at);
        if (status !== null && status.leader === status.id) return at;
      }
      return null;
    });
  }

  async kill(at: number): Promise<void> {
    await this.#processes[at]?.end('SIGKILL');
  }

  async start(at: number): Promise<void> {
    this.#processes[at]?.start();
    await this.#healthy(at);
  }

  signal(at: number, signal: NodeJS.Signals): void {
    this.#processes[at]?.signal(signal);
  }

  async transfer(from: number, to: number): Promise<void> {
    const target = await this.#status(to);
    if (target === null) throw new Error('the member that should take over does not answer');
    const url = `http://${this.endpoint(from)}/v3/maintenance/transfer-leadership`;
    const answer = await jsonOf(url, JSON.stringify({ targetID: target.id }));
    if (answer === null) throw new Error('etcd did not transfer its leadership');
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((running) => running.end('SIGKILL')));
  }

  async #status(at: number): Promise<{ id: string; leader: string } | null> {
    const url = `http://${this.endpoint(at)}/v3/maintenance/status`;
    const body = await jsonOf(url, '{}').catch(() => null);
    return isStatus(body) ? { id: body.header.member_id, leader: body.leader } : null;
  }

  async #healthy(at: number): Promise<void> {
    await eventually(`etcd member ${at}`, async () => {
      const answer = await jsonOf(`http://${this.endpoint(at)}/health`);
      return JSON.stringify(answer).includes('"true"') ? true : null;
    });
  }
}

interface EtcdStatus {
  readonly header: { readonly member_id: string };
  readonly leader: string;
}

function isStatus(body: unknown): body is EtcdStatus {
  return typeof body === 'object' && body !== null && 'header' in body && 'leader' in body;
}

/** Closed-loop puts over gRPC, from so many connections. */
export async function grpcLoad(
  { load }: EtcdPrograms,
  endpoint: string,
  clients: number,
  seconds: number,
): Promise<LoadResult> {
  const flags = { endpoint, clients, seconds, bytes: VALUE_BYTES };
  const words = Object.entries(flags).flatMap(([flag, value]) => [`-${flag}`, String(value)]);
  const measured: unknown = JSON.parse(await output([load, ...words]));
  if (isLoadResult(measured)) return measured;
  throw new Error('the load of etcd printed something else');
}

function isLoadResult(value: unknown): value is LoadResult {
  return typeof value === 'object' && value !== null && 'requestsPerSecond' in value;
}
