import { join } from 'node:path';
import { bundle } from '../../../images/bundle.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');

/** What is run: the product, or one of the builds here that are broken on purpose. */
export type Build =
  | 'product'
  | 'stale-reads'
  | 'stale-sessions'
  | 'repeated-writes'
  | 'lost-local-writes'
  | 'arrival-order';

const ENTRIES: Readonly<Record<Build, string>> = {
  product: 'node/cli/main.ts',
  'stale-reads': 'e2e/chaos/testing/serve-stale-reads.ts',
  'stale-sessions': 'e2e/chaos/testing/serve-stale-sessions.ts',
  'repeated-writes': 'e2e/chaos/testing/serve-repeated-writes.ts',
  'lost-local-writes': 'e2e/chaos/testing/serve-lost-local-writes.ts',
  'arrival-order': 'e2e/chaos/testing/serve-arrival-order.ts',
};

/**
 * Bundles the `lithair` program as images hold it, which starts in a fraction of the time that its
 * sources take; the path of the program.
 */
export async function buildProgram(build: Build, directory: string): Promise<string> {
  const output = 'lithair.mjs';
  await bundle(ROOT, { name: 'node', entry: ENTRIES[build], output }, directory);
  return join(directory, 'app', output);
}
