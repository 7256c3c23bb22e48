import type { ApplyVersions } from '@lithair/crds/contract';
import type { PeerIdentity } from '@lithair/crds/identity';
import type { MemberRecord } from '../../ports/index.ts';
import { WireError } from '../errors.ts';
import {
  encodeFrame,
  encodeJson,
  FrameKind,
  isObject,
  parseObject,
  type UnknownObject,
} from '../wire/index.ts';
import type { Channel, Hello, LocalMember, Refusal, RefusalCode } from './types.ts';

/** Counts incompatible changes of what is said on a link. */
export const PROTOCOL_VERSION = 2;

/** How frames are made smaller between regions. */
export const ZSTD = 'zstd';

/** Longest hello, welcome or refusal. */
export const MAX_GREETING_BYTES = 4096;

/** What is known about members when a hello arrives. */
export interface MemberTable {
  members(): readonly MemberRecord[];
  /** Ids below it that are not in the table were removed. 0 while the table is not known yet. */
  readonly nextMemberId: number;
  /** 0 while it is not known yet; absent where there is only one. */
  readonly epoch?: number;
  /** The apply version in force; 0 while it is not known yet. */
  readonly applyVersion?: number;
  /** Whether it outlasts a power cut everywhere, by what is here; absent where nobody can tell. */
  readonly lasts?: boolean;
}

/** What every member could do before members told. */
const FIRST_APPLY_VERSIONS: ApplyVersions = { oldest: 1, latest: 2 };

export function helloFrame(
  self: LocalMember,
  table: MemberTable,
  channel: Channel,
  to: number,
): Buffer {
  return encodeFrame(FrameKind.Hello, encodeJson(introduction(self, table, channel, to)));
}

function introduction(self: LocalMember, table: MemberTable, channel: Channel, to: number): Hello {
  return {
    protocol: PROTOCOL_VERSION,
    clusterId: self.clusterId,
    memberId: self.memberId,
    name: self.name,
    diskUuid: self.diskUuid,
    channel,
    to,
    epoch: table.epoch ?? 0,
    region: self.region ?? '',
    applyVersions: self.applyVersions ?? FIRST_APPLY_VERSIONS,
    compression: [ZSTD],
  };
}

/** The welcome is a hello without a wish. */
export function welcomeFrame(self: LocalMember, table: MemberTable, hello: Hello): Buffer {
  const welcome = introduction(self, table, hello.channel, hello.memberId);
  return encodeFrame(FrameKind.Welcome, encodeJson(welcome));
}

export function refusalFrame(refusal: Refusal): Buffer {
  return encodeFrame(FrameKind.Refused, encodeJson(refusal));
}

/** @throws WireError */
export function parseHello(payload: Uint8Array): Hello {
  const value = parseObject(payload);
  return {
    protocol: integer(value, 'protocol'),
    clusterId: text(value, 'clusterId'),
    memberId: integer(value, 'memberId'),
    name: text(value, 'name'),
    diskUuid: text(value, 'diskUuid'),
    channel: channelOf(value),
    to: integer(value, 'to'),
    epoch: value['epoch'] === undefined ? 0 : integer(value, 'epoch'),
    region: value['region'] === undefined ? '' : text(value, 'region'),
    applyVersions: applyVersionsOf(value['applyVersions']),
    compression: textsOf(value['compression']),
  };
}

/** Members say it since there is more than one such range. */
function applyVersionsOf(value: unknown): ApplyVersions {
  if (value === undefined) return FIRST_APPLY_VERSIONS;
  if (!isObject(value)) throw new WireError('applyVersions is no range');
  return { oldest: integer(value, 'oldest'), latest: integer(value, 'latest') };
}

function textsOf(value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new WireError('compression is no list');
  return value.filter((item) => typeof item === 'string');
}

const REFUSAL_CODES: readonly RefusalCode[] = [
  'protocol',
  'identity',
  'cluster',
  'wrong_member',
  'wrong_disk',
  'removed',
  'superseded',
  'apply_version',
  'not_ready',
];

/** @throws WireError */
export function parseRefusal(payload: Uint8Array): Refusal {
  const value = parseObject(payload);
  const code = REFUSAL_CODES.find((known) => known === value['code']);
  if (code === undefined) throw new WireError('unknown code of refusal');
  return { code, reason: text(value, 'reason').slice(0, 500) };
}

/** Why whoever said this hello must not speak to us; null where it may. */
export function refusalOf(
  hello: Hello,
  identity: PeerIdentity,
  self: LocalMember,
  table: MemberTable,
): Refusal | null {
  if (hello.protocol !== PROTOCOL_VERSION) {
    return refuse('protocol', `it speaks protocol ${hello.protocol}, not ${PROTOCOL_VERSION}`);
  }
  if (identity.kind !== 'member' || identity.name !== hello.name) {
    return refuse('identity', `it says ${hello.name}, its certificate ${identity.name}`);
  }
  if (hello.clusterId !== self.clusterId) {
    return refuse('cluster', `it belongs to cluster ${hello.clusterId}, not ${self.clusterId}`);
  }
  // Who was removed hears it from anybody, also from a successor of the member that it knew.
  return (
    epochRefusal(hello, table) ??
    membershipRefusal(hello, table) ??
    addressRefusal(hello, self) ??
    versionRefusal(hello, table)
  );
}

function addressRefusal({ to }: Hello, { memberId }: LocalMember): Refusal | null {
  if (to === memberId) return null;
  return refuse('wrong_member', `it wants member ${to}, this is ${memberId}`);
}

/** Whoever is of an epoch that is over must not be taken for a member of this one, or the reverse. */
function epochRefusal({ epoch }: Hello, table: MemberTable): Refusal | null {
  const own = table.epoch ?? 0;
  if (epoch === 0 || own === 0 || epoch === own) return null;
  return epoch < own
    ? refuse('superseded', supersededText(epoch, own))
    : refuse('cluster', `it is of epoch ${epoch}, which has taken over from epoch ${own} here`);
}

/** Why whoever holds a disk of an epoch that is over must stop. */
export function supersededText(epoch: number, present: number): string {
  return `the disk is of epoch ${epoch}, and the cluster goes on in epoch ${present} without it`;
}

function versionRefusal({ applyVersions }: Hello, table: MemberTable): Refusal | null {
  const inForce = table.applyVersion ?? 0;
  if (inForce === 0 || isWithin(inForce, applyVersions)) return null;
  const { oldest, latest } = applyVersions;
  const text = `the cluster is at apply version ${inForce}, the member takes part in ${oldest} to ${latest}`;
  return refuse('apply_version', text);
}

function isWithin(version: number, { oldest, latest }: ApplyVersions): boolean {
  return oldest <= version && version <= latest;
}

function membershipRefusal(hello: Hello, table: MemberTable): Refusal | null {
  // A member that has nothing yet must let the leader in, to learn who the members are.
  if (table.nextMemberId === 0) return null;
  const record = table.members().find((member) => member.id === hello.memberId);
  if (record === undefined) return absenceRefusal(hello, table);
  if (record.name !== hello.name) {
    return refuse('identity', `member ${record.id} is ${record.name}, not ${hello.name}`);
  }
  if (record.diskUuid !== hello.diskUuid) {
    return refuse('wrong_disk', `member ${record.id} has another disk than the one it had`);
  }
  return null;
}

/**
 * Who came after the table as it is here may be the leader that this member lags behind: it is let
 * in. Whoever hears that it was removed gives its disk up. So it must not hear it from a member that
 * would need its vote again after a power cut, having forgotten that the removal is in force.
 */
function absenceRefusal({ memberId }: Hello, { nextMemberId, lasts }: MemberTable): Refusal | null {
  if (memberId >= nextMemberId) return null;
  return lasts === false
    ? refuse('not_ready', `the removal of member ${memberId} is for a voter to confirm`)
    : refuse('removed', `member ${memberId} was removed from the cluster`);
}

function refuse(code: RefusalCode, reason: string): Refusal {
  return { code, reason };
}

function text(value: UnknownObject, field: string): string {
  const found = value[field];
  if (typeof found !== 'string') throw new WireError(`${field} is not a string`);
  return found;
}

function integer(value: UnknownObject, field: string): number {
  const found = value[field];
  if (typeof found !== 'number' || !Number.isSafeInteger(found)) {
    throw new WireError(`${field} is not an integer`);
  }
  return found;
}

function channelOf(value: UnknownObject): Channel {
  const found = value['channel'];
  if (found === 'raft' || found === 'request' || found === 'snapshot') return found;
  throw new WireError('unknown channel');
}
