import type { StateReader } from '../../ports/index.ts';
import { isOver, type LifeRules, type Row, STAMP } from '../checks/index.ts';

const ID = { name: 'id', type: 'string', primaryKey: true };
const STAMP_FIELD = { name: STAMP, type: 'string', required: true, index: 'hash' };

/** States of a parcel, and the only ways between them. `packed` asks for a total above zero. */
export const STATES = ['open', 'packed', 'sent', 'lost'] as const;
const INITIAL_STATE = 'open';
const TRANSITIONS: readonly { readonly from: readonly string[]; readonly to: string }[] = [
  { from: ['open'], to: 'packed' },
  { from: ['packed'], to: 'open' },
  { from: ['packed'], to: 'sent' },
  { from: ['packed', 'sent'], to: 'lost' },
];
const CONDITION = 'self.total > 0';

/** How long deleted parcels are kept, and leases last. */
const KEPT_MS = 3_000;
export const LEASE_MS = 2_000;

export const LIFE_RULES: LifeRules = {
  initial: INITIAL_STATE,
  transitions: TRANSITIONS,
  ends: {
    Lease: { field: 'seenAt', afterMs: LEASE_MS },
    ParcelDeleted: { field: 'deletedAt', afterMs: KEPT_MS },
  },
};

/** Collections of the API whose rows have declared lives, and of deleted rows. */
export const LIFE_PATHS = {
  Parcel: '/api/parcels',
  ParcelDeleted: '/api/parcels/_deleted',
  Lease: '/api/leases',
  Remark: '/api/remarks',
} as const;
export type LifeModel = keyof typeof LIFE_PATHS;

/** Rows with states, computed values, and places that are unique as long as they are open. */
const PARCEL = {
  name: 'Parcel',
  path: LIFE_PATHS.Parcel,
  persistence: { memory: 'adaptive', cacheMiB: 1 },
  fields: [
    ID,
    STAMP_FIELD,
    {
      name: 'status',
      type: 'enum',
      values: STATES,
      states: {
        initial: INITIAL_STATE,
        transitions: TRANSITIONS.map((one) => ({
          ...one,
          ...(one.to === 'packed' && { when: CONDITION }),
        })),
      },
    },
    { name: 'units', type: 'integer', required: true, index: 'bloom' },
    { name: 'price', type: 'integer', required: true },
    { name: 'total', type: 'integer', computed: 'self.units * self.price', index: 'ordered' },
    { name: 'slot', type: 'string' },
    { name: 'code', type: 'string' },
  ],
  lifecycle: { softDelete: true, purgeAfter: `${KEPT_MS / 1000}s` },
};
const PARCEL_INDEXES = [
  { fields: ['slot'], unique: 'live', where: 'self.status == "open"' },
  { fields: ['code'], unique: 'forever' },
];
/** Counts that parcels have are below this. */
export const UNITS = 4;
/** One that comes and goes with model changes: of parcels that are packed. */
const PACKED_INDEX = { fields: ['total'], where: 'self.status == "packed"' };

/** Rows that only their time takes away, so that nobody else is suspected. */
const LEASE = {
  name: 'Lease',
  path: LIFE_PATHS.Lease,
  http: { methods: ['GET', 'POST', 'PUT', 'PATCH'] },
  fields: [
    ID,
    STAMP_FIELD,
    { name: 'seenAt', type: 'datetime', defaultFrom: 'now' },
    { name: 'code', type: 'string' },
  ],
  indexes: [{ fields: ['code'], unique: 'forever' }],
  lifecycle: { ttl: { field: 'seenAt', after: `${LEASE_MS / 1000}s` } },
};

/** Rows that go with a parcel, and outlive a lease. */
const REMARK = {
  name: 'Remark',
  path: LIFE_PATHS.Remark,
  fields: [
    ID,
    STAMP_FIELD,
    { name: 'parcel', type: 'reference', to: 'Parcel', onDelete: 'cascade' },
    { name: 'lease', type: 'reference', to: 'Lease', onDelete: 'setNull' },
    { name: 'held', type: 'boolean', computed: 'has(self.lease)' },
  ],
};

function withoutFilter(field: object): object {
  return 'index' in field && field.index === 'bloom' ? { ...field, index: 'none' } : field;
}

/** Models whose rows have declared lives. `other`: the same rows under other indexes. */
export function lifeModels(other: boolean): readonly object[] {
  const indexes = other ? [...PARCEL_INDEXES, PACKED_INDEX] : PARCEL_INDEXES;
  const fields = other ? PARCEL.fields.map(withoutFilter) : PARCEL.fields;
  return [{ ...PARCEL, fields, indexes }, LEASE, REMARK];
}

/** Rows that a member holds though their time had come. */
export function overdueIn(state: StateReader, timeMs: number): number {
  let count = 0;
  for (const model of ['Lease', 'ParcelDeleted'] as const) {
    for (const { json } of state.model(model)?.scan({ descending: false }) ?? []) {
      const row: Row = JSON.parse(json);
      if (isOver(LIFE_RULES, model, row, timeMs)) count += 1;
    }
  }
  return count;
}
