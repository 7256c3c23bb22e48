import type { MemberTable } from './consensus/index.ts';
import type { NodeConsensus } from './node-parts.ts';

/** What a node's peer links ask of its state, as it is at that moment. */
export function memberTable(consensus: () => NodeConsensus | null): MemberTable {
  const state = () => consensus()?.state ?? null;
  return {
    members: () => state()?.members() ?? [],
    get nextMemberId() {
      return state()?.nextMemberId ?? 0;
    },
    get epoch() {
      return state()?.epoch ?? 0;
    },
    get applyVersion() {
      return state()?.applyVersion ?? 0;
    },
    get lasts() {
      return consensus()?.membershipLasts ?? false;
    },
  };
}
