import { startNode } from '../main.ts';
import type { NodeOptions } from '../options.ts';
import { VERSION } from './version.ts';

/**
 * Runs one node until SIGINT, SIGTERM or the end of the process that supervises it. Resolves to
 * the exit code; a second signal ends the process at once.
 */
export async function serveUntilStopped(
  options: NodeOptions,
  onReady: (() => void) | undefined,
): Promise<number> {
  const node = startNode(options, VERSION, onReady);
  const stop = (): void => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop);
    node.stop();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop).on('disconnect', stop);
  return node.ended;
}
