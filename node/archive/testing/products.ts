/** Products with a past, for tests of archives. */
import { compileSchema, type Schema, validateSpec } from '@lithair/crds';
import { HotHistory, historyRules } from '../../history/index.ts';
import { MemoryFileSystem } from '../../log/index.ts';
import type { VersionRecord } from '../../ports/index.ts';
import { silentLogger } from '../../telemetry/index.ts';
import { Archive, blockingZstd, type Expiry } from '../index.ts';

export const DAY_MS = 86_400_000;
export const NOW_MS = Date.UTC(2026, 0, 1);

export function productSchema(lifecycle: unknown = { audited: true }): Schema {
  const fields = [
    { name: 'id', type: 'string', primaryKey: true },
    { name: 'name', type: 'string', historize: { mode: 'versions', versions: 3 } },
    { name: 'price', type: 'string', historize: { mode: 'full' } },
    { name: 'notes', type: 'string', historize: { mode: 'never' } },
    { name: 'stock', type: 'string' },
  ];
  const spec = validateSpec({
    auth: { mode: 'open' },
    models: [{ name: 'Product', fields, lifecycle }],
  });
  if (!spec.ok) throw new Error(JSON.stringify(spec.problems));
  return compileSchema(spec.value);
}

/** The values of a version: each tells field, product and version, so that it can be searched for. */
export function valueOf(field: string, id: string, version: number): string {
  return `<${field}:${id}:${version}>`;
}

export function product(id: string, version: number, timeMs = NOW_MS): VersionRecord {
  const row = (of: number): string =>
    JSON.stringify({
      id,
      name: valueOf('name', id, of),
      price: valueOf('price', id, of),
      notes: valueOf('notes', id, of),
      stock: valueOf('stock', id, of),
    });
  return {
    id,
    version,
    effect: version === 1 ? 'created' : 'updated',
    events: [version === 1 ? 'ProductCreated' : 'ProductUpdated'],
    sequence: version,
    index: version,
    timeMs,
    actor: { subject: 'clerk', method: 'apiKey' },
    json: row(version),
    before: version === 1 ? null : row(version - 1),
    changed: null,
    evidence: null,
  };
}

/** A member's history, in memory and archived, without the rest of the member. */
export class Shop {
  readonly fs: MemoryFileSystem;
  readonly schema: Schema;
  readonly hot: HotHistory;
  archive: Archive;
  nowMs = NOW_MS;
  readonly #newest = new Map<string, number>();

  private constructor(fs: MemoryFileSystem, schema: Schema, archive: Archive) {
    this.fs = fs;
    this.schema = schema;
    this.archive = archive;
    this.hot = new HotHistory(schema);
  }

  static async open(schema = productSchema(), fs = new MemoryFileSystem()): Promise<Shop> {
    return new Shop(fs, schema, await openArchive(fs));
  }

  /** Makes the next version of a product. */
  change(id: string): void {
    const version = this.newestOf(id) + 1;
    this.#newest.set(id, version);
    this.hot.add('Product', product(id, version, this.nowMs));
  }

  newestOf(id: string): number {
    return this.#newest.get(id) ?? 0;
  }

  /** Seals what is in memory, archives it, and lets go of it; the digest of what was archived. */
  async seal(): Promise<string> {
    this.hot.seal(this.nowMs, []);
    const [sealed] = this.hot.pending;
    if (sealed === undefined) throw new Error('nothing was sealed');
    const digest = await this.archive.store(sealed, (model) => this.hot.rulesOf(model));
    this.hot.archived(sealed.number);
    return digest;
  }

  get expiry(): Expiry {
    const [model] = this.schema.models;
    const rules = model === undefined ? null : historyRules(model);
    return {
      rules: () => rules ?? undefined,
      moment: (_, id) => ({ newest: this.newestOf(id), nowMs: this.nowMs }),
      nowMs: this.nowMs,
    };
  }

  /** Every byte that is archived, as text, uncompressed. */
  async archivedText(): Promise<string> {
    const texts: string[] = [];
    for (const file of this.archive.files) {
      for await (const records of file.all()) texts.push(JSON.stringify(records));
    }
    return texts.join('\n').replaceAll('\\"', '"');
  }
}

export function openArchive(fs: MemoryFileSystem, clusterId = 'c1'): Promise<Archive> {
  return Archive.open({
    fs,
    dir: '/data',
    clusterId,
    compression: blockingZstd,
    logger: silentLogger,
    pause: () => Promise.resolve(),
  });
}
