import type { AskMember } from './archive/index.ts';
import type { LinkTransport } from './consensus/index.ts';
import type { NodeConsensus } from './node-parts.ts';

/** A piece of an archive is a megabyte. */
const ARCHIVE_REQUEST_MS = 30_000;

/** Whom to ask for archives. The leader first: what it seals it has archived. */
export function archivePeers(
  { state, memberId, leader }: NodeConsensus,
  transport: LinkTransport | null,
): AskMember[] {
  const others = (state?.members() ?? []).map(({ id }) => id).filter((id) => id !== memberId);
  return others
    .toSorted((a, b) => Number(b === leader) - Number(a === leader))
    .map((id) => (request) => {
      if (transport === null) throw new Error('the peer port is not open');
      return transport.request(id, 'archive', request, ARCHIVE_REQUEST_MS);
    });
}
