import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReadSecret } from './auth/index.ts';

/** Larger ones are no keys. */
const MAX_BYTES = 4096;

/**
 * Secrets as Kubernetes mounts them: a directory for each, with the file `key` in it.
 *
 * @param dir null where the node was started without one
 */
export function secretsIn(dir: string | null): ReadSecret {
  if (dir === null) return noSecrets;
  return (name) => readBounded(join(dir, name, 'key'));
}

/** A node that was given no secrets. */
export const noSecrets: ReadSecret = (name) =>
  Promise.reject(new Error(`${name}: the node was started without --secrets`));

/** Without the line end that editors add. */
async function readBounded(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(MAX_BYTES + 1));
    if (bytesRead > MAX_BYTES) throw new Error(`${path} has more than ${MAX_BYTES} bytes`);
    const end = buffer[bytesRead - 1] === NEWLINE ? bytesRead - 1 : bytesRead;
    return buffer.subarray(0, end);
  } finally {
    await file.close();
  }
}

const NEWLINE = 10;
