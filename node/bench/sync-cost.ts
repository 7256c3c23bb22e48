import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const FILE_BYTES = 1024 * 1024;
const RECORD_BYTES = 512;

/** Milliseconds of `count` writes of one record, each with its fdatasync, into blocks that exist. */
export function syncCosts(directory: string, count: number): number[] {
  const descriptor = openSync(join(directory, 'sync-cost'), 'w');
  try {
    writeSync(descriptor, Buffer.alloc(FILE_BYTES));
    fdatasyncSync(descriptor);
    const record = Buffer.alloc(RECORD_BYTES, 1);
    return Array.from({ length: count }, (_, i) => {
      const startedMs = performance.now();
      writeSync(descriptor, record, 0, RECORD_BYTES, (i * RECORD_BYTES) % FILE_BYTES);
      fdatasyncSync(descriptor);
      return performance.now() - startedMs;
    });
  } finally {
    closeSync(descriptor);
  }
}
