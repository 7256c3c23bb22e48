import type {
  AddMemberRequest,
  AddMemberResponse,
  ApplyVersions,
  ClusterStatus,
  WaitingStatus,
} from '@lithair/crds/contract';
import type { NodeIdentity } from '../log/index.ts';
import type { Clock, Logger } from '../ports/index.ts';
import { AdminRefusedError } from './admin-client.ts';
import { ForeignClusterError } from './errors.ts';

/** The id of the member that bootstraps; nobody else ever gets it. */
export const FIRST_MEMBER_ID = 1;

const MIN_PAUSE_MS = 100;
const MAX_PAUSE_MS = 1000;

/** What is asked of another initial member. */
export interface InitialPeer {
  status(): Promise<ClusterStatus | WaitingStatus>;
  addMember(request: AddMemberRequest): Promise<AddMemberResponse>;
}

/** A member that the cluster is first made of. */
export interface InitialAddress {
  readonly name: string;
  readonly address: string;
}

/** What a node with an empty disk needs to find its place. */
export interface PlacementDependencies {
  readonly name: string;
  /** In order; contains this node. Only the first one ever bootstraps. */
  readonly initialCluster: readonly InitialAddress[];
  /** What the disk says; null on an empty one. */
  readonly identity: NodeIdentity | null;
  /** Durable before it resolves. */
  writeIdentity(identity: NodeIdentity): Promise<void>;
  /** A random uuid, for disk and cluster. */
  newUuid(): string;
  /**
   * What the `--cluster` directory says now; null outside of Kubernetes. `bootstrapped`: somebody
   * knows that the cluster exists already.
   */
  knownCluster(): Promise<{ readonly id: string; readonly bootstrapped: boolean } | null>;
  peer(member: InitialAddress): InitialPeer;
  readonly role: 'voter' | 'learner';
  /** The region that it is in; null for none. */
  readonly region: string | null;
  /** What this binary can take part in. */
  readonly applyVersions: ApplyVersions;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told why it goes on waiting, in a sentence. */
  onWaiting(detail: string): void;
}

/** The place of a node in its cluster; it is on disk. */
export interface Placement {
  readonly clusterId: string;
  readonly memberId: number;
  readonly diskUuid: string;
  /** Where its peers reach this node. */
  readonly address: string;
  /** Absent where it has none. */
  readonly region?: string;
  /**
   * Whether this member founds the cluster: where the log then holds no snapshot, it begins with a
   * first one. Anybody else waits for the leader's.
   */
  readonly founder: boolean;
}

interface ClusterSighting {
  readonly kind: 'cluster';
  readonly member: InitialAddress;
  readonly clusterId: string;
  readonly epoch: number;
}

type Sighting =
  | ClusterSighting
  | { readonly kind: 'waiting' }
  | { readonly kind: 'unclear'; readonly reason: string };

/**
 * Finds out which member of which cluster this node is. A disk that knows decides. An empty one
 * asks to be taken in wherever an initial member knows of a cluster; only the first of them founds
 * one, and only when all the others have said that they hold none.
 *
 * @throws ForeignClusterError where the disk or a peer belongs to another cluster
 */
export async function findPlace(deps: PlacementDependencies): Promise<Placement> {
  const address = deps.initialCluster.find(({ name }) => name === deps.name)?.address;
  if (address === undefined) throw new RangeError('the initial cluster does not name this node');
  const known = await deps.knownCluster();
  const { identity } = deps;
  if (identity !== null && identity.name !== deps.name) {
    throw new ForeignClusterError(`the disk belongs to ${identity.name}, not to ${deps.name}`);
  }
  if (identity?.clusterId && identity.memberId) {
    requireCluster(known?.id ?? null, identity.clusterId, 'the disk');
    const disk = { ...identity, clusterId: identity.clusterId };
    return placementOf(deps, disk, identity.memberId, address);
  }
  const diskUuid = identity?.diskUuid ?? deps.newUuid();
  // Written down first: whoever asks again after a crash must be recognized by its disk.
  await deps.writeIdentity({ diskUuid, name: deps.name, clusterId: null, memberId: null });
  const { clusterId, memberId } = await new Search(deps, address, diskUuid).run();
  await deps.writeIdentity({ diskUuid, name: deps.name, clusterId, memberId });
  return placementOf(deps, { diskUuid, clusterId }, memberId, address);
}

function placementOf(
  { region }: PlacementDependencies,
  disk: { readonly diskUuid: string; readonly clusterId: string },
  memberId: number,
  address: string,
): Placement {
  const { diskUuid, clusterId } = disk;
  const founder = memberId === FIRST_MEMBER_ID;
  const placement = { clusterId, memberId, diskUuid, address, founder };
  return region === null ? placement : { ...placement, region };
}

interface Place {
  readonly clusterId: string;
  readonly memberId: number;
}

/** Asks around until there is a place. */
class Search {
  readonly #deps: PlacementDependencies;
  readonly #address: string;
  readonly #diskUuid: string;
  readonly #others: readonly InitialAddress[];
  #lastDetail = '';

  constructor(deps: PlacementDependencies, address: string, diskUuid: string) {
    this.#deps = deps;
    this.#address = address;
    this.#diskUuid = diskUuid;
    this.#others = deps.initialCluster.filter(({ name }) => name !== deps.name);
  }

  get #mayFound(): boolean {
    const { initialCluster, name, role } = this.#deps;
    return role === 'voter' && initialCluster[0]?.name === name;
  }

  async run(): Promise<Place> {
    for (let pauseMs = MIN_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
      const place = await this.#round();
      if (place !== null) return place;
      await new Promise<void>((resolve) => void this.#deps.clock.after(pauseMs, resolve));
    }
  }

  async #round(): Promise<Place | null> {
    const known = await this.#deps.knownCluster();
    const sightings = await Promise.all(this.#others.map((member) => this.#look(member)));
    const cluster = newestCluster(sightings);
    if (cluster !== null) {
      requireCluster(known?.id ?? null, cluster.clusterId, cluster.member.name);
      return await this.#join(cluster.member);
    }
    if (!this.#mayFound) {
      return this.#wait('waits for the first member to found the cluster');
    }
    if (known?.bootstrapped === true) {
      return this.#wait('the cluster exists already and this disk is empty: waits for a member');
    }
    const unclear = sightings.find((sighting) => sighting.kind === 'unclear');
    if (unclear !== undefined) return this.#wait(`waits to found the cluster: ${unclear.reason}`);
    const clusterId = known?.id ?? this.#deps.newUuid();
    this.#deps.logger.info({ clusterId }, 'founding a new cluster');
    return { clusterId, memberId: FIRST_MEMBER_ID };
  }

  async #look(member: InitialAddress): Promise<Sighting> {
    try {
      const status = await this.#deps.peer(member).status();
      if ('waiting' in status) return { kind: 'waiting' };
      const { clusterId, epoch } = status;
      return { kind: 'cluster', member, clusterId, epoch };
    } catch (error) {
      return { kind: 'unclear', reason: `${member.name} does not answer (${reasonOf(error)})` };
    }
  }

  async #join(member: InitialAddress): Promise<Place | null> {
    const { name, role, region, applyVersions, logger } = this.#deps;
    const place = { address: this.#address, diskUuid: this.#diskUuid };
    const disk = { name, ...place, role, applyVersions };
    const request = region === null ? disk : { ...disk, region };
    try {
      const { clusterId, memberId } = await this.#deps.peer(member).addMember(request);
      logger.info({ clusterId, memberId }, 'taken into the cluster');
      return { clusterId, memberId };
    } catch (error) {
      const refused = error instanceof AdminRefusedError && error.status === 409;
      const verb = refused ? 'was refused' : 'could not join yet';
      return this.#wait(`${verb} by ${member.name}: ${reasonOf(error)}`);
    }
  }

  #wait(detail: string): null {
    this.#deps.onWaiting(detail);
    // The same is told once, not at every round.
    if (detail !== this.#lastDetail) this.#deps.logger.info({}, detail);
    this.#lastDetail = detail;
    return null;
  }
}

/** Members of an earlier epoch may be up beside those of the one that took over. */
function newestCluster(sightings: readonly Sighting[]): ClusterSighting | null {
  const clusters = sightings.filter((sighting) => sighting.kind === 'cluster');
  return clusters.toSorted((a, b) => b.epoch - a.epoch)[0] ?? null;
}

function requireCluster(expected: string | null, found: string, where: string): void {
  if (expected === null || expected === found) return;
  throw new ForeignClusterError(`${where} belongs to cluster ${found}, not to ${expected}`);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
