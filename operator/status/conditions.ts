import { CONDITION_TYPES, type Condition, type ConditionType, type Phase } from '@lithair/crds';
import type { ClusterView } from '../admin/index.ts';
import { isAtRest } from '../plan/index.ts';
import type { StatusInput } from './status.ts';

/** A condition without its times. */
type Finding = Pick<Condition, 'status' | 'reason' | 'message'>;

const MAX_MESSAGE_LENGTH = 2_000;

/** All conditions of a resource; a time moves only where the status of its condition does. */
export function buildConditions(input: StatusInput, view: ClusterView): Condition[] {
  const findings: Record<ConditionType, Finding> = {
    Ready: ready(input, view),
    QuorumAvailable: quorumAvailable(input, view),
    Progressing: progressing(input, view),
    Degraded: degraded(input, view),
    SchemaApplied: schemaApplied(input),
    StorageLow: storageLow(input),
    ClusterIDMismatch: clusterIdMismatch(input),
  };
  const before = input.previous?.conditions ?? [];
  return CONDITION_TYPES.map((type) => {
    const finding = findings[type];
    const old = before.find((condition) => condition.type === type);
    const same = old !== undefined && old.status === finding.status;
    return {
      type,
      ...finding,
      message: finding.message.slice(0, MAX_MESSAGE_LENGTH),
      observedGeneration: input.generation,
      lastTransitionTime: same ? old.lastTransitionTime : input.now,
    };
  });
}

function yes(reason: string, message: string): Finding {
  return { status: 'True', reason, message };
}

function no(reason: string, message: string): Finding {
  return { status: 'False', reason, message };
}

function unknown(reason: string, message: string): Finding {
  return { status: 'Unknown', reason, message };
}

function ready(input: StatusInput, view: ClusterView): Finding {
  const { verdict, blocked, members } = input;
  if (input.deleting) return no('Deleting', 'the resource is being deleted');
  if (verdict.kind === 'refused') return no(verdict.reason, refusal(verdict.problems, input));
  if (input.strangers.length > 0) return no('ClusterIDMismatch', strangersText(input));
  if (blocked !== null) return no(blocked.reason, blocked.message);
  if (view.quorum !== true) {
    return no(noQuorumReason(view), quorumAvailable(input, view).message);
  }
  const away = notReady(input, view);
  if (away.length > 0) return no('MembersNotReady', `waiting for ${away.join(', ')}`);
  const { progress } = input;
  if (progress !== null && !isAtRest(progress)) return no(progress.reason, progress.message);
  return yes('ClusterReady', `${members.length} of ${members.length} members are ready`);
}

function refusal(problems: readonly string[], input: StatusInput): string {
  const serving = input.pods.length > 0 ? '; what was accepted before goes on serving' : '';
  return `${problems.join('; ')}${serving}`;
}

function noQuorumReason(view: ClusterView): string {
  return view.best === null ? 'Starting' : 'NoQuorum';
}

/** Members that are away, and not because the operator is replacing or adding them. */
export function missing(input: StatusInput, view: ClusterView): readonly string[] {
  const expected = input.progress?.away ?? [];
  return notReady(input, view).filter((name) => !expected.includes(name));
}

/** Members whose pod is not ready, or that are not what they are to be yet. */
export function notReady(input: StatusInput, view: ClusterView): readonly string[] {
  return input.members
    .filter(({ name, role }) => {
      const pod = input.pods.find((candidate) => candidate.name === name);
      const known = view.members.get(name)?.role;
      const isPlaced = role === 'voter' ? known === 'voter' : known !== undefined;
      return pod?.ready !== true || pod.deleting || !isPlaced;
    })
    .map(({ name }) => name);
}

function quorumAvailable({ reports }: StatusInput, view: ClusterView): Finding {
  if (view.quorum === true) {
    return yes('LeaderElected', `${view.leader} leads in term ${view.term}`);
  }
  if (view.quorum === null) return unknown('NoAnswer', `no member answers${whyNot(reports)}`);
  if (view.best === null) return no('NotBootstrapped', 'the members wait to be bootstrapped');
  return no('NoLeader', `no leader has a majority in term ${view.term}`);
}

/** What asking gave, of the first member that has an address. */
function whyNot(reports: StatusInput['reports']): string {
  const [first] = reports.filter(({ answer }) => answer.kind === 'unreachable');
  if (first?.answer.kind !== 'unreachable') return ' yet';
  return `; ${first.name}: ${first.answer.reason}`;
}

const STILL = new Set(['RolloutStuck', 'ScalingStuck', 'UpdatePending']);

function progressing(input: StatusInput, view: ClusterView): Finding {
  const { blocked, refusedChanges, progress } = input;
  if (input.deleting) return yes('Deleting', 'pods, then volumes are deleted');
  if (input.verdict.kind === 'refused') {
    return no(input.verdict.reason, 'the spec is not followed until it is valid');
  }
  if (blocked !== null) return no(blocked.reason, blocked.message);
  if (refusedChanges.length > 0) return no('ChangeNotSupported', refusedChanges.join('; '));
  if (progress !== null) {
    const { reason, message } = progress;
    return STILL.has(reason) ? no(reason, message) : yes(reason, message);
  }
  if (notReady(input, view).length > 0 || view.quorum !== true) {
    return yes('MembersStarting', 'waiting until every member is ready');
  }
  return no('AsSpecified', 'the cluster is as the spec wants it');
}

function degraded(input: StatusInput, view: ClusterView): Finding {
  const expected = input.progress?.away ?? [];
  const members = new Set(input.members.map(({ name }) => name));
  const troubles = input.pods.flatMap(({ name, trouble, ready: isReady }) =>
    trouble === null || isReady || expected.includes(name) || !members.has(name)
      ? []
      : [`${name}: ${trouble}`],
  );
  if (troubles.length > 0) return yes('MembersFailing', troubles.join('; '));
  const away = missing(input, view);
  if (hasBeenReady(input) && away.length > 0) {
    return yes('MembersMissing', `not ready: ${away.join(', ')}`);
  }
  const behind = membersBehind(input, view);
  if (behind.length > 0) {
    const text = `more than ${BEHIND_MS / 1_000} s behind the leader: ${behind.join(', ')}`;
    return yes('MembersBehind', text);
  }
  if (input.blocked?.degrades === true) return yes(input.blocked.reason, input.blocked.message);
  return no('AllWell', 'no member is known to fail');
}

const BEHIND_MS = 30_000;

/** Members that serve, and lack what the leader has had for a while. */
function membersBehind({ members }: StatusInput, view: ClusterView): readonly string[] {
  return members
    .filter(({ name }) => (view.members.get(name)?.lagMs ?? 0) > BEHIND_MS)
    .map(({ name }) => name);
}

function schemaApplied(input: StatusInput): Finding {
  const { schema, verdict } = input;
  if (verdict.kind === 'refused') return no(verdict.reason, verdict.problems.join('; '));
  switch (schema.kind) {
    case 'applied':
      return yes('Applied', `schema version ${schema.version} is in force`);
    case 'refused':
      return no('Refused', `${schema.reasons.join('; ')}; the previous schema goes on serving`);
    case 'preparing':
      return no('Preparing', schema.progress);
    case 'pending':
      return decidedBefore(input) ?? unknown('Pending', schema.reason);
  }
}

/** A leader that is away for a moment does not take back what was decided about this generation. */
function decidedBefore({ previous, generation }: StatusInput): Finding | null {
  const before = previous?.conditions?.find(({ type }) => type === 'SchemaApplied');
  if (before === undefined || before.observedGeneration !== generation) return null;
  const { status, reason, message } = before;
  return status === 'Unknown' ? null : { status, reason, message };
}

/** What the members that answer say of their disks; each refuses writes by itself while it leads. */
function storageLow({ reports }: StatusInput): Finding {
  const told = reports.flatMap(({ name, answer }) => {
    const storage = answer.kind === 'serving' ? answer.status.storage : null;
    return storage ? [{ name, ...storage }] : [];
  });
  if (told.length === 0) return unknown('NotReported', 'no member reports its free space');
  const low = told.filter((disk) => disk.low);
  if (low.length === 0)
    return no('EnoughSpace', 'every disk that is reported is above its reserve');
  const texts = low.map(
    ({ name, freeBytes, reserveBytes }) =>
      `${name} has ${mebibytes(freeBytes)} free of a reserve of ${mebibytes(reserveBytes)}`,
  );
  return yes('BelowReserve', `${texts.join('; ')}: writes are refused while such a member leads`);
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / (1024 * 1024))} MiB`;
}

function clusterIdMismatch(input: StatusInput): Finding {
  if (input.strangers.length === 0) {
    return no('SameCluster', 'every disk that answered belongs to this cluster');
  }
  return yes('ForeignDisk', strangersText(input));
}

function strangersText(input: StatusInput): string {
  const others = input.strangers.join(', ');
  return `this is cluster ${input.clusterId}, but a member or volume belongs to ${others}`;
}

const BEEN_READY: ReadonlySet<Phase> = new Set(['Ready', 'Updating', 'Degraded', 'Failed']);

/** Whether the cluster was whole before. */
export function hasBeenReady(input: StatusInput): boolean {
  const phase = input.previous?.phase;
  return phase !== undefined && BEEN_READY.has(phase);
}
