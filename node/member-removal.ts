import type { OutboxStatus } from '@lithair/crds/contract';
import type { LinkTransport } from './consensus/index.ts';
import type { HistoryKeeper } from './history-keeper.ts';
import { AdminError } from './membership/index.ts';
import type { Clock, MemberRecord } from './ports/index.ts';

const REQUEST_MS = 1_000;
const PAUSE_MS = 50;
/** So long what a member took by itself has time to be ordered. */
const DRAIN_MS = 5_000;

/** What it takes to let a member go. */
export interface RemovalParts {
  readonly transport: Pick<LinkTransport, 'request'>;
  readonly keeper: Pick<HistoryKeeper, 'isComplete'>;
  readonly clock: Clock;
}

/**
 * Makes sure, on the leader, that nothing is lost with a member that is to be removed and answers:
 * archives that this member still lacks, and writes that only the member's outbox holds. It takes
 * none from the first question on.
 */
export function lettingGo({ transport, keeper, clock }: RemovalParts) {
  return async ({ id, name }: MemberRecord): Promise<void> => {
    if (!keeper.isComplete) {
      const text = 'the leader still fetches the history that other members have archived';
      throw new AdminError('unavailable', `${text}: none of them is removed meanwhile`);
    }
    const dueMs = clock.monotonicMs() + DRAIN_MS;
    for (;;) {
      const waiting = await writesWaiting(transport, id);
      if (waiting === 0) return;
      if (clock.monotonicMs() >= dueMs) {
        const text = `member ${id} (${name}) took ${waiting} writes that are not ordered yet`;
        const help = 'they would be lost with it: ask again, or stop it to give them up';
        throw new AdminError('outbox_not_empty', `${text}, and ${help}`);
      }
      await new Promise<void>((resolve) => void clock.after(PAUSE_MS, resolve));
    }
  };
}

const REQUEST = Buffer.from(
  JSON.stringify({ method: 'POST', path: '/_admin/outbox/drain', query: '' }),
);

/** @throws AdminError `unavailable`: it answers the leader, and not now what it is asked here */
async function writesWaiting(transport: RemovalParts['transport'], id: number): Promise<number> {
  const answer = await transport.request(id, 'admin', REQUEST, REQUEST_MS).catch(() => null);
  if (answer === null) {
    const text = `member ${id} does not tell what waits in its outbox, and is there`;
    throw new AdminError('unavailable', `${text}: ask again`);
  }
  const response: { readonly body?: OutboxStatus | null } = JSON.parse(
    Buffer.from(answer).toString(),
  );
  return response.body?.writes ?? 0;
}
