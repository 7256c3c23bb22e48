import type { EncryptionError, FileKeys, KeyTag } from '../encryption/index.ts';
import { LogError } from './errors.ts';
import type { FileSystem } from './file-system.ts';
import { OUTBOX_DIRECTORY } from './journal.ts';
import { GROWING, SEAL_BLOCK_BYTES, tagOf } from './sealed-file.ts';
import { SEGMENT_DIRECTORY, sequenceOf } from './segment-files.ts';
import { readSegmentHeader } from './segment-header.ts';
import { whyNotOpen, withoutKeys } from './segment-seal.ts';
import { PREVIOUS_SNAPSHOT_NAME, SNAPSHOT_NAME, SNAPSHOT_PURPOSE } from './snapshot-store.ts';

/** A file that may be encrypted as a whole, and what it is (see `Sealing`). */
export interface SealedPlace {
  /** Below the data directory. */
  readonly file: string;
  readonly purpose: string;
  /** Whose key it has; default the disk. */
  readonly owner?: string;
  /** What it is called; default its path. */
  readonly called?: string;
  /** Whether it is a file that grows. */
  readonly grows?: boolean;
}

/** What a file of a data directory is encrypted with. */
export interface KeyUse {
  /** Below the data directory; or what else it is called. */
  readonly file: string;
  /** 0: it is not encrypted. */
  readonly keyId: number;
  /** Why the keys do not open it; null where they do, or where it is not encrypted. */
  readonly refusal: EncryptionError | null;
}

/**
 * Which keys the files of a data directory need, from their headers alone: segments of log and
 * outbox, snapshots and the given others. Takes no lock. Files that are damaged or on their way out are passed over.
 */
export async function surveyKeys(
  fs: FileSystem,
  dir: string,
  keys: FileKeys | null,
  others: readonly SealedPlace[],
): Promise<readonly KeyUse[]> {
  const uses: KeyUse[] = [];
  const logs = [
    { at: SEGMENT_DIRECTORY, keys },
    {
      at: `${OUTBOX_DIRECTORY}/${SEGMENT_DIRECTORY}`,
      keys: keys?.forPart(OUTBOX_DIRECTORY) ?? null,
    },
  ];
  for (const { at, keys: own } of logs) {
    const names = await segmentNames(fs, `${dir}/${at}`);
    for (const name of names) await noting(uses, () => segmentUse(fs, dir, `${at}/${name}`, own));
  }
  const snapshots = [PREVIOUS_SNAPSHOT_NAME, SNAPSHOT_NAME].map((file) => ({
    file,
    purpose: SNAPSHOT_PURPOSE,
  }));
  return [...uses, ...(await surveyPlaces(fs, dir, keys, [...snapshots, ...others]))];
}

/** The same for the given files alone; those that are not there are left out. */
export async function surveyPlaces(
  fs: FileSystem,
  dir: string,
  keys: FileKeys | null,
  places: readonly SealedPlace[],
): Promise<readonly KeyUse[]> {
  const uses: KeyUse[] = [];
  for (const place of places) {
    if ((await fs.stat(`${dir}/${place.file}`)) === null) continue;
    await noting(uses, () => sealedUse(fs, dir, place, keys));
  }
  return uses;
}

/** What is damaged or went away meanwhile is passed over. */
async function noting(uses: KeyUse[], work: () => Promise<KeyUse>): Promise<void> {
  try {
    uses.push(await work());
  } catch (error) {
    if (!(error instanceof LogError) && !isMissing(error)) throw error;
  }
}

async function segmentNames(fs: FileSystem, directory: string): Promise<readonly string[]> {
  if ((await fs.stat(directory)) === null) return [];
  return (await fs.list(directory)).filter((name) => sequenceOf(name) !== null);
}

async function segmentUse(
  fs: FileSystem,
  dir: string,
  file: string,
  keys: FileKeys | null,
): Promise<KeyUse> {
  const opened = await fs.open(`${dir}/${file}`, 'read');
  try {
    const header = readSegmentHeader(opened, file);
    return useOf(file, header.tag, () => whyNotOpen(keys, header, file));
  } finally {
    await opened.close();
  }
}

async function sealedUse(
  fs: FileSystem,
  dir: string,
  { file, purpose, owner, called = file, grows = false }: SealedPlace,
  keys: FileKeys | null,
): Promise<KeyUse> {
  const blockBytes = grows ? GROWING : SEAL_BLOCK_BYTES;
  const tag = await tagOf(fs, `${dir}/${file}`, called, blockBytes);
  const own = owner === undefined ? keys : (keys?.forOwner(owner) ?? null);
  return useOf(called, tag, (known) =>
    own === null ? withoutKeys(called, known.keyId) : own.whyNot(purpose, known, called),
  );
}

function useOf(
  file: string,
  tag: KeyTag | null,
  why: (tag: KeyTag) => EncryptionError | null,
): KeyUse {
  return { file, keyId: tag?.keyId ?? 0, refusal: tag === null ? null : why(tag) };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
