import type { ConfState } from '../src/index.ts';
import { NO_LIMIT, ReadOnlyOption } from '../src/index.ts';
import { Random } from './random.ts';

/** What a seed decides for the whole group. */
export interface Plan {
  readonly seed: number;
  readonly founders: ConfState;
  readonly electionTick: number;
  readonly heartbeatTick: number;
  readonly checkQuorum: boolean;
  readonly preVote: boolean;
  readonly readOnlyOption: ReadOnlyOption;
  readonly stepDownOnRemoval: boolean;
  readonly storage: 'sync' | 'async' | 'mixed';
  /** Messages go through their binary form. */
  readonly encoded: boolean;
  readonly rates: Rates;
}

/** Chances in 1000, and lengths in units of virtual time. */
export interface Rates {
  readonly loss: number;
  readonly duplicate: number;
  readonly late: number;
  readonly maxDelay: number;
  /** Units between two faults. */
  readonly faultPause: number;
  /** Units between two requests of clients. */
  readonly clientPause: number;
  /** How long a write or the applying of entries takes at most. */
  readonly maxWrite: number;
  readonly skew: boolean;
  /** How often each kind of fault is chosen, relative to the others. */
  readonly crash: number;
  readonly partition: number;
  readonly membership: number;
  readonly transfer: number;
  readonly compaction: number;
}

/** What a seed decides for one member. */
export interface MemberPlan {
  readonly async: boolean;
  readonly maxSizePerMsg: number;
  readonly maxCommittedSizePerReady: number;
  readonly maxUncommittedEntriesSize: number;
  readonly maxInflightMsgs: number;
  readonly maxInflightBytes: number;
  readonly disableProposalForwarding: boolean;
  /** After a restart the state machine begins where it was, not at the last snapshot. */
  readonly durableState: boolean;
}

export function makePlan(seed: number): Plan {
  const random = new Random(seed);
  const checkQuorum = random.chance(500);
  const lease = checkQuorum && random.chance(350);
  return {
    seed,
    founders: drawFounders(random),
    electionTick: random.oneOf(4, 5, 6, 8, 10),
    heartbeatTick: random.oneOf(1, 1, 2, 3),
    checkQuorum,
    preVote: random.chance(500),
    readOnlyOption: lease ? ReadOnlyOption.LeaseBased : ReadOnlyOption.Safe,
    stepDownOnRemoval: random.chance(500),
    storage: random.oneOf('sync', 'async', 'async', 'mixed'),
    encoded: random.chance(125),
    rates: drawRates(random),
  };
}

function drawFounders(random: Random): ConfState {
  const voters = random.oneOf(1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 7);
  const learners = random.oneOf(0, 0, 0, 1, 2);
  const ids = Array.from({ length: voters + learners }, (_, i) => i + 1);
  return {
    voters: ids.slice(0, voters),
    learners: ids.slice(voters),
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  };
}

function drawRates(random: Random): Rates {
  return {
    loss: random.oneOf(0, 5, 20, 50, 100),
    duplicate: random.oneOf(0, 10, 50),
    late: random.oneOf(0, 5, 20, 60),
    maxDelay: random.oneOf(1, 3, 6, 12),
    faultPause: random.oneOf(15, 30, 60, 100),
    clientPause: random.oneOf(1, 2, 3),
    maxWrite: random.oneOf(1, 3, 8, 20),
    skew: random.chance(600),
    crash: random.oneOf(0, 2, 5, 10),
    partition: random.oneOf(0, 2, 5, 10),
    membership: random.oneOf(0, 3, 6, 12),
    transfer: random.oneOf(0, 1, 4),
    compaction: random.oneOf(1, 4, 8),
  };
}

export function makeMemberPlan(plan: Plan, random: Random): MemberPlan {
  const maxSizePerMsg = random.oneOf(NO_LIMIT, NO_LIMIT, 1000, 120, 30, 0);
  const committed = random.oneOf(0, 0, 40, 300);
  return {
    async: plan.storage === 'mixed' ? random.chance(500) : plan.storage === 'async',
    maxSizePerMsg,
    // Something must be limited to more than nothing.
    maxCommittedSizePerReady: committed === 0 && maxSizePerMsg === 0 ? 50 : committed,
    maxUncommittedEntriesSize: random.oneOf(0, 0, 100, 400, 2000),
    maxInflightMsgs: random.oneOf(1, 2, 3, 8, 256),
    maxInflightBytes: random.chance(700) ? 0 : Math.max(100, maxSizePerMsg),
    disableProposalForwarding: random.chance(200),
    durableState: random.chance(500),
  };
}
