import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { Api } from './api.ts';
import { type PendingRow, type RejectedRow, sendBatch } from './batch.ts';
import { type Mapping, mapRow } from './mapping.ts';
import { type ImportCounts, Progress } from './progress.ts';
import { openRows } from './rows.ts';
import { findTarget, type ImportTarget } from './target.ts';

const BATCH_ROWS = 200;
const BATCH_CHARACTERS = 1024 * 1024;
const BATCHES_IN_FLIGHT = 4;

/** One import. `urls` are base URLs of nodes, separated by commas. */
export interface ImportRequest {
  readonly urls: string;
  readonly model: string;
  readonly file: string;
  readonly mapping: Mapping;
  readonly progress: NodeJS.WriteStream;
}

/** What became of every row. */
export interface ImportReport extends Readonly<ImportCounts> {
  readonly rejections: readonly RejectedRow[];
}

/**
 * Reads, maps and sends all rows, a few batches at a time.
 *
 * @throws CliError where the file or the server cannot be read, or stays unreachable for a minute
 */
export async function runImport(request: ImportRequest): Promise<ImportReport> {
  const api = new Api(request.urls);
  const target = await findTarget(api, request.model);
  const source = await openRows(request.file);
  const progress = new Progress(request.progress, (await stat(request.file)).size);
  const run = new ImportRun(api, target, progress);
  for await (const row of source.rows) {
    const mapped = mapRow(row, request.mapping, target, source.untyped);
    if (mapped.ok) await run.add({ line: row.line, number: row.number, body: mapped.body });
    else run.reject({ line: row.line, number: row.number, reason: mapped.reason });
  }
  return run.end();
}

class ImportRun {
  readonly #api: Api;
  readonly #target: ImportTarget;
  readonly #progress: Progress;
  readonly #runId = randomUUID();
  readonly #counts: ImportCounts = { accepted: 0, present: 0, rejected: 0 };
  readonly #rejections: RejectedRow[] = [];
  readonly #inFlight = new Set<Promise<void>>();
  #failure: unknown = null;
  #rows: PendingRow[] = [];
  #characters = 0;
  #answeredCharacters = 0;

  constructor(api: Api, target: ImportTarget, progress: Progress) {
    this.#api = api;
    this.#target = target;
    this.#progress = progress;
  }

  async add(row: PendingRow): Promise<void> {
    this.#rows.push(row);
    this.#characters += row.body.length;
    if (this.#rows.length >= BATCH_ROWS || this.#characters >= BATCH_CHARACTERS)
      await this.#flush();
  }

  reject(row: RejectedRow): void {
    this.#counts.rejected += 1;
    this.#rejections.push(row);
  }

  async end(): Promise<ImportReport> {
    await this.#flush();
    await Promise.all(this.#inFlight);
    this.#rethrow();
    this.#progress.end(this.#counts);
    const rejections = this.#rejections.sort((a, b) => a.number - b.number);
    return { ...this.#counts, rejections };
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
    const key = `import-${this.#runId}-${rows[0]?.number ?? 0}`;
    const result = await sendBatch(this.#api, this.#target.path, rows, key);
    this.#counts.accepted += result.accepted;
    this.#counts.present += result.present;
    for (const row of result.rejected) this.reject(row);
    this.#answeredCharacters += characters;
    this.#progress.update(this.#counts, this.#answeredCharacters);
  }

  #rethrow(): void {
    if (this.#failure !== null) throw this.#failure;
  }
}
