import type { AddMemberRequest } from '@lithair/crds/contract';
import type { Clock, Logger, MemberRecord } from '../ports/index.ts';
import type { AdminHandler } from './admin-api.ts';
import type { Placement } from './placement.ts';
import type { MemberView } from './view.ts';

const RETRY_MS = 1_000;

/**
 * Tells the cluster where this member is, where its record says otherwise: it was started with
 * another address or region than before. True once the record is right; false: to be tried again
 * later.
 */
export async function announceAddress(
  api: AdminHandler,
  view: MemberView,
  placement: Placement,
): Promise<boolean> {
  const record = recordOf(view, placement);
  if (record === undefined) return false;
  const { region, address } = placement;
  if (isRight(record, placement)) return true;
  const request: AddMemberRequest = {
    name: record.name,
    address,
    diskUuid: record.diskUuid,
    role: record.intent,
    ...(region !== undefined && { region }),
  };
  const target = { method: 'POST', path: '/_admin/members', query: '' };
  const { status } = await api.handle({ ...target, body: request });
  if (record.region === region) return status === 200;
  return isRight(recordOf(view, placement), placement);
}

/** Announces again and again, until the member table says where this member is. */
export function keepAnnouncing(
  api: AdminHandler,
  view: MemberView,
  placement: Placement,
  world: { readonly clock: Clock; readonly logger: Logger },
): void {
  const again = (): void =>
    void world.clock.after(RETRY_MS, () => keepAnnouncing(api, view, placement, world));
  announceAddress(api, view, placement).then(
    (isDone) => (isDone ? undefined : again()),
    (error: unknown) => {
      world.logger.warn({ reason: String(error) }, 'the address could not be announced');
      again();
    },
  );
}

function recordOf({ state }: MemberView, { memberId }: Placement): MemberRecord | undefined {
  return state?.members().find(({ id }) => id === memberId);
}

/** A region is not written before the apply version in force knows of regions. */
function isRight(record: MemberRecord | undefined, { address, region }: Placement): boolean {
  return record?.address === address && record.region === region;
}
