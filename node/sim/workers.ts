import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { RunReport } from './run.ts';

/** Runs seeds in processes of their own, each seed in one, and tells the report of each. */
export async function runInWorkers(
  seeds: readonly number[],
  processes: number,
  onReport: (report: RunReport) => void,
): Promise<void> {
  const queue = [...seeds];
  const count = Math.min(processes, seeds.length);
  await Promise.all(Array.from({ length: count }, () => drain(queue, onReport)));
}

function drain(queue: number[], onReport: (report: RunReport) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = fork(join(import.meta.dirname, 'worker.ts'), { serialization: 'advanced' });
    let current = -1;
    const next = (): void => {
      const seed = queue.shift();
      if (seed === undefined) {
        worker.disconnect();
        resolve();
        return;
      }
      current = seed;
      worker.send(seed);
    };
    worker.on('message', (message) => {
      if (!isReport(message)) return;
      onReport(message);
      next();
    });
    onEnd(worker, (why) => reject(new Error(`the process that ran seed ${current} ended: ${why}`)));
    next();
  });
}

function onEnd(worker: ChildProcess, tell: (why: string) => void): void {
  worker.on('error', (error) => tell(error.message));
  worker.on('exit', (code, signal) => {
    if (code !== 0) tell(`exit code ${code}, signal ${signal}`);
  });
}

function isReport(message: unknown): message is RunReport {
  return typeof message === 'object' && message !== null && 'traceHash' in message;
}
