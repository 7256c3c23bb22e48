import { crc32c } from './crc32c.ts';
import { ClusterMismatchError, LogCorruptError, LogFormatError } from './errors.ts';
import { readFile, replaceFile } from './file-steps.ts';
import type { FileSystem } from './file-system.ts';
import type { NodeIdentity } from './types.ts';

/** Name of the file in the data directory. */
export const IDENTITY_NAME = 'node.json';
const IDENTITY_FORMAT_VERSION = 1;

/** What `node.json` holds. */
export interface IdentityFile {
  readonly identity: NodeIdentity;
  /** True from the first log on: a directory without one is not a new member any more. */
  readonly logBegun: boolean;
}

/**
 * Null where there is none.
 *
 * @throws LogCorruptError, LogFormatError
 */
export async function readIdentity(
  fs: FileSystem,
  directory: string,
): Promise<IdentityFile | null> {
  const path = `${directory}/${IDENTITY_NAME}`;
  if ((await fs.stat(path)) === null) return null;
  const text = new TextDecoder().decode(await readFile(fs, path));
  const fields = parseObject(text);
  const { checksum, ...content } = fields;
  if (checksum !== checksumOf(content)) throw corrupt('it does not match its checksum');
  if (content['formatVersion'] !== IDENTITY_FORMAT_VERSION) {
    const version = String(content['formatVersion']);
    throw new LogFormatError(`${IDENTITY_NAME} has format version ${version}; this one reads 1`);
  }
  const { diskUuid, name, clusterId, memberId } = content;
  const texts = typeof diskUuid === 'string' && typeof name === 'string';
  if (!texts || !isTextOrNull(clusterId) || !isNumberOrNull(memberId)) {
    throw corrupt('a field is missing');
  }
  const identity = { diskUuid, name, clusterId, memberId };
  return { identity, logBegun: content['logBegun'] === true };
}

/** Durable when it resolves. */
export async function writeIdentity(
  fs: FileSystem,
  directory: string,
  file: IdentityFile,
): Promise<void> {
  const { diskUuid, name, clusterId, memberId } = file.identity;
  const content = {
    formatVersion: IDENTITY_FORMAT_VERSION,
    diskUuid,
    name,
    clusterId,
    memberId,
    logBegun: file.logBegun,
  };
  const text = `${JSON.stringify({ ...content, checksum: checksumOf(content) }, null, 2)}\n`;
  await replaceFile(fs, directory, IDENTITY_NAME, new TextEncoder().encode(text));
}

/** @throws ClusterMismatchError where `next` would make another member of this directory */
export function requireSameMember(known: NodeIdentity | null, next: NodeIdentity): void {
  if (known === null) return;
  for (const field of ['diskUuid', 'clusterId', 'memberId'] as const) {
    if (known[field] === null || known[field] === next[field]) continue;
    const text = `the data directory has ${field} ${known[field]}, which cannot become ${next[field]}`;
    throw new ClusterMismatchError(text);
  }
}

function checksumOf(content: Readonly<Record<string, unknown>>): string {
  const bytes = new TextEncoder().encode(JSON.stringify(content));
  return `crc32c:${crc32c(bytes, 0, bytes.length, 0).toString(16).padStart(8, '0')}`;
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw corrupt('it is not JSON');
  }
  if (typeof value !== 'object' || value === null) throw corrupt('it is not a JSON object');
  return { ...value };
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

function isNumberOrNull(value: unknown): value is number | null {
  return value === null || Number.isSafeInteger(value);
}

function corrupt(reason: string): LogCorruptError {
  return new LogCorruptError({ file: IDENTITY_NAME, offset: 0, record: -1, reason });
}
