import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Api } from './api.ts';
import { type BatchResult, type PendingRow, type RefusedRow, sendBatch } from './batch.ts';
import { hashOf, isReadOnly, Journal, journalPath } from './journal.ts';
import { type Mapping, mapRow, requireColumns, requireFields } from './mapping.ts';
import { type ImportCounts, Progress } from './progress.ts';
import { openRows } from './rows.ts';
import { findTarget, type ImportTarget } from './target.ts';

const BATCH_ROWS = 500;
const BATCH_CHARACTERS = 1024 * 1024;
const BATCHES_IN_FLIGHT = 4;

/** One import. `urls` are base URLs of nodes, separated by commas. */
export interface ImportRequest {
  readonly urls: string;
  readonly model: string;
  readonly file: string;
  readonly mapping: Mapping;
  readonly progress: NodeJS.WriteStream;
  /** Where to keep what is done, for a run after an interruption; null: beside the file. */
  readonly journal: string | null;
  /** Forgets what an earlier run has done. */
  readonly restart: boolean;
}

/** What became of every row. */
export interface ImportReport {
  readonly accepted: number;
  readonly present: readonly RefusedRow[];
  readonly rejected: readonly RefusedRow[];
}

/**
 * Reads, maps and sends all rows, a few batches at a time. Rows that refer to others which are not
 * there yet are sent again once all are through, for as long as that helps. An import that was cut
 * off goes on where it was.
 *
 * @throws CliError where the file or the server cannot be read, or stays unreachable for a minute
 */
export async function runImport(request: ImportRequest): Promise<ImportReport> {
  const api = new Api(request.urls, (line) => request.progress.write(`${line}\n`));
  // What is wrong here is told at once, and not when a server answers.
  await openRows(request.file);
  const target = await findTarget(api, request.model);
  requireFields(request.mapping, target);
  const journal = await openJournal(request, api, target);
  if (journal.begun !== null) tellResumed(request.progress, journal, journal.begun);
  const size = (await stat(request.file)).size;
  const run = new ImportRun(api, target, journal, new Progress(request.progress, size));
  try {
    await sendAll(request, target, run);
  } catch (error) {
    // A file that turned out unreadable before anything was sent is not begun.
    if (!run.hasSent && journal.begun === null) await journal.finish();
    throw error;
  }
  const report = await run.end();
  await journal.finish();
  return report;
}

async function openJournal(
  { file, mapping, journal, model, restart, progress }: ImportRequest,
  api: Api,
  target: ImportTarget,
): Promise<Journal> {
  const path = resolve(journal ?? journalPath(file, model));
  if (restart) await Journal.forget(path);
  const { renamed, dropped, key } = mapping;
  const deciding = [[...renamed], [...dropped], key, { ...target, fields: [...target.fields] }];
  const hash = await hashOf(file, [JSON.stringify(deciding), String(BATCH_ROWS)]);
  const now = { run: randomUUID(), time: new Date().toISOString() };
  if (journal === null && (await isReadOnly(path))) {
    progress.write(`nothing can be kept beside ${file}: if this is cut off, it cannot go on\n`);
    return Journal.unkept(now.run);
  }
  return Journal.open(path, { hash, urls: api.urls }, now);
}

function tellResumed(stream: NodeJS.WriteStream, journal: Journal, begun: string): void {
  stream.write(`going on with the import of ${begun}: ${journal.size} batches are through\n`);
}

/** All rows; then those that wait for others, until none of them gets through any more. */
async function sendAll(
  request: ImportRequest,
  target: ImportTarget,
  run: ImportRun,
): Promise<void> {
  await sendRows(request, target, run, null);
  for (let waiting = await run.nextPass(); waiting !== null; waiting = await run.nextPass()) {
    await sendRows(request, target, run, waiting);
  }
}

/** @param only the numbers of the rows to send; null: all */
async function sendRows(
  { file, mapping }: ImportRequest,
  target: ImportTarget,
  run: ImportRun,
  only: ReadonlySet<number> | null,
): Promise<void> {
  const source = await openRows(file);
  let isChecked = false;
  for await (const row of source.rows) {
    if (only !== null && !only.has(row.number)) continue;
    if (source.untyped && !isChecked && row.values !== null) {
      requireColumns(file, Object.keys(row.values), mapping, target);
      isChecked = true;
    }
    const mapped = mapRow(row, mapping, target, source.untyped);
    const { line, number } = row;
    if (mapped.ok) await run.add({ line, number, body: mapped.body });
    else run.reject({ line, number, reason: mapped.reason });
  }
}

class ImportRun {
  readonly #api: Api;
  readonly #target: ImportTarget;
  readonly #journal: Journal;
  readonly #progress: Progress;
  readonly #present: RefusedRow[] = [];
  readonly #rejected: RefusedRow[] = [];
  readonly #inFlight = new Set<Promise<void>>();
  #waiting: RefusedRow[] = [];
  #pass = 1;
  /** Rows of this pass that were not there before. */
  #acceptedInPass = 0;
  #accepted = 0;
  #failure: unknown = null;
  #rows: PendingRow[] = [];
  #characters = 0;
  #answeredCharacters = 0;
  /** Whether any row may have reached the server. */
  hasSent = false;

  constructor(api: Api, target: ImportTarget, journal: Journal, progress: Progress) {
    this.#api = api;
    this.#target = target;
    this.#journal = journal;
    this.#progress = progress;
  }

  async add(row: PendingRow): Promise<void> {
    this.#rows.push(row);
    this.#characters += row.body.length;
    if (this.#rows.length >= BATCH_ROWS || this.#characters >= BATCH_CHARACTERS)
      await this.#flush();
  }

  reject(row: RefusedRow): void {
    this.#rejected.push(row);
  }

  /** The rows that are worth another try, once all of this pass are through; null for none. */
  async nextPass(): Promise<ReadonlySet<number> | null> {
    await this.#settle();
    const waiting = this.#waiting;
    if (waiting.length === 0 || this.#acceptedInPass === 0) {
      this.#rejected.push(...waiting);
      return null;
    }
    // A row that this pass refused must not be sent in it again once the next one has created it.
    await this.#journal.sync();
    this.#waiting = [];
    this.#acceptedInPass = 0;
    this.#pass += 1;
    return new Set(waiting.map(({ number }) => number));
  }

  async end(): Promise<ImportReport> {
    await this.#settle();
    this.#progress.end(this.#counts());
    return {
      accepted: this.#accepted,
      present: this.#present.sort(byNumber),
      rejected: this.#rejected.sort(byNumber),
    };
  }

  async #settle(): Promise<void> {
    await this.#flush();
    await Promise.all(this.#inFlight);
    this.#rethrow();
  }

  async #flush(): Promise<void> {
    const rows = this.#rows;
    if (rows.length === 0) return;
    const characters = this.#characters;
    this.#rows = [];
    this.#characters = 0;
    while (this.#inFlight.size >= BATCHES_IN_FLIGHT) await Promise.race(this.#inFlight);
    this.#rethrow();
    const sending: Promise<void> = this.#send(rows, characters)
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#inFlight.delete(sending));
    this.#inFlight.add(sending);
  }

  async #send(rows: readonly PendingRow[], characters: number): Promise<void> {
    const batch = `${this.#pass}-${rows[0]?.number ?? 0}`;
    const result = this.#journal.resultOf(batch) ?? (await this.#sendNow(batch, rows));
    this.#accepted += result.accepted;
    this.#acceptedInPass += result.accepted;
    this.#present.push(...result.present);
    this.#waiting.push(...result.waiting);
    this.#rejected.push(...result.rejected);
    this.#answeredCharacters += characters;
    this.#progress.update(this.#counts(), this.#answeredCharacters);
  }

  /** What is written down is known to be done; what is not is sent again under the same key. */
  async #sendNow(batch: string, rows: readonly PendingRow[]): Promise<BatchResult> {
    this.hasSent = true;
    const key = `import-${this.#journal.run}-${batch}`;
    const result = await sendBatch(this.#api, this.#target.path, rows, key);
    await this.#journal.record(batch, result);
    return result;
  }

  #counts(): ImportCounts {
    const rejected = this.#rejected.length + this.#waiting.length;
    return { accepted: this.#accepted, present: this.#present.length, rejected };
  }

  #rethrow(): void {
    if (this.#failure !== null) throw this.#failure;
  }
}

function byNumber(a: RefusedRow, b: RefusedRow): number {
  return a.number - b.number;
}
