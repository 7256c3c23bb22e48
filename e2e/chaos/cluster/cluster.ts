import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Mesh } from '../network/mesh.ts';
import { eventually } from '../wait.ts';
import { type CommandEnd, lithair } from './cli.ts';
import { Member } from './member.ts';
import { freePorts } from './ports.ts';
import { type MemberStatus, statusOf } from './status.ts';

const MODEL = join(import.meta.dirname, 'model.yaml');
const READY_MS = 90_000;
const CERTS_MS = 30_000;
const VERIFY_MS = 60_000;

/** How many members a cluster has, of each kind that it begins with. */
interface Size {
  readonly voters: number;
  readonly learners: number;
  /** How many of the last ones come and go: voters, or learners besides the others. */
  readonly elastic: number;
}

/** Hears what a history has to tell of its members. */
interface Listener {
  /** Something that must not happen. */
  problem(text: string): void;
  /** A disk is taken away, and so many local writes were on it alone; null: not told. */
  diskGone(node: string, disk: number, waiting: number | null): void;
}

/** Members as processes of their own, on loopback, joined by a {@link Mesh}. */
export class Cluster {
  /** Also those that are out at the moment. */
  readonly all: readonly Member[];
  readonly mesh: Mesh;
  readonly #directory: string;
  readonly #program: string;
  readonly #listener: Listener;

  private constructor(
    directory: string,
    program: string,
    members: readonly Member[],
    mesh: Mesh,
    listener: Listener,
  ) {
    this.#directory = directory;
    this.#program = program;
    this.all = members;
    this.mesh = mesh;
    this.#listener = listener;
  }

  /**
   * Starts voters and learners, and waits until all are what they are meant to be.
   *
   * @param program the `lithair` program, as one file
   * @param listener hears of a process that ends without having been told to, too
   */
  static async start(
    { voters, learners, elastic }: Size,
    program: string,
    listener: Listener,
  ): Promise<Cluster> {
    const count = voters + learners;
    const directory = await mkdtemp(join(tmpdir(), 'lithair-chaos-'));
    const names = Array.from({ length: count }, (_, i) => `n${i + 1}`);
    const certs = await lithair(
      program,
      ['certs', join(directory, 'certs'), ...namesAsWords(names)],
      CERTS_MS,
    );
    if (certs.code !== 0) throw new Error(`no certificates: ${certs.output}`);
    const ports = await freePorts(3 * count);
    const placed = names.map((name, i) => {
      const [port = 0, opsPort = 0, peerPort = 0] = ports.slice(3 * i);
      const role: Member['role'] = i < voters ? 'voter' : 'learner';
      const place = { name, port, opsPort, peerPort, dataDir: join(directory, name), role };
      return { ...place, elastic: isElastic(i, voters, learners, elastic) };
    });
    const mesh = await Mesh.open(new Map(placed.map(({ name, peerPort }) => [name, peerPort])));
    const members = placed.map((place) => {
      const initial = names.map((name) => {
        const port = name === place.name ? place.peerPort : mesh.portOf(place.name, name);
        return `${name}=127.0.0.1:${port}`;
      });
      const words = wordsOf(place, join(directory, 'certs', place.name), initial.join(','));
      return new Member(place, [program, 'serve', MODEL, ...words], (text) =>
        listener.problem(text),
      );
    });
    const cluster = new Cluster(directory, program, members, mesh, listener);
    for (const member of members) member.start();
    await cluster.recovered().catch(async (error: unknown) => {
      await cluster.stop();
      throw error;
    });
    return cluster;
  }

  /** Those that belong to the cluster, or are meant to. */
  get members(): readonly Member[] {
    return this.all.filter(({ isIn }) => isIn);
  }

  /** Takes the disk of a member that does not run, and tells what was on it alone. */
  async wipe(member: Member): Promise<void> {
    const { name, dataDir, disk } = member;
    const { code, output } = await lithair(this.#program, ['log', dataDir, '--outbox'], VERIFY_MS);
    const waiting = output.split('\n').filter((line) => line.startsWith('{')).length;
    this.#listener.diskGone(name, disk, code === 0 ? waiting : null);
    await member.wipe();
  }

  /** The member that leads, as the members say; null where none does. */
  async leader(): Promise<Member | null> {
    const statuses = await Promise.all(this.members.map(statusOf));
    let newest: { readonly member: Member; readonly term: number } | null = null;
    for (const [at, status] of statuses.entries()) {
      const member = this.members[at];
      if (status?.role !== 'leader' || member === undefined) continue;
      if (newest === null || newest.term < status.term) newest = { member, term: status.term };
    }
    return newest?.member ?? null;
  }

  /** What some member that answers says of the cluster; that of the newest term. */
  async status(): Promise<MemberStatus | null> {
    const statuses = await Promise.all(this.members.map(statusOf));
    const told = statuses.filter((status) => status !== null);
    return told.sort((a, b) => b.term - a.term || b.applied - a.applied)[0] ?? null;
  }

  /** Runs `lithair WORDS…` as an administrator, against a member. */
  administer(through: Member, words: readonly string[], timeoutMs: number): Promise<CommandEnd> {
    const tls = join(this.#directory, 'certs', 'admin');
    const options = ['--address', through.peerAddress, '--peer-tls', tls];
    return lithair(this.#program, [...words, ...options], timeoutMs);
  }

  /** Those that are meant to vote. */
  get voters(): readonly Member[] {
    return this.members.filter(({ role }) => role === 'voter');
  }

  /** Waits until all members are ready, and vote or not as they are meant to. */
  async recovered(): Promise<void> {
    for (const member of this.members) {
      await eventually(`${member.name} to be ready`, READY_MS, async () => {
        const response = await fetch(`${member.url}/readyz`, { signal: AbortSignal.timeout(2000) });
        await response.arrayBuffer();
        return response.ok ? true : null;
      });
    }
    await eventually('all members to have their roles', READY_MS, async () => {
      const found = (await this.status())?.members ?? [];
      if (found.length !== this.members.length) return null;
      return this.members.every(({ name, role }) =>
        found.some((member) => member.name === name && member.role === role),
      )
        ? true
        : null;
    });
  }

  /** Stops all processes in order; then every checksum of every log has to hold. */
  async verify(): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop()));
    for (const { name, dataDir } of this.members) {
      const words = ['log', dataDir, '--verify'];
      const { code, output } = await lithair(this.#program, words, VERIFY_MS);
      if (code !== 0) this.#listener.problem(`the log of ${name} does not verify: ${output}`);
    }
  }

  /** Ends all processes and removes all files. */
  async stop(): Promise<void> {
    for (const member of this.all) member.signal('SIGCONT');
    await Promise.all(this.all.map((member) => member.kill()));
    await this.mesh.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Elastic ones are the last: of the learners, one of which stays, or of the voters. */
function isElastic(at: number, voters: number, learners: number, elastic: number): boolean {
  const end = learners > elastic ? voters + learners : voters;
  return at < end && at >= end - elastic;
}

function namesAsWords(names: readonly string[]): string[] {
  return names.flatMap((name) => ['--name', name]);
}

function wordsOf(
  place: {
    readonly name: string;
    readonly port: number;
    readonly opsPort: number;
    readonly peerPort: number;
    readonly dataDir: string;
    readonly role: Member['role'];
  },
  certificates: string,
  initialCluster: string,
): string[] {
  const flags = {
    name: place.name,
    port: place.port,
    'ops-port': place.opsPort,
    'peer-port': place.peerPort,
    data: place.dataDir,
    'peer-tls': certificates,
    'initial-cluster': initialCluster,
    reserve: 0,
    role: place.role,
  };
  return Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, String(value)]);
}
