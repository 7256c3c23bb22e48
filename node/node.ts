import type { Server } from 'node:http';
import { compileSchema } from '@lithair/crds';
import type { ClusterStatus } from '@lithair/crds/contract';
import { readKnownCluster } from './cluster-directory.ts';
import {
  Consensus,
  foundCluster,
  PeerListener,
  type TlsMaterial,
  TlsPeerTransport,
} from './consensus/index.ts';
import { NodeEngine } from './engine.ts';
import { APPLY_VERSION } from './entry/index.ts';
import { NodeError } from './exit.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { createGateway } from './gateway/index.ts';
import { Health } from './health.ts';
import { createApi } from './http/index.ts';
import { KnownAddresses } from './known-addresses.ts';
import { Leader } from './leader.ts';
import { type DataDirectory, type FileSystem, type Log, openDataDirectory } from './log/index.ts';
import {
  AdminApi,
  AdminClient,
  AdminServer,
  announceAddress,
  clusterStatus,
  findPlace,
  MemberChanges,
  memberEntries,
  type NodeInfo,
  type Placement,
  startingHandler,
  waitingHandler,
} from './membership/index.ts';
import { modelChanges } from './model-changes.ts';
import { observeNode } from './observe.ts';
import type { NodeOptions } from './options.ts';
import type { Clock, Logger, Random } from './ports/index.ts';
import {
  type ApplyResult,
  createState,
  type ReplicatedState,
  restoreState,
} from './state/index.ts';
import { createMetrics } from './telemetry/index.ts';
import { UUID_RANDOM_BYTES, uuidV7 } from './values/index.ts';

type NodeConsensus = Consensus<ApplyResult, ReplicatedState>;

/** Everything of the world that a node touches. */
export interface NodeWorld {
  readonly fs: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly tls: TlsMaterial;
  readonly version: string;
}

const READY_POLL_MS = 20;
const ANNOUNCE_RETRY_MS = 1_000;
const STOP_TIMEOUT_MS = 4_000;

/**
 * One node: the rooms, composed. Starts in the order directory, ports, place in the cluster, log,
 * state, consensus; answers probes from the moment its ports are open.
 */
export class LithairNode {
  readonly #options: NodeOptions;
  readonly #world: NodeWorld;
  readonly #health: Health;
  readonly #engine: NodeEngine;
  readonly #leader: Leader;
  readonly #info: NodeInfo;
  readonly #metrics = createMetrics({ processMetrics: true });
  readonly #onEnd: (error: NodeError) => void;
  #servers: Server[] = [];
  #peerListener: PeerListener | null = null;
  #transport: TlsPeerTransport | null = null;
  #directory: DataDirectory | null = null;
  #consensus: NodeConsensus | null = null;
  #stopping = false;

  /** @param onEnd hears of a failure after which the process must end */
  constructor(options: NodeOptions, world: NodeWorld, onEnd: (error: NodeError) => void) {
    this.#options = options;
    this.#world = world;
    this.#onEnd = onEnd;
    this.#health = new Health(world.logger);
    this.#engine = new NodeEngine(this.#health);
    this.#leader = new Leader(world.clock, world.random);
    this.#info = { name: options.name, version: world.version, applyVersion: APPLY_VERSION };
  }

  /**
   * Resolves once the node serves.
   *
   * @throws NodeError, LogError or a listen error where it cannot
   */
  async start(): Promise<void> {
    const { dataDir: dir } = this.#options;
    this.#directory = await openDataDirectory({ dir, ...this.#world });
    await this.#listen();
    const adminServer = await this.#openPeerPort(this.#directory);
    const placement = await this.#findPlace(this.#directory);
    adminServer.handler = startingHandler();
    const log = await this.#openLog(this.#directory, placement);
    const consensus = await this.#join(log, placement);
    this.#requireRunning();
    const admin = this.#openAdmin(consensus);
    adminServer.handler = admin;
    consensus.start();
    this.#health.enter('catching-up', 'catching up with the cluster');
    await this.#caughtUp(consensus);
    await this.#submitModel(admin);
    this.#health.enter('ready', 'serving');
    this.#announce(admin, consensus, placement);
  }

  /** Hands leadership over, finishes what is under way, closes everything. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const server of this.#servers) {
      server.close();
      server.closeIdleConnections();
    }
    await this.#consensus?.stop(STOP_TIMEOUT_MS);
    for (const server of this.#servers) server.closeAllConnections();
    await this.#transport?.close();
    await this.#peerListener?.close();
    await this.#directory?.close();
  }

  async #listen(): Promise<void> {
    const { host, port, opsPort, spec } = this.#options;
    const gateway = createGateway();
    const api = createApi({
      engine: this.#engine,
      auth: spec.auth ?? { mode: 'open' },
      logger: this.#world.logger,
      metrics: this.#metrics,
      clock: this.#world.clock,
      admit: gateway.admit,
      version: this.#world.version,
    });
    for (const [listener, at] of [
      [api.apiListener, port],
      [api.opsListener, opsPort],
    ] as const) {
      const server = gateway.createServer(listener);
      await listening(server, host, at);
      this.#servers.push(server);
    }
  }

  async #openPeerPort({ identity }: DataDirectory): Promise<AdminServer> {
    const { peerHost, peerPort, name } = this.#options;
    const { tls, logger, version } = this.#world;
    const listener = new PeerListener(tls, logger);
    const hasCluster = identity !== null && identity.clusterId !== null;
    const handler = hasCluster ? startingHandler() : waitingHandler(name, version);
    const admin = new AdminServer(listener, handler, logger);
    await listener.listen(peerHost, peerPort);
    this.#peerListener = listener;
    return admin;
  }

  #findPlace(directory: DataDirectory): Promise<Placement> {
    const { name, initialCluster, clusterDir } = this.#options;
    const { clock, logger, tls, random } = this.#world;
    this.#health.enter('joining', 'looking for the cluster');
    return findPlace({
      name,
      initialCluster,
      identity: directory.identity,
      writeIdentity: (identity) => directory.writeIdentity(identity),
      newUuid: () => uuidV7(clock.nowMs(), random.fill(new Uint8Array(UUID_RANDOM_BYTES))),
      knownCluster: () => readKnownCluster(clusterDir),
      peer: ({ name: member, address }) => new AdminClient({ address, material: tls, member }),
      role: 'voter',
      clock,
      logger,
      onWaiting: (detail) => this.#health.enter('joining', detail),
    });
  }

  async #openLog(directory: DataDirectory, placement: Placement): Promise<Log> {
    this.#health.enter('restoring', 'recovering the log');
    const log = await directory.openLog();
    const { recovery } = log;
    if (recovery.snapshot === null && placement.founder) await this.#found(log, placement);
    return log;
  }

  /** The first snapshot of a new cluster: its model, and this node as its only member. */
  async #found(log: Log, placement: Placement): Promise<void> {
    const { clusterId, memberId, diskUuid, address } = placement;
    const { name, spec } = this.#options;
    const state = createState({
      clusterId,
      epoch: 1,
      schema: compileSchema(spec),
      members: [{ id: memberId, name, address, diskUuid, intent: 'voter' }],
      nowMs: this.#world.clock.nowMs(),
    });
    await foundCluster(log, state, memberId);
  }

  async #join(log: Log, placement: Placement): Promise<NodeConsensus> {
    const { clock, random, logger } = this.#world;
    const { snapshotEvery, batchSize } = this.#options.spec.store;
    const chunks = log.readSnapshot();
    const state = chunks === null ? null : await restoreState(chunks);
    const transport = this.#openTransport(placement, () => consensus.state);
    const consensus: NodeConsensus = new Consensus({
      memberId: placement.memberId,
      log,
      transport,
      state,
      restore: (received) => restoreState(received),
      execute: (envelope) => this.#leader.execute(envelope),
      clock,
      random,
      logger,
      options: { snapshotEvery, batchSize },
      onFailure: (error) => this.#fail(error.message, EXIT.failStop),
      onRemoved: (reason) => this.#fail(reason, EXIT.dataRefused),
      onApplied: (index) => this.#leader.onApplied(index),
    });
    this.#consensus = consensus;
    this.#leader.attach(consensus);
    this.#engine.attach(consensus);
    this.#health.reportStatusBy(() => this.#clusterStatus(consensus));
    observeNode(this.#metrics, consensus, log);
    return consensus;
  }

  #openTransport(placement: Placement, state: () => ReplicatedState | null): TlsPeerTransport {
    const { clock, random, logger, tls } = this.#world;
    const { clusterId, memberId, diskUuid } = placement;
    if (this.#peerListener === null) throw new Error('the peer port is not open');
    const known = new KnownAddresses(this.#options.initialCluster);
    const transport = new TlsPeerTransport({
      locate: (peers) => known.of(peers),
      listener: this.#peerListener,
      material: tls,
      self: { clusterId, memberId, name: this.#options.name, diskUuid },
      table: {
        members: () => state()?.members() ?? [],
        get nextMemberId() {
          return state()?.nextMemberId ?? 0;
        },
      },
      world: { clock, random, logger },
      onRemoved: (reason) => this.#fail(reason, EXIT.dataRefused),
    });
    this.#transport = transport;
    return transport;
  }

  #openAdmin(consensus: NodeConsensus): AdminApi {
    const { clock, logger } = this.#world;
    const changes = new MemberChanges({ view: consensus, entries: memberEntries, clock, logger });
    const changeModel = modelChanges(this.#leader);
    return new AdminApi({ view: consensus, changes, changeModel, info: this.#info, clock, logger });
  }

  async #caughtUp(consensus: NodeConsensus): Promise<void> {
    while (!consensus.caughtUp || consensus.state === null) {
      this.#requireRunning();
      await new Promise<void>((resolve) => void this.#world.clock.after(READY_POLL_MS, resolve));
    }
  }

  /** @throws NodeError where the node was told to stop while it started */
  #requireRunning(): void {
    if (this.#stopping) throw new NodeError('stopped before it was ready', EXIT.ok);
  }

  /** Outside of Kubernetes the file is the model: where it changed, the cluster is asked to follow. */
  async #submitModel(admin: AdminApi): Promise<void> {
    const { managed, spec } = this.#options;
    if (managed) return;
    const request = { method: 'PUT', path: '/_admin/model', query: '', body: spec };
    const { status, body } = await admin.handle(request);
    if (status < 300) return;
    const detail = detailOf(body);
    if (status === 409 || status === 422) throw new NodeError(`the model is refused: ${detail}`);
    this.#world.logger.warn({ status, detail }, 'the model was not compared with the running one');
  }

  /** Until the member table has the address that this node was started with. */
  #announce(admin: AdminApi, consensus: NodeConsensus, placement: Placement): void {
    const again = (): void =>
      void this.#world.clock.after(ANNOUNCE_RETRY_MS, () =>
        this.#announce(admin, consensus, placement),
      );
    announceAddress(admin, consensus, placement).then(
      (isRight) => (isRight ? undefined : again()),
      (error: unknown) => {
        this.#world.logger.warn({ reason: String(error) }, 'the address could not be announced');
        again();
      },
    );
  }

  #clusterStatus(consensus: NodeConsensus): ClusterStatus | null {
    return clusterStatus(consensus, this.#info);
  }

  #fail(reason: string, exitCode: ExitCode): void {
    this.#health.enter('failed', reason);
    this.#onEnd(new NodeError(reason, exitCode));
  }
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function detailOf(body: unknown): string {
  if (typeof body === 'object' && body !== null && 'detail' in body) return String(body.detail);
  return JSON.stringify(body);
}
