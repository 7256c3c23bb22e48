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
    maxCommittedSizePerReady: 4 * options.maxAppendBytes,
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
 * disk, which is written without a sync of its own, lags behind the snapshot.
 */
function coreStorage(log: ReplicatedLog, applied: number): Storage {
  return {
    initialState: () => {
      const { hardState, confState } = log.initialState();
      if (hardState === null || hardState.commit >= applied) return { hardState, confState };
      return { hardState: { ...hardState, commit: applied }, confState };
    },
    entries: (lo, hi, maxSize) => log.entries(lo, hi, maxSize),
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
