import { EncryptionError } from '../encryption/index.ts';
import { ClusterMismatchError, LogCorruptError, SnapshotInvalidError } from './errors.ts';
import type { FileSystem } from './file-system.ts';
import { createFile, type FileWriter, type Sealing } from './sealed-file.ts';
import { type SnapshotHeader, SnapshotVerifier } from './snapshot-format.ts';
import type { ReceivedSnapshot, SnapshotPart } from './types.ts';

const RECEIVED = 'the received snapshot';

/** Where snapshots are taken in. */
export interface IntakeOptions {
  readonly fs: FileSystem;
  readonly path: string;
  readonly clusterId: string;
  /** Null where nothing is encrypted here. */
  readonly sealing: Sealing | null;
  /** Hears of a secret that came although nothing is encrypted here. */
  onSecret(error: EncryptionError): void;
}

/** A snapshot on its way in: what was taken of it is in the file, and verified so far. */
interface IncomingPart {
  readonly file: FileWriter;
  readonly verifier: SnapshotVerifier;
}

/** Takes snapshots of other members into one file, also in several goes. */
export class SnapshotIntake {
  readonly #options: IntakeOptions;
  #part: IncomingPart | null = null;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** What a broken off transfer has left; null for nothing. */
  get part(): SnapshotPart | null {
    if (this.#part === null) return null;
    const { identity, bytes } = this.#part.verifier;
    return { identity, bytes };
  }

  /**
   * Takes a snapshot in, from `offset` on, and verifies all of it.
   *
   * @throws SnapshotInvalidError, ClusterMismatchError, LogFormatError, EncryptionError; and what
   *   the stream throws: then the part is kept
   */
  async receive(stream: AsyncIterable<Uint8Array>, offset: number): Promise<ReceivedSnapshot> {
    const part = await this.#partAt(offset);
    let received: ReceivedSnapshot | null = null;
    try {
      await this.#takeIn(stream, part);
      const header = part.verifier.finish();
      requireCluster(header, this.#options.clusterId, RECEIVED);
      await part.file.finish();
      received = { metadata: header.metadata, bytes: part.verifier.bytes };
      return received;
    } catch (error) {
      if (error instanceof LogCorruptError) throw new SnapshotInvalidError(error.message);
      throw error;
    } finally {
      if (this.#part !== part) await this.#end(part, received === null);
    }
  }

  /** Gives up what broke off. The file is removed at the next start, or used again. */
  async close(): Promise<void> {
    const part = this.#part;
    this.#part = null;
    await part?.file.close();
  }

  async #end(part: IncomingPart, isVoid: boolean): Promise<void> {
    const { fs, path } = this.#options;
    await part.file.close();
    if (isVoid) await fs.remove(path).catch(() => {});
  }

  /** Goes on with the part that ends at `offset`, or begins anew. */
  async #partAt(offset: number): Promise<IncomingPart> {
    const part = this.#part;
    this.#part = null;
    if (offset > 0 && part?.verifier.bytes === offset) return part;
    await part?.file.close();
    if (offset > 0) throw new SnapshotInvalidError(`there are no ${offset} bytes to go on with`);
    const { fs, path, sealing } = this.#options;
    const file = await createFile(fs, path, sealing);
    return { file, verifier: new SnapshotVerifier(RECEIVED) };
  }

  /** Where the stream fails, and nothing else does, what has come so far is kept. */
  async #takeIn(stream: AsyncIterable<Uint8Array>, part: IncomingPart): Promise<void> {
    const pieces = stream[Symbol.asyncIterator]();
    for (;;) {
      const piece = await pieces.next().catch((error: unknown) => {
        if (part.verifier.header !== null) this.#part = part;
        throw error;
      });
      if (piece.done === true) return;
      part.verifier.push(piece.value);
      if (this.#options.sealing === null) this.#requirePlain(part.verifier.header);
      await part.file.append(piece.value);
    }
  }

  /** A secret that comes from another member must not lie here in plain. @throws EncryptionError */
  #requirePlain(header: SnapshotHeader | null): void {
    if (header === null || !header.isSecret) return;
    const text =
      'a model of the cluster is encrypted at rest, and no keys were given (--keys FILE)';
    const error = new EncryptionError('KEYS_MISSING', text);
    this.#options.onSecret(error);
    throw error;
  }
}

/** @throws ClusterMismatchError where a snapshot is not of this cluster */
export function requireCluster(header: SnapshotHeader, clusterId: string, name: string): void {
  if (header.clusterId === clusterId) return;
  const text = `${name} belongs to cluster ${header.clusterId}, not to ${clusterId}`;
  throw new ClusterMismatchError(text);
}
