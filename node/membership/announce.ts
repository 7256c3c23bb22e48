import type { AddMemberRequest } from '@lithair/crds/contract';
import type { AdminHandler } from './admin-api.ts';
import type { Placement } from './placement.ts';
import type { MemberView } from './view.ts';

/**
 * Tells the cluster where this member is, where its record says otherwise: it was started with
 * another address or region than before. True once the record is right; false: to be tried again later.
 */
export async function announceAddress(
  api: AdminHandler,
  view: MemberView,
  placement: Placement,
): Promise<boolean> {
  const record = view.state?.members().find(({ id }) => id === placement.memberId);
  if (record === undefined) return false;
  const { region } = placement;
  if (record.address === placement.address && record.region === region) return true;
  const request: AddMemberRequest = {
    name: record.name,
    address: placement.address,
    diskUuid: record.diskUuid,
    role: record.intent,
    ...(region !== undefined && { region }),
  };
  const target = { method: 'POST', path: '/_admin/members', query: '' };
  const { status } = await api.handle({ ...target, body: request });
  return status === 200;
}
