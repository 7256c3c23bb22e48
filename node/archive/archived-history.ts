import { ColdError } from '../cold/index.ts';
import type { HotHistory } from '../history/index.ts';
import {
  EngineError,
  type FormerRules,
  type HistoryReader,
  type VersionRecord,
} from '../ports/index.ts';
import type { Archive } from './archive.ts';
import type { ArchiveFile } from './archive-file.ts';
import type { ColdArchive } from './cold-archive.ts';
import { ArchiveError } from './errors.ts';

/** Versions that are looked at together where one of a time is wanted. */
const AS_OF_VERSIONS = 64;

/** The whole history of a member: what is in memory, behind it what is archived here, then cold. */
export class ArchivedHistory implements HistoryReader {
  readonly #hot: HotHistory;
  readonly #archive: Archive;
  readonly #cold: ColdArchive | null;

  /** @param cold null where no cold store is declared */
  constructor(hot: HotHistory, archive: Archive, cold: ColdArchive | null = null) {
    this.#hot = hot;
    this.#archive = archive;
    this.#cold = cold;
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

  formerOf(model: string): readonly FormerRules[] {
    return this.#hot.formerOf(model);
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
      const wanted = { id, beforeVersion, limit };
      const found = await versionsOf(filesOf(held.files, model), wanted);
      const oldest = found.at(-1)?.version ?? beforeVersion;
      if (found.length === limit || oldest <= 1) return found;
      const older = { id, beforeVersion: oldest, limit: limit - found.length };
      return [...found, ...(await this.#coldVersions(model, older))];
    } finally {
      held.release();
    }
  }

  /** Objects may be replaced while they are read: then what took their place is asked, once. */
  async #coldVersions(model: string, wanted: Wanted): Promise<readonly VersionRecord[]> {
    for (let seen = this.#hot.coldOf(model); ; ) {
      try {
        return await versionsOf(this.#coldFiles(model), wanted);
      } catch (error) {
        const present = this.#hot.coldOf(model);
        if (present === seen) throw asUnavailable(error);
        seen = present;
      }
    }
  }

  /** From new to old; each is opened when it is asked for. */
  async *#coldFiles(model: string): AsyncGenerator<ArchiveFile> {
    const objects = this.#hot.coldOf(model);
    if (objects.length > 0 && this.#cold === null) {
      throw new EngineError(
        'unavailable',
        'older history is in a cold store, which is not declared',
      );
    }
    for (const object of objects.toReversed()) {
      if (this.#cold !== null) yield await this.#cold.file(object);
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

interface Wanted {
  readonly id: string;
  readonly beforeVersion: number;
  readonly limit: number;
}

/** Those of a model, from new to old. */
function filesOf(files: readonly ArchiveFile[], model: string): readonly ArchiveFile[] {
  return files.filter(({ summary }) => summary.model === model).toReversed();
}

async function versionsOf(
  files: Iterable<ArchiveFile> | AsyncIterable<ArchiveFile>,
  { id, beforeVersion, limit }: Wanted,
): Promise<readonly VersionRecord[]> {
  const found: VersionRecord[] = [];
  let below = beforeVersion;
  for await (const file of files) {
    if (below <= 1) return found;
    if (!file.mayHold(id)) continue;
    for await (const records of file.newestFirst(id, below)) {
      found.push(...records.slice(0, limit - found.length));
      if (found.length === limit) return found;
    }
    below = found.at(-1)?.version ?? below;
  }
  return found;
}

/** A store that does not answer is no reason to end: the question may be asked again. */
function asUnavailable(error: unknown): unknown {
  if (!(error instanceof ColdError) && !(error instanceof ArchiveError)) return error;
  return new EngineError('unavailable', `older history cannot be read now: ${error.message}`);
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
