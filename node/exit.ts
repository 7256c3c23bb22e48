import { ArchiveError } from './archive/index.ts';
import { AuditError } from './audit/index.ts';
import { EncryptionError } from './encryption/index.ts';
import { EntryError } from './entry/index.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { LogError, LogFailedError } from './log/index.ts';
import { ForeignClusterError } from './membership/index.ts';
import { OutboxError } from './outbox/index.ts';
import { EngineError } from './ports/index.ts';
import { StateError } from './state/index.ts';

/** Why a node cannot start or go on, for the person who started it. */
export class NodeError extends Error {
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = EXIT.failed) {
    super(message);
    this.name = 'NodeError';
    this.exitCode = exitCode;
  }
}

/** One line and an exit code for whatever ended the start of a node; null for a bug. */
export function asNodeError(error: unknown): NodeError | null {
  if (error instanceof NodeError) return error;
  if (error instanceof LogFailedError) return new NodeError(error.message, EXIT.failStop);
  const isData =
    error instanceof LogError ||
    error instanceof ArchiveError ||
    error instanceof AuditError ||
    error instanceof StateError ||
    error instanceof OutboxError ||
    error instanceof EncryptionError;
  if (isData || error instanceof ForeignClusterError) {
    return new NodeError(error.message, EXIT.dataRefused);
  }
  if (error instanceof EngineError) return new NodeError(error.message);
  return systemError(error);
}

/** A disk that failed, or is full: nothing is wrong with the data, which may be opened again once it is sound. */
const DISK_ERRORS: readonly unknown[] = ['EIO', 'ENOSPC', 'EDQUOT', 'EROFS'];

function systemError(error: unknown): NodeError | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  const address = 'address' in error ? String(error.address) : '';
  const port = 'port' in error ? String(error.port) : '';
  if (error.code === 'EADDRINUSE') return new NodeError(`port ${port} on ${address} is in use`);
  if (error.code === 'EADDRNOTAVAIL')
    return new NodeError(`${address} is not an address of this machine`);
  if (DISK_ERRORS.includes(error.code)) return new NodeError(nameFile(error), EXIT.failStop);
  if (error.code === 'EACCES' || error.code === 'EPERM') return new NodeError(error.message);
  return 'syscall' in error ? new NodeError(error.message) : null;
}

function nameFile(error: Error): string {
  const path = 'path' in error ? String(error.path) : '';
  return error.message.includes(path) ? error.message : `${error.message}: ${path}`;
}

/** An entry that only a later binary can apply says nothing against the disk. */
export function exitCodeOf(error: Error): ExitCode {
  const isTooOld = error instanceof EntryError && error.code === 'unsupported_entry';
  return isTooOld ? EXIT.dataRefused : EXIT.failStop;
}
