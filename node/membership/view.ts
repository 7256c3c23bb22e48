import type { AppliedEntry, Consensus, StateMachine } from '../consensus/index.ts';

/** What this room uses of consensus. */
export type MemberView<Result extends AppliedEntry = AppliedEntry> = Pick<
  Consensus<Result, StateMachine<Result>>,
  | 'memberId'
  | 'state'
  | 'applied'
  | 'confState'
  | 'leader'
  | 'leading'
  | 'caughtUp'
  | 'installing'
  | 'status'
  | 'propose'
  | 'proposeChange'
  | 'transferLeadership'
  | 'takeSnapshot'
  | 'forwardAdmin'
  | 'serveAdmin'
  | 'onLeadership'
>;
