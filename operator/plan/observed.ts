import { isRecord, type KubeObject } from '../kubernetes/index.ts';
import { LEADER_LABEL, ROLE_LABEL } from '../manifests/index.ts';

/** A pod as far as the operator looks at it. */
export interface PodView {
  readonly name: string;
  readonly uid: string;
  /** Null until it has one. */
  readonly ip: string | null;
  readonly ready: boolean;
  readonly deleting: boolean;
  readonly leaderLabel: boolean;
  /** Revision of the template that it was made from. */
  readonly revision: string | null;
  readonly image: string | null;
  /** Why it does not run, in words: unschedulable, image missing, the last exit. */
  readonly trouble: string | null;
  /** The cluster whose disk it was given, where it ended because that is another one. */
  readonly foreignCluster: string | null;
  /** Null where that is not told. */
  readonly createdAtMs: number | null;
  /** Whether its StatefulSet is one of learners. */
  readonly learner: boolean;
}

/** What is there. */
export interface Observed {
  /** Objects that belong to the cluster, by `objectKey`. Secrets are not among them. */
  readonly objects: ReadonlyMap<string, KubeObject>;
  readonly pods: readonly PodView[];
  readonly finalizers: readonly string[];
  readonly authority: 'present' | 'missing';
  /** Members whose certificate is missing, from another authority, or about to expire. */
  readonly certificatesDue: readonly string[];
}

/** Key of an object within its namespace. */
export function objectKey(kind: string, name: string): string {
  return `${kind}/${name}`;
}

/** Reads what matters from a Pod. */
export function viewPod(pod: KubeObject): PodView {
  const status = record(pod['status']);
  const spec = record(pod['spec']);
  const container = record(array(spec['containers'])[0]);
  const conditions = array(status['conditions']).map(record);
  const { metadata } = pod;
  const { name, uid, labels, deletionTimestamp } = metadata;
  return {
    name,
    uid: uid ?? '',
    ip: text(status['podIP']),
    ready: conditions.some((c) => c['type'] === 'Ready' && c['status'] === 'True'),
    deleting: deletionTimestamp !== undefined,
    leaderLabel: labels?.[LEADER_LABEL] === 'true',
    revision: labels?.['controller-revision-hash'] ?? null,
    image: text(container['image']),
    trouble: containerTrouble(status) ?? schedulingTrouble(conditions),
    foreignCluster: foreignClusterOf(status),
    createdAtMs: timeOf(metadata.creationTimestamp),
    learner: labels?.[ROLE_LABEL] === 'learner',
  };
}

/** Exit codes of a node and what they mean; see docs/operations.md. */
const EXIT_MEANINGS: Readonly<Record<number, string>> = {
  1: 'bad configuration or model',
  2: 'wrong arguments',
  3: 'the data directory was refused: locked, of another cluster, or damaged',
  4: 'stopped after a disk error',
  137: 'killed, most often out of memory',
};

function containerTrouble(status: Record<string, unknown>): string | null {
  const container = record(array(status['containerStatuses'])[0]);
  const waiting = record(record(container['state'])['waiting']);
  const stopped = record(record(container['state'])['terminated']);
  const last = record(record(container['lastState'])['terminated']);
  const reason = text(waiting['reason']);
  if (reason !== null && /Err|BackOff|Invalid/.test(reason) && reason !== 'CrashLoopBackOff') {
    return `${reason}: ${text(waiting['message']) ?? 'no reason given'}`;
  }
  const code = stopped['exitCode'] ?? (container['ready'] === true ? undefined : last['exitCode']);
  if (typeof code !== 'number' || code === 0) return null;
  const meaning = EXIT_MEANINGS[code] ?? 'see its log';
  const words = lastWords(status);
  return words === null
    ? `exit code ${code} (${meaning})`
    : `exit code ${code} (${meaning}): ${words}`;
}

/** What a node said as it ended with an error: its last line, as `lithair: …` on standard error. */
function lastWords(status: Record<string, unknown>): string | null {
  const container = record(array(status['containerStatuses'])[0]);
  const states = [record(container['state']), record(container['lastState'])];
  const messages = states.map((state) => text(record(state['terminated'])['message']));
  const said = messages.find((message) => message !== null) ?? '';
  return /^lithair: (.{1,300})/m.exec(said.slice(-2_000))?.[1] ?? null;
}

function foreignClusterOf(status: Record<string, unknown>): string | null {
  return /\bbelongs to cluster ([\w-]{1,64}), not to /.exec(lastWords(status) ?? '')?.[1] ?? null;
}

function schedulingTrouble(conditions: readonly Record<string, unknown>[]): string | null {
  const scheduled = conditions.find((c) => c['type'] === 'PodScheduled');
  if (scheduled === undefined || scheduled['status'] !== 'False') return null;
  return `${text(scheduled['reason']) ?? 'Unschedulable'}: ${text(scheduled['message']) ?? ''}`;
}

function record(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

function array(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function timeOf(value: unknown): number | null {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}
