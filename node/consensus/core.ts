import { type Logger as CoreLogger, LogLevel, RawNode, type Storage } from 'etcd-raft-ts';
import type { Logger, Random } from '../ports/index.ts';
import type { ConsensusOptions } from './options.ts';
import type { ReplicatedLog } from './ports.ts';

interface CoreDependencies {
  readonly memberId: number;
  readonly log: ReplicatedLog;
  readonly random: Random;
  readonly logger: Logger;
}

/** The core of a member that has applied everything up to `applied`. */
export function createCore(
  deps: CoreDependencies,
  options: ConsensusOptions,
  applied: number,
): RawNode {
  const { log, random, logger, memberId } = deps;
  return new RawNode({
    id: memberId,
    electionTick: options.electionTicks,
    heartbeatTick: options.heartbeatTicks,
    randomElectionJitter: (ticks) => Math.floor(random.fraction() * ticks),
    storage: coreStorage(log, applied),
    applied,
    asyncStorageWrites: true,
    maxSizePerMsg: options.maxAppendBytes,
    // Entries that wait to be applied are objects: more of them would outlive their generation.
    maxCommittedSizePerReady: options.maxAppendBytes / 2,
    maxInflightMsgs: options.maxInflightAppends,
    maxInflightBytes: options.maxInflightBytes,
    checkQuorum: true,
    preVote: true,
    disableProposalForwarding: true,
    stepDownOnRemoval: true,
    logger: coreLogger(logger),
  });
}

/**
 * The log as the core's storage. What was applied was committed, also where the commit index on
 * disk, which is written without a sync of its own, lags behind the snapshot or the latest
 * membership. The latter matters where the old membership's quorum is gone: nobody could tell the
 * new one's that it may go on.
 */
function coreStorage(log: ReplicatedLog, applied: number): Storage {
  const membership = Math.min(log.recovery.confState?.index ?? 0, log.lastIndex());
  const known = Math.max(applied, membership);
  return {
    initialState: () => {
      const { hardState, confState } = log.initialState();
      if (hardState === null || hardState.commit >= known) return { hardState, confState };
      return { hardState: { ...hardState, commit: known }, confState };
    },
    entries: (lo, hi, maxSize) => log.entries(lo, hi, maxSize),
    changesMembership: (lo, hi) => log.changesMembership(lo, hi),
    term: (index) => log.term(index),
    firstIndex: () => log.firstIndex(),
    lastIndex: () => log.lastIndex(),
    snapshot: () => log.snapshot(),
  };
}

/** The core's reports: its warnings and errors as such, the rest is not asked for. */
function coreLogger(logger: Logger): CoreLogger {
  return {
    level: LogLevel.Warning,
    write: (level, text) => {
      if (level >= LogLevel.Error) logger.error({}, text);
      else logger.warn({}, text);
    },
  };
}
