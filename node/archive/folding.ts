import { archived, type HistoryRules, type Moment } from '../history/index.ts';
import type { VersionRecord } from '../ports/index.ts';
import type { Expiry } from './archive.ts';
import type { ArchiveFile } from './archive-file.ts';
import type { ArchiveSubject } from './archive-writer.ts';

/** Files of one model that become one. */
export interface Folding {
  /** Neighbours, from old to new. */
  readonly files: readonly ArchiveFile[];
  readonly subject: Omit<ArchiveSubject, 'clusterId'>;
}

/** What files are written anew for. */
export interface FoldingWish {
  readonly expiry: Expiry;
  /** Looks through every file, not only through those that are to be joined. */
  readonly thorough: boolean;
  /** Whether a file has another key than it should have. */
  readonly isStale: (file: ArchiveFile) => boolean;
  readonly pause: () => Promise<void>;
}

/** Files are joined up to this size. */
export const FOLDED_BYTES = 16 * 1024 * 1024;
/** So many neighbours that could be joined are worth it. */
export const FOLD_FILES = 8;

/** What is to be written anew. */
export async function planFolding(
  files: readonly ArchiveFile[],
  { expiry, thorough, isStale, pause }: FoldingWish,
): Promise<readonly Folding[]> {
  const foldings: Folding[] = [];
  for (const group of groups(files)) {
    const first = group[0];
    const last = group.at(-1);
    if (first === undefined || last === undefined) continue;
    const isWorthIt = group.length >= FOLD_FILES || (thorough && group.length > 1);
    const isDue =
      isWorthIt || group.some(isStale) || (thorough && (await holdsExpired(first, expiry, pause)));
    if (!isDue) continue;
    const { model, fromGeneration } = first.summary;
    const { toGeneration } = last.summary;
    foldings.push({ files: group, subject: { model, fromGeneration, toGeneration } });
  }
  return foldings;
}

/** Neighbouring files of each model that together stay below the bound. */
function groups(files: readonly ArchiveFile[]): readonly (readonly ArchiveFile[])[] {
  return [...Map.groupBy(files, ({ summary }) => summary.model).values()].flatMap((ofModel) => {
    const grouped: ArchiveFile[][] = [];
    let bytes = 0;
    for (const file of ofModel) {
      const group = grouped.at(-1);
      if (group !== undefined && bytes + file.bytes <= FOLDED_BYTES) {
        group.push(file);
        bytes += file.bytes;
      } else {
        grouped.push([file]);
        bytes = file.bytes;
      }
    }
    return grouped;
  });
}

/**
 * Whether an archive that held nothing else once may hold something that is not kept any more under
 * the same rules, by its oldest version.
 */
export function mayHoldExpired(
  rules: HistoryRules | undefined,
  oldestMs: number,
  nowMs: number,
): boolean {
  if (rules === undefined || rules.former.length > 0) return true;
  if (nowMs - oldestMs > rules.retentionMs) return true;
  return rules.fields.some(({ depth }) => depth !== Infinity);
}

/** Whether a file holds anything that is not kept any more. */
export async function holdsExpired(
  file: ArchiveFile,
  expiry: Expiry,
  pause: () => Promise<void>,
): Promise<boolean> {
  const { model } = file.summary;
  const rules = expiry.rules(model);
  for await (const records of file.all()) {
    if (await holdsExpiredRecord(records, model, rules, expiry)) return true;
    await pause();
  }
  return false;
}

async function holdsExpiredRecord(
  records: readonly VersionRecord[],
  model: string,
  rules: HistoryRules | undefined,
  expiry: Expiry,
): Promise<boolean> {
  for (const record of records) {
    const moment = expiry.moment(model, record.id);
    if (isExpired(rules, record, moment instanceof Promise ? await moment : moment)) return true;
  }
  return false;
}

function isExpired(
  rules: HistoryRules | undefined,
  record: VersionRecord,
  moment: Moment,
): boolean {
  const kept = keep(rules, record, moment);
  if (kept === null || (kept.actor === null) !== (record.actor === null)) return true;
  return kept.json !== record.json || kept.before !== record.before;
}

/** What is still kept of a version; null for nothing, as of all of a model that keeps no history. */
export function keep(
  rules: HistoryRules | undefined,
  record: VersionRecord,
  moment: Moment,
): VersionRecord | null {
  if (rules === undefined) return null;
  const newest = Math.max(moment.newest, record.version);
  return archived(rules, record, { ...moment, newest });
}

/**
 * The versions of neighbouring files in one order, some at a time, without what is not kept any
 * more. The files hold later and later versions of each aggregate, so those of one id follow file
 * by file.
 */
export async function* foldersOf(
  files: readonly ArchiveFile[],
  model: string,
  expiry: Expiry,
): AsyncGenerator<readonly VersionRecord[]> {
  const cursors = files.map((file) => new Cursor(file));
  for (const cursor of cursors) await cursor.fill();
  const rules = expiry.rules(model);
  for (let id = leastId(cursors); id !== null; id = leastId(cursors)) {
    for await (const records of chainOf(cursors, id)) {
      const moment = await expiry.moment(model, id);
      const kept = records.flatMap((record) => keep(rules, record, moment) ?? []);
      if (kept.length > 0) yield kept;
    }
  }
}

async function* chainOf(
  cursors: readonly Cursor[],
  id: string,
): AsyncGenerator<readonly VersionRecord[]> {
  for (const cursor of cursors) {
    while (cursor.current?.id === id) {
      yield cursor.take(id);
      if (cursor.current === null) await cursor.fill();
    }
  }
}

function leastId(cursors: readonly Cursor[]): string | null {
  let least: string | null = null;
  for (const { current } of cursors) {
    if (current !== null && (least === null || current.id < least)) least = current.id;
  }
  return least;
}

/** A place in a file. */
class Cursor {
  readonly #blocks: AsyncGenerator<readonly VersionRecord[]>;
  #records: readonly VersionRecord[] = [];
  #at = 0;

  constructor(file: ArchiveFile) {
    this.#blocks = file.all();
  }

  /** Null at the end of a block: the next one is to be had by `fill`; null after that: the end. */
  get current(): VersionRecord | null {
    return this.#records[this.#at] ?? null;
  }

  async fill(): Promise<void> {
    while (this.#at >= this.#records.length) {
      const next = await this.#blocks.next();
      if (next.done === true) return;
      this.#records = next.value;
      this.#at = 0;
    }
  }

  /** The versions of an id that come next in the block. */
  take(id: string): readonly VersionRecord[] {
    const from = this.#at;
    while (this.#records[this.#at]?.id === id) this.#at += 1;
    return this.#records.slice(from, this.#at);
  }
}
