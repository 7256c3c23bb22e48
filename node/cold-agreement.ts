import { createHash } from 'node:crypto';
import { type ArchiveFile, type Expiry, foldersOf, keep } from './archive/index.ts';
import { ByteWriter } from './entry/index.ts';
import { writeVersion } from './history/index.ts';
import type { VersionRecord } from './ports/index.ts';

/** Versions of a model behind one log time, up to another. */
export interface AgreedStretch {
  readonly model: string;
  readonly fromMs: number;
  readonly upToMs: number;
}

/**
 * Whether an object holds all that is kept of what a member has in its own files. Where both hold
 * the same, their digests tell it, and the object need not be read; else, as where the one removed
 * already what the other still has, every version is looked for.
 */
export async function holdsSame(
  object: ArchiveFile,
  local: readonly ArchiveFile[],
  stretch: AgreedStretch,
  expiry: Expiry,
): Promise<boolean> {
  if ((await digestOf(local, stretch, expiry)) === object.summary.digest) return true;
  return holdsAll(object, local, stretch, expiry);
}

/** The digest that an archive of what is kept would have. */
async function digestOf(
  files: readonly ArchiveFile[],
  stretch: AgreedStretch,
  expiry: Expiry,
): Promise<string> {
  const digest = createHash('sha256');
  const writer = new ByteWriter();
  for await (const records of versionsIn(files, stretch, expiry)) {
    for (const record of records) writeVersion(writer, record);
    digest.update(writer.view());
  }
  return digest.digest('hex');
}

async function* versionsIn(
  files: readonly ArchiveFile[],
  { model, fromMs, upToMs }: AgreedStretch,
  expiry: Expiry,
): AsyncGenerator<readonly VersionRecord[]> {
  for await (const records of foldersOf(files, model, expiry)) {
    yield records.filter(({ timeMs }) => timeMs > fromMs && timeMs <= upToMs);
  }
}

async function holdsAll(
  object: ArchiveFile,
  local: readonly ArchiveFile[],
  stretch: AgreedStretch,
  expiry: Expiry,
): Promise<boolean> {
  const theirs = single(object.all());
  let next = await theirs.next();
  for await (const records of versionsIn(local, stretch, expiry)) {
    for (const ours of records) {
      while (next.done !== true && isBefore(next.value, ours)) next = await theirs.next();
      if (next.done === true || !(await isSame(next.value, ours, stretch.model, expiry)))
        return false;
    }
  }
  return true;
}

async function* single(
  blocks: AsyncIterable<readonly VersionRecord[]>,
): AsyncGenerator<VersionRecord> {
  for await (const records of blocks) yield* records;
}

function isBefore(a: VersionRecord, b: VersionRecord): boolean {
  return a.id < b.id || (a.id === b.id && a.version < b.version);
}

/** Whether what is kept of a version in the object is what is kept of ours. */
async function isSame(
  theirs: VersionRecord,
  ours: VersionRecord,
  model: string,
  expiry: Expiry,
): Promise<boolean> {
  if (theirs.id !== ours.id || theirs.version !== ours.version) return false;
  const moment = await expiry.moment(model, ours.id);
  const kept = keep(expiry.rules(model), theirs, moment);
  return kept !== null && JSON.stringify(kept) === JSON.stringify(ours);
}
