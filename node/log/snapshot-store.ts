import type { SnapshotMetadata } from 'etcd-raft-ts';
import { EncryptionError, type FileKeys } from '../encryption/index.ts';
import { LogCorruptError, LogError, LogFailedError, NotALogError } from './errors.ts';
import type { FileSystem } from './file-system.ts';
import { viewOf } from './numbers.ts';
import {
  createFile,
  type FileReader,
  type FileWriter,
  openFile,
  type Sealing,
} from './sealed-file.ts';
import type { LogEncryption } from './segment-seal.ts';
import {
  CHUNK_HEADER_BYTES,
  chunkChecksum,
  encodeSnapshotHeader,
  encodeTrailer,
  headerChecksum,
  MAX_CHUNK_BYTES,
  type SnapshotHeader,
  SnapshotVerifier,
} from './snapshot-format.ts';
import { requireCluster, SnapshotIntake } from './snapshot-intake.ts';
import type { ReceivedSnapshot, SnapshotPart, SnapshotParts, SnapshotStream } from './types.ts';

export const SNAPSHOT_NAME = 'state.raftsnap';
export const PREVIOUS_SNAPSHOT_NAME = 'state.raftsnap.prev';
const WRITING_NAME = 'state.raftsnap.tmp';
const INCOMING_NAME = 'state.raftsnap.incoming';

/** A snapshot keeps its key when it gets another name. */
export const SNAPSHOT_PURPOSE = 'snapshot';

const READ_BYTES = 1024 * 1024;
/** Syncing now and then keeps the last sync, which shares the disk with the log, short. */
const SYNC_EVERY_BYTES = 8 * 1024 * 1024;

/** A snapshot file that was found sound. */
export interface StoredSnapshot {
  readonly metadata: SnapshotMetadata;
  readonly bytes: number;
}

/** Whose a snapshot must be, and how it is read. */
interface SnapshotOwner {
  /** Null for any. */
  readonly clusterId: string | null;
  readonly pause: () => Promise<void>;
  readonly keys: FileKeys | null;
}

/** How much of a file is checked. */
type Extent = 'header' | 'all';

/** What a store is opened with. */
export interface SnapshotStoreOptions {
  readonly fs: FileSystem;
  readonly directory: string;
  readonly clusterId: string;
  readonly memberId: number;
  readonly pause: () => Promise<void>;
  readonly encryption: LogEncryption;
}

/** The snapshot files of a member: the current one, the one before it, and one on its way in. */
export class SnapshotStore {
  readonly #options: SnapshotStoreOptions;
  #current: StoredSnapshot | null = null;
  #previous: StoredSnapshot | null = null;
  /** Null, or why the file with the current name is not to be used. */
  #fallback: string | null = null;
  #previousProblem: string | null = null;
  #incoming: ReceivedSnapshot | null = null;
  readonly #intake: SnapshotIntake;
  /** Renames happen one after another. */
  #publishing: Promise<unknown> = Promise.resolve();

  constructor(options: SnapshotStoreOptions) {
    this.#options = options;
    const { fs, directory, clusterId, encryption } = options;
    const { keys } = encryption;
    // What the cluster asks for is known when it was read: with keys, it is encrypted in any case.
    const sealing = keys === null ? null : { keys, purpose: SNAPSHOT_PURPOSE };
    const path = `${directory}/${INCOMING_NAME}`;
    const { onSecret } = encryption;
    this.#intake = new SnapshotIntake({ fs, path, clusterId, sealing, onSecret });
  }

  /** The snapshot to restore from. */
  get current(): StoredSnapshot | null {
    return this.#current;
  }

  get previous(): StoredSnapshot | null {
    return this.#previous;
  }

  /** Bytes of the snapshots on disk. */
  get bytes(): number {
    const previous = this.#previous === this.#current ? 0 : (this.#previous?.bytes ?? 0);
    return (this.#current?.bytes ?? 0) + previous;
  }

  /** Why the previous snapshot stands in for the current one; null where it does not. */
  get fallback(): string | null {
    return this.#fallback;
  }

  /** Why the previous snapshot could not stand in for the current one; null where it could. */
  get previousProblem(): string | null {
    return this.#previousProblem;
  }

  /**
   * Removes what an earlier process left unfinished, and verifies what is there. A broken snapshot
   * is passed over for the previous one; whether the log reaches back to that is for the caller.
   *
   * @throws LogCorruptError where there are snapshots and none is sound
   */
  async open(): Promise<void> {
    for (const name of [WRITING_NAME, INCOMING_NAME]) await this.#removeIfThere(name);
    const current = await this.#inspect(SNAPSHOT_NAME, 'all');
    const sound = current !== null && !(current instanceof LogError);
    // Beside a sound one, the previous snapshot is only asked where it stands.
    const previous = await this.#inspect(PREVIOUS_SNAPSHOT_NAME, sound ? 'header' : 'all');
    if (previous instanceof LogError) this.#previousProblem = previous.message;
    else this.#previous = previous;
    if (current instanceof LogError) this.#fallback = current.message;
    else if (current === null && previous !== null) this.#fallback = `${SNAPSHOT_NAME} is missing`;
    else this.#current = current;
    if (this.#fallback === null) return;
    if (this.#previous === null) throw current ?? previous;
    this.#current = this.#previous;
  }

  /** Name of the file that `current` is in. */
  #currentName(): string {
    return this.#fallback === null ? SNAPSHOT_NAME : PREVIOUS_SNAPSHOT_NAME;
  }

  async #inspect(name: string, extent: Extent): Promise<StoredSnapshot | LogError | null> {
    const { fs, directory, clusterId, pause, encryption } = this.#options;
    const { keys } = encryption;
    if ((await fs.stat(`${directory}/${name}`)) === null) return null;
    try {
      return await verifySnapshotFile(fs, directory, name, { clusterId, pause, keys }, extent);
    } catch (error) {
      if (error instanceof LogCorruptError) return error;
      if (error instanceof NotALogError) return notASnapshot(name);
      throw error;
    }
  }

  async #removeIfThere(name: string): Promise<void> {
    const { fs, directory } = this.#options;
    if ((await fs.stat(`${directory}/${name}`)) !== null) await fs.remove(`${directory}/${name}`);
  }

  /** Writes a snapshot and makes it the current one; null where a newer one came in between. */
  async write(metadata: SnapshotMetadata, chunks: Iterable<Uint8Array>): Promise<number | null> {
    const { fs, directory, clusterId, memberId } = this.#options;
    const path = `${directory}/${WRITING_NAME}`;
    const sealing = this.#sealing();
    const file = await createFile(fs, path, sealing);
    try {
      const header = { metadata, clusterId, memberId, isSecret: sealing !== null };
      const bytes = await this.#writeAll(file, header, chunks);
      const isNewest = await this.#exclusively(() => this.#publishNewer({ metadata, bytes }));
      return isNewest ? bytes : null;
    } catch (error) {
      await this.#removeIfThere(WRITING_NAME).catch(() => undefined);
      throw error;
    } finally {
      await file.close();
    }
  }

  #sealing(): Sealing | null {
    const { keys, isOn } = this.#options.encryption;
    return isOn && keys !== null ? { keys, purpose: SNAPSHOT_PURPOSE } : null;
  }

  async #publishNewer(snapshot: StoredSnapshot): Promise<boolean> {
    if (this.#current !== null && this.#current.metadata.index >= snapshot.metadata.index) {
      await this.#removeIfThere(WRITING_NAME);
      return false;
    }
    await this.#publish(WRITING_NAME, snapshot);
    return true;
  }

  async #writeAll(
    file: FileWriter,
    header: SnapshotHeader,
    chunks: Iterable<Uint8Array>,
  ): Promise<number> {
    const head = encodeSnapshotHeader(header);
    await file.append(head);
    let checksum = headerChecksum(head);
    let at = head.length;
    let [count, payloadBytes, unsynced] = [0, 0, 0];
    const frames = new ChunkFrames();
    for (const chunk of chunks) {
      if (chunk.length === 0) continue;
      if (chunk.length > MAX_CHUNK_BYTES) throw new RangeError('a snapshot chunk is too long');
      checksum = chunkChecksum(chunk, checksum);
      await frames.write(file, chunk, checksum);
      at += CHUNK_HEADER_BYTES + chunk.length;
      count += 1;
      payloadBytes += chunk.length;
      unsynced += chunk.length;
      if (unsynced >= SYNC_EVERY_BYTES) {
        await file.sync();
        unsynced = 0;
      }
      await this.#options.pause();
    }
    const trailer = encodeTrailer(count, payloadBytes, checksum);
    await file.append(trailer);
    await file.finish();
    return at + trailer.length;
  }

  /** What is here of a snapshot that broke off on its way in. */
  get part(): SnapshotPart | null {
    return this.#intake.part;
  }

  /** Takes a snapshot in and verifies all of it; `install` puts it in place. */
  async receive(stream: AsyncIterable<Uint8Array>, offset: number): Promise<ReceivedSnapshot> {
    this.#incoming = null;
    this.#incoming = await this.#intake.receive(stream, offset);
    return this.#incoming;
  }

  /** Gives up what broke off. */
  close(): Promise<void> {
    return this.#intake.close();
  }

  /** True where the snapshot that was received last is this one. */
  hasReceived(metadata: SnapshotMetadata): boolean {
    const received = this.#incoming?.metadata;
    return received?.index === metadata.index && received.term === metadata.term;
  }

  /** Makes the received snapshot the current one, durably. */
  install(metadata: SnapshotMetadata): Promise<void> {
    return this.#exclusively(async () => {
      const incoming = this.#incoming;
      if (incoming === null || !this.hasReceived(metadata)) {
        throw new Error(`snapshot ${metadata.index} was not received`);
      }
      this.#incoming = null;
      await this.#publish(INCOMING_NAME, incoming);
    });
  }

  async #publish(name: string, snapshot: StoredSnapshot): Promise<void> {
    const { fs, directory } = this.#options;
    const path = `${directory}/${SNAPSHOT_NAME}`;
    // A current file that is broken or gone must not push the sound previous one out.
    if (this.#current !== null && this.#fallback === null) {
      await fs.rename(path, `${directory}/${PREVIOUS_SNAPSHOT_NAME}`);
      // If the next step fails, the next snapshot and every reader must find things as they are.
      this.#previous = this.#current;
      this.#fallback = `${SNAPSHOT_NAME} is missing`;
    }
    await fs.rename(`${directory}/${name}`, path);
    this.#current = snapshot;
    this.#fallback = null;
    await this.#syncNames();
  }

  /** After a failure nobody knows which names are on the disk: not to be tried again. */
  async #syncNames(): Promise<void> {
    const { fs, directory } = this.#options;
    try {
      await fs.syncDirectory(directory);
    } catch (error) {
      throw new LogFailedError(`syncing ${directory} failed: ${reasonOf(error)}`, error);
    }
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#publishing.then(work);
    this.#publishing = result.catch(() => undefined);
    return result;
  }

  /** The chunks of the current snapshot. */
  async *read(): AsyncGenerator<Uint8Array> {
    const { fs, directory, pause, encryption } = this.#options;
    const name = this.#currentName();
    yield* readSnapshotFile(fs, `${directory}/${name}`, name, pause, encryption.keys);
  }

  /** The current snapshot's file, to read parts of it as they are needed; null where there is none. */
  async openParts(): Promise<SnapshotParts | null> {
    if (this.#current === null) return null;
    const { fs, directory, encryption } = this.#options;
    const { index, name, file } = await this.#exclusively(async () => {
      const current = this.#currentName();
      const { keys } = encryption;
      const opened = await openFile(fs, `${directory}/${current}`, current, keys, SNAPSHOT_PURPOSE);
      return { index: this.#current?.metadata.index ?? 0, name: current, file: opened };
    });
    return new OpenParts(file, name, index);
  }

  /** The current snapshot's file, not encrypted. */
  async stream(): Promise<SnapshotStream | null> {
    const snapshot = this.#current;
    if (snapshot === null) return null;
    const { fs, directory, pause, encryption } = this.#options;
    // The open file stays this snapshot whatever is renamed over it.
    const opened = await this.#exclusively(async () => {
      const name = this.#currentName();
      const { keys } = encryption;
      const file = await openFile(fs, `${directory}/${name}`, name, keys, SNAPSHOT_PURPOSE);
      return { snapshot: this.#current ?? snapshot, file };
    });
    let open = true;
    const close = async () => {
      if (open) await opened.file.close();
      open = false;
    };
    const start = new Uint8Array(20);
    opened.file.read(start, 0);
    const { metadata, bytes } = opened.snapshot;
    return {
      metadata,
      bytes,
      identity: headerChecksum(start),
      from: (offset) => rawBytes(opened.file, pause, async () => {}, offset),
      chunks: rawBytes(opened.file, pause, close),
      close,
    };
  }
}

/** A snapshot file that stays open: what replaces it has the name, and this one its content. */
class OpenParts implements SnapshotParts {
  readonly appliedIndex: number;
  readonly #file: FileReader;
  readonly #name: string;
  readonly #begin: number;

  constructor(file: FileReader, name: string, index: number) {
    this.#file = file;
    this.#name = name;
    this.appliedIndex = index;
    const start = new Uint8Array(20);
    file.read(start, 0);
    this.#begin = viewOf(start).getUint32(16, true);
  }

  read(target: Uint8Array, position: number): number {
    return this.#file.read(target, this.#begin + position);
  }

  readAhead(position: number, bytes: number): Promise<void> {
    return this.#file.readAhead(this.#begin + position, bytes);
  }

  damaged(position: number): never {
    const reason = 'a row does not match the checksum that it was written with';
    const offset = this.#begin + position;
    const file = `${this.#name} of index ${this.appliedIndex}`;
    throw new LogCorruptError({ file, offset, record: -1, reason });
  }

  close(): void {
    void this.#file.close();
  }
}

/** A file of ours that does not even begin as it should. */
function notASnapshot(file: string): LogCorruptError {
  const reason = 'it does not begin as a snapshot does';
  return new LogCorruptError({ file, offset: 0, record: -1, reason });
}

/** Chunks on their way into a file, one at a time, through one buffer. */
class ChunkFrames {
  #buffer = new Uint8Array(0);

  async write(file: FileWriter, chunk: Uint8Array, checksum: number): Promise<void> {
    const bytes = CHUNK_HEADER_BYTES + chunk.length;
    if (bytes > this.#buffer.length) this.#buffer = new Uint8Array(bytes * 2);
    const framed = this.#buffer.subarray(0, bytes);
    const view = viewOf(framed);
    view.setUint32(0, chunk.length, true);
    view.setUint32(4, checksum, true);
    framed.set(chunk, CHUNK_HEADER_BYTES);
    await file.append(framed);
  }
}

async function* rawBytes(
  file: FileReader,
  pause: () => Promise<void>,
  close: () => Promise<void>,
  offset = 0,
): AsyncGenerator<Uint8Array> {
  try {
    for (let at = offset; ; ) {
      const left = Math.max(0, file.size() - at);
      const piece = new Uint8Array(Math.min(READ_BYTES, left));
      const read = file.read(piece, at);
      if (read === 0) return;
      yield piece.subarray(0, read);
      at += read;
      await pause();
    }
  } finally {
    await close();
  }
}

/** Yields the chunks of a snapshot that was verified before; checks each of them again. */
async function* readChunks(
  file: FileReader,
  name: string,
  pause: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  const start = new Uint8Array(20);
  file.read(start, 0);
  let checksum = headerChecksum(start);
  let at = viewOf(start).getUint32(16, true);
  for (let record = 0; ; record++) {
    const frame = new Uint8Array(CHUNK_HEADER_BYTES);
    file.read(frame, at);
    const length = viewOf(frame).getUint32(0, true);
    if (length === 0) return;
    const chunk = new Uint8Array(Math.min(length, MAX_CHUNK_BYTES));
    const read = file.read(chunk, at + CHUNK_HEADER_BYTES);
    checksum = chunkChecksum(chunk.subarray(0, read), checksum);
    if (read !== length || checksum !== viewOf(frame).getUint32(4, true)) {
      const reason = 'a chunk does not match its checksum';
      throw new LogCorruptError({ file: name, offset: at, record, reason });
    }
    yield chunk;
    at += CHUNK_HEADER_BYTES + length;
    await pause();
  }
}

/**
 * Reads a snapshot file and checks it: all of it, or as far as its header.
 *
 * @throws LogCorruptError, LogFormatError, NotALogError, ClusterMismatchError
 */
export async function verifySnapshotFile(
  fs: FileSystem,
  directory: string,
  name: string,
  owner: SnapshotOwner,
  extent: Extent,
): Promise<StoredSnapshot> {
  const file = await openFile(fs, `${directory}/${name}`, name, owner.keys, SNAPSHOT_PURPOSE);
  const bytes = file.size();
  const verifier = new SnapshotVerifier(name);
  for await (const piece of rawBytes(file, owner.pause, () => file.close())) {
    verifier.push(piece);
    if (extent === 'header' && verifier.header !== null) break;
  }
  const header = extent === 'header' ? verifier.header : verifier.finish();
  if (header === null) return { metadata: verifier.finish().metadata, bytes };
  if (owner.clusterId !== null) requireCluster(header, owner.clusterId, name);
  return { metadata: header.metadata, bytes };
}

/**
 * Yields the verified chunks of a snapshot file without owning its directory.
 *
 * @throws LogCorruptError
 */
export async function* readSnapshotFile(
  fs: FileSystem,
  path: string,
  name: string,
  pause: () => Promise<void>,
  keys: FileKeys | null,
): AsyncGenerator<Uint8Array> {
  const file = await openFile(fs, path, name, keys, SNAPSHOT_PURPOSE);
  try {
    yield* readChunks(file, name, pause);
  } finally {
    await file.close();
  }
}

/** Turns what the disk said into what callers of the log are promised. */
export function asLogFailure(what: string, error: unknown): Error {
  if (error instanceof LogError || error instanceof RangeError) return error;
  if (error instanceof EncryptionError) return error;
  return new LogFailedError(`${what} failed: ${reasonOf(error)}`, error);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
