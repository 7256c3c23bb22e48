import { writeFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterStatus } from '@lithair/crds/contract';
import { NODE_FLAGS } from '../../images/bundle.ts';
import { writeCertificates } from '../cli/certificate-files.ts';
import { AdminClient } from '../membership/index.ts';
import { readTlsMaterial } from '../tls-files.ts';
import { MODEL, programPath } from './lithair.ts';
import type { LoadRequest } from './load.ts';
import { productBody } from './product.ts';
import { eventually, jsonOf, type ReplicatedSystem } from './replicated-system.ts';
import { ServerProcess } from './server-process.ts';

/** What a cluster has besides voters. */
export interface MembersOptions {
  readonly learners?: number;
  /** Settings of the model's `spec.store`. */
  readonly store?: Readonly<Record<string, number>>;
}

/** Members of a Lithair cluster, each a process of its own that can be killed and stopped. */
export class LithairMembers implements ReplicatedSystem {
  readonly name = 'Lithair';
  readonly size: number;
  readonly #directory: string;
  readonly #firstPort: number;
  readonly #processes: readonly ServerProcess[];

  private constructor(directory: string, firstPort: number, processes: readonly ServerProcess[]) {
    this.#directory = directory;
    this.#firstPort = firstPort;
    this.#processes = processes;
    this.size = processes.length;
  }

  /** Starts them on ports from `firstPort` on, and waits until all voters vote and all serve. */
  static async start(
    directory: string,
    firstPort: number,
    voters: number,
    { learners = 0, store = {} }: MembersOptions = {},
  ): Promise<LithairMembers> {
    const names = Array.from({ length: voters + learners }, (_, i) => `n${i + 1}`);
    await mkdir(directory, { recursive: true });
    await writeCertificates(join(directory, 'certs'), names);
    const model = join(directory, 'model.yaml');
    writeFileSync(model, await modelWith(store));
    const initial = names.map((name, i) => `${name}=127.0.0.1:${firstPort + 2000 + i}`).join(',');
    const processes = names.map((name, i) => {
      const flags = {
        name,
        port: firstPort + i,
        data: join(directory, name),
        'peer-tls': join(directory, 'certs', name),
        'initial-cluster': initial,
        reserve: 0,
        role: i < voters ? 'voter' : 'learner',
      };
      const words = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, String(value)]);
      return new ServerProcess(process.execPath, [
        ...NODE_FLAGS,
        programPath(),
        'serve',
        model,
        ...words,
      ]);
    });
    const members = new LithairMembers(directory, firstPort, processes);
    for (const started of processes) started.start();
    await members.#settled(voters).catch(async (error: unknown) => {
      await members.stop();
      throw new Error(`${String(error)}\n${processes.map(({ output }) => output).join('\n')}`);
    });
    return members;
  }

  url(at: number): string {
    return `http://127.0.0.1:${this.#firstPort + at}`;
  }

  pid(at: number): number {
    return this.#processes[at]?.pid ?? 0;
  }

  get pids(): readonly number[] {
    return this.#processes.map(({ pid }) => pid);
  }

  write(at: number): LoadRequest {
    return { url: `${this.url(at)}/api/products`, method: 'POST', body: productBody(7) };
  }

  /** A member's own view; null where it does not answer. */
  async status(at: number): Promise<ClusterStatus | null> {
    const url = `http://127.0.0.1:${this.#firstPort + 1000 + at}/_cluster/status`;
    const body = await jsonOf(url).catch(() => null);
    return isStatus(body) ? body : null;
  }

  leader(): Promise<number> {
    return eventually('a leader', async () => {
      const statuses = await Promise.all(this.#processes.map((_, at) => this.status(at)));
      const at = statuses.findIndex((status) => status?.role === 'leader');
      // Whoever still believes to lead an older term is none.
      const term = Math.max(...statuses.map((status) => status?.term ?? 0));
      return at >= 0 && statuses[at]?.term === term ? at : null;
    });
  }

  async kill(at: number): Promise<void> {
    await this.#processes[at]?.end('SIGKILL');
  }

  async start(at: number): Promise<void> {
    this.#processes[at]?.start();
    await this.ready(at);
  }

  /** Starts a process without waiting for anything. */
  launch(at: number): void {
    this.#processes[at]?.start();
  }

  /** Waits until a member serves. */
  async ready(at: number): Promise<void> {
    await eventually(`member ${at} to be ready`, async () => {
      const response = await fetch(`${this.url(at)}/readyz`, { signal: AbortSignal.timeout(1000) });
      await response.arrayBuffer();
      return response.ok ? true : null;
    });
  }

  signal(at: number, signal: NodeJS.Signals): void {
    this.#processes[at]?.signal(signal);
  }

  async transfer(from: number, to: number): Promise<void> {
    const id = (await this.status(to))?.memberId ?? null;
    const material = await readTlsMaterial(join(this.#directory, 'certs', 'admin'));
    const address = `127.0.0.1:${this.#firstPort + 2000 + from}`;
    await new AdminClient({ address, material, member: null }).transferLeadership(id);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((running) => running.end('SIGKILL')));
  }

  async #settled(voters: number): Promise<void> {
    for (const at of this.#processes.keys()) await this.ready(at);
    await eventually('all voters to vote', async () => {
      const members = (await this.status(0))?.members ?? [];
      return members.filter(({ role }) => role === 'voter').length === voters ? true : null;
    });
  }
}

async function modelWith(store: Readonly<Record<string, number>>): Promise<string> {
  const text = await readFile(MODEL, 'utf8');
  const lines = Object.entries(store).map(([name, value]) => `${name}: ${value}`);
  return lines.length === 0 ? text : `${text}  store: {${lines.join(', ')}}\n`;
}

function isStatus(body: unknown): body is ClusterStatus {
  return typeof body === 'object' && body !== null && 'role' in body && 'members' in body;
}
