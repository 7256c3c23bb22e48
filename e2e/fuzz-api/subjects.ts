import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readModelFile } from '@lithair/crds';

const ROOT = join(import.meta.dirname, '..', '..');
export const CLI = join(ROOT, 'node', 'cli', 'main.ts');

/** What is fuzzed: a model, and as whom. */
export interface Subject {
  readonly name: string;
  /** The resource, as JSON. */
  readonly model: string;
  readonly apiKey: string | null;
}

/**
 * The example models, open and with tokens: as somebody who may do everything, and as anybody. Beside
 * them one model of what the examples have little of.
 */
export function subjects(): readonly Subject[] {
  const { apiKey, hash } = newKey();
  const roles = ['Editor', 'Writer', 'Shop', 'Clerk'];
  const keys = [{ name: 'fuzzer', sha256: hash, roles }];
  const tokens = { mode: 'tokens', apiKeys: { keys } };
  const open = { mode: 'open' };
  return [
    { name: 'shop, open', model: withAuth('shop', open), apiKey: null },
    { name: 'shop, as an editor', model: withAuth('shop', tokens, GRANTS), apiKey },
    { name: 'shop, as anybody', model: withAuth('shop', tokens, GRANTS), apiKey: null },
    { name: 'movies, open', model: withAuth('movies', open), apiKey: null },
    { name: 'movies, as an editor', model: withAuth('movies', tokens, GRANTS), apiKey },
    { name: 'movies, as anybody', model: withAuth('movies', tokens, GRANTS), apiKey: null },
    { name: 'ledger, open', model: withAuth('ledger', open), apiKey: null },
    { name: 'blog, as an editor', model: withAuth('blog', tokens), apiKey },
    { name: 'blog, as anybody', model: withAuth('blog', tokens), apiKey: null },
    { name: 'orders, as a clerk', model: withAuth('orders', tokens), apiKey },
    { name: 'kinds, open', model: resourceOf('kinds', KINDS, open), apiKey: null },
  ];
}

/** Rights for examples that grant none. */
const GRANTS = { create: ['Editor'], read: ['Public'], update: ['Editor'], delete: ['Editor'] };
const KINDS = join(import.meta.dirname, 'kinds.yaml');

function withAuth(example: string, auth: unknown, permissions?: unknown): string {
  const path = join(ROOT, 'docs', 'examples', `${example}.yaml`);
  return resourceOf(example, path, auth, permissions);
}

function resourceOf(name: string, path: string, auth: unknown, permissions?: unknown): string {
  const file = readModelFile(readFileSync(path, 'utf8'), path);
  if (!file.ok) throw new Error(`${path}: ${JSON.stringify(file.problems)}`);
  const { spec } = file.value;
  const granted = permissions === undefined ? {} : { permissions };
  const models = spec.models.map((model) => ({ ...model, ...granted }));
  return JSON.stringify({
    apiVersion: 'lithair.dev/v1alpha1',
    kind: 'LithairModel',
    metadata: { name },
    spec: { ...spec, auth, models },
  });
}

function newKey(): { apiKey: string; hash: string } {
  const words = [CLI, 'api-key', 'fuzzer', '--role', 'Editor'];
  const { stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  const hash = /sha256: ([0-9a-f]{64})/.exec(stderr)?.[1];
  if (hash === undefined) throw new Error(`lithair api-key said: ${stderr}`);
  return { apiKey: stdout.trim(), hash };
}
