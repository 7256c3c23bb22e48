/** What a data directory holds, for people: events, raw entries, and whether all of it is sound. */
export { auditLines } from './audited.ts';
export { type EventFilter, eventLines } from './events.ts';
export { rawLines } from './raw.ts';
export { verifyLines } from './verify.ts';
export { waitingLines } from './waiting.ts';
