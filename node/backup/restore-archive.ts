import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  Archive,
  ArchiveError,
  ArchiveFile,
  archivePurpose,
  threadedZstd,
} from '../archive/index.ts';
import type { FileKeys } from '../encryption/index.ts';
import { createFile, type FileSystem } from '../log/index.ts';
import type { Logger } from '../ports/index.ts';
import type { ReplicatedState } from '../state/index.ts';
import { BackupError } from './errors.ts';
import type { BackupPart, Manifest } from './manifest.ts';
import { appendTo, readPartFile } from './part-file.ts';
import type { BackupPlace } from './restore.ts';
import { digestOf } from './take.ts';

const UNPACKED_NAME = 'received.arc';

/** What archives are restored with. */
interface ArchiveWorld {
  readonly fs: FileSystem;
  readonly logger: Logger;
  /** Of the new disk; null: nothing is encrypted. */
  readonly keys: FileKeys | null;
}

/** The archived history that belongs to a snapshot. */
export interface CarriedArchive {
  /** The last generation that is not in the snapshot. */
  readonly generation: number;
  /** Versions from this entry on are in the snapshot, or behind it. */
  readonly beforeIndex: number;
  /** Files in a backup; they may hold more than that. */
  readonly parts: readonly BackupPart[];
}

/**
 * The archived history that the state of a snapshot part lacks, as the backup has it. Null where
 * the backup has none, or not so much; call it before anything is applied behind the snapshot.
 */
export function archiveBehind(
  { parts }: Manifest,
  snapshot: BackupPart,
  { history, appliedIndex }: ReplicatedState,
): CarriedArchive | null {
  const generation = history.firstResident - 1;
  const { archive } = snapshot;
  if (archive === undefined || archive.generation < generation) return null;
  const from = parts.indexOf(snapshot) + 1;
  const files = parts.slice(from, from + archive.files);
  const isWhole = files.length === archive.files && files.every(({ kind }) => kind === 'archive');
  if (!isWhole) {
    throw new BackupError('corrupt', `archives are missing behind ${snapshot.file}`);
  }
  const oldest = history.resident.find(({ count }) => count > 0)?.versions()[0];
  const beforeIndex = oldest?.record.index ?? appliedIndex + 1;
  return { generation, beforeIndex, parts: files };
}

/** Makes carried archives those of another cluster, in its data directory. */
export async function restoreArchive(
  backup: BackupPlace,
  dir: string,
  { generation, beforeIndex, parts }: CarriedArchive,
  clusters: { readonly from: string; readonly to: string },
  { fs, logger, keys }: ArchiveWorld,
): Promise<void> {
  const archive = await Archive.open({
    fs,
    dir,
    clusterId: clusters.to,
    compression: threadedZstd,
    logger,
    pause: () => nextTurn(),
    keys,
  });
  try {
    const files = unpacked(backup, dir, parts, clusters.from, { fs, keys });
    await archive.beginWith(files, beforeIndex, generation);
  } finally {
    await archive.close();
  }
}

/** File by file: each is gone when the next one is asked for. */
async function* unpacked(
  backup: BackupPlace,
  dir: string,
  parts: readonly BackupPart[],
  clusterId: string,
  { fs, keys }: Omit<ArchiveWorld, 'logger'>,
): AsyncGenerator<ArchiveFile> {
  const path = join(dir, UNPACKED_NAME);
  for (const part of parts) {
    await requireDigest(backup.dir, part);
    await unpack(backup, part, path, { fs, keys });
    const file = await openPart(dir, part, { fs, keys });
    try {
      if (file.summary.clusterId !== clusterId) {
        throw new BackupError('mismatch', `${part.file} is of another cluster`);
      }
      yield file;
    } finally {
      await file.close();
      await rm(path);
    }
  }
}

async function unpack(
  backup: BackupPlace,
  part: BackupPart,
  path: string,
  { fs, keys }: Omit<ArchiveWorld, 'logger'>,
): Promise<void> {
  const purpose = archivePurpose(UNPACKED_NAME);
  const file = await createFile(fs, path, keys === null ? null : { keys, purpose });
  try {
    await appendTo(file)(readPartFile(join(backup.dir, part.file), part.file, backup.keys));
    await file.finish();
  } finally {
    await file.close();
  }
}

async function openPart(
  dir: string,
  part: BackupPart,
  { fs, keys }: Omit<ArchiveWorld, 'logger'>,
): Promise<ArchiveFile> {
  try {
    return await ArchiveFile.open(fs, dir, UNPACKED_NAME, threadedZstd, keys);
  } catch (error) {
    if (error instanceof ArchiveError) {
      throw new BackupError('corrupt', `${part.file}: ${error.message}`);
    }
    throw error;
  }
}

/** @throws BackupError `corrupt` where a part is not what was written */
export async function requireDigest(dir: string, part: BackupPart): Promise<void> {
  const found = await digestOf(join(dir, part.file)).catch(() => null);
  if (found === null) throw new BackupError('corrupt', `${part.file} is missing`);
  if (found.sha256 === part.sha256 && found.bytes === part.bytes) return;
  throw new BackupError('corrupt', `${part.file} is not what was written: its sha256 differs`);
}
