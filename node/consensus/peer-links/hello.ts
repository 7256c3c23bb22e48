import type { PeerIdentity } from '@lithair/crds/identity';
import type { MemberRecord } from '../../ports/index.ts';
import { WireError } from '../errors.ts';
import {
  encodeFrame,
  encodeJson,
  FrameKind,
  parseObject,
  type UnknownObject,
} from '../wire/index.ts';
import type { Channel, Hello, LocalMember, Refusal, RefusalCode } from './types.ts';

/** Counts incompatible changes of what is said on a link. */
export const PROTOCOL_VERSION = 1;

/** Longest hello, welcome or refusal. */
export const MAX_GREETING_BYTES = 4096;

/** What is known about members when a hello arrives. */
export interface MemberTable {
  members(): readonly MemberRecord[];
  /** Ids below it that are not in the table were removed. 0 while the table is not known yet. */
  readonly nextMemberId: number;
}

export function helloFrame(self: LocalMember, channel: Channel, to: number): Buffer {
  const hello: Hello = { protocol: PROTOCOL_VERSION, ...self, channel, to };
  return encodeFrame(FrameKind.Hello, encodeJson(hello));
}

/** The welcome is a hello without a wish. */
export function welcomeFrame(self: LocalMember, hello: Hello): Buffer {
  const { channel, memberId } = hello;
  const welcome: Hello = { protocol: PROTOCOL_VERSION, ...self, channel, to: memberId };
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
  };
}

const REFUSAL_CODES: readonly RefusalCode[] = [
  'protocol',
  'identity',
  'cluster',
  'wrong_member',
  'wrong_disk',
  'removed',
  'unknown',
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
  if (hello.to !== self.memberId) {
    return refuse('wrong_member', `it wants member ${hello.to}, this is ${self.memberId}`);
  }
  return membershipRefusal(hello, table);
}

function membershipRefusal(hello: Hello, table: MemberTable): Refusal | null {
  // A member that has nothing yet must let the leader in, to learn who the members are.
  if (table.nextMemberId === 0) return null;
  const record = table.members().find((member) => member.id === hello.memberId);
  if (record === undefined) {
    return hello.memberId < table.nextMemberId
      ? refuse('removed', `member ${hello.memberId} was removed from the cluster`)
      : refuse('unknown', `member ${hello.memberId} is not known here (yet)`);
  }
  if (record.name !== hello.name) {
    return refuse('identity', `member ${record.id} is ${record.name}, not ${hello.name}`);
  }
  if (record.diskUuid !== hello.diskUuid) {
    return refuse('wrong_disk', `member ${record.id} has another disk than the one it had`);
  }
  return null;
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
