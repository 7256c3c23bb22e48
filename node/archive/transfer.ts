import type { Archive } from './archive.ts';
import { ArchiveError } from './errors.ts';

/** Bytes that are asked for at a time. */
const PIECE_BYTES = 1024 * 1024;

/** A file that a member offers. */
interface OfferedFile {
  readonly name: string;
  readonly bytes: number;
}

/** What a member has archived. */
interface Offer {
  readonly generation: number;
  /** Whether it has all that is not in its memory: what it lacks now may still come otherwise. */
  readonly isComplete: boolean;
  readonly files: readonly OfferedFile[];
}

/** Sends a request to another member's {@link serveArchive}. */
export type AskMember = (request: Uint8Array) => Promise<Uint8Array>;

/**
 * Answers another member: `{"want":"list"}` with what is archived here, or
 * `{"want":"piece","name","offset"}` with the bytes of a file from there on, empty at its end.
 *
 * @throws ArchiveError for a file that is not here, or not any more
 */
export async function serveArchive(
  archive: Archive,
  request: Uint8Array,
  isComplete: boolean,
): Promise<Uint8Array> {
  const { want, name, offset } = parse(request);
  if (want === 'list') {
    const files = archive.files.map((file) => ({ name: file.name, bytes: file.bytes }));
    return encode({ generation: archive.generation, isComplete, files } satisfies Offer);
  }
  const file = archive.files.find((candidate) => candidate.name === name);
  if (file === undefined || !isCount(offset)) {
    throw new ArchiveError('ARCHIVE_MISSING', `there is no archive ${String(name)}`);
  }
  return file.raw(offset, PIECE_BYTES);
}

/**
 * Takes over everything that another member has archived, where that reaches far enough. Every file
 * is checked; until all of them are here and durable, what was here before stays.
 *
 * @param upTo the generation that is needed
 * @returns `fetched`; or `later` where the other one may come to have it, `never` where it lacks it
 *   itself and fetches it from others
 */
export async function fetchArchive(
  archive: Archive,
  upTo: number,
  ask: AskMember,
): Promise<'fetched' | 'later' | 'never'> {
  const offer = readOffer(await ask(encode({ want: 'list' })));
  if (offer.generation < upTo) return offer.isComplete ? 'later' : 'never';
  const names: string[] = [];
  try {
    for (const file of offer.files) names.push(await archive.receive(file.name, pieces(file, ask)));
  } catch (error) {
    // It is asked for again and again: what came of one attempt must not stay on the disk.
    await archive.discard(names);
    throw error;
  }
  await archive.adopt(names, offer.generation);
  return 'fetched';
}

async function* pieces({ name, bytes }: OfferedFile, ask: AskMember): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes; ) {
    const piece = await ask(encode({ want: 'piece', name, offset }));
    if (piece.length === 0) throw new ArchiveError('ARCHIVE_CORRUPT', `${name} is cut off`);
    yield piece;
    offset += piece.length;
  }
}

function encode(message: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(message));
}

function parse(bytes: Uint8Array): Record<string, unknown> {
  const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function readOffer(bytes: Uint8Array): Offer {
  const { generation, isComplete, files } = parse(bytes);
  if (isCount(generation) && Array.isArray(files) && files.every(isOffered)) {
    return { generation, isComplete: isComplete !== false, files };
  }
  throw new ArchiveError('ARCHIVE_FORMAT', 'another member offered no list of archives');
}

function isOffered(value: unknown): value is OfferedFile {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    typeof value.name === 'string' &&
    'bytes' in value &&
    isCount(value.bytes)
  );
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
