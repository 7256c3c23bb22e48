import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, freePort, LithairProcess, lithair } from './serve-process.ts';

/** One member of a cluster under test: its place stays, its process may come and go. */
export interface TestMember {
  readonly name: string;
  readonly url: string;
  readonly opsUrl: string;
  readonly dataDir: string;
  readonly peerAddress: string;
  words: readonly string[];
  process: LithairProcess;
}

/** What `/_cluster/status` says, as far as tests ask. */
export interface TestStatus {
  readonly role: string;
  /** 0 where it knows none. */
  readonly leader: number;
  readonly name: string;
  readonly term: number;
  readonly commit: number;
  readonly applied: number;
  readonly clusterId: string;
  readonly schemaVersion: number;
  readonly modelChange: unknown;
  readonly epoch: number;
  readonly memberId: number;
  readonly applyVersion: number;
  readonly members: readonly {
    readonly id: number;
    readonly name: string;
    readonly role: string;
    readonly region?: string;
    readonly match: number | null;
    readonly lag: number | null;
    readonly lagMs: number | null;
  }[];
}

/** A cluster of real processes on loopback, run member by member as by hand. */
export class ServeCluster {
  readonly directory: string;
  readonly members: TestMember[];

  readonly #model: string;
  #joined = 0;

  private constructor(directory: string, members: TestMember[], model: string) {
    this.directory = directory;
    this.members = members;
    this.#model = model;
  }

  /** Starts `count` members on the model and waits until all are ready and voters. */
  static async start(
    model: string,
    count: number,
    ...flags: readonly string[]
  ): Promise<ServeCluster> {
    const directory = await mkdtemp(join(tmpdir(), 'lithair-cluster-'));
    const names = Array.from({ length: count }, (_, i) => `n${i + 1}`);
    const certs = join(directory, 'certs');
    await lithair('certs', certs, ...names.flatMap((name) => ['--name', name]));
    const peerPorts = await Promise.all(names.map(freePort));
    const initial = names.map((name, i) => `${name}=127.0.0.1:${peerPorts[i]}`).join(',');
    const members = await Promise.all(
      names.map((name, i) =>
        placeMember(directory, model, name, peerPorts[i] ?? 0, initial, name, flags),
      ),
    );
    const cluster = new ServeCluster(directory, members, model);
    try {
      await cluster.allReady();
      return cluster;
    } catch (error) {
      const told = members.map(({ name, process }) => `${name}: ${process.output.slice(-1000)}`);
      // Members that nobody stops keep the test from ending.
      await cluster.stop();
      throw new Error(`the cluster did not start:\n${told.join('\n')}`, { cause: error });
    }
  }

  /** Starts a member with an empty disk that asks the present ones to be taken in. */
  async join(name: string, ...flags: readonly string[]): Promise<TestMember> {
    await lithair('certs', join(this.directory, 'certs'), '--name', name);
    const peerPort = await freePort();
    const others = this.members.filter((member) => member.name !== name);
    const addresses = others.map((member) => `${member.name}=${member.peerAddress}`);
    const initial = [...addresses, `${name}=127.0.0.1:${peerPort}`].join(',');
    const member = await placeMember(
      this.directory,
      this.#model,
      name,
      peerPort,
      initial,
      `${name}-${++this.#joined}`,
      flags,
    );
    this.members.push(member);
    return member;
  }

  /** `lithair member WORDS…`, asked of a member. */
  admin(asked: TestMember, ...words: readonly string[]): ReturnType<typeof lithair> {
    const tls = join(this.directory, 'certs', 'admin');
    return lithair(...words, '--address', asked.peerAddress, '--peer-tls', tls);
  }

  /** Waits until all of these are ready. */
  async ready(members: readonly TestMember[]): Promise<void> {
    for (const member of members) {
      await eventually(`${member.name} to be ready\n${member.process.output.slice(-2000)}`, () =>
        isReady(member),
      );
    }
  }

  /** Ends a member's process for good, and forgets it. */
  async forget(member: TestMember): Promise<void> {
    await member.process.kill('SIGKILL');
    this.members.splice(this.members.indexOf(member), 1);
  }

  /** Waits until every member is ready and every one is a voter. */
  async allReady(): Promise<void> {
    await this.ready(this.members);
    await eventually('all members to be voters', async () => {
      const status = await statusOf(this.members[0]);
      const voters = status?.members.filter((member) => member.role === 'voter').length;
      return voters === this.members.length ? true : null;
    });
  }

  /** The member that leads now. */
  leader(): Promise<TestMember> {
    return eventually('a leader', async () => {
      for (const member of this.members) {
        const status = await statusOf(member).catch(() => null);
        if (status?.role === 'leader') return member;
      }
      return null;
    });
  }

  /** Starts a member's process again on its directory. */
  restart(member: TestMember): void {
    member.process = new LithairProcess(member.words);
  }

  /** Ends all processes and removes all files. */
  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.process.kill('SIGKILL')));
    await rm(this.directory, { recursive: true, force: true });
  }
}

async function placeMember(
  directory: string,
  model: string,
  name: string,
  peerPort: number,
  initialCluster: string,
  directoryName: string,
  more: readonly string[],
): Promise<TestMember> {
  const [port, opsPort] = await Promise.all([freePort(), freePort()]);
  const dataDir = join(directory, directoryName);
  const flags = {
    name,
    port,
    'ops-port': opsPort,
    'peer-port': peerPort,
    data: dataDir,
    'peer-tls': join(directory, 'certs', name),
    'initial-cluster': initialCluster,
  };
  const words = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, String(value)]);
  const all = ['serve', model, ...words, ...more];
  return {
    name,
    url: `http://127.0.0.1:${port}`,
    opsUrl: `http://127.0.0.1:${opsPort}`,
    dataDir,
    peerAddress: `127.0.0.1:${peerPort}`,
    words: all,
    process: new LithairProcess(all),
  };
}

async function isReady(member: TestMember): Promise<true | null> {
  const response = await fetch(`${member.url}/readyz`);
  await response.arrayBuffer();
  return response.ok ? true : null;
}

/** The member's own view of the cluster; null where it gives none. */
export async function statusOf(member: TestMember | undefined): Promise<TestStatus | null> {
  if (member === undefined) return null;
  const response = await fetch(`${member.opsUrl}/_cluster/status`, {
    signal: AbortSignal.timeout(2000),
  });
  const body: unknown = await response.json();
  return response.ok && isStatus(body) ? body : null;
}

function isStatus(body: unknown): body is TestStatus {
  return typeof body === 'object' && body !== null && 'role' in body && 'members' in body;
}
