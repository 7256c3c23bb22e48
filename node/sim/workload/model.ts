import { type LithairModelSpec, validateSpec } from '@lithair/crds';
import type { StateReader } from '../../ports/index.ts';
import {
  type Constraint,
  type FinalState,
  type HeldRow,
  type Row,
  STAMP,
} from '../checks/index.ts';

const ID = { name: 'id', type: 'string', primaryKey: true };
const STAMP_FIELD = { name: STAMP, type: 'string', required: true, index: 'hash' };

/** Small, with one of everything that can clash: ids, a unique field, references. */
const MODELS = [
  { name: 'Brand', path: '/api/brands', fields: [ID, STAMP_FIELD] },
  {
    name: 'Item',
    path: '/api/items',
    persistence: { memory: 'adaptive', cacheMiB: 1 },
    fields: [
      ID,
      STAMP_FIELD,
      { name: 'group', type: 'string', required: true, index: 'hash' },
      { name: 'amount', type: 'integer', required: true, index: 'ordered' },
      { name: 'sku', type: 'string', unique: true },
      { name: 'brand', type: 'reference', to: 'Brand', onDelete: 'restrict' },
    ],
  },
  // Its ids are made by the server, so that nothing but its key tells a retry from a second one.
  {
    name: 'Ticket',
    path: '/api/tickets',
    fields: [{ name: 'id', type: 'uuid', primaryKey: true }, STAMP_FIELD],
  },
];

/** Written on every node; its whole past is kept, so that every write can be found in the end. */
const MEMO = {
  name: 'Memo',
  path: '/api/memos',
  fields: [ID, { ...STAMP_FIELD, historize: { mode: 'full' } }],
  persistence: { consistency: 'eventual' },
};

function modelsWith(isEventual: boolean): readonly object[] {
  return isEventual ? [...MODELS, MEMO] : MODELS;
}

export const CONSTRAINTS: readonly Constraint[] = [
  { kind: 'unique', model: 'Item', field: 'sku' },
  { kind: 'reference', model: 'Item', field: 'brand', to: 'Brand' },
];

export const MODEL_NAMES: readonly string[] = MODELS.map(({ name }) => name);

export function pathOf(model: string): string {
  const found = MODELS.find(({ name }) => name === model);
  if (found === undefined) throw new Error(`the workload has no model ${model}`);
  return found.path;
}

/** What the simulated nodes are started with. */
export function workloadSpec(store: StoreSettings = {}, isEventual = false): LithairModelSpec {
  const spec = validateSpec({ auth: { mode: 'open' }, models: modelsWith(isEventual), store });
  if (!spec.ok) throw new Error(JSON.stringify(spec.problems));
  return spec.value;
}

/** The same rows under other indexes, some of which must be built from them. */
export function otherSpec(isEventual = false): LithairModelSpec {
  const others = MODELS.map((model) => ({
    ...model,
    fields: model.fields.map((field) => {
      if (field.name === 'amount') return { ...field, index: 'none' };
      return field.name === 'sku' ? { ...field, index: 'ordered' } : field;
    }),
  }));
  const models = isEventual ? [...others, MEMO] : others;
  const spec = validateSpec({ auth: { mode: 'open' }, models });
  if (!spec.ok) throw new Error(JSON.stringify(spec.problems));
  return spec.value;
}

export interface StoreSettings {
  /** Entries between two snapshots. */
  readonly snapshotEvery?: number;
  readonly batchSize?: number;
}

/** What a node holds, past its API. */
export function finalStateOf(node: number, state: StateReader): FinalState {
  const models = new Map(MODEL_NAMES.map((name) => [name, heldRows(state, name)]));
  return { node, appliedIndex: state.appliedIndex, models };
}

function heldRows(state: StateReader, model: string): Map<string, HeldRow> {
  const rows = new Map<string, HeldRow>();
  for (const { id, version, json } of state.model(model)?.scan({ descending: false }) ?? []) {
    const row: Row = JSON.parse(json);
    rows.set(id, { version, row });
  }
  return rows;
}
