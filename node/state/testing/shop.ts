/** A small schema and ways to write to a state, for tests of this and other rooms. */
import type { FieldSchema, FieldType, ModelSchema, Schema } from '@lithair/crds';
import { type Change, encodeEntry, type WriteEntry } from '../../entry/index.ts';
import type {
  AggregateRecord,
  Command,
  CommandEnvelope,
  IdempotencyKey,
} from '../../ports/index.ts';
import { createState, type ReplicatedState, type StateOptions } from '../index.ts';

export const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

export function field(name: string, type: FieldType, more: Partial<FieldSchema> = {}): FieldSchema {
  const plain = { required: false, nullable: false, immutable: false, unique: false } as const;
  return { name, type, ...plain, index: 'none', ...more };
}

const id = field('id', 'uuid', { immutable: true });

export const BRAND: ModelSchema = {
  name: 'Brand',
  path: '/api/brands',
  primaryKey: 'code',
  fields: [
    field('code', 'string', { required: true, immutable: true }),
    field('title', 'string', { unique: true }),
    field('parent', 'reference', { to: 'Brand', onDelete: 'restrict' }),
  ],
};

export const PRODUCT: ModelSchema = {
  name: 'Product',
  path: '/api/products',
  primaryKey: 'id',
  fields: [
    id,
    field('name', 'string', { required: true, index: 'hash' }),
    field('price', 'decimal', { required: true, index: 'ordered' }),
    field('sku', 'string', { unique: true }),
    field('stock', 'integer', { default: 0 }),
    field('size', 'object', {
      fields: [field('width', 'number'), field('unit', 'string', { default: 'cm' })],
    }),
    field('note', 'text', { nullable: true, default: 'none' }),
    field('brand', 'reference', { to: 'Brand', onDelete: 'restrict' }),
    field('origin', 'string', { immutable: true }),
    field('createdAt', 'datetime', { immutable: true, defaultFrom: 'now' }),
  ],
};

export const SHOP: Schema = {
  models: [BRAND, PRODUCT],
  store: { snapshotEvery: 100_000, batchSize: 100, syncMode: 'group' },
};

/** Names a product in tests: ids are uuids, and `productId(1) < productId(2)`. */
export function productId(number: number): string {
  return `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`;
}

export function shopState(options: StateOptions = {}, schema: Schema = SHOP): ReplicatedState {
  const member = {
    id: 1,
    name: 'n1',
    address: 'n1:10080',
    diskUuid: 'd1',
    intent: 'voter',
  } as const;
  const initial = { clusterId: 'c1', epoch: 1, schema, members: [member], nowMs: NOW_MS };
  return createState(initial, options);
}

/** A write as some leader proposed it; by default the usual member, at the usual time. */
export function write(changes: readonly Change[], more: Partial<WriteEntry> = {}): Uint8Array {
  return encodeEntry({
    kind: 'write',
    memberId: 1,
    timestampMs: NOW_MS,
    schemaVersion: 1,
    actor: { subject: 'anonymous', method: 'none' },
    idempotency: null,
    changes,
    ...more,
  });
}

export function envelope(
  command: Command,
  idempotency: IdempotencyKey | null = null,
  schemaVersion = 1,
): CommandEnvelope {
  const actor = { subject: 'anonymous', method: 'none', roles: [] } as const;
  return { command, actor, schemaVersion, idempotency, timeoutMs: 1000 };
}

/** All chunks of a snapshot, to be kept. */
export function chunksOf(state: ReplicatedState): Uint8Array[] {
  return Array.from(state.snapshot(), (chunk) => chunk.slice());
}

/** The ids of records, in their order. */
export function idsOf(records: Iterable<AggregateRecord>): string[] {
  return Array.from(records, (record) => record.id);
}
