import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileKeys, MasterKeys } from '../encryption/index.ts';
import { NodeFileSystem } from '../log/index.ts';
import type { Random } from '../ports/index.ts';
import { EntriesDecoder, EntriesEncoder } from './entries-format.ts';
import { BackupError } from './errors.ts';
import { type BackupPart, readManifest, syncDirectory, writeManifest } from './manifest.ts';
import { backupKeys, writePartFile } from './part-file.ts';
import { PullReader } from './pull-reader.ts';
import { type BackupPoint, readHead, type StreamHead } from './stream.ts';

/** Held by the run that writes to the directory; empty. */
const LOCK_NAME = 'lock';
const PART_SUFFIX = '.part';
const SLICE_BYTES = 256 * 1024;

/** What was added to a backup. */
export interface TakenBackup {
  /** Whether a snapshot was taken: the first time, and where the log had gone on too far. */
  readonly full: boolean;
  /** Entries that were added. */
  readonly entries: number;
  /** Bytes written, compressed. */
  readonly bytes: number;
  /** The backup reaches to this entry now. */
  readonly index: number;
}

/** What the parts of a cluster with encrypted models are encrypted with. */
export interface BackupSealing {
  readonly keys: MasterKeys;
  readonly random: Random;
}

/** Asks a member for what is missing behind a point. */
export type OpenStream = (after: BackupPoint | null) => Promise<AsyncIterable<Uint8Array>>;

/**
 * Brings a backup directory up to date: begins it, or adds what happened since. What is there is
 * never changed; a run that is stopped leaves the backup as it was.
 *
 * @throws BackupError
 */
export async function takeBackup(
  dir: string,
  openStream: OpenStream,
  sealing: BackupSealing | null,
): Promise<TakenBackup> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const lock = new NodeFileSystem().lock(join(dir, LOCK_NAME));
  if (lock === null) {
    throw new BackupError('refused', `another run is writing to ${dir}`);
  }
  try {
    return await takeLocked(dir, openStream, sealing);
  } finally {
    lock.release();
  }
}

async function takeLocked(
  dir: string,
  openStream: OpenStream,
  sealing: BackupSealing | null,
): Promise<TakenBackup> {
  const manifest = await readManifest(dir);
  if (manifest === null) await requireEmpty(dir);
  const last = manifest?.parts.at(-1);
  const after =
    manifest === null || last === undefined
      ? null
      : {
          clusterId: manifest.clusterId,
          epoch: manifest.epoch,
          index: last.index,
          term: last.term,
        };
  const reader = new PullReader(await openStream(after), 'the stream of the member');
  const head = await readHead(reader);
  const place = { dir, keys: keysFor(head, sealing) };
  const parts = await receiveParts(place, reader, head, after);
  await reader.requireEnd();
  if (parts.length > 0) {
    for (const part of parts)
      await rename(join(dir, part.file + PART_SUFFIX), join(dir, part.file));
    await syncDirectory(dir);
    const { clusterId, epoch } = head;
    await writeManifest(dir, { clusterId, epoch, parts: [...(manifest?.parts ?? []), ...parts] });
  }
  const entries = parts.find(({ kind }) => kind === 'entries');
  return {
    full: head.snapshot !== null,
    entries: entries === undefined ? 0 : entries.index - entries.previousIndex,
    bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
    index: head.index,
  };
}

/** Files that are not a backup's must not be mixed with one; what a stopped first run left may go. */
async function requireEmpty(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    // The lock has a journal beside it while it is held.
    if (name.startsWith(LOCK_NAME)) continue;
    if (
      !/^(snapshot|archive|entries)-[0-9-]+\.[a-z]+\.zst(\.part)?$|^backup\.json\.tmp$/.test(name)
    ) {
      throw new BackupError(
        'refused',
        `${dir} holds ${name} and no backup: give another directory`,
      );
    }
    await rm(join(dir, name));
  }
}

/** Where parts go, and what they are encrypted with; null: they are not. */
interface PartPlace {
  readonly dir: string;
  readonly keys: FileKeys | null;
}

/** @throws BackupError where what is encrypted in the cluster would be in plain here */
function keysFor(head: StreamHead, sealing: BackupSealing | null): FileKeys | null {
  if (!head.isSecret) return null;
  if (sealing !== null) return backupKeys(sealing.keys, head.clusterId, sealing.random);
  const text = 'a model of the cluster is encrypted at rest: give the keys, too (--keys FILE)';
  throw new BackupError('refused', text);
}

async function receiveParts(
  place: PartPlace,
  reader: PullReader,
  head: StreamHead,
  after: BackupPoint | null,
): Promise<BackupPart[]> {
  const start = head.snapshot ?? after;
  if (start === null) throw new BackupError('corrupt', 'the member sent no snapshot');
  const parts = await receiveSnapshot(place, reader, head);
  const { index, term } = head;
  const file = `entries-${numbered(start.index + 1)}-${numbered(index)}.raftlog.zst`;
  const checked = checkedEntries(reader, head, start.index);
  if (index === start.index) {
    // Nothing but header and end: read to its end, and not kept.
    for await (const piece of checked) void piece;
    return parts;
  }
  const written = await writePart(place, file, checked);
  parts.push({ kind: 'entries', file, ...written, previousIndex: start.index, index, term });
  return parts;
}

/** A snapshot, and the archived history that it does not hold; nothing where the stream has none. */
async function receiveSnapshot(
  to: PartPlace,
  reader: PullReader,
  { snapshot, archive }: StreamHead,
): Promise<BackupPart[]> {
  if (snapshot === null) return [];
  const { index, term, bytes } = snapshot;
  const place = { previousIndex: index, index, term };
  const file = `snapshot-${numbered(index)}.raftsnap.zst`;
  const written = await writePart(to, file, exactly(reader, bytes));
  const own = archive && {
    archive: { generation: archive.generation, files: archive.files.length },
  };
  const parts: BackupPart[] = [{ kind: 'snapshot', file, ...written, ...place, ...own }];
  for (const [at, size] of (archive?.files ?? []).entries()) {
    const name = `archive-${numbered(index)}-${numbered(at + 1)}.arc.zst`;
    const received = await writePart(to, name, exactly(reader, size));
    parts.push({ kind: 'archive', file: name, ...received, ...place });
  }
  return parts;
}

function numbered(index: number): string {
  return String(index).padStart(12, '0');
}

async function* exactly(reader: PullReader, length: number): AsyncGenerator<Uint8Array> {
  for (let left = length; left > 0; ) {
    const piece = await reader.some(left);
    left -= piece.length;
    yield piece;
  }
}

/** Reads entries, checks them, and writes them down as they are. */
async function* checkedEntries(
  reader: PullReader,
  head: StreamHead,
  after: number,
): AsyncGenerator<Uint8Array> {
  const decoder = new EntriesDecoder(reader, 'the stream of the member');
  const header = await decoder.header();
  const fits =
    header.clusterId === head.clusterId &&
    header.epoch === head.epoch &&
    header.previousIndex === after;
  if (!fits) throw new BackupError('corrupt', 'the entries do not follow what the head announced');
  const encoder = new EntriesEncoder(header);
  let slice = [encoder.header(header)];
  let sliceBytes = 0;
  let last = after;
  for await (const entry of decoder.entries()) {
    last = entry.index;
    slice.push(encoder.entry(entry));
    sliceBytes += entry.data.length;
    if (sliceBytes < SLICE_BYTES) continue;
    yield Buffer.concat(slice);
    [slice, sliceBytes] = [[], 0];
  }
  if (last !== head.index) throw new BackupError('corrupt', 'entries are missing at the end');
  yield Buffer.concat([...slice, encoder.end()]);
}

/** Compresses into a temporary name; durable when it resolves. */
async function writePart(
  { dir, keys }: PartPlace,
  file: string,
  pieces: AsyncIterable<Uint8Array>,
): Promise<{ bytes: number; sha256: string }> {
  const path = join(dir, file + PART_SUFFIX);
  await writePartFile(path, file, pieces, keys);
  return digestOf(path);
}

/** Size and sha256 of a file. */
export async function digestOf(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of createReadStream(path)) {
    hash.update(piece);
    bytes += piece.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}
