/**
 * Backups: everything that a cluster acknowledged, taken from a running member, added to step by
 * step, and restored to any point in a cluster of its own.
 */
export { BackupError, type BackupErrorCode } from './errors.ts';
export {
  applyEntry,
  type CheckedBackup,
  checkBackup,
  type NewCluster,
  type Restored,
  type RestorePoint,
  restoreBackup,
} from './restore.ts';
export { type BackupPoint, type BackupSource, openBackupStream } from './stream.ts';
export { type TakenBackup, takeBackup } from './take.ts';
