import type { LithairModelStatus, NodeStatus, Phase } from '@lithair/crds';
import type { MemberStatus } from '@lithair/crds/contract';
import { type ClusterView, type MemberReport, viewCluster } from '../admin/index.ts';
import { CLUSTER_LABEL, groupOf, SET_LABEL } from '../manifests/index.ts';
import { isAtRest, type PodView, type Progress } from '../plan/index.ts';
import { buildConditions, hasBeenReady, missing, notReady } from './conditions.ts';

/** Whether the spec can be followed. */
export type Verdict =
  | { readonly kind: 'accepted' }
  | {
      readonly kind: 'refused';
      readonly reason: 'InvalidModel' | 'AuthNotDeclared';
      /** `path: message`, one each. */
      readonly problems: readonly string[];
    };

/** How the submitted models stand to those of the running cluster. */
export type SchemaState =
  | { readonly kind: 'applied'; readonly version: number }
  | { readonly kind: 'refused'; readonly reasons: readonly string[] }
  /** In force once the indexes that it needs are built, or members have the keys that it needs. */
  | { readonly kind: 'preparing'; readonly progress: string }
  | { readonly kind: 'pending'; readonly reason: string };

/** What keeps the operator from going on. */
interface Blocked {
  readonly reason: string;
  readonly message: string;
  /** Whether a cluster that was well suffers from it. */
  readonly degrades: boolean;
}

/** A member that there is to be. */
export interface MemberPlace {
  readonly name: string;
  readonly region: string | null;
  readonly role: 'voter' | 'learner';
}

/** What a status is made from. */
export interface StatusInput {
  readonly name: string;
  readonly namespace: string;
  readonly generation: number;
  readonly previous: LithairModelStatus | undefined;
  /** RFC 3339. */
  readonly now: string;
  readonly deleting: boolean;
  readonly verdict: Verdict;
  readonly blocked: Blocked | null;
  readonly refusedChanges: readonly string[];
  readonly clusterId: string | null;
  readonly strangers: readonly string[];
  readonly members: readonly MemberPlace[];
  readonly pods: readonly PodView[];
  readonly reports: readonly MemberReport[];
  readonly progress: Progress | null;
  readonly schema: SchemaState;
  readonly image: string | null;
}

/** The status as it is to be; equal to the previous one where nothing changed. */
export function buildStatus(input: StatusInput): LithairModelStatus {
  const view = viewCluster(input.reports);
  const { previous, members } = input;
  const nodes = members.map((member) => nodeStatus(member, input, view));
  const ready = nodes.filter((node) => node.ready).length;
  const leader = view.leader ?? undefined;
  const replicas = groupOf(input.name, null, 'learner', 0).statefulSet;
  const term = Math.max(view.term, previous?.term ?? 0);
  const schemaVersion = view.best?.schemaVersion ?? previous?.schemaVersion;
  return {
    observedGeneration: input.generation,
    phase: phaseOf(input, view),
    ...(schemaVersion === undefined ? {} : { schemaVersion }),
    ...(input.clusterId === null ? {} : { clusterId: input.clusterId }),
    endpoint: `http://${input.name}.${input.namespace}.svc`,
    ...(leader === undefined ? {} : { leader }),
    ...(term === 0 ? {} : { term }),
    ...(input.image === null ? {} : { image: input.image }),
    nodeSummary: `${ready}/${members.length}`,
    nodes,
    readReplicas: input.pods.filter(({ name }) => name.startsWith(`${replicas}-`)).length,
    readReplicaSelector: `${SET_LABEL}=${replicas},${CLUSTER_LABEL}=${input.name}`,
    conditions: buildConditions(input, view),
  };
}

function nodeStatus(member: MemberPlace, input: StatusInput, view: ClusterView): NodeStatus {
  const pod = input.pods.find(({ name }) => name === member.name);
  const report = input.reports.find(({ name }) => name === member.name);
  const status = report?.answer.kind === 'serving' ? report.answer.status : null;
  return {
    name: member.name,
    ...replicationOf(view.members.get(member.name)),
    role: status?.role ?? 'unknown',
    ...(member.region === null ? {} : { region: member.region }),
    ready: pod?.ready === true && !pod.deleting,
    ...(status === null ? {} : { version: status.version }),
  };
}

const BEHIND_SECONDS = 2;

type Replication = Pick<NodeStatus, 'memberId' | 'lag' | 'lagBytes' | 'lagSeconds'>;

function replicationOf(known: MemberStatus | undefined): Replication {
  if (known === undefined) return {};
  const { id, lag, lagBytes = null, lagMs = null } = known;
  const seconds = Math.floor((lagMs ?? 0) / 1_000);
  // What a member lacks for moments comes and goes; of one that stays behind, little is told, too.
  const [entries, bytes] = seconds >= BEHIND_SECONDS ? [1, 1] : [1_000, 1_000_000];
  return {
    memberId: String(id),
    ...(lag === null ? {} : { lag: coarse(lag, entries) }),
    ...(lagBytes === null ? {} : { lagBytes: coarse(lagBytes, bytes) }),
    ...(lagMs === null ? {} : { lagSeconds: coarse(seconds, BEHIND_SECONDS) }),
  };
}

/** One significant digit, and 0 below `least`: a busy cluster must not write a status a second. */
function coarse(lag: number, least: number): number {
  if (lag < least) return 0;
  const unit = 10 ** Math.floor(Math.log10(lag));
  return Math.floor(lag / unit) * unit;
}

function phaseOf(input: StatusInput, view: ClusterView): Phase {
  if (input.deleting) return 'Deleting';
  if (input.strangers.length > 0) return 'Failed';
  const hasServed = input.previous?.schemaVersion !== undefined || view.best !== null;
  if (!hasServed) return phaseBeforeServing(input);
  const isWhole = view.quorum === true && notReady(input, view).length === 0;
  if (isWhole && isAtRest(input.progress)) return 'Ready';
  if (!hasBeenReady(input)) return 'Creating';
  return view.quorum === true && missing(input, view).length === 0 ? 'Updating' : 'Degraded';
}

function phaseBeforeServing({ verdict, blocked }: StatusInput): Phase {
  if (verdict.kind === 'refused') return 'Failed';
  return blocked === null ? 'Creating' : 'Pending';
}
