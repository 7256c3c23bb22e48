import type { ApplyVersions } from '@lithair/crds/contract';
import { type Archive, serveArchive } from './archive/index.ts';
import { archivePeers } from './archive-peers.ts';
import type { AuditLog } from './audit/index.ts';
import { auditTrail } from './audit-trail.ts';
import { backups } from './backups.ts';
import { beginCluster } from './begin-cluster.ts';
import { openColdStore } from './cold/index.ts';
import { ColdRows } from './cold-rows.ts';
import { compaction } from './compaction.ts';
import {
  Consensus,
  type FinalRefusal,
  LinkTransport,
  type PeerNetwork,
} from './consensus/index.ts';
import type { Keyring } from './encryption/index.ts';
import { NodeEngine } from './engine.ts';
import { APPLY_VERSION, OLDEST_APPLY_VERSION } from './entry/index.ts';
import { asNodeError, exitCodeOf, NodeError } from './exit.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { Health } from './health.ts';
import { HistoryKeeper } from './history-keeper.ts';
import { createApi } from './http/index.ts';
import { introduceLater } from './introduction.ts';
import { KnownAddresses } from './known-addresses.ts';
import { Leader } from './leader.ts';
import { leaderDuties } from './leader-duties.ts';
import { openOutbox, orderWrites } from './local-writes.ts';
import {
  type DataDirectory,
  type Log,
  type LogOptions,
  openDataDirectory,
  SpaceWatch,
} from './log/index.ts';
import { LogClock } from './log-clock.ts';
import { logEndOf } from './log-end.ts';
import { askingStatus, compactThrough, MemberEncryption } from './member-encryption.ts';
import { lettingGo } from './member-removal.ts';
import { memberTable } from './member-table.ts';
import {
  AdminApi,
  type AdminHandler,
  type AdminRequest,
  type AdminResponse,
  CLUSTER_ID_MISMATCH,
  clusterStatus,
  findPlace,
  keepAnnouncing,
  LagHistory,
  MemberChanges,
  memberEntries,
  type NodeInfo,
  type Placement,
  startingHandler,
  waitingHandler,
} from './membership/index.ts';
import { modelChangeStatus, modelChanges, submitModel } from './model-changes.ts';
import { ModelPreparation } from './model-preparation.ts';
import { regionPromotion } from './next-epoch.ts';
import {
  type CoreOptions,
  type CoreWorld,
  type NodeConsensus,
  type NodeNetwork,
  type NodeObserver,
  rateOf,
} from './node-parts.ts';
import { observeEncryption, observeMetadata, observeNode, observeTraces } from './observe.ts';
import { observeLinks, observeMembers } from './observe-members.ts';
import { openArchive } from './open-archive.ts';
import type { Outbox } from './outbox/index.ts';
import { noSecrets } from './secrets-directory.ts';
import { catchUp, openApi, readingLog, readState } from './startup-phases.ts';
import {
  type ApplyResult,
  HASH_KEY_BYTES,
  type ReplicatedState,
  restoreState,
} from './state/index.ts';
import { createMetrics } from './telemetry/index.ts';
import { UUID_RANDOM_BYTES, uuidV7 } from './values/index.ts';
import { watched } from './watched-transport.ts';

const READY_POLL_MS = 20;
const STOP_TIMEOUT_MS = 4_000;
/** Time for the last answers of a member that was removed. */
const FAREWELL_MS = 100;

/**
 * One node without its sockets and files: the rooms, composed over ports. Starts in the order
 * directory, ports, place in the cluster, log, state, consensus; answers probes from the moment its
 * ports are open.
 */
export class NodeCore {
  readonly health: Health;
  readonly engine: NodeEngine;
  readonly logClock: LogClock;
  readonly #options: CoreOptions;
  readonly #world: CoreWorld;
  readonly #network: NodeNetwork;
  readonly #observer: NodeObserver;
  readonly #leader: Leader;
  readonly #applyVersions: ApplyVersions;
  readonly #info: NodeInfo;
  readonly #space: SpaceWatch;
  readonly #lag = new LagHistory();
  readonly #encryption: MemberEncryption;
  readonly #metrics;
  readonly #onEnd: (error: NodeError) => void;
  #admin: AdminHandler;
  #membership: AdminApi | null = null;
  #peers: PeerNetwork | null = null;
  #transport: LinkTransport | null = null;
  #directory: DataDirectory | null = null;
  #log: Log | null = null;
  #consensus: NodeConsensus | null = null;
  #logOptions: LogOptions = {};
  #outbox: Outbox | null = null;
  #keeper: HistoryKeeper | null = null;
  #preparation: ModelPreparation | null = null;
  readonly #cold: ColdRows;
  readonly #audit: AuditLog;
  #stopping = false;
  #isRefused = false;

  /** @param onEnd hears of a failure after which the process must end */
  constructor(
    options: CoreOptions,
    world: CoreWorld,
    network: NodeNetwork,
    onEnd: (error: NodeError) => void,
    observer: NodeObserver = {},
  ) {
    this.#options = options;
    this.#world = world;
    this.#network = network;
    this.#onEnd = onEnd;
    this.#observer = observer;
    this.health = new Health(world.logger, world.clock);
    const latest = options.applyVersion ?? APPLY_VERSION;
    this.#applyVersions = { oldest: OLDEST_APPLY_VERSION, latest };
    this.#space = this.#createSpaceWatch();
    this.logClock = new LogClock(world.clock, world.logger);
    this.#encryption = new MemberEncryption({
      ...options,
      ...world,
      keys: world.keys ?? null,
      onRefused: (reason) => this.#fail(reason, EXIT.dataRefused),
    });
    this.#leader = new Leader(this.logClock, world, () => this.#space.low, this.#encryption.fields);
    this.#info = {
      name: options.name,
      version: world.version,
      applyVersions: this.#applyVersions,
      applyVersion: () => this.#consensus?.state?.applyVersion ?? 0,
      storage: () => this.#space.status,
      encryption: () => this.#encryption.status,
      logEnd: () => logEndOf(this.#log),
      outbox: () => this.#outbox?.status ?? null,
      behind: (match) => this.#lag.behind(match, world.clock.monotonicMs()),
      heldBack: (id) => this.#membership?.heldBack(id) ?? null,
      modelChange: () => modelChangeStatus(this.#consensus?.state ?? null),
    };
    this.#cold = new ColdRows({
      log: () => this.#log,
      world,
      onDamage: (error) => this.#failBy(error),
    });
    this.#metrics = createMetrics({ processMetrics: world.processMetrics });
    observeTraces(this.#metrics, world.tracer);
    this.#audit = auditTrail(options, world, {
      consensus: () => this.#consensus,
      isSpaceLow: () => this.#space.low,
      onFailure: (error) => this.#failBy(error),
      metrics: this.#metrics,
    });
    this.engine = new NodeEngine(this.health, this.#audit);
    this.#admin = waitingHandler(options.name, world.version);
  }

  /** Null until the node has a place in its cluster, and a log. */
  get consensus(): NodeConsensus | null {
    return this.#consensus;
  }

  /** What this node took by itself; null until it has a place in its cluster. */
  get outbox(): Outbox | null {
    return this.#outbox;
  }

  get log(): Log | null {
    return this.#log;
  }

  /**
   * Resolves once the node serves.
   *
   * @throws NodeError, LogError or a listen error where it cannot
   */
  async start(): Promise<void> {
    this.#encryption.requireKeys();
    this.#directory = await openDataDirectory({ ...this.#world, dir: this.#options.dataDir });
    await this.#space.start();
    this.health.finish({ isNew: this.#directory.identity === null });
    await this.#listen();
    await this.#openPeerPort(this.#directory);
    const placement = await this.#findPlace(this.#directory);
    this.#admin = startingHandler();
    const log = await this.#openLog(this.#directory, placement);
    const consensus = await this.#join(log, placement);
    this.#requireRunning();
    const admin = this.#openAdmin(consensus, log, placement);
    this.#admin = admin;
    this.#membership = admin;
    consensus.start();
    introduceLater({
      ...this.#options,
      ...this.#world,
      consensus,
      placement,
      network: this.#network,
      transport: this.#transport,
      isStopping: () => this.#stopping,
    });
    this.#keeper?.start();
    this.#preparation?.onState();
    this.#encryption.start();
    await catchUp(this.health, log, consensus, () => this.#settled(consensus));
    this.#encryption.requireFields();
    const submit = () => submitModel(admin, this.#options.spec, this.#world.logger);
    await openApi(this.health, consensus, this.#options.managed ? null : submit);
    this.health.enter('ready', 'serving');
    keepAnnouncing(admin, consensus, placement, this.#world);
  }

  /** Hands leadership over, finishes what is under way, closes everything. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#preparation?.stop();
    this.#space.stop();
    this.#network.drain();
    this.#outbox?.stop();
    await this.#consensus?.stop(STOP_TIMEOUT_MS);
    this.#encryption.stop();
    await this.#keeper?.stop();
    await this.#transport?.close();
    await this.#network.close();
    await this.#audit.close();
    await this.#world.tracer.close();
    await this.#directory?.close();
  }

  /** Takes changed master keys in, where they open everything that is here. */
  changeKeys(keyring: Keyring): Promise<void> {
    return this.#encryption.changeKeys(keyring);
  }

  /** The admin API at this stage of the node's life. */
  administer(request: AdminRequest): Promise<AdminResponse> {
    return this.#admin.handle(request);
  }

  #createSpaceWatch(): SpaceWatch {
    const { dataDir: dir, freeSpaceReserveBytes: reserveBytes } = this.#options;
    const onChange = (low: boolean): void => this.#onSpace(low);
    return new SpaceWatch({ ...this.#world, dir, reserveBytes, onChange });
  }

  /** Where space is low, what a snapshot makes superfluous is given back to the disk. */
  #onSpace(low: boolean): void {
    this.#log?.spareSpace(low);
    this.#outbox?.spareSpace(low);
    if (!low || this.#consensus === null || this.#consensus.state === null) return;
    this.#consensus.takeSnapshot().catch((error: unknown) => {
      this.#world.logger.warn({ reason: String(error) }, 'no snapshot could be written');
    });
  }

  async #listen(): Promise<void> {
    const api = createApi({
      ...this.#world,
      engine: this.engine,
      readSecret: this.#world.readSecret ?? noSecrets,
      metrics: this.#metrics,
      admit: this.#network.admit,
      fieldKeys: this.#encryption.fields,
    });
    await this.#network.serveApi(api);
  }

  async #openPeerPort({ identity }: DataDirectory): Promise<void> {
    const hasCluster = identity !== null && identity.clusterId !== null;
    if (hasCluster) this.#admin = startingHandler();
    this.#peers = await this.#network.servePeers({ handle: (asked) => this.administer(asked) });
  }

  #findPlace(directory: DataDirectory): Promise<Placement> {
    const { clock, random } = this.#world;
    this.health.enter('joining', 'looking for the cluster');
    return findPlace({
      ...this.#options,
      ...this.#world,
      identity: directory.identity,
      writeIdentity: (identity) => directory.writeIdentity(identity),
      newUuid: () => uuidV7(clock.nowMs(), random.fill(new Uint8Array(UUID_RANDOM_BYTES))),
      knownCluster: () => this.#network.knownCluster(),
      peer: (member) => this.#network.peer(member),
      applyVersions: this.#applyVersions,
      onWaiting: (detail) => this.health.enter('joining', detail),
    });
  }

  async #openLog(directory: DataDirectory, placement: Placement): Promise<Log> {
    const onRecovering = readingLog(this.health);
    const codec = (): 'json' | 'binary' => this.#consensus?.state?.schema.store.codec ?? 'json';
    const encryption = await this.#encryption.open(placement);
    await this.#audit.open(encryption);
    this.#logOptions = { ...this.#options.log, ...encryption };
    const log = await directory.openLog({ codec, onRecovering, ...this.#logOptions });
    const { segments, records, truncatedBytes } = log.recovery;
    this.health.finish({ segments, records, truncatedBytes });
    this.#log = log;
    log.spareSpace(this.#space.low);
    if (log.recovery.snapshot === null && placement.founder) {
      const [applyVersion, nowMs] = [this.#applyVersions.latest, this.#world.clock.nowMs()];
      const vault = this.#encryption.fields;
      await beginCluster(log, placement, this.#options, { applyVersion, nowMs, vault });
    }
    return log;
  }

  async #join(log: Log, placement: Placement): Promise<NodeConsensus> {
    const { snapshotEvery, batchSize } = this.#options.spec.store;
    const parts = { ...this.#world, ...this.#observer, health: this.health };
    const restore = (chunks: AsyncIterable<Uint8Array>) => this.#restore(chunks);
    const state = await readState(log, parts, restore, () => this.#requireRunning());
    const archive = await openArchive(this.#world, {
      dir: this.#options.dataDir,
      clusterId: placement.clusterId,
      ...this.#encryption.archive(() => this.#consensus?.state ?? state),
    });
    const transport = this.#openTransport(placement);
    const consensus: NodeConsensus = new Consensus({
      ...this.#world,
      memberId: placement.memberId,
      log,
      transport: watched(transport, this.#observer),
      state,
      restore,
      execute: (envelope) => this.#leader.execute(envelope),
      serveArchive: async (request) =>
        serveArchive(archive, request, this.#keeper?.isComplete === true),
      serveOutbox: (from, request) => orderWrites(this.#leader, from, request),
      options: { snapshotEvery, batchSize, ...rateOf(this.#options), ...this.#options.consensus },
      onFailure: (error) => this.#fail(error.message, exitCodeOf(error)),
      onApplied: (index, result) => this.#onApplied(consensus, index, result),
      onSnapshot: (chunks) => this.#cold.onSnapshot(chunks),
    });
    this.#consensus = consensus;
    this.#leader.attach(consensus);
    this.#attachPeers(consensus, transport);
    this.#outbox = await this.#openOutbox(consensus, log);
    this.#keeper = this.#keepHistory(consensus, archive);
    const { logger, clock, defer = (later: () => void) => setImmediate(later) } = this.#world;
    const common = { leader: this.#leader, logger, clock, defer };
    this.#preparation = new ModelPreparation({
      ...common,
      state: () => consensus.state,
      isLeading: () => consensus.leading,
      onFailure: (error) => this.#failBy(error),
    });
    this.#encryption.attach({
      log,
      outbox: () => this.#outbox,
      audit: this.#audit,
      state: () => consensus.state,
      rewrite: () => compactThrough({ handle: (request) => this.administer(request) }),
      ask: askingStatus(transport),
      place: placement,
    });
    this.engine.attach(consensus, this.#outbox, () => this.#keeper?.reader() ?? null);
    this.health.reportStatusBy(() => clusterStatus(consensus, this.#info));
    observeNode(this.#metrics, consensus, log, this.#space, this.#keeper);
    observeMetadata(this.#metrics, this.#world.fs, this.#options.dataDir);
    observeEncryption(this.#metrics, () => this.#encryption.status);
    observeMembers(this.#metrics, consensus, this.#info);
    return consensus;
  }

  /** What a leader learns from the links to the others. */
  #attachPeers(consensus: NodeConsensus, transport: LinkTransport): void {
    this.logClock.attach({
      memberId: consensus.memberId,
      voters: () => consensus.confState.voters,
      clockOf: (id) => transport.clockOf(id),
    });
    leaderDuties({
      ...this.#world,
      consensus,
      leader: this.#leader,
      own: this.#applyVersions,
      versionsOf: (id) => transport.applyVersionsOf(id),
      whyKeysDiffer: () => this.#encryption.whyKeysDiffer(true, 'open encrypted fields'),
    });
    observeLinks(this.#metrics, transport, this.logClock);
  }

  #openOutbox(consensus: NodeConsensus, log: Log): Promise<Outbox> {
    if (this.#directory === null) throw new Error('the data directory is not open');
    return openOutbox(this.#world, consensus, this.#leader, log, {
      directory: this.#directory,
      metrics: this.#metrics,
      logOptions: this.#logOptions,
      limits: this.#options.outbox ?? {},
      isSpaceLow: () => this.#space.low,
      onFailure: (error) => this.#failBy(error),
    });
  }

  #keepHistory(consensus: NodeConsensus, archive: Archive): HistoryKeeper {
    const { clock, logger, fs, defer = setImmediate, openStore = openColdStore } = this.#world;
    return new HistoryKeeper({
      archive,
      clock,
      logger,
      leader: this.#leader,
      openStore: (settings) => openStore(settings, fs),
      pause: () => new Promise((resolve) => defer(resolve)),
      state: () => consensus.state,
      isLeading: () => consensus.leading,
      members: () => archivePeers(consensus, this.#transport),
      whyKeysDiffer: (all) => this.#encryption.whyKeysDiffer(all),
      ...(this.#options.history && { limits: this.#options.history }),
    });
  }

  async #restore(chunks: AsyncIterable<Uint8Array>): Promise<ReplicatedState> {
    const hashKey = this.#world.random.fill(new Uint8Array(HASH_KEY_BYTES));
    const state = await restoreState(chunks, {
      ...this.#options.state,
      hashKey,
      latestApplyVersion: this.#applyVersions.latest,
      openBodies: () => this.#cold.openBodies(),
    });
    this.#observer.onState?.(state);
    return state;
  }

  #onApplied(consensus: NodeConsensus, index: number, result: ApplyResult): void {
    this.#leader.onApplied(index);
    const bytes = this.#log?.writtenBytes ?? 0;
    this.#lag.onApplied(index, bytes, this.#world.clock.monotonicMs());
    this.#keeper?.onApplied();
    this.#preparation?.onState();
    if (result.kind === 'localWrites') this.#outbox?.onOrdered(index, result.outcome);
    this.#outbox?.onApplied(index);
    this.#encryption.onApplied();
    if (consensus.state !== null) this.#observer.onApplied?.(index, consensus.state);
  }

  #openTransport(placement: Placement): LinkTransport {
    const { clusterId, memberId, diskUuid, region } = placement;
    const { name } = this.#options;
    const place = region === undefined ? {} : { region };
    if (this.#peers === null) throw new Error('the peer port is not open');
    const known = new KnownAddresses(this.#options.initialCluster);
    this.#transport = new LinkTransport({
      locate: (peers) => known.of(peers),
      network: this.#peers,
      self: { clusterId, memberId, name, diskUuid, ...place, applyVersions: this.#applyVersions },
      table: memberTable(() => this.#consensus),
      world: this.#world,
      onRefused: (reason, code) => this.#onRefused(reason, code),
    });
    return this.#transport;
  }

  #openAdmin(consensus: NodeConsensus, log: Log, placement: Placement): AdminApi {
    const { clock } = this.#world;
    if (this.#keeper === null || this.#transport === null) throw new Error('not composed yet');
    const { admit, admitVoter } = this.#encryption;
    const changes = new MemberChanges({
      view: consensus,
      entries: memberEntries,
      applyVersion: this.#info.applyVersion,
      letGo: lettingGo({ transport: this.#transport, keeper: this.#keeper, clock }),
      admitVoter,
      ...this.#world,
    });
    const changeModel = modelChanges(this.#leader, () => consensus.state, clock, admit);
    return new AdminApi({
      view: consensus,
      changes,
      changeModel,
      backUp: backups(consensus, log, this.#keeper, this.#world.defer ?? setImmediate),
      compaction: compaction(consensus, log, this.#keeper),
      regionPromotion: regionPromotion({
        consensus,
        log,
        keeper: this.#keeper,
        placement,
        info: this.#info,
        network: this.#network,
        transport: this.#transport,
        onFounded: ({ index }) => this.#beginAgain(index),
      }),
      closeOutbox: (forMs) => this.#outbox?.close(forMs) ?? null,
      info: this.#info,
      ...this.#world,
    });
  }

  async #settled(consensus: NodeConsensus): Promise<void> {
    while (!consensus.caughtUp || this.#keeper?.isSettled !== true) {
      this.#requireRunning();
      await new Promise<void>((resolve) => void this.#world.clock.after(READY_POLL_MS, resolve));
    }
  }

  /** @throws NodeError where the node was told to stop while it started */
  #requireRunning(): void {
    if (this.#stopping) throw new NodeError('stopped before it was ready', EXIT.ok);
  }

  /** Whoever asked this very member to remove itself gets the answer first. */
  #onRefused(reason: string, code: FinalRefusal): void {
    if (this.#isRefused) return;
    this.#isRefused = true;
    if (code === 'removed') this.#membership?.onRemoved();
    const text = code === 'apply_version' ? reason : `${CLUSTER_ID_MISMATCH}: ${reason}`;
    this.#world.clock.after(FAREWELL_MS, () => this.#fail(text, EXIT.dataRefused));
  }

  /** Whoever asked for it gets the answer first. */
  #beginAgain(index: number): void {
    this.#world.logger.warn({ index }, 'the next epoch of the cluster begins with this member');
    const reason = 'this node starts again, in the next epoch of its cluster';
    this.#world.clock.after(FAREWELL_MS, () => this.#fail(reason, EXIT.again));
  }

  /** A disk that fails is not data that is refused: only the latter is of no use to start again. */
  #failBy(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#fail(reason, asNodeError(error)?.exitCode ?? EXIT.failStop);
  }

  #fail(reason: string, exitCode: ExitCode): void {
    this.health.enter('failed', reason);
    this.#onEnd(new NodeError(reason, exitCode));
  }
}
