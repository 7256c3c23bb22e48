import type { SecureContextOptions } from 'node:tls';
import type { ApplyVersions } from '@lithair/crds/contract';
import type { Clock, Logger, Random } from '../../ports/index.ts';

/** PEM files of one member: the authority it trusts, and who it is itself. */
export interface TlsMaterial {
  readonly caPem: string;
  readonly certificatePem: string;
  /** A secret. */
  readonly privateKeyPem: string;
}

/** Who this process is; what it says in a hello. */
export interface LocalMember {
  readonly clusterId: string;
  readonly memberId: number;
  readonly name: string;
  readonly diskUuid: string;
  /** The region that it is in; absent for none. */
  readonly region?: string;
  /** What its binary can take part in; absent where it does not tell. */
  readonly applyVersions?: ApplyVersions;
}

/** What a connection is for. Large requests and snapshots never stand in the way of heartbeats. */
export type Channel = 'raft' | 'request' | 'snapshot';

/** What whoever dials says of itself, and whom it wants to speak to. */
export interface Hello {
  readonly protocol: number;
  readonly clusterId: string;
  readonly memberId: number;
  readonly name: string;
  readonly diskUuid: string;
  readonly channel: Channel;
  /** Member id that is expected at this address. */
  readonly to: number;
  /** Epoch of its cluster; 0 where it does not know it yet. */
  readonly epoch: number;
  /** Empty for none. */
  readonly region: string;
  readonly applyVersions: ApplyVersions;
  /** Ways to make frames smaller that it can undo. */
  readonly compression: readonly string[];
}

/**
 * Why a connection is refused. `removed`, `superseded` (its epoch is over) and `apply_version` are
 * final for the one who dialled; `not_ready` passes by itself.
 */
export type RefusalCode =
  | 'protocol'
  | 'identity'
  | 'cluster'
  | 'wrong_member'
  | 'wrong_disk'
  | 'removed'
  | 'superseded'
  | 'apply_version'
  | 'not_ready';

/** Refusals after which this process must not go on. */
export type FinalRefusal = Extract<RefusalCode, 'removed' | 'superseded' | 'apply_version'>;

/** Whether nothing but another disk or another binary helps. */
export function isFinal(code: RefusalCode | null): code is FinalRefusal {
  return code === 'removed' || code === 'superseded' || code === 'apply_version';
}

/** Sent instead of a welcome. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly reason: string;
}

/** Bounds of the links; bytes and milliseconds. */
export interface LinkLimits {
  /** Longest frame that is accepted once the peer is known. */
  readonly maxFrameBytes: number;
  /** Above this, what waits for a connection is dropped (messages) or refused (requests). */
  readonly maxQueueBytes: number;
  /** Requests that one peer may have under way here. */
  readonly maxRequests: number;
  readonly handshakeTimeoutMs: number;
  readonly pingIntervalMs: number;
  /** A connection on which nothing arrives for so long is given up. */
  readonly idleTimeoutMs: number;
  /** The same for a snapshot's, whose receiver may be busy with its disk. */
  readonly snapshotIdleTimeoutMs: number;
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
}

export const DEFAULT_LIMITS: LinkLimits = {
  maxFrameBytes: 48 * 1024 * 1024,
  maxQueueBytes: 64 * 1024 * 1024,
  maxRequests: 4096,
  handshakeTimeoutMs: 3000,
  pingIntervalMs: 500,
  idleTimeoutMs: 2000,
  snapshotIdleTimeoutMs: 30_000,
  minBackoffMs: 50,
  maxBackoffMs: 1000,
};

/** The world, as the links see it. */
export interface LinkWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** What both ends of every connection have in common. */
export function secureOptions(material: TlsMaterial): SecureContextOptions {
  return {
    ca: material.caPem,
    cert: material.certificatePem,
    key: material.privateKeyPem,
    minVersion: 'TLSv1.3',
  };
}

/** How long a connection may be silent. */
export function idleTimeoutOf(channel: Channel, limits: LinkLimits): number {
  return channel === 'snapshot' ? limits.snapshotIdleTimeoutMs : limits.idleTimeoutMs;
}
