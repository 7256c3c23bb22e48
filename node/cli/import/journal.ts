import { createHash, type Hash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { access, type FileHandle, open, readFile, rm } from 'node:fs/promises';
import { dirname, parse as parsePath } from 'node:path';
import { CliError } from '../cli-error.ts';
import type { BatchResult } from './batch.ts';

const FORMAT = 1;

/** What an import is of: another run goes on with it only where all of this is the same. */
export interface ImportIdentity {
  /** SHA-256 of the file and of everything that decides what is sent of it. */
  readonly hash: string;
  /** Of nodes of the cluster; a run goes on where one of them is the same. */
  readonly urls: readonly string[];
}

interface Header extends ImportIdentity {
  readonly format: number;
  /** Part of every idempotency key. */
  readonly run: string;
  readonly begun: string;
}

interface Entry {
  readonly batch: string;
  readonly result: BatchResult;
}

/**
 * What an import has done so far, on disk: a head, then a line for each batch whose outcome is
 * known. A batch that was under way when the import was cut off is sent again under its key, and so is
 * one whose line a power cut takes. Two things must survive that: the head, because all keys hang on
 * it, before anything is sent; and all lines of a pass before the next one begins, because a row that
 * was refused leaves no outcome under its key, and would be created under that of either pass.
 */
export class Journal {
  readonly run: string;
  /** When it was begun, where this is not the first run. */
  readonly begun: string | null;
  readonly #path: string;
  readonly #file: FileHandle | null;
  readonly #done: ReadonlyMap<string, BatchResult>;
  #written: Promise<void> = Promise.resolve();

  private constructor(
    path: string,
    file: FileHandle | null,
    { run, begun }: Pick<Header, 'run'> & { readonly begun: string | null },
    done: ReadonlyMap<string, BatchResult>,
  ) {
    this.#path = path;
    this.#file = file;
    this.run = run;
    this.begun = begun;
    this.#done = done;
  }

  /**
   * Goes on with the one that there is, or begins one.
   *
   * @param now for a new one
   * @throws CliError where there is one of another import, or it cannot be read or written
   */
  static async open(
    path: string,
    identity: ImportIdentity,
    now: { readonly run: string; readonly time: string },
  ): Promise<Journal> {
    const known = await textIn(path);
    if (known === null || isTornHead(known)) return Journal.#begin(path, identity, now, known);
    const { header, entries, wholeBytes } = read(path, known);
    if (header.hash !== identity.hash) throw another(path, 'another file, model or mapping');
    if (!header.urls.some((url) => identity.urls.includes(url))) {
      throw another(path, `a cluster at ${header.urls.join(',')}`);
    }
    const file = await opened(path, 'r+');
    // A line that was cut off is no line.
    await file.truncate(wholeBytes);
    // The run that began it may have been killed before it was on the disk.
    await keep(file, path);
    const done = new Map(entries.map(({ batch, result }) => [batch, result]));
    return new Journal(path, file, header, done);
  }

  static async #begin(
    path: string,
    identity: ImportIdentity,
    { run, time }: { readonly run: string; readonly time: string },
    torn: string | null,
  ): Promise<Journal> {
    const file = await opened(path, torn === null ? 'wx' : 'r+');
    await file.truncate(0);
    const header: Header = { format: FORMAT, run, begun: time, ...identity };
    await writeWhole(file, Buffer.from(`${JSON.stringify(header)}\n`), 0);
    await keep(file, path);
    return new Journal(path, file, { run, begun: null }, new Map());
  }

  /** Removes one. @throws CliError where something else is there, which it leaves alone */
  static async forget(path: string): Promise<void> {
    const known = await textIn(path);
    if (known === null) return;
    if (!isTornHead(known)) headIn(path, known);
    await rm(path);
  }

  /** One that is kept nowhere. */
  static unkept(run: string): Journal {
    return new Journal('', null, { run, begun: null }, new Map());
  }

  /** Batches whose outcome is known from an earlier run. */
  get size(): number {
    return this.#done.size;
  }

  resultOf(batch: string): BatchResult | undefined {
    return this.#done.get(batch);
  }

  /** Resolves when it is written; lines are whole whatever else is written meanwhile. */
  record(batch: string, result: BatchResult): Promise<void> {
    const line = Buffer.from(`${JSON.stringify({ batch, result } satisfies Entry)}\n`);
    this.#written = this.#append(line, this.#written);
    return this.#written;
  }

  async #append(line: Buffer, before: Promise<void>): Promise<void> {
    await before;
    if (this.#file === null) return;
    const { size } = await this.#file.stat();
    await writeWhole(this.#file, line, size);
  }

  /** Resolves when all that was recorded survives a power cut. @throws CliError where it may not */
  async sync(): Promise<void> {
    await this.#written;
    if (this.#file !== null) await synced(this.#file);
  }

  /** All is done: nothing is left to go on with. */
  async finish(): Promise<void> {
    if (this.#file === null) return;
    await this.#file.close();
    await rm(this.#path, { force: true });
  }
}

/** Where an import of a file keeps its progress unless another place is named. */
export function journalPath(file: string, model: string): string {
  return `${file}.${model}.import`;
}

/** Whether nothing can be written there: what an import can do without. */
export async function isReadOnly(path: string): Promise<boolean> {
  const { dir } = parsePath(path);
  return access(dir, constants.W_OK).then(
    () => false,
    () => true,
  );
}

/** A hash of a file's bytes and of some texts. @throws CliError where it cannot be read */
export async function hashOf(file: string, texts: readonly string[]): Promise<string> {
  const hash: Hash = createHash('sha256').update(JSON.stringify([FORMAT, ...texts]));
  try {
    for await (const piece of createReadStream(file)) hash.update(piece);
  } catch (error) {
    throw new CliError(`cannot read ${file}: ${messageOf(error)}`);
  }
  return hash.digest('hex');
}

async function textIn(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new CliError(`cannot read ${path}: ${messageOf(error)}`);
  }
}

/** How every head begins. */
const HEAD = `{"format":${FORMAT},"run":"`;

/**
 * What is left of a head that did not get onto the disk: a part of it, or nothing, or zeros. Nothing
 * was sent by then.
 */
function isTornHead(text: string): boolean {
  if (text.includes('\n')) return false;
  const known = text.replace(/\0+$/, '');
  return known.startsWith(HEAD) || HEAD.startsWith(known);
}

function read(path: string, text: string) {
  const end = text.lastIndexOf('\n') + 1;
  const header = headIn(path, text);
  const rest = text.slice(0, end).split('\n').slice(1, -1);
  const parsed = rest.map(parse);
  const entries = parsed.filter(isEntry);
  if (entries.length < parsed.length) throw damaged(path, parsed);
  return { header, entries, wholeBytes: Buffer.byteLength(text.slice(0, end)) };
}

function headIn(path: string, text: string): Header {
  const header = parse(text.slice(0, text.indexOf('\n') + 1));
  if (isHeader(header)) return header;
  throw new CliError(
    `${path} is not the progress of an import; name another place with --progress`,
  );
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

function isHeader(value: unknown): value is Header {
  if (typeof value !== 'object' || value === null) return false;
  const { format, run, hash, urls } = { format: 0, run: '', hash: '', urls: [], ...value };
  return format === FORMAT && run !== '' && hash !== '' && Array.isArray(urls);
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && 'batch' in value && 'result' in value;
}

/** Writes all of it, or throws: one write may take a part only. */
async function writeWhole(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}

/** Makes a file and its name survive a power cut. */
async function keep(file: FileHandle, path: string): Promise<void> {
  await synced(file);
  const directory = await opened(dirname(path), 'r');
  try {
    await synced(directory);
  } finally {
    await directory.close();
  }
}

async function synced(file: FileHandle): Promise<void> {
  try {
    await file.sync();
  } catch (error) {
    throw unkeepable(error);
  }
}

async function opened(path: string, flags: 'wx' | 'r+' | 'r'): Promise<FileHandle> {
  try {
    return await open(path, flags);
  } catch (error) {
    throw unkeepable(error);
  }
}

function unkeepable(error: unknown): CliError {
  const hint = 'name another place with --progress';
  return new CliError(`the progress cannot be kept: ${messageOf(error)} (${hint})`);
}

/** Batches are called by their pass and their first row: `1-501`. */
function passOf({ batch }: Entry): number {
  return Number.parseInt(batch, 10);
}

/**
 * What a line told is lost, and with it what became of its rows. Under its key the batch can be sent
 * again as long as no later pass has begun: that may have created rows which this one refused. Where
 * one has, a line may say so; the first of its batches may have been under way without one.
 */
function damaged(path: string, lines: readonly unknown[]): CliError {
  const at = lines.findIndex((line) => !isEntry(line));
  const before = lines.slice(0, at).findLast(isEntry);
  const last = lines.findLast(isEntry);
  const isOver = last !== undefined && passOf(last) > (before ? passOf(before) : 1);
  const without = isOver
    ? 'a later pass has begun, so its rows cannot be sent again under their key'
    : 'without this line its rows are sent again under their key, which creates none twice within ' +
      'the idempotency window if the model refers to no other rows';
  // The head is the first line.
  return new CliError(
    `${path}, line ${at + 2}: damaged: what became of its rows is not known. Where rows bring a ` +
      'primary key or a unique value, --restart is safe: those that are there are told as such. ' +
      `Else look at what is there first: ${without}`,
  );
}

function another(path: string, what: string): CliError {
  return new CliError(`${path} holds the progress of ${what}; --restart begins anew`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
