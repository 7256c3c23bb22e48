import { type FileSystem, type ScanOptions, type SealedPlace, scanKeys } from '../log/index.ts';
import type { VersionRecord } from '../ports/index.ts';
import { ARCHIVE_DIRECTORY } from './archive.ts';
import { ArchiveFile, archivePurpose } from './archive-file.ts';
import { readCatalog } from './catalog.ts';
import { coldEndsIn, coldOwner, coldPurpose, END_SUFFIX } from './cold-archive.ts';
import type { Compression } from './compression.ts';

/** Before the name of an object where it is told with files of the disk. */
export const COLD_OBJECT = 'cold object ';

/** What archives of a data directory came to. */
export interface ArchiveSurvey {
  readonly files: number;
  readonly versions: number;
  readonly bytes: number;
}

/**
 * Reads every archive that counts in a data directory and checks all of it. Takes no lock.
 *
 * @param onVersion is given every version
 * @throws ArchiveError for the first bad place
 */
export async function surveyArchives(
  options: ScanOptions,
  compression: Compression,
  onVersion: (model: string, version: VersionRecord) => void,
): Promise<ArchiveSurvey> {
  const { dir, fs } = options;
  const keys = await scanKeys(options);
  const names = (await readCatalog(fs, dir))?.files ?? [];
  let [versions, bytes] = [0, 0];
  for (const name of names) {
    const file = await ArchiveFile.open(fs, `${dir}/${ARCHIVE_DIRECTORY}`, name, compression, keys);
    try {
      await file.verify();
      const { model, records } = file.summary;
      for await (const block of file.all()) block.forEach((record) => onVersion(model, record));
      versions += records;
      bytes += file.bytes;
    } finally {
      await file.close();
    }
  }
  return { files: names.length, versions, bytes };
}

/**
 * The versions in the archives of a data directory, block by block; of each model from old to new,
 * and by id within a file. Takes no lock.
 *
 * @param sinceMs archives that hold nothing as young are passed over; null: none
 * @throws ArchiveError for a bad place that is met
 */
export async function* scanArchives(
  options: ScanOptions,
  compression: Compression,
  sinceMs: number | null,
): AsyncGenerator<{ readonly model: string; readonly records: readonly VersionRecord[] }> {
  const { dir, fs } = options;
  const keys = await scanKeys(options);
  for (const name of (await readCatalog(fs, dir))?.files ?? []) {
    const file = await ArchiveFile.open(fs, `${dir}/${ARCHIVE_DIRECTORY}`, name, compression, keys);
    try {
      const { model, newestMs } = file.summary;
      if (sinceMs !== null && newestMs < sinceMs) continue;
      for await (const records of file.all()) yield { model, records };
    } finally {
      await file.close();
    }
  }
}

/**
 * The archives that count in a data directory, for a survey of keys, and the cold objects that it
 * knows of: their ends tell which keys they need.
 *
 * @throws ArchiveError
 */
export async function archivePlaces(fs: FileSystem, dir: string): Promise<SealedPlace[]> {
  const catalog = await readCatalog(fs, dir);
  if (catalog === null) return [];
  const archives = catalog.files.map((name) => ({
    file: `${ARCHIVE_DIRECTORY}/${name}`,
    purpose: archivePurpose(name),
  }));
  const ends = await coldEndsIn(fs, `${dir}/${ARCHIVE_DIRECTORY}`);
  const owner = coldOwner(catalog.clusterId);
  const objects = ends.map((end) => {
    const name = end.slice(0, -END_SUFFIX.length);
    const file = `${ARCHIVE_DIRECTORY}/${end}`;
    return { file, purpose: coldPurpose(name), owner, called: `${COLD_OBJECT}${name}` };
  });
  return [...archives, ...objects];
}
