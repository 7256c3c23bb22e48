import { crc32 } from 'node:zlib';
import { type FileSystem, readFile, replaceFile } from '../log/index.ts';
import { ArchiveError, corrupt } from './errors.ts';

export const CATALOG_NAME = 'lifecycle.meta';
const FORMAT_VERSION = 1;

/** What is archived here, as `lifecycle.meta` holds it: files that it does not name count for nothing. */
export interface Catalog {
  readonly clusterId: string;
  /** Everything up to this generation is archived, or was not to be kept; 0 for none. */
  readonly generation: number;
  /** Number of the last file that was begun: names are not used twice. */
  readonly serial: number;
  /** Log time up to which what expired was removed, epoch milliseconds. */
  readonly expiredToMs: number;
  readonly files: readonly string[];
}

/** Null where there is none. @throws ArchiveError */
export async function readCatalog(fs: FileSystem, directory: string): Promise<Catalog | null> {
  const path = `${directory}/${CATALOG_NAME}`;
  if ((await fs.stat(path)) === null) return null;
  const { checksum, ...content } = parse(new TextDecoder().decode(await readFile(fs, path)));
  if (checksum !== checksumOf(content)) {
    throw corrupt(CATALOG_NAME, 'it does not match its checksum');
  }
  const { formatVersion, clusterId, generation, serial, expiredToMs, files } = content;
  if (formatVersion !== FORMAT_VERSION) {
    const message = `${CATALOG_NAME} has format version ${String(formatVersion)}; this one reads 1`;
    throw new ArchiveError('ARCHIVE_FORMAT', message);
  }
  if (
    typeof clusterId !== 'string' ||
    !isCount(generation) ||
    !isCount(serial) ||
    !isCount(expiredToMs) ||
    !isTexts(files)
  ) {
    throw corrupt(CATALOG_NAME, 'a field is missing');
  }
  return { clusterId, generation, serial, expiredToMs, files };
}

/** Durable when it resolves; a crash leaves the old one or the new one. */
export async function writeCatalog(
  fs: FileSystem,
  directory: string,
  { clusterId, generation, serial, expiredToMs, files }: Catalog,
): Promise<void> {
  const content = {
    formatVersion: FORMAT_VERSION,
    clusterId,
    generation,
    serial,
    expiredToMs,
    files,
  };
  const text = `${JSON.stringify({ ...content, checksum: checksumOf(content) }, null, 2)}\n`;
  await replaceFile(fs, directory, CATALOG_NAME, new TextEncoder().encode(text));
}

function checksumOf(content: Readonly<Record<string, unknown>>): string {
  return `crc32:${crc32(JSON.stringify(content)).toString(16).padStart(8, '0')}`;
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return { ...value };
  } catch {
    // Told below.
  }
  throw corrupt(CATALOG_NAME, 'it is not a JSON object');
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
