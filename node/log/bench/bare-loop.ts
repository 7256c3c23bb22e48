import * as fs from 'node:fs';
import type { Append } from './closed-loop.ts';

const FILE_BYTES = 64 * 1024 * 1024;

/** The baseline: batches in the simplest way, in blocks that exist: copy, write, fdatasync, call back. */
export function bareLoop(
  file: string,
  recordBytes: number,
): { readonly append: Append; readonly close: () => void } {
  const descriptor = fs.openSync(file, 'w+');
  const zeros = Buffer.alloc(1024 * 1024);
  for (let at = 0; at < FILE_BYTES; at += zeros.length) fs.writeSync(descriptor, zeros);
  fs.fdatasyncSync(descriptor);
  const record = Buffer.alloc(recordBytes, 1);
  const buffer = Buffer.alloc(recordBytes * 1024);
  let waiting: (() => void)[] = [];
  let [running, position] = [false, 0];
  const run = () => {
    const batch = waiting;
    if (batch.length === 0) {
      running = false;
      return;
    }
    waiting = [];
    for (let i = 0; i < batch.length; i++) record.copy(buffer, i * recordBytes);
    const bytes = batch.length * recordBytes;
    if (position + bytes > FILE_BYTES) position = 0;
    fs.write(descriptor, buffer, 0, bytes, position, () => {
      fs.fdatasync(descriptor, () => {
        position += bytes;
        setImmediate(run);
        for (const done of batch) done();
      });
    });
  };
  const append = (done: () => void) => {
    waiting.push(done);
    if (running) return;
    running = true;
    setImmediate(run);
  };
  return { append, close: () => fs.closeSync(descriptor) };
}
