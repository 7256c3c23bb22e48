import { createHash } from 'node:crypto';
import type { ColdStore } from '../cold/index.ts';
import type { FileKeys } from '../encryption/index.ts';
import { archived, type Generation, type HistoryRules, type Moment } from '../history/index.ts';
import { createFile, type FileSystem, type Sealing } from '../log/index.ts';
import type { Logger, VersionRecord } from '../ports/index.ts';
import { ArchiveFile, archivePurpose } from './archive-file.ts';
import { type ArchiveSubject, ArchiveWriter } from './archive-writer.ts';
import { type Catalog, readCatalog, writeCatalog } from './catalog.ts';
import { ColdArchive, coldOwner, END_SUFFIX } from './cold-archive.ts';
import type { Compression } from './compression.ts';
import { ArchiveError } from './errors.ts';
import { type Folding, foldersOf, planFolding } from './folding.ts';

export const ARCHIVE_DIRECTORY = 'archive';

/** About so many versions are judged at a time. */
const BATCH_VERSIONS = 128;

/** What an archive is opened with. */
export interface ArchiveOptions {
  readonly fs: FileSystem;
  /** The data directory. */
  readonly dir: string;
  readonly clusterId: string;
  readonly compression: Compression;
  readonly logger: Logger;
  /** Lets other work run between two blocks. */
  readonly pause: () => Promise<void>;
  /** Keys for the files of this directory; default none. */
  readonly keys?: FileKeys | null;
  /** Whether a model's archives are encrypted, now; default where there are keys. */
  readonly isSecret?: (model: string) => boolean;
}

/** What decides which archived values go. */
export interface Expiry {
  rules(model: string): HistoryRules | undefined;
  /** What decides what is kept of an aggregate now. */
  moment(model: string, id: string): Moment | Promise<Moment>;
  /** Log time. */
  readonly nowMs: number;
}

/** What is archived at one moment, readable until it is released. */
export interface HeldArchive {
  readonly generation: number;
  /** In the order of the catalog. */
  readonly files: readonly ArchiveFile[];
  release(): void;
}

/** How a member may call an archive: a model, generations, a serial number. No path. */
const FILE_NAME = /^[A-Za-z][A-Za-z0-9]{0,127}-[0-9]{1,16}-[0-9]{1,16}-[0-9]{1,16}\.arc$/;

/**
 * The archived history of one member: sealed generations in compressed files, by model. What is
 * not in its catalog does not count: a file is whole and durable before the catalog names it, and
 * goes only when the catalog does not name it any more. One change at a time; reads at any time.
 */
export class Archive {
  readonly directory: string;
  readonly #options: ArchiveOptions;
  #catalog: Catalog;
  /** In the order of the catalog, so that of each model from old to new. */
  #files: readonly ArchiveFile[];
  /** Replaced files that a read may still be busy with. */
  #retired: readonly ArchiveFile[] = [];
  #holders = 0;

  private constructor(options: ArchiveOptions, catalog: Catalog, files: readonly ArchiveFile[]) {
    this.directory = `${options.dir}/${ARCHIVE_DIRECTORY}`;
    this.#options = options;
    this.#catalog = catalog;
    this.#files = files;
  }

  /**
   * Opens what is there, and removes what was left unfinished.
   *
   * @throws ArchiveError where it cannot be used
   */
  static async open(options: ArchiveOptions): Promise<Archive> {
    const { fs, dir, clusterId, compression, keys = null } = options;
    const directory = `${dir}/${ARCHIVE_DIRECTORY}`;
    await fs.makeDirectory(directory);
    const known = await readCatalog(fs, dir);
    const catalog = known ?? { clusterId, generation: 0, serial: 0, expiredToMs: 0, files: [] };
    if (catalog.clusterId !== clusterId) {
      const message = `the archive is of cluster ${catalog.clusterId}, not of ${clusterId}`;
      throw new ArchiveError('ARCHIVE_FORMAT', message);
    }
    const present = await fs.list(directory);
    const missing = catalog.files.find((name) => !present.includes(name));
    if (missing !== undefined) {
      throw new ArchiveError('ARCHIVE_MISSING', `${ARCHIVE_DIRECTORY}/${missing} is gone`);
    }
    for (const name of present) {
      // Ends of cold archives are looked after by who knows which of them there are.
      const isKept = catalog.files.includes(name) || name.endsWith(END_SUFFIX);
      if (!isKept) await fs.remove(`${directory}/${name}`);
    }
    const files: ArchiveFile[] = [];
    for (const name of catalog.files) {
      files.push(await ArchiveFile.open(fs, directory, name, compression, keys));
    }
    return new Archive(options, catalog, files);
  }

  /** The cold part of the archive, in a store that the caller owns. */
  withStore(store: ColdStore, epoch: number): ColdArchive {
    const { fs, compression, clusterId, keys = null } = this.#options;
    return new ColdArchive({
      store,
      fs,
      directory: this.directory,
      compression,
      clusterId,
      epoch,
      keys: keys?.forOwner(coldOwner(clusterId)) ?? null,
      isSecret: (model) => keys !== null && this.#isSecret(model),
    });
  }

  /** Everything up to this generation is archived here. */
  get generation(): number {
    return this.#catalog.generation;
  }

  get files(): readonly ArchiveFile[] {
    return this.#files;
  }

  /** Keeps what is archived now readable, whatever takes its place. Release it. */
  hold(): HeldArchive {
    this.#holders += 1;
    let isHeld = true;
    const release = (): void => {
      if (isHeld) this.#holders -= 1;
      isHeld = false;
    };
    return { generation: this.generation, files: this.#files, release };
  }

  /** Takes note that there is nothing up to a generation: a restored cluster begins without archives. */
  async beginAt(generation: number): Promise<void> {
    await this.#publish([], { generation: generation - 1 });
  }

  /** Goes on behind a generation that no member has any more; what is archived here stays. */
  async skipTo(generation: number): Promise<void> {
    await this.#publish(this.#files, { generation });
  }

  /**
   * Archives a sealed generation, the one behind `generation`. Durable when it resolves.
   *
   * @param rulesOf rules where the generation does not know those that it was sealed under
   * @returns a hash over the plain text of what was archived
   */
  async store(
    generation: Generation,
    rulesOf: (model: string) => HistoryRules | undefined,
  ): Promise<string> {
    const { number } = generation;
    if (number !== this.generation + 1) {
      throw new RangeError(`generation ${number} does not follow ${this.generation}`);
    }
    const written: ArchiveFile[] = [];
    try {
      for (const model of generation.models()) {
        const rules = generation.sealing?.rules.get(model) ?? rulesOf(model);
        if (rules === undefined) continue;
        const subject = { model, fromGeneration: number, toGeneration: number };
        const file = await this.#write(subject, versionsOf(generation, model, rules));
        if (file !== null) written.push(file);
      }
    } catch (error) {
      // It is tried again: what came of one attempt must not stay.
      for (const file of written) await file.close();
      await this.discard(written.map(({ name }) => name));
      throw error;
    }
    await this.#publish([...this.#files, ...written], { generation: number });
    const digest = createHash('sha256');
    for (const { summary } of written) digest.update(summary.digest);
    return digest.digest('hex');
  }

  /**
   * Joins small files, removes values that are not kept any more, and encrypts with the newest key.
   *
   * @param thorough looks through every file, not only through those that are to be joined
   * @returns how many files were replaced
   */
  async fold(expiry: Expiry, thorough: boolean): Promise<number> {
    await this.#closeRetired();
    const { pause } = this.#options;
    const isStale = (file: ArchiveFile): boolean => file.keyId !== this.#keyId(file.summary.model);
    const foldings = await planFolding(this.#files, { expiry, thorough, isStale, pause });
    for (const folding of foldings) await this.#fold(folding, expiry);
    if (thorough) await this.#publish(this.#files, { expiredToMs: expiry.nowMs });
    return foldings.reduce((sum, { files }) => sum + files.length, 0);
  }

  /**
   * Writes versions into a file that is no part of the archive; null where there are none. It is
   * removed by {@link discard}, or at the next start.
   */
  writeAside(
    subject: Omit<ArchiveSubject, 'clusterId'>,
    versions: Versions,
  ): Promise<ArchiveFile | null> {
    return this.#write(subject, versions);
  }

  /**
   * Lets go of the versions of a model up to a log time, which are somewhere else.
   *
   * @returns how many files went or were written anew
   */
  async trim(model: string, upToMs: number): Promise<number> {
    await this.#closeRetired();
    const due = this.#files.filter((file) => reachesBack(file, model, upToMs));
    for (const file of due) {
      const rest = file.summary.newestMs <= upToMs ? null : await this.#restOf(file, upToMs);
      const replaced = rest === null ? [] : [rest];
      const next = this.#files.flatMap((present) => (present === file ? replaced : [present]));
      await this.#publish(next, {});
    }
    return due.length;
  }

  #restOf(file: ArchiveFile, upToMs: number): Promise<ArchiveFile | null> {
    const { model, fromGeneration, toGeneration } = file.summary;
    return this.#write({ model, fromGeneration, toGeneration }, versionsAfter(file, upToMs));
  }

  /**
   * Takes a file of another member in, under a name of our own, and verifies all of it. It counts
   * once it is adopted; until then it can be discarded.
   *
   * @throws ArchiveError, and leaves nothing behind
   */
  async receive(name: string, pieces: AsyncIterable<Uint8Array>): Promise<string> {
    if (!FILE_NAME.test(name)) {
      throw new ArchiveError('ARCHIVE_FORMAT', `no archive is called ${name.slice(0, 100)}`);
    }
    const own = this.#nextName(name.replace(/-[0-9]+\.arc$/, ''));
    try {
      await this.#receiveAs(own, pieces);
      await this.#requireSound(own, name);
      return own;
    } catch (error) {
      await this.discard([own]);
      throw error;
    }
  }

  /** Removes files that were received and are not adopted. */
  async discard(names: readonly string[]): Promise<void> {
    for (const name of names) {
      await this.#options.fs.remove(`${this.directory}/${name}`).catch(() => undefined);
    }
  }

  async #receiveAs(own: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const path = `${this.directory}/${own}`;
    const file = await createFile(this.#options.fs, path, this.#sealing(own, modelOf(own)));
    try {
      for await (const piece of pieces) await file.append(piece);
      await file.finish();
    } finally {
      await file.close();
    }
  }

  async #requireSound(own: string, name: string): Promise<void> {
    const { clusterId } = this.#options;
    const received = await this.#open(own);
    try {
      if (received.summary.clusterId !== clusterId) {
        throw new ArchiveError('ARCHIVE_FORMAT', `${name} is of another cluster`);
      }
      await received.verify();
    } finally {
      await received.close();
    }
  }

  /** Takes files that were received in place of everything that is archived. */
  async adopt(names: readonly string[], generation: number): Promise<void> {
    const files: ArchiveFile[] = [];
    for (const name of names) files.push(await this.#open(name));
    await this.#publish(files, { generation });
  }

  /**
   * Begins with what another cluster archived, as it was before an entry: a restored cluster has
   * its past. Files come in the order of the catalog that named them.
   *
   * @param generation the last one that ended before the entry
   */
  async beginWith(
    files: AsyncIterable<ArchiveFile>,
    beforeIndex: number,
    generation: number,
  ): Promise<void> {
    const written: ArchiveFile[] = [];
    const seen = new Map<string, number>();
    for await (const file of files) {
      const { model, fromGeneration, toGeneration } = file.summary;
      const subject = {
        model,
        fromGeneration: Math.min(fromGeneration, generation),
        toGeneration: Math.min(toGeneration, generation),
      };
      const bounds = { after: seen.get(model) ?? 0, before: beforeIndex };
      const copy = await this.#write(subject, versionsBetween(file, bounds, seen));
      if (copy !== null) written.push(copy);
    }
    await this.#publish(written, { generation });
  }

  async close(): Promise<void> {
    this.#holders = 0;
    await this.#closeRetired();
    for (const file of this.#files) await file.close();
  }

  async #fold({ files, subject }: Folding, expiry: Expiry): Promise<void> {
    const file = await this.#write(subject, foldersOf(files, subject.model, expiry));
    const at = this.#files.findIndex((candidate) => files.includes(candidate));
    const others = this.#files.filter((candidate) => !files.includes(candidate));
    await this.#publish(others.toSpliced(at, 0, ...(file === null ? [] : [file])), {});
  }

  /** Writes versions into a new file; null where there are none. */
  async #write(
    subject: Omit<ArchiveSubject, 'clusterId'>,
    versions: Versions,
  ): Promise<ArchiveFile | null> {
    const { fs, compression, clusterId, pause } = this.#options;
    const { model, fromGeneration, toGeneration } = subject;
    const name = this.#nextName(`${model}-${fromGeneration}-${toGeneration}`);
    const path = `${this.directory}/${name}`;
    const file = await createFile(fs, path, this.#sealing(name, model));
    let isEmpty = false;
    try {
      const writer = new ArchiveWriter(file, compression, { ...subject, clusterId });
      await addAll(writer, versions, pause);
      isEmpty = writer.records === 0;
      if (!isEmpty) await writer.finish();
    } catch (error) {
      await fs.remove(`${this.directory}/${name}`).catch(() => undefined);
      throw error;
    } finally {
      await file.close();
    }
    if (!isEmpty) return this.#open(name);
    await fs.remove(`${this.directory}/${name}`);
    return null;
  }

  #open(name: string): Promise<ArchiveFile> {
    const { fs, compression, keys = null } = this.#options;
    return ArchiveFile.open(fs, this.directory, name, compression, keys);
  }

  #sealing(name: string, model: string): Sealing | null {
    const { keys = null } = this.#options;
    return keys === null || !this.#isSecret(model) ? null : { keys, purpose: archivePurpose(name) };
  }

  #isSecret(model: string): boolean {
    return this.#options.isSecret?.(model) ?? true;
  }

  /** Of the key that a new file of a model gets; 0 for none. */
  #keyId(model: string): number {
    const { keys = null } = this.#options;
    return keys === null || !this.#isSecret(model) ? 0 : keys.activeId;
  }

  #nextName(subject: string): string {
    const serial = this.#catalog.serial + 1;
    this.#catalog = { ...this.#catalog, serial };
    return `${subject}-${serial}.arc`;
  }

  /** Makes a list of files the archive; what it does not name goes. */
  async #publish(files: readonly ArchiveFile[], change: Partial<Catalog>): Promise<void> {
    const { fs, dir, logger } = this.#options;
    await fs.syncDirectory(this.directory);
    const catalog = { ...this.#catalog, ...change, files: files.map(({ name }) => name) };
    await writeCatalog(fs, dir, catalog);
    // Files may have been begun meanwhile.
    this.#catalog = { ...catalog, serial: this.#catalog.serial };
    const gone = this.#files.filter((file) => !files.includes(file));
    this.#files = files;
    this.#retired = [...this.#retired, ...gone];
    for (const { name } of gone) await fs.remove(`${this.directory}/${name}`);
    if (gone.length === 0) return;
    await fs.syncDirectory(this.directory);
    logger.debug({ files: gone.length }, 'replaced archives');
  }

  async #closeRetired(): Promise<void> {
    if (this.#holders > 0) return;
    const retired = this.#retired;
    this.#retired = [];
    for (const file of retired) await file.close();
  }
}

/** The model that a file is named after. */
function modelOf(name: string): string {
  return name.slice(0, name.indexOf('-'));
}

/** Versions by id and version, some at a time: an await for each of them would cost the most. */
export type Versions = AsyncIterable<readonly VersionRecord[]> | Iterable<readonly VersionRecord[]>;

async function addAll(
  writer: ArchiveWriter,
  versions: Versions,
  pause: () => Promise<void>,
): Promise<void> {
  for await (const records of versions) {
    for (const record of records) {
      if (!writer.add(record)) continue;
      await writer.flush();
      await pause();
    }
  }
}

/**
 * What a file adds to the files before it, which may reach into it: a member that is about to let
 * go of versions has them twice, on its disk and in the cold store.
 *
 * @param seen takes note of the last index of the model
 */
async function* versionsBetween(
  file: ArchiveFile,
  { after, before }: { readonly after: number; readonly before: number },
  seen: Map<string, number>,
): AsyncGenerator<readonly VersionRecord[]> {
  let last = after;
  for await (const records of file.all()) {
    const wanted = records.filter(({ index }) => index > after && index < before);
    for (const { index } of wanted) last = Math.max(last, index);
    yield wanted;
  }
  seen.set(file.summary.model, last);
}

async function* versionsAfter(
  file: ArchiveFile,
  timeMs: number,
): AsyncGenerator<readonly VersionRecord[]> {
  for await (const records of file.all()) yield records.filter((record) => record.timeMs > timeMs);
}

/** Whether a file has versions of a model up to a log time. */
export function reachesBack({ summary }: ArchiveFile, model: string, upToMs: number): boolean {
  return summary.model === model && summary.oldestMs <= upToMs;
}

/** What is kept of a generation, by id and version, as it can be told from itself alone. */
function* versionsOf(
  generation: Generation,
  model: string,
  rules: HistoryRules,
): Generator<readonly VersionRecord[]> {
  const nowMs = generation.sealing?.timeMs ?? 0;
  let batch: VersionRecord[] = [];
  for (const chain of generation.chains(model)) {
    const newest = chain.at(-1)?.version ?? 0;
    for (const record of chain) {
      const kept = archived(rules, record, { newest, nowMs });
      if (kept !== null) batch.push(kept);
    }
    if (batch.length < BATCH_VERSIONS) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}
