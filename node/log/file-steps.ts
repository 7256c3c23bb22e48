import type { FileSystem, OpenFile } from './file-system.ts';

/** Promise forms of the calls, for everything that is not on the commit path. */
export function writeAt(file: OpenFile, source: Uint8Array, position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    file.write(source, position, (error) => (error === null ? resolve() : reject(error)));
  });
}

export function syncFile(file: OpenFile): Promise<void> {
  return new Promise((resolve, reject) => {
    file.sync((error) => (error === null ? resolve() : reject(error)));
  });
}

/** Writes a small file so that a crash leaves the old content or the new one. */
export async function replaceFile(
  fs: FileSystem,
  directory: string,
  name: string,
  content: Uint8Array,
): Promise<void> {
  const temporary = `${directory}/${name}.tmp`;
  const file = await fs.open(temporary, 'create');
  try {
    await writeAt(file, content, 0);
    await syncFile(file);
  } finally {
    await file.close();
  }
  await fs.rename(temporary, `${directory}/${name}`);
  await fs.syncDirectory(directory);
}

/** All bytes of a small file. */
export async function readFile(fs: FileSystem, path: string): Promise<Uint8Array> {
  const file = await fs.open(path, 'read');
  try {
    const content = new Uint8Array(file.size());
    return content.subarray(0, file.read(content, 0));
  } finally {
    await file.close();
  }
}

const SYNC_EVERY_BYTES = 8 * 1024 * 1024;

/** Zero-fills `[from, to)`, a slice at a time, and syncs so often that the disk stays usable. */
export async function fillWithZeros(file: OpenFile, from: number, to: number): Promise<void> {
  const zeros = new Uint8Array(Math.min(1024 * 1024, Math.max(0, to - from)));
  for (let at = from; at < to; at += zeros.length) {
    await writeAt(file, zeros.subarray(0, Math.min(zeros.length, to - at)), at);
    if ((at - from) % SYNC_EVERY_BYTES === 0) await syncFile(file);
  }
}
