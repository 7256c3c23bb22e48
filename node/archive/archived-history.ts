import type { HotHistory } from '../history/index.ts';
import { EngineError, type HistoryReader, type VersionRecord } from '../ports/index.ts';
import type { Archive } from './archive.ts';
import type { ArchiveFile } from './archive-file.ts';

/** Versions that are looked at together where one of a time is wanted. */
const AS_OF_VERSIONS = 64;

/** The whole history of a member: what is in memory, and behind it what is archived. */
export class ArchivedHistory implements HistoryReader {
  readonly #hot: HotHistory;
  readonly #archive: Archive;

  constructor(hot: HotHistory, archive: Archive) {
    this.#hot = hot;
    this.#archive = archive;
  }

  /** @throws EngineError `unavailable` while archives are on their way from another member */
  versions(
    model: string,
    id: string,
    beforeVersion: number,
    limit: number,
  ): readonly VersionRecord[] | Promise<readonly VersionRecord[]> {
    const hot = this.#hot.versions(model, id, beforeVersion, limit);
    const oldest = hot.at(-1)?.version ?? beforeVersion;
    if (hot.length === limit || oldest <= 1) return hot;
    return this.#archivedVersions(model, id, oldest, limit - hot.length).then((older) => [
      ...hot,
      ...older,
    ]);
  }

  asOf(
    model: string,
    id: string,
    timeMs: number,
  ): VersionRecord | undefined | Promise<VersionRecord | undefined> {
    return this.#hot.asOf(model, id, timeMs) ?? this.#archivedAsOf(model, id, timeMs);
  }

  async #archivedVersions(
    model: string,
    id: string,
    beforeVersion: number,
    limit: number,
  ): Promise<readonly VersionRecord[]> {
    requireArchives(this.#hot, this.#archive);
    const held = this.#archive.hold();
    try {
      return await versionsOf(held.files, model, id, beforeVersion, limit);
    } finally {
      held.release();
    }
  }

  async #archivedAsOf(
    model: string,
    id: string,
    timeMs: number,
  ): Promise<VersionRecord | undefined> {
    let below = Infinity;
    for (;;) {
      const page = await this.versions(model, id, below, AS_OF_VERSIONS);
      const found = page.find((record) => record.timeMs <= timeMs);
      const last = page.at(-1);
      if (found !== undefined || last === undefined) return found;
      below = last.version;
    }
  }
}

async function versionsOf(
  files: readonly ArchiveFile[],
  model: string,
  id: string,
  beforeVersion: number,
  limit: number,
): Promise<readonly VersionRecord[]> {
  const found: VersionRecord[] = [];
  let below = beforeVersion;
  for (const file of files.toReversed()) {
    if (file.summary.model !== model || !file.mayHold(id)) continue;
    for await (const records of file.newestFirst(id, below)) {
      found.push(...records.slice(0, limit - found.length));
      if (found.length === limit) return found;
    }
    below = found.at(-1)?.version ?? below;
  }
  return found;
}

/** @throws EngineError `unavailable` where generations are neither in memory nor archived here */
function requireArchives(hot: HotHistory, archive: Archive): void {
  if (hasArchives(hot, archive)) return;
  throw new EngineError('unavailable', 'older history is on its way from another member');
}

/** Whether everything that is not in memory is archived here. */
export function hasArchives(hot: HotHistory, archive: Archive): boolean {
  const { firstResident, floor } = hot;
  return firstResident === floor || archive.generation >= firstResident - 1;
}
