import { applyEntry } from './backup/index.ts';
import type { LinkTransport } from './consensus/index.ts';
import type { HistoryKeeper } from './history-keeper.ts';
import type { Log } from './log/index.ts';
import {
  type NextEpoch,
  type NodeInfo,
  type Placement,
  RegionPromotion,
} from './membership/index.ts';
import type { NodeConsensus, NodeNetwork } from './node-parts.ts';

const READ_BYTES = 1024 * 1024;

/** What a promotion works with; `onFounded` ends the node, to be started again. */
export interface PromotionParts {
  readonly consensus: NodeConsensus;
  readonly log: Log;
  readonly keeper: Pick<HistoryKeeper, 'takeBack'>;
  readonly placement: Placement;
  readonly info: NodeInfo;
  readonly network: Pick<NodeNetwork, 'peer'>;
  readonly transport: Pick<LinkTransport, 'heardMs'>;
  readonly onFounded: (epoch: NextEpoch) => void;
}

/** Lets this member begin the next epoch of its cluster, where the voters are lost. */
export function regionPromotion(parts: PromotionParts): RegionPromotion {
  const { consensus, info, network, transport, onFounded } = parts;
  return new RegionPromotion({
    view: consensus,
    info,
    ask: (member) => network.peer(member).status(),
    heardMs: (ids) => transport.heardMs(ids),
    logTimeMs: () => consensus.state?.logTimeMs ?? 0,
    foundNextEpoch: async () => {
      const founded = await foundNextEpoch(parts);
      onFounded(founded);
      return founded;
    },
  });
}

/**
 * Ends this member's part in the present epoch, and writes all that its log holds as the first
 * snapshot of the next one: the same cluster, this member as its only one, all other ids given up.
 * The snapshot stands behind the end of the log, so that the log begins anew behind it when it is
 * opened again, in one step that a crash cannot divide.
 */
async function foundNextEpoch({
  consensus,
  log,
  keeper,
  placement,
  info,
}: PromotionParts): Promise<NextEpoch> {
  // Objects belong to the epoch that is given up, whose members may go on to remove them.
  await keeper.takeBack();
  // Whatever is being written as a snapshot is waited for: there can be one at a time.
  await consensus.takeSnapshot();
  await consensus.stop(0);
  const { state } = consensus;
  if (state === null) throw new Error('there is no state to begin with');
  applyRest(state, log);
  const { memberId, address, diskUuid, region } = placement;
  const member = { id: memberId, name: info.name, address, diskUuid, intent: 'voter' } as const;
  const others = Array.from({ length: state.nextMemberId - 1 }, (_, at) => at + 1);
  const founded = state.refounded({
    clusterId: state.clusterId,
    epoch: state.epoch + 1,
    members: [region === undefined ? member : { ...member, region }],
    removedIds: others.filter((id) => id !== memberId),
    keepsArchives: true,
  });
  const index = log.lastIndex() + 1;
  const term = consensus.status().term + 1;
  founded.apply(index, term, new Uint8Array(0));
  const confState = {
    voters: [memberId],
    learners: [],
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  };
  const written = await log.writeSnapshot({ index, term, confState }, founded.snapshot());
  if (written.kind !== 'written') throw new Error('another snapshot came in between');
  return { index, logTimeMs: founded.logTimeMs };
}

/** Entries that nobody told to be committed may have been acknowledged: they are kept. */
function applyRest(state: NonNullable<NodeConsensus['state']>, log: Log): void {
  for (let next = state.appliedIndex + 1; next <= log.lastIndex(); ) {
    for (const entry of log.entries(next, log.lastIndex() + 1, READ_BYTES)) {
      applyEntry(state, entry);
      next = entry.index + 1;
    }
  }
}
