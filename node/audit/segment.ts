// The files of an audit log, and how far each of them is sound.
import type { FileKeys } from '../encryption/index.ts';
import {
  type FileSystem,
  hasHole,
  type LooseEnd,
  readGrowingFile,
  readGrowingStart,
  type SealedPlace,
} from '../log/index.ts';
import { AuditError } from './errors.ts';
import { holdsLineEnd, looseFields, NO_HASH, readLine } from './line.ts';

export const AUDIT_DIRECTORY = 'audit';
export const AUDIT_FORMAT = 1;
const NAME = /^(\d{10})\.jsonl$/;

/** Where files are read from, and with what. */
export interface AuditPlace {
  readonly fs: FileSystem;
  /** The data directory. */
  readonly dir: string;
  /** Of the disk; null where there are none. */
  readonly keys: FileKeys | null;
}

/** The sound part of a file. Places in it are those of what it holds before it is encrypted. */
export interface SoundSegment {
  readonly sequence: number;
  /** Where it ends; what stands behind was never acknowledged. */
  readonly end: number;
  /** Of its last line. */
  readonly hash: string;
  /** Of its last entry, or 0 where it has none. */
  readonly lastEntry: number;
  /** Without the hashes, the first line of the file left out. */
  readonly entries: readonly Readonly<Record<string, unknown>>[];
  /** What its first line says of the file before: where that ended. */
  readonly previousEnd: number;
  /** Time of the newest entry of this and the files before; 0 where there is none. */
  readonly newestMs: number;
  /** What stands behind its end; null for nothing. */
  readonly looseEnd: LooseEnd | null;
}

export function segmentName(sequence: number): string {
  return `${String(sequence).padStart(10, '0')}.jsonl`;
}

/** A file below the data directory, as errors call it. */
export function auditFile(sequence: number): string {
  return `${AUDIT_DIRECTORY}/${segmentName(sequence)}`;
}

/** What a file's key is for: one does not open as another. */
export function purposeOf(sequence: number): string {
  return `audit ${sequence}`;
}

/** All files of an audit log, for a survey of keys. */
export async function auditPlaces(fs: FileSystem, dir: string): Promise<readonly SealedPlace[]> {
  const sequences = await segmentsIn(fs, `${dir}/${AUDIT_DIRECTORY}`);
  return sequences.map((sequence) => ({
    file: auditFile(sequence),
    purpose: purposeOf(sequence),
    grows: true,
  }));
}

/** Sequences of the files that are there, in order; none where there is no directory. */
export async function segmentsIn(fs: FileSystem, dir: string): Promise<number[]> {
  if ((await fs.stat(dir)) === null) return [];
  return (await fs.list(dir)).flatMap((name) => {
    const [, digits] = NAME.exec(name) ?? [];
    return digits === undefined ? [] : [Number(digits)];
  });
}

/**
 * Reads a file of an audit log.
 *
 * @param previous the file before, where there is one still
 * @throws AuditError where an entry that was acknowledged is not what was written
 * @throws LogCorruptError where that shows in what is encrypted; EncryptionError
 */
export async function readSegment(
  { fs, dir, keys }: AuditPlace,
  sequence: number,
  previous: SoundSegment | null,
): Promise<SoundSegment> {
  const file = auditFile(sequence);
  const purpose = purposeOf(sequence);
  const { plain, looseEnd } = await readGrowingFile(fs, `${dir}/${file}`, file, keys, purpose);
  const bytes = Buffer.from(plain.buffer, plain.byteOffset, plain.length);
  const read = new Walk(segmentName(sequence), bytes).run(sequence, previous);
  return looseEnd === null ? read : { ...read, looseEnd };
}

/** Time of the newest entry before a file, as its first line says. Errors as of reading it. */
export async function newestBefore(
  { fs, dir, keys }: AuditPlace,
  sequence: number,
): Promise<number> {
  const file = auditFile(sequence);
  const purpose = purposeOf(sequence);
  const bytes = await readGrowingStart(fs, `${dir}/${file}`, file, keys, purpose);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  const newestMs = looseFields(text.slice(0, text.indexOf('\n')))?.['newestMs'];
  if (typeof newestMs === 'number') return newestMs;
  throw new AuditError('AUDIT_CORRUPT', `${file} is corrupt: its first line cannot be read`);
}

/** Goes from line to line, as long as each follows the one before. */
class Walk {
  readonly #name: string;
  readonly #bytes: Buffer;
  #at = 0;
  #hash = '';

  constructor(name: string, bytes: Buffer) {
    this.#name = name;
    this.#bytes = bytes;
  }

  run(sequence: number, previous: SoundSegment | null): SoundSegment {
    const head = this.#head(sequence, previous);
    const entries: Readonly<Record<string, unknown>>[] = [];
    for (let line = this.#next(); line !== null; line = this.#next()) entries.push(line);
    this.#requireTorn();
    const lastEntry = Number(entries.at(-1)?.['sequence'] ?? head['lastEntry']);
    const lastAt = entries.at(-1)?.['at'];
    const newestMs = typeof lastAt === 'string' ? Date.parse(lastAt) : Number(head['newestMs']);
    return {
      sequence,
      end: this.#at,
      hash: this.#hash,
      lastEntry,
      entries,
      previousEnd: Number(head['previousEnd']),
      newestMs,
      looseEnd: this.#looseEnd(),
    };
  }

  /** An append ends with a line: what holds the end of one, and does not follow, was changed. */
  #looseEnd(): LooseEnd | null {
    const rest = this.#bytes.subarray(this.#at);
    if (rest.length === 0) return null;
    const isTorn = hasHole(rest) || !holdsLineEnd(rest.toString('utf8'));
    return { offset: this.#at, bytes: rest.length, isTorn };
  }

  #head(sequence: number, previous: SoundSegment | null): Readonly<Record<string, unknown>> {
    const text = this.#line() ?? '';
    const fields = looseFields(text) ?? {};
    const said = fields['previous'];
    this.#hash = previous?.hash ?? (typeof said === 'string' ? said : NO_HASH);
    const head = this.#next();
    if (head === null || head['audit'] === undefined) throw this.#corrupt('its first line');
    if (head['audit'] !== AUDIT_FORMAT) {
      const reason = `${this.#name} has format ${JSON.stringify(head['audit'])}, known is ${AUDIT_FORMAT}`;
      throw new AuditError('AUDIT_FORMAT', reason);
    }
    if (head['segment'] !== sequence) throw this.#corrupt('the number in its first line');
    return head;
  }

  /** The next line that follows; null at the end of what is sound. */
  #next(): Readonly<Record<string, unknown>> | null {
    const text = this.#line();
    const read = text === null ? null : readLine(text, this.#hash);
    if (text === null || read === null) return null;
    this.#at += Buffer.byteLength(text) + 1;
    this.#hash = read.hash;
    return read.fields;
  }

  #line(): string | null {
    const end = this.#bytes.indexOf(NEWLINE, this.#at);
    return end === -1 ? null : this.#bytes.toString('utf8', this.#at, end);
  }

  /** Each entry says how much was durable before it: nothing of that can be torn. */
  #requireTorn(): void {
    const bad = this.#at;
    for (const text of this.#bytes.toString('utf8', bad).split('\n')) {
      const durable = looseFields(text)?.['durable'];
      if (typeof durable === 'number' && durable > bad) throw this.#corrupt('an entry');
    }
  }

  #corrupt(what: string): AuditError {
    const place = `audit/${this.#name} is corrupt at offset ${this.#at}`;
    return new AuditError('AUDIT_CORRUPT', `${place}: ${what} is not what was written`);
  }
}

const NEWLINE = 10;
