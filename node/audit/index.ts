/**
 * The audit room: who asked this node for what, in files of their own beside the log, each entry
 * durable before its request is answered and chained to the one before.
 */
export { type AuditEncryption, type AuditLimits, AuditLog, type AuditParts } from './audit-log.ts';
export { AuditError } from './errors.ts';
export { type AuditFields, type LooseFile, scanAudit } from './scan.ts';
export { auditPlaces } from './segment.ts';
