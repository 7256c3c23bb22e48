import type { FileKeys } from '../encryption/index.ts';
import {
  createGrowingFile,
  type FileSystem,
  type GrowingFile,
  type KeyUse,
  readGrowingFile,
  surveyPlaces,
} from '../log/index.ts';
import {
  AUDIT_DIRECTORY,
  auditFile,
  auditPlaces,
  newestBefore,
  purposeOf,
  readSegment,
  type SoundSegment,
  segmentsIn,
} from './segment.ts';

const PIECE_BYTES = 64 * 1024;
const UNFINISHED = '.new';

/** The files of one node's audit log on its disk: what each is encrypted with, and should be. */
export class AuditFiles {
  readonly #fs: FileSystem;
  /** The data directory. */
  readonly #dir: string;
  readonly #path: string;
  #keys: FileKeys | null = null;
  #isOn = false;
  /** By the sequence of a file, the id of its key; 0: it is not encrypted. */
  readonly #keyIds = new Map<number, number>();

  constructor(fs: FileSystem, dir: string) {
    this.#fs = fs;
    this.#dir = dir;
    this.#path = `${dir}/${AUDIT_DIRECTORY}`;
  }

  /**
   * @returns the sequence of the newest file; undefined where there is none
   * @throws EncryptionError where the keys do not open what is there
   */
  async open(keys: FileKeys | null, isOn: boolean): Promise<number | undefined> {
    this.#keys = keys;
    this.encrypt(isOn);
    await this.#removeUnfinished();
    const uses = await surveyPlaces(this.#fs, this.#dir, keys, await this.#places());
    const refused = uses.find(({ refusal }) => refusal !== null)?.refusal ?? null;
    if (refused !== null) throw refused;
    const keyIds = new Map(uses.map(({ file, keyId }) => [file, keyId]));
    for (const sequence of await this.sequences()) {
      const keyId = keyIds.get(auditFile(sequence));
      if (keyId !== undefined) this.#keyIds.set(sequence, keyId);
    }
    return (await this.sequences()).at(-1);
  }

  /** Whether new files are encrypted from here on. */
  encrypt(isOn: boolean): void {
    this.#isOn = isOn && this.#keys !== null;
  }

  /** Of the key that files should have; 0 where they should not be encrypted. */
  get wantedKeyId(): number {
    return this.#isOn ? (this.#keys?.activeId ?? 0) : 0;
  }

  /** What each file is encrypted with. */
  get uses(): readonly KeyUse[] {
    return [...this.#keyIds].map(([sequence, keyId]) => ({
      file: auditFile(sequence),
      keyId,
      refusal: null,
    }));
  }

  /** Files that are not encrypted as they should be. */
  get stale(): readonly number[] {
    const wanted = this.wantedKeyId;
    return [...this.#keyIds].filter(([, keyId]) => keyId !== wanted).map(([sequence]) => sequence);
  }

  sequences(): Promise<number[]> {
    return segmentsIn(this.#fs, this.#path);
  }

  /** @throws AuditError, LogCorruptError */
  read(sequence: number): Promise<SoundSegment> {
    return readSegment(this.#place(), sequence, null);
  }

  /** @throws AuditError, LogCorruptError */
  newestBefore(sequence: number): Promise<number> {
    return newestBefore(this.#place(), sequence);
  }

  /**
   * All that a file holds, in plain, sound or not as its later lines go. Errors as of reading it.
   *
   * @throws AuditError where it does not begin as such a file: its header may be damaged, and what
   *   stands behind encrypted
   */
  async bytesOf(sequence: number): Promise<Uint8Array> {
    const file = auditFile(sequence);
    const path = `${this.#dir}/${file}`;
    const purpose = purposeOf(sequence);
    await this.newestBefore(sequence);
    return (await readGrowingFile(this.#fs, path, file, this.#keys, purpose)).plain;
  }

  /** A new file with its first bytes: it is there with them, or not at all. */
  async create(sequence: number, first: Uint8Array): Promise<GrowingFile> {
    await this.#fs.makeDirectory(this.#path);
    return this.#write(sequence, [first]);
  }

  /** Puts a file in the place of one that holds the same, encrypted as it should be. */
  async replace(sequence: number, bytes: Uint8Array): Promise<void> {
    const pieces = Array.from({ length: Math.ceil(bytes.length / PIECE_BYTES) }, (_, i) =>
      bytes.subarray(i * PIECE_BYTES, (i + 1) * PIECE_BYTES),
    );
    await (await this.#write(sequence, pieces)).close();
  }

  async remove(sequence: number): Promise<void> {
    await this.#fs.remove(`${this.#dir}/${auditFile(sequence)}`);
    this.#keyIds.delete(sequence);
  }

  syncDirectory(): Promise<void> {
    return this.#fs.syncDirectory(this.#path);
  }

  async #write(sequence: number, pieces: readonly Uint8Array[]): Promise<GrowingFile> {
    const path = `${this.#dir}/${auditFile(sequence)}`;
    const keys = this.#isOn ? this.#keys : null;
    const sealing = keys === null ? null : { keys, purpose: purposeOf(sequence) };
    const file = await createGrowingFile(this.#fs, path + UNFINISHED, sealing);
    for (const piece of pieces) await file.append(piece);
    await this.#fs.rename(path + UNFINISHED, path);
    await this.syncDirectory();
    this.#keyIds.set(sequence, file.keyId);
    return file;
  }

  /** What a process left that ended while it wrote a file may hold what must not stay. */
  async #removeUnfinished(): Promise<void> {
    if ((await this.#fs.stat(this.#path)) === null) return;
    const names = await this.#fs.list(this.#path);
    const unfinished = names.filter((name) => name.endsWith(UNFINISHED));
    for (const name of unfinished) await this.#fs.remove(`${this.#path}/${name}`);
    if (unfinished.length > 0) await this.syncDirectory();
  }

  async #places() {
    return auditPlaces(this.#fs, this.#dir);
  }

  #place() {
    return { fs: this.#fs, dir: this.#dir, keys: this.#keys };
  }
}
