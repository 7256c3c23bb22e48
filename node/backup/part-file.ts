import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createZstdCompress, createZstdDecompress } from 'node:zlib';
import type { FileKeys, MasterKeys } from '../encryption/index.ts';
import {
  createFile,
  type FileReader,
  type FileWriter,
  NodeFileSystem,
  openFile,
} from '../log/index.ts';
import type { Random } from '../ports/index.ts';

const READ_BYTES = 256 * 1024;

/** The keys of a backup: those of no disk, so that it can be restored anywhere. */
export function backupKeys(
  masters: MasterKeys | null,
  clusterId: string,
  random: Random | null,
): FileKeys | null {
  return masters?.of(`backup of ${clusterId}`, random) ?? null;
}

function purposeOf(file: string): string {
  return `part ${file}`;
}

/**
 * Compresses what comes into a file, encrypted where there are keys; durable when it resolves.
 *
 * @param file the name that the part will have
 */
export async function writePartFile(
  path: string,
  file: string,
  pieces: AsyncIterable<Uint8Array>,
  keys: FileKeys | null,
): Promise<void> {
  const sealing = keys === null ? null : { keys, purpose: purposeOf(file) };
  const writer = await createFile(new NodeFileSystem(), path, sealing);
  try {
    await pipeline(Readable.from(pieces), createZstdCompress(), appendTo(writer));
    await writer.finish();
  } finally {
    await writer.close();
  }
}

/** The end of a pipeline. */
export function appendTo(writer: FileWriter): (source: AsyncIterable<Uint8Array>) => Promise<void> {
  return async (source) => {
    for await (const piece of source) await writer.append(piece);
  };
}

/**
 * What a part holds, neither encrypted nor compressed.
 *
 * @throws EncryptionError, LogCorruptError
 */
export async function* readPartFile(
  path: string,
  file: string,
  keys: FileKeys | null,
): AsyncGenerator<Uint8Array> {
  const reader = await openFile(new NodeFileSystem(), path, file, keys, purposeOf(file));
  try {
    yield* Readable.from(bytesOf(reader)).compose(createZstdDecompress());
  } finally {
    await reader.close();
  }
}

function* bytesOf(reader: FileReader): Generator<Uint8Array> {
  for (let at = 0; at < reader.size(); at += READ_BYTES) {
    const piece = new Uint8Array(Math.min(READ_BYTES, reader.size() - at));
    yield piece.subarray(0, reader.read(piece, at));
  }
}
