import type { Logger } from './logger.ts';
import { silentLogger } from './logger.ts';
import type { Storage } from './storage.ts';
import { NO_LIMIT } from './types.ts';

/** How ReadIndex requests are confirmed (Raft thesis, section 6.4). */
export const ReadOnlyOption = {
  /** By a round of heartbeats to a quorum: linearizable without any assumption about clocks. */
  Safe: 0,
  /** By the leader's lease: cheaper, but only as right as the members' tick rates. Needs checkQuorum. */
  LeaseBased: 1,
} as const;
export type ReadOnlyOption = (typeof ReadOnlyOption)[keyof typeof ReadOnlyOption];

/** Everything a member needs to know to take part. Sizes are bytes, times are ticks. */
export interface Config {
  /** This member's id, a positive safe integer. */
  readonly id: number;

  /**
   * Ticks without word from a leader before a follower campaigns; the timeout in
   * force is drawn from `[electionTick, 2 * electionTick)`. Must be greater than
   * `heartbeatTick`; ten times as much is usual.
   */
  readonly electionTick: number;

  /** Ticks between two heartbeats of a leader, at least 1. */
  readonly heartbeatTick: number;

  /**
   * Source of the randomized election timeout (Raft paper, section 5.2): an
   * integer `0 <= jitter < electionTick`, asked for at every change of term or
   * role. The core has no randomness of its own.
   */
  readonly randomElectionJitter: (electionTick: number, id: number, term: number) => number;

  readonly storage: Storage;

  /** On a restart, the last index the application has applied; nothing up to it is handed out again. */
  readonly applied?: number;

  /**
   * false (default): handle a Ready, then call `advance()`. true: storage work is
   * handed out as StorageAppend and StorageApply messages, whose responses replace
   * `advance()`; several may be under way at the same time.
   */
  readonly asyncStorageWrites?: boolean;

  /** Limit of the entries in one App message; 0 means one entry per message, default unlimited. */
  readonly maxSizePerMsg?: number;

  /**
   * Limit of the committed entries that are handed out and not yet acknowledged as
   * applied. Default (also for 0): `maxSizePerMsg`.
   */
  readonly maxCommittedSizePerReady?: number;

  /** Limit of the uncommitted tail of a leader's log; above it proposals are dropped. 0: unlimited (default). */
  readonly maxUncommittedEntriesSize?: number;

  /** How many App messages may be under way to one follower, at least 1. */
  readonly maxInflightMsgs: number;

  /** How many bytes of entries may be under way to one follower. 0: unlimited (default). */
  readonly maxInflightBytes?: number;

  /** A leader that hears from no quorum for an election timeout steps down (Raft thesis, section 6.2). */
  readonly checkQuorum?: boolean;

  /** Ask whether an election could be won before starting it (Raft thesis, section 9.6). */
  readonly preVote?: boolean;

  readonly readOnlyOption?: ReadOnlyOption;

  /** Default: silent. */
  readonly logger?: Logger;

  /** A follower drops proposals instead of forwarding them to its leader. */
  readonly disableProposalForwarding?: boolean;

  /**
   * Do not check a proposed configuration change against the active configuration.
   * Only for an application that validates and orders its changes itself: a change
   * that turns out to be invalid when it is applied is an invariant violation.
   */
  readonly disableConfChangeValidation?: boolean;

  /** A leader that was removed or demoted steps down as soon as it applies that change. */
  readonly stepDownOnRemoval?: boolean;
}

/** A {@link Config} with every default filled in and every bound checked. */
export type ResolvedConfig = Required<Config>;

/** Thrown for a {@link Config}, or a list of founders, that cannot work. Nothing has changed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'BAD_CONFIG';
}

/**
 * Fills in defaults and refuses what cannot work.
 *
 * @throws {ConfigError} naming the option and the reason.
 */
export function resolveConfig(config: Config): ResolvedConfig {
  const resolved: ResolvedConfig = {
    id: config.id,
    storage: config.storage,
    applied: config.applied ?? 0,
    electionTick: config.electionTick,
    heartbeatTick: config.heartbeatTick,
    randomElectionJitter: config.randomElectionJitter,
    logger: config.logger ?? silentLogger,
    readOnlyOption: config.readOnlyOption ?? ReadOnlyOption.Safe,
    ...resolveSizes(config),
    ...resolveSwitches(config),
  };
  checkTimers(resolved);
  checkSizes(resolved);
  checkSwitches(resolved);
  checkRest(resolved);
  return resolved;
}

/** Where 0 means "no limit of its own", so does leaving it out. */
function resolveSizes(config: Config) {
  const maxSizePerMsg = config.maxSizePerMsg ?? NO_LIMIT;
  return {
    maxSizePerMsg,
    maxCommittedSizePerReady: unlessZero(config.maxCommittedSizePerReady, maxSizePerMsg),
    maxUncommittedEntriesSize: unlessZero(config.maxUncommittedEntriesSize, NO_LIMIT),
    maxInflightMsgs: config.maxInflightMsgs,
    maxInflightBytes: unlessZero(config.maxInflightBytes, NO_LIMIT),
  };
}

/** Not for NaN, which is refused. */
function unlessZero(value: number | undefined, fallback: number): number {
  return value === undefined || value === 0 ? fallback : value;
}

function resolveSwitches(config: Config) {
  return {
    asyncStorageWrites: config.asyncStorageWrites ?? false,
    checkQuorum: config.checkQuorum ?? false,
    preVote: config.preVote ?? false,
    disableProposalForwarding: config.disableProposalForwarding ?? false,
    disableConfChangeValidation: config.disableConfChangeValidation ?? false,
    stepDownOnRemoval: config.stepDownOnRemoval ?? false,
  };
}

function checkTimers(config: ResolvedConfig): void {
  requireInteger('heartbeatTick', config.heartbeatTick, 1);
  requireInteger('electionTick', config.electionTick, 1);
  if (config.electionTick <= config.heartbeatTick) {
    throw new ConfigError('electionTick must be greater than heartbeatTick');
  }
  if (typeof config.randomElectionJitter !== 'function') {
    throw new ConfigError('randomElectionJitter must be a function');
  }
}

function checkSizes(config: ResolvedConfig): void {
  requireInteger('maxSizePerMsg', config.maxSizePerMsg, 0);
  // 0 for both would admit no committed entry at all.
  requireInteger('maxCommittedSizePerReady', config.maxCommittedSizePerReady, 1);
  requireInteger('maxUncommittedEntriesSize', config.maxUncommittedEntriesSize, 1);
  requireInteger('maxInflightMsgs', config.maxInflightMsgs, 1);
  requireInteger('maxInflightBytes', config.maxInflightBytes, 1);
  if (config.maxInflightBytes < config.maxSizePerMsg) {
    throw new ConfigError('maxInflightBytes must be at least maxSizePerMsg');
  }
}

function checkSwitches(config: ResolvedConfig): void {
  for (const [name, value] of Object.entries(resolveSwitches(config))) {
    if (typeof value !== 'boolean') throw new ConfigError(`${name} must be true or false`);
  }
}

function checkRest(config: ResolvedConfig): void {
  requireInteger('id', config.id, 1);
  requireInteger('applied', config.applied, 0);
  if (typeof config.storage !== 'object' || config.storage === null) {
    throw new ConfigError('storage is missing');
  }
  const option = config.readOnlyOption;
  if (option !== ReadOnlyOption.Safe && option !== ReadOnlyOption.LeaseBased) {
    throw new ConfigError(`readOnlyOption ${String(option)} is unknown`);
  }
  if (option === ReadOnlyOption.LeaseBased && !config.checkQuorum) {
    throw new ConfigError('checkQuorum must be on when readOnlyOption is LeaseBased');
  }
}

/** @throws {ConfigError} unless `value` is a safe integer of at least `least`. */
export function requireInteger(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new ConfigError(`${name} must be a safe integer of at least ${least}, not ${value}`);
  }
}
