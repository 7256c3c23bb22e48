/** The log of one member: what is stored, what is about to be, and how far it is committed. */
export { NO_MATCH, RaftLog } from './raft-log.ts';
export { countWithin, entriesSize, entrySize, payloadsSize } from './size.ts';
export { UNKNOWN_TERM, Unstable } from './unstable.ts';
