/**
 * The command room: what a command changes, decided on the leader, on the applied state and what
 * is proposed. Pure: time and randomness are arguments.
 */
export { type CommandErrorCode } from './errors.ts';
export { LeaderSession } from './leader-session.ts';
export type { LiveRow } from './overlay.ts';
export { type Plan, type PlannedRows, planCommand } from './planning.ts';
export { prepareSchemaChange } from './schema-change.ts';
export type {
  Execution,
  FieldCipherOf,
  MergePatch,
  RandomBytes,
  RowAccess,
  SchemaExecution,
  SchemaPlan,
  Ticket,
} from './types.ts';
