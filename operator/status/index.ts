/** The status of a LithairModel, and what is worth an Event in it. Pure; the time is an argument. */

export { notesOf } from './notes.ts';
export { buildStatus, type SchemaState, type StatusInput, type Verdict } from './status.ts';
