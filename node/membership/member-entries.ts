import { encodeEntry } from '../entry/index.ts';
import type { MemberRecord } from '../ports/index.ts';

/** How changes of the member table are written into membership changes. */
export interface MemberEntries {
  put(member: MemberRecord): Uint8Array;
  remove(memberId: number): Uint8Array;
}

/** As the entry room encodes them. */
export const memberEntries: MemberEntries = {
  put: (member) => encodeEntry({ kind: 'member', member }),
  remove: (memberId) => encodeEntry({ kind: 'memberRemoval', memberId }),
};
