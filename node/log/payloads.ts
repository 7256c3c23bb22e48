import type { ConfState } from 'etcd-raft-ts';
import { getUint64, setUint64, viewOf } from './numbers.ts';

const SETS = ['voters', 'learners', 'votersOutgoing', 'learnersNext'] as const;
const MAX_MEMBERS = 10_000;

/** A membership: autoLeave, then four lists of member ids, each with its length before it. */
export function encodeConfState(confState: ConfState): Uint8Array {
  const ids = SETS.reduce((count, set) => count + confState[set].length, 0);
  const bytes = new Uint8Array(4 + SETS.length * 4 + ids * 8);
  const view = viewOf(bytes);
  view.setUint32(0, confState.autoLeave ? 1 : 0, true);
  let at = 4;
  for (const set of SETS) {
    view.setUint32(at, confState[set].length, true);
    at += 4;
    for (const id of confState[set]) {
      setUint64(view, at, id);
      at += 8;
    }
  }
  return bytes;
}

/** Null where the bytes are not a membership. */
export function decodeConfState(bytes: Uint8Array): ConfState | null {
  if (bytes.length < 4 + SETS.length * 4) return null;
  const view = viewOf(bytes);
  const lists: number[][] = [];
  let at = 4;
  for (const _ of SETS) {
    const list = decodeIds(view, at);
    if (list === null) return null;
    lists.push(list);
    at += 4 + list.length * 8;
  }
  const [voters = [], learners = [], votersOutgoing = [], learnersNext = []] = lists;
  if (at !== bytes.length) return null;
  const autoLeave = view.getUint32(0, true) === 1;
  return { voters, learners, votersOutgoing, learnersNext, autoLeave };
}

function decodeIds(view: DataView, at: number): number[] | null {
  if (at + 4 > view.byteLength) return null;
  const count = view.getUint32(at, true);
  if (count > MAX_MEMBERS || at + 4 + count * 8 > view.byteLength) return null;
  return Array.from({ length: count }, (_, i) => getUint64(view, at + 4 + i * 8));
}

/** The vote; term and commit stand in the record's header. */
export function encodeVote(vote: number): Uint8Array {
  const bytes = new Uint8Array(8);
  setUint64(viewOf(bytes), 0, vote);
  return bytes;
}

/** Null where the bytes are not a vote. */
export function decodeVote(bytes: Uint8Array): number | null {
  return bytes.length === 8 ? getUint64(viewOf(bytes), 0) : null;
}
