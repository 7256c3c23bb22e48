import type { LithairModelSpec, LithairModelStatus } from '@lithair/crds';
import type { Logger } from 'pino';
import { type ClusterView, type MemberAddress, viewCluster } from '../admin/index.ts';
import {
  type EventNote,
  type EventRecorder,
  isRecord,
  type KubeObject,
  type KubernetesApi,
  type ObjectKey,
} from '../kubernetes/index.ts';
import { groupsOf } from '../manifests/index.ts';
import { type Desired, desire, heldSpec, plan } from '../plan/index.ts';
import { buildStatus, notesOf, type SchemaState, type StatusInput } from '../status/index.ts';
import type { Caches } from './caches.ts';
import { Certificates, type Survey } from './certificates.ts';
import { Deletion } from './deletion.ts';
import { asBlocked, type BlockedError, StaleCacheError } from './errors.ts';
import { Executor } from './execute.ts';
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
  | 'outdatedPods'
  | 'schema'
  | 'image'
> & { readonly error: unknown };

/** Makes what is there what the resources say, one resource at a time. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #certificates: Certificates;
  readonly #models = new ModelChanges();
  readonly #executor: Executor;
  readonly #statuses: StatusWriter;
  readonly #deletion: Deletion;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#certificates = new Certificates(options.api, options.now);
    this.#executor = new Executor(options.api, this.#certificates);
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
    this.#models.forget(key);
    this.#statuses.forget(key);
    return { againAfterMs: null };
  }

  async #pass(subject: Subject): Promise<{ againAfterMs: number | null }> {
    if (subject.resource.metadata.deletionTimestamp !== undefined) {
      return this.#delete(subject);
    }
    const judgement = judge(subject.resource);
    const snapshot = takeSnapshot(this.#options.caches, subject.namespace, subject.name);
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
    const held = heldSpec(subject.name, base, snapshot.topology, snapshot.statefulSets);
    const members = membersOf(subject.name, held.spec);
    const image = chooseImage(held.spec, snapshot, subject.status, this.#options.nodeImage);
    const refusedChanges = held.refused;
    let findings: Findings = {
      ...nothingToFollow(subject, snapshot),
      members,
      refusedChanges,
      image,
    };
    try {
      const world = await this.#look(subject, snapshot, members);
      const { identity, reports, view } = world;
      findings = { ...findings, reports, strangers: identity.strangers };
      // Disks of another cluster and nothing that says which one is ours: touch nothing.
      if (identity.strangers.length > 0 && snapshot.identity === null) return findings;
      const storage = await this.#storageProblem(held.spec, snapshot);
      const modelInForce = chooseModel(judgement, snapshot, held.spec, view, identity.bootstrapped);
      const desired = desire({
        ...subject,
        spec: held.spec,
        modelInForce,
        image,
        identity,
        leader: view.leader,
        storageReady: storage === null,
      });
      await this.#act(subject, snapshot, world, desired);
      const schema = await this.#changeModel(subject, judgement, snapshot, view);
      return { ...findings, clusterId: identity.id, schema, blocked: blockedBy(storage) };
    } catch (error) {
      if (error instanceof StaleCacheError) throw error;
      return { ...findings, blocked: blockedBy(asBlocked(error)), error };
    }
  }

  /** Asks the members and the Secrets, and finds out which cluster this is. */
  async #look(subject: Subject, snapshot: Snapshot, members: StatusInput['members']) {
    const names = members.map(({ name }) => name);
    const certificates = await this.#certificates.survey(subject, names);
    const admin = await this.#certificates.admin(subject);
    const reports = await askMembers(admin, snapshot.pods, names);
    const view = viewCluster(reports);
    const { api, newClusterId } = this.#options;
    const fresh = newClusterId();
    const identity = await findIdentity(api, subject, snapshot, subject.status, view, fresh);
    return { certificates, reports, view, identity };
  }

  async #act(
    subject: Subject,
    snapshot: Snapshot,
    { certificates }: { certificates: Survey },
    desired: Desired,
  ): Promise<void> {
    const observed = {
      ...snapshot,
      finalizers: subject.resource.metadata.finalizers ?? [],
      authority: certificates.authority,
      certificatesDue: certificates.due,
    };
    const actions = plan(observed, desired);
    if (actions.length === 0) return;
    this.#options.logger.info({ key: subject.key, actions: actions.map(describe) }, 'acting');
    await this.#executor.run(subject, actions);
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

function membersOf(name: string, spec: LithairModelSpec): StatusInput['members'] {
  return groupsOf(name, spec).flatMap(({ statefulSet, replicas, region }) =>
    Array.from({ length: replicas }, (_, ordinal) => ({
      name: `${statefulSet}-${ordinal}`,
      region,
    })),
  );
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
    outdatedPods: outdatedPods(snapshot),
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
    case 'delete':
      return `delete ${action.kind}/${action.name}`;
    default:
      return action.do;
  }
}
