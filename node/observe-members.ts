import type { MemberStatus } from '@lithair/crds/contract';
import type { Consensus, LinkTransport } from './consensus/index.ts';
import type { LogClock } from './log-clock.ts';
import { memberStatuses, type NodeInfo } from './membership/index.ts';
import type { ApplyResult, ReplicatedState } from './state/index.ts';
import type { Metrics } from './telemetry/index.ts';

const GAUGES: readonly [name: string, help: string, of: (member: MemberStatus) => number | null][] =
  [
    ['lag_entries', 'Entries that a member lacks; told by the leader.', ({ lag }) => lag],
    [
      'lag_bytes',
      'Bytes of the log that a member lacks, about; told by the leader.',
      ({ lagBytes }) => lagBytes ?? null,
    ],
    [
      'lag_seconds',
      'How long a member has lacked the oldest entry that it lacks; told by the leader.',
      ({ lagMs }) => (lagMs === undefined || lagMs === null ? null : lagMs / 1000),
    ],
  ];

/** How far behind the leader each member is; nothing where this member does not lead. */
export function observeMembers(
  metrics: Metrics,
  consensus: Consensus<ApplyResult, ReplicatedState>,
  info: NodeInfo,
): void {
  const members = (): MemberStatus[] => {
    const { state, confState } = consensus;
    return state === null
      ? []
      : memberStatuses(state.members(), consensus.status(), confState, info);
  };
  for (const [name, help, of] of GAUGES) {
    metrics.gaugeBy(`lithair_member_${name}`, help, 'member', () =>
      members().flatMap((member) => {
        const value = of(member);
        return value === null ? [] : [[member.name, value] as const];
      }),
    );
  }
}

/** What goes to other regions, and how the own clock stands to the others'. */
export function observeLinks(
  metrics: Metrics,
  { compression }: Pick<LinkTransport, 'compression'>,
  logClock: LogClock,
): void {
  metrics.gauge(
    'lithair_peer_compressible_bytes',
    'Bytes for other regions before they were made smaller.',
    () => compression.plainBytes,
  );
  metrics.gauge(
    'lithair_peer_compressed_bytes',
    'What was sent in their place.',
    () => compression.sentBytes,
  );
  metrics.gauge(
    'lithair_clock_ahead_seconds',
    'How far this clock is ahead of what most voters have reached; entries are stamped at most ten seconds ahead.',
    () => logClock.aheadMs / 1000,
  );
}
