import { createHash } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupError } from './errors.ts';

/** Name of the file that says what a backup directory holds. */
export const MANIFEST_NAME = 'backup.json';
const FORMAT_VERSION = 1;

/** One file of a backup, compressed with zstd. */
export interface BackupPart {
  readonly kind: 'snapshot' | 'archive' | 'entries';
  readonly file: string;
  /** Of the file as it lies there. */
  readonly bytes: number;
  readonly sha256: string;
  /** entries: the entry before the first one. Others: the same as `index`. */
  readonly previousIndex: number;
  /** The last entry that the part holds or covers. archive: that of the snapshot before it. */
  readonly index: number;
  readonly term: number;
  /** snapshot: the archived history that belongs to it, in so many parts behind it. */
  readonly archive?: ArchiveParts;
}

/** Archived history in a backup: generations up to this one, and perhaps what came later. */
export interface ArchiveParts {
  readonly generation: number;
  readonly files: number;
}

/** What a backup directory holds, in the order in which it was taken. */
export interface Manifest {
  readonly clusterId: string;
  readonly epoch: number;
  readonly parts: readonly BackupPart[];
}

/**
 * Null where the directory holds no backup.
 *
 * @throws BackupError `corrupt`
 */
export async function readManifest(dir: string): Promise<Manifest | null> {
  const text = await readFile(join(dir, MANIFEST_NAME), 'utf8').catch(() => null);
  if (text === null) return null;
  const { checksum, ...content } = parseObject(text);
  if (checksum !== checksumOf(content)) throw corrupt('it does not match its checksum');
  if (content['formatVersion'] !== FORMAT_VERSION) {
    throw corrupt(`its format version is ${String(content['formatVersion'])}; this one reads 1`);
  }
  const { clusterId, epoch, parts } = content;
  if (typeof clusterId !== 'string' || typeof epoch !== 'number' || !Array.isArray(parts)) {
    throw corrupt('a field is missing');
  }
  if (parts.every(isPart)) return { clusterId, epoch, parts };
  throw corrupt('a part has another shape than expected');
}

/** Replaces the manifest as a whole; durable when it resolves. */
export async function writeManifest(dir: string, manifest: Manifest): Promise<void> {
  const content = { formatVersion: FORMAT_VERSION, ...manifest };
  const text = JSON.stringify({ ...content, checksum: checksumOf(content) }, null, 2);
  const temporary = join(dir, `${MANIFEST_NAME}.tmp`);
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(`${text}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(dir, MANIFEST_NAME));
  await syncDirectory(dir);
}

/** Makes the names in a directory durable. */
export async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function checksumOf(content: Readonly<Record<string, unknown>>): string {
  return `sha256:${createHash('sha256').update(JSON.stringify(content)).digest('hex')}`;
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw corrupt('it is not JSON');
  }
  if (typeof value === 'object' && value !== null) return { ...value };
  throw corrupt('it is not a JSON object');
}

function isPart(value: unknown): value is BackupPart {
  if (typeof value !== 'object' || value === null) return false;
  const part: Partial<Record<keyof BackupPart, unknown>> = value;
  const { kind, file, sha256, bytes, previousIndex, index, term, archive } = part;
  // A name alone: a manifest must not lead out of its directory.
  const hasName = typeof file === 'string' && /^[a-z0-9][a-z0-9.-]*$/.test(file);
  const numbers = [bytes, previousIndex, index, term];
  return (
    (kind === 'snapshot' || kind === 'archive' || kind === 'entries') &&
    hasName &&
    (archive === undefined || isArchive(archive)) &&
    typeof sha256 === 'string' &&
    numbers.every((n) => Number.isSafeInteger(n))
  );
}

function isArchive(value: unknown): value is ArchiveParts {
  if (typeof value !== 'object' || value === null) return false;
  const { generation, files }: Partial<Record<keyof ArchiveParts, unknown>> = value;
  return Number.isSafeInteger(generation) && Number.isSafeInteger(files);
}

function corrupt(reason: string): BackupError {
  return new BackupError('corrupt', `${MANIFEST_NAME}: ${reason}`);
}
