import type { FileSystem } from '../log/index.ts';
import type { VersionRecord } from '../ports/index.ts';
import { ARCHIVE_DIRECTORY } from './archive.ts';
import { ArchiveFile } from './archive-file.ts';
import { readCatalog } from './catalog.ts';
import type { Compression } from './compression.ts';

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
  { dir, fs }: { readonly dir: string; readonly fs: FileSystem },
  compression: Compression,
  onVersion: (model: string, version: VersionRecord) => void,
): Promise<ArchiveSurvey> {
  const names = (await readCatalog(fs, dir))?.files ?? [];
  let [versions, bytes] = [0, 0];
  for (const name of names) {
    const file = await ArchiveFile.open(fs, `${dir}/${ARCHIVE_DIRECTORY}`, name, compression);
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
