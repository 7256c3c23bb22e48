import type { LithairModelSpec, LithairModelStatus } from '@lithair/crds';
import type { Logger } from 'pino';
import {
  type AdminClient,
  type ClusterView,
  type MemberAddress,
  type MemberReport,
  viewCluster,
} from '../admin/index.ts';
import {
  type EventNote,
  type EventRecorder,
  isRecord,
  type KubeObject,
  type KubernetesApi,
  type ObjectKey,
} from '../kubernetes/index.ts';
import { asksForEncryption, type MemberGroup, memberNames } from '../manifests/index.ts';
import {
  type Change,
  type Desired,
  desire,
  heldSpec,
  type Identity,
  type PodView,
  type Progress,
  plan,
  planChange,
  sameGroups,
  settling,
  withSelectors,
} from '../plan/index.ts';
import { buildStatus, notesOf, type SchemaState, type StatusInput } from '../status/index.ts';
import type { Caches } from './caches.ts';
import { Certificates, type Survey } from './certificates.ts';
import { Deletion } from './deletion.ts';
import { EncryptionKeys } from './encryption-keys.ts';
import { asBlocked, type BlockedError, StaleCacheError } from './errors.ts';
import { Executor } from './execute.ts';
import { listVolumes, MembershipMemory, tableOf } from './membership.ts';
import { fingerprintOf, ModelChanges } from './model-change.ts';
import {
  askMembers,
  chooseImage,
  findIdentity,
  outdatedPods,
  type Snapshot,
  takeSnapshot,
} from './observe.ts';
import { type Judgement, judge } from './spec.ts';
import { StatusWriter } from './status-writer.ts';
import { storageClassProblem } from './storage-class.ts';

const STEADY_MS = 5_000;
const MOVING_MS = 1_000;

/** What the reconciler works with; time and randomness are given to it. */
export interface ReconcilerOptions {
  readonly api: KubernetesApi;
  readonly caches: Caches;
  readonly events: EventRecorder;
  readonly logger: Logger;
  /** Image of new clusters whose spec names none. */
  readonly nodeImage: string;
  readonly now: () => number;
  readonly newClusterId: () => string;
}

/** A resource, as the pass that reconciles it needs it. */
interface Subject {
  readonly key: ObjectKey;
  readonly resource: KubeObject;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly status: LithairModelStatus | undefined;
}

/** What one pass found out and did. */
type Findings = Pick<
  StatusInput,
  | 'blocked'
  | 'refusedChanges'
  | 'clusterId'
  | 'strangers'
  | 'members'
  | 'pods'
  | 'reports'
  | 'progress'
  | 'schema'
  | 'image'
> & { readonly error: unknown };

/** Makes what is there what the resources say, one resource at a time. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #certificates: Certificates;
  readonly #keys: EncryptionKeys;
  readonly #models = new ModelChanges();
  readonly #memory = new MembershipMemory();
  readonly #executor: Executor;
  readonly #statuses: StatusWriter;
  readonly #deletion: Deletion;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#certificates = new Certificates(options.api, options.now);
    this.#keys = new EncryptionKeys(options.api, options.now);
    this.#executor = new Executor(options.api, this.#certificates, (uid) =>
      this.#memory.replaced(uid),
    );
    this.#statuses = new StatusWriter(options.api);
    this.#deletion = new Deletion(options.api, options.caches, this.#executor);
  }

  /**
   * Reconciles one resource and says when to look again.
   *
   * @throws KubernetesError, BlockedError: the status says why where it could be written.
   */
  async reconcile(key: ObjectKey): Promise<{ againAfterMs: number | null }> {
    const cached = this.#options.caches.model(key);
    if (cached === undefined) return this.#forget(key);
    const subject = subjectOf(key, this.#statuses.newest(key, cached));
    try {
      return await this.#pass(subject);
    } catch (error) {
      if (!(error instanceof StaleCacheError)) throw error;
      this.#options.logger.debug({ key }, error.message);
      return { againAfterMs: MOVING_MS };
    }
  }

  #forget(key: ObjectKey): { againAfterMs: null } {
    this.#certificates.forget(key);
    this.#keys.forget(key);
    this.#models.forget(key);
    this.#memory.forget(key);
    this.#statuses.forget(key);
    return { againAfterMs: null };
  }

  async #pass(subject: Subject): Promise<{ againAfterMs: number | null }> {
    if (subject.resource.metadata.deletionTimestamp !== undefined) {
      return this.#delete(subject);
    }
    const judgement = judge(subject.resource);
    const cached = takeSnapshot(this.#options.caches, subject.namespace, subject.name);
    const snapshot = { ...cached, pods: this.#memory.withReplaced(cached.pods) };
    const base = judgement.spec ?? snapshot.accepted;
    const findings =
      base === null
        ? nothingToFollow(subject, snapshot)
        : await this.#follow(subject, judgement, snapshot, base);
    const status = await this.#report(subject, judgement, findings);
    if (findings.error !== null) throw findings.error;
    const steady = status.phase === 'Ready' || status.phase === 'Failed';
    return { againAfterMs: steady ? STEADY_MS : MOVING_MS };
  }

  async #delete(subject: Subject): Promise<{ againAfterMs: number | null }> {
    if (!this.#deletion.concerns(subject)) return { againAfterMs: null };
    const snapshot = takeSnapshot(this.#options.caches, subject.namespace, subject.name);
    await this.#report(subject, judge(subject.resource), nothingToFollow(subject, snapshot), true);
    await this.#deletion.advance(subject);
    return { againAfterMs: MOVING_MS };
  }

  /** Follows a spec: the submitted one, or the one accepted before where that cannot be followed. */
  async #follow(
    subject: Subject,
    judgement: Judgement,
    snapshot: Snapshot,
    base: LithairModelSpec,
  ): Promise<Findings> {
    const target = targetOf(subject, snapshot, base);
    const image = chooseImage(target.spec, snapshot, subject.status, this.#options.nodeImage);
    let findings: Findings = {
      ...nothingToFollow(subject, snapshot),
      members: membersOf(target.inForce),
      refusedChanges: target.refused,
      image,
    };
    try {
      const world = await this.#look(subject, snapshot, target);
      const { identity, reports, view } = world;
      const strangers = strangersOf(snapshot, identity);
      findings = { ...findings, reports, strangers };
      // Disks of another cluster and nothing that says which one is ours: touch nothing.
      if (strangers.length > 0 && snapshot.identity === null) return findings;
      const storage = await this.#storageProblem(target.spec, snapshot);
      const modelInForce = chooseModel(
        judgement,
        snapshot,
        target.spec,
        view,
        identity.bootstrapped,
      );
      const change = await this.#nextChange(subject, snapshot, target, world);
      const desired = desire({
        ...subject,
        spec: target.spec,
        groups: change.groups,
        wanted: target.wanted,
        readers: snapshot.pods.some(isReadyLearner) ? 'learners' : 'all',
        modelInForce,
        image,
        hasKeys: world.hasKeys,
        identity,
        leader: view.leader,
        storageReady: storage === null,
      });
      const progress = await this.#act(subject, snapshot, world, desired, change);
      const schema = await this.#changeModel(subject, judgement, snapshot, view);
      const members = membersOf(change.groups);
      const blocked = blockedBy(storage);
      return { ...findings, members, clusterId: identity.id, schema, blocked, progress };
    } catch (error) {
      if (error instanceof StaleCacheError) throw error;
      return { ...findings, blocked: blockedBy(asBlocked(error)), error };
    }
  }

  /** The next step of scaling, replacing or rolling out; none before the cluster was founded. */
  async #nextChange(
    subject: Subject,
    snapshot: Snapshot,
    { inForce, wanted, spec }: Target,
    { identity, view, reports, certificates }: World,
  ): Promise<Change> {
    if (!identity.bootstrapped) return { groups: inForce, actions: [], progress: null };
    const table = tableOf(view);
    const nowMs = this.#options.now();
    const { key } = subject;
    const isChanging = !sameGroups(inForce, wanted);
    const wantsVolumes = this.#memory.wantsVolumes(key, isChanging) && table !== null;
    return planChange({
      inForce,
      wanted,
      members: table?.members ?? [],
      leader: table?.leader ?? null,
      pods: snapshot.pods,
      outdated: outdatedPods(snapshot),
      updates: spec.cluster.updatePolicy?.mode ?? 'Rolling',
      emptyDisks: this.#memory.emptyDisks(key, reports, table?.members ?? [], nowMs),
      certificatesDue: certificates.due,
      volumes: wantsVolumes ? await listVolumes(this.#options.api, subject) : null,
      retain: spec.cluster.storage.retain,
      nowMs,
    });
  }

  /** Asks the members and the Secrets, and finds out which cluster this is. */
  async #look(subject: Subject, snapshot: Snapshot, target: Target): Promise<World> {
    const names = memberNames(target.inForce);
    // Whoever is to come gets its certificate before its pod is made.
    const all = [...new Set([...names, ...memberNames(target.wanted)])];
    // Also what runs may need them, whatever is submitted.
    const specs = [target.spec, ...(snapshot.accepted === null ? [] : [snapshot.accepted])];
    const hasKeys = await this.#keys.ensure(subject, specs.some(asksForEncryption));
    const certificates = await this.#certificates.survey(subject, all);
    const admin = await this.#certificates.admin(subject);
    const reports = await askMembers(admin, snapshot.pods, names);
    const view = viewCluster(reports);
    const { api, newClusterId } = this.#options;
    const fresh = newClusterId();
    const identity = await findIdentity(api, subject, snapshot, subject.status, view, fresh);
    return { certificates, reports, view, identity, admin, hasKeys };
  }

  async #act(
    subject: Subject,
    snapshot: Snapshot,
    { certificates, admin, view, identity }: World,
    desired: Desired,
    change: Change,
  ): Promise<Progress | null> {
    const observed = {
      ...snapshot,
      finalizers: subject.resource.metadata.finalizers ?? [],
      authority: certificates.authority,
      certificatesDue: certificates.due,
    };
    const actions = [...plan(observed, desired), ...change.actions];
    const { groups } = change;
    // A cluster that is being founded has nothing that could be taken for what is wanted.
    const settles = identity.bootstrapped ? settling({ ...snapshot, actions, groups }) : null;
    const progress = change.progress ?? settles;
    if (actions.length === 0) return progress;
    this.#options.logger.info({ key: subject.key, actions: actions.map(describe) }, 'acting');
    const member = memberToAsk(snapshot, view);
    const access = admin === null || member === null ? null : { admin, member };
    const refusals = await this.#executor.run(subject, actions, access);
    if (refusals.length === 0 || progress === null) return progress;
    return { ...progress, message: `${progress.message}; the cluster: ${refusals.join('; ')}` };
  }

  async #storageProblem(spec: LithairModelSpec, snapshot: Snapshot): Promise<BlockedError | null> {
    if (snapshot.statefulSets.length > 0) return null;
    return storageClassProblem(this.#options.api, spec.cluster.storage.className);
  }

  async #changeModel(
    subject: Subject,
    judgement: Judgement,
    snapshot: Snapshot,
    view: ClusterView,
  ): Promise<SchemaState> {
    if (judgement.spec === null) return { kind: 'pending', reason: 'the spec is not valid' };
    return this.#models.advance({
      key: subject.key,
      spec: judgement.spec,
      view,
      admin: await this.#certificates.admin(subject),
      member: memberToAsk(snapshot, view),
      onApplied: (version, changes) => {
        const message = `schema version ${version}: ${changes.join('; ')}`;
        void this.#tell(subject, [{ type: 'Normal', reason: 'ModelApplied', message }]);
      },
    });
  }

  async #report(
    subject: Subject,
    judgement: Judgement,
    findings: Findings,
    deleting = false,
  ): Promise<LithairModelStatus> {
    const next = buildStatus({
      ...findings,
      name: subject.name,
      namespace: subject.namespace,
      generation: subject.resource.metadata.generation ?? 0,
      previous: subject.status,
      now: `${new Date(this.#options.now()).toISOString().slice(0, -5)}Z`,
      deleting,
      verdict: judgement.verdict,
    });
    const written = await this.#statuses.write(subject, next);
    if (written) await this.#tell(subject, notesOf(subject.status, next));
    return next;
  }

  /** Events are told on a best effort; a cluster does not depend on them. */
  async #tell(subject: Subject, notes: readonly EventNote[]): Promise<void> {
    for (const note of notes) {
      this.#options.logger.info({ key: subject.key, reason: note.reason }, note.message);
      try {
        await this.#options.events.record(subject.resource, note);
      } catch (error) {
        this.#options.logger.warn({ key: subject.key, err: error }, 'an event was not recorded');
      }
    }
  }
}

function subjectOf(key: ObjectKey, resource: KubeObject): Subject {
  const { name, namespace, uid, resourceVersion } = resource.metadata;
  if (namespace === undefined || uid === undefined || resourceVersion === undefined) {
    throw new TypeError(`${key} was not read from an API server`);
  }
  const status = resource['status'];
  const known = isStatus(status) ? status : undefined;
  return { key, resource, name, namespace, uid, resourceVersion, status: known };
}

/** Only the operator writes the status subresource, in the shape of the CRD's schema. */
function isStatus(value: unknown): value is LithairModelStatus {
  return (
    isRecord(value) && (value['conditions'] === undefined || Array.isArray(value['conditions']))
  );
}

/** What a resource asks for, as far as it can be followed, and where its cluster is now. */
interface Target {
  readonly spec: LithairModelSpec;
  readonly inForce: readonly MemberGroup[];
  readonly wanted: readonly MemberGroup[];
  readonly refused: readonly string[];
}

interface World {
  readonly certificates: Survey;
  readonly reports: readonly MemberReport[];
  readonly view: ClusterView;
  readonly identity: Identity;
  readonly admin: AdminClient | null;
  /** Whether there is a Secret with master keys. */
  readonly hasKeys: boolean;
}

function targetOf(subject: Subject, snapshot: Snapshot, base: LithairModelSpec): Target {
  const { inForce, identity, statefulSets } = snapshot;
  const bootstrapped = identity?.bootstrapped === true;
  const held = heldSpec(subject.name, base, inForce, bootstrapped, statefulSets);
  return { ...held, inForce: withSelectors(inForce ?? held.wanted, held.wanted) };
}

function membersOf(groups: readonly MemberGroup[]): StatusInput['members'] {
  return groups.flatMap((group) =>
    memberNames([group]).map((name) => ({ name, region: group.region, role: group.role })),
  );
}

/** Clusters other than ours whose disks or members are among our pods. */
function strangersOf({ pods }: Snapshot, identity: Identity): readonly string[] {
  const refused = pods.flatMap(({ foreignCluster }) => foreignCluster ?? []);
  const all = new Set([...identity.strangers, ...refused]);
  return [...all].filter((id) => id !== identity.id).sort();
}

function isReadyLearner({ learner, ready, deleting }: PodView): boolean {
  return learner && ready && !deleting;
}

function nothingToFollow(subject: Subject, snapshot: Snapshot): Findings {
  return {
    blocked: null,
    refusedChanges: [],
    clusterId: snapshot.identity?.id ?? subject.status?.clusterId ?? null,
    strangers: [],
    members: [],
    pods: snapshot.pods,
    reports: [],
    progress: null,
    schema: { kind: 'pending', reason: 'the cluster is not running yet' },
    image: null,
    error: null,
  };
}

function blockedBy(error: BlockedError | null): Findings['blocked'] {
  if (error === null) return null;
  return { reason: error.reason, message: error.message, degrades: true };
}

/**
 * What the model ConfigMap is to hold: the submitted models, unless a running cluster has others
 * that it was not brought to change yet; then those, so that a refused or later invalid spec can
 * still be compared with what is served.
 */
function chooseModel(
  judgement: Judgement,
  snapshot: Snapshot,
  held: LithairModelSpec,
  view: ClusterView,
  bootstrapped: boolean,
): LithairModelSpec {
  const { accepted } = snapshot;
  if (judgement.spec === null || accepted === null || !bootstrapped) return held;
  const inForce = view.best?.schemaFingerprint;
  if (inForce === fingerprintOf(judgement.spec)) return held;
  return { ...accepted, cluster: held.cluster };
}

function memberToAsk(snapshot: Snapshot, view: ClusterView): MemberAddress | null {
  const name = view.leader ?? view.best?.name;
  const pod = snapshot.pods.find((candidate) => candidate.name === name);
  return pod?.ip === undefined || pod.ip === null ? null : { name: pod.name, ip: pod.ip };
}

function describe(action: ReturnType<typeof plan>[number]): string {
  switch (action.do) {
    case 'apply':
      return `apply ${action.object.kind}/${action.object.metadata.name}`;
    case 'labelLeader':
      return `${action.leader ? 'label' : 'unlabel'} ${action.pod}`;
    case 'replacePod':
      return `replace ${action.pod}`;
    case 'removeMember':
    case 'promoteMember':
      return `${action.do} ${action.id} (${action.name})`;
    case 'transferLeadership':
      return `transfer leadership from ${action.from} to member ${action.to}`;
    case 'markVolume':
    case 'deleteVolume':
      return `${action.do} ${action.name}`;
    case 'delete':
      return `delete ${action.kind}/${action.name}`;
    default:
      return action.do;
  }
}
