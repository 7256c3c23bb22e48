import { type LithairModelSpec, validateSpec } from '@lithair/crds';
import type { StateReader } from '../../ports/index.ts';
import {
  type Constraint,
  type FinalState,
  type HeldRow,
  type PastRules,
  type Row,
  STAMP,
} from '../checks/index.ts';
import { lifeModels } from './life-models.ts';
import { WEAK_MODELS } from './weak-writers.ts';

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

const WEAK = WEAK_MODELS.map(({ name, path, durability }) => ({
  name,
  path,
  fields: [{ name: 'id', type: 'uuid', primaryKey: true }, STAMP_FIELD],
  persistence: { durability },
}));

/** Models that are there in some runs alone. */
export interface Flavour {
  /** There is a model that every node writes by itself. */
  readonly eventual: boolean;
  /** The models keep the past of their rows. */
  readonly history: boolean;
  /** There are models whose writes are answered early. */
  readonly weak: boolean;
  /** There are models whose rows have declared lives. */
  readonly lives: boolean;
}

const PLAIN: Flavour = { eventual: false, history: false, weak: false, lives: false };

/** How old what Brand keeps gets, in two steps: in memory, and in archives. */
const RETENTION = { hot: '1s', warm: '4s' };
const RETENTION_MS = 5_000;
/** Versions that keep a value of Item's `amount`, and of Ticket. */
const AMOUNTS = 3;
const TICKETS = 2;

interface FieldPast {
  readonly historize?: object;
  readonly versioned?: number;
  readonly audited?: true;
}

interface Past {
  readonly fields: Readonly<Record<string, FieldPast>>;
  readonly lifecycle?: object;
}

/** What models say of the past, where they do. */
const PASTS: Readonly<Record<string, Past>> = {
  Brand: { fields: {}, lifecycle: { audited: true, retention: RETENTION } },
  Item: {
    fields: {
      [STAMP]: { historize: { mode: 'full' } },
      sku: { historize: { mode: 'full' }, audited: true },
      amount: { versioned: AMOUNTS },
      group: { historize: { mode: 'never' }, audited: true },
    },
  },
  Ticket: { fields: {}, lifecycle: { immutable: true, versioned: TICKETS } },
};

/** The same, as the check of what nodes tell has it. */
export const PAST_RULES: readonly PastRules[] = [
  {
    model: 'Item',
    depths: { [STAMP]: Infinity, sku: Infinity, amount: AMOUNTS },
    retentionMs: Infinity,
  },
  { model: 'Brand', depths: { [STAMP]: Infinity }, retentionMs: RETENTION_MS },
  { model: 'Ticket', depths: { [STAMP]: TICKETS }, retentionMs: Infinity },
];

interface Declared {
  readonly name: string;
  readonly fields: readonly { readonly name: string }[];
}

function withPast(model: Declared, lives: boolean): object {
  const past = PASTS[model.name];
  if (past === undefined) return model;
  const rules = new Map(Object.entries(past.fields));
  const fields = model.fields.map((field) => {
    const { audited, ...others }: FieldPast = rules.get(field.name) ?? {};
    // Clusters that begin at an older apply version do not know audited fields.
    return { ...field, ...others, ...(lives && audited && { audited }) };
  });
  return { ...model, fields, ...(past.lifecycle && { lifecycle: past.lifecycle }) };
}

function flavoured(
  models: readonly Declared[],
  { eventual, history, weak, lives }: Flavour,
  other: boolean,
): readonly object[] {
  const all = history ? models.map((model) => withPast(model, lives)) : models;
  const more = [...(eventual ? [MEMO] : []), ...(weak ? WEAK : [])];
  return [...all, ...more, ...(lives ? lifeModels(other) : [])];
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
export function workloadSpec(store: StoreSettings = {}, flavour = PLAIN): LithairModelSpec {
  const spec = validateSpec({
    auth: { mode: 'open' },
    models: flavoured(MODELS, flavour, false),
    store,
  });
  if (!spec.ok) throw new Error(JSON.stringify(spec.problems));
  return spec.value;
}

/** The same rows under other indexes, some of which must be built from them. */
export function otherSpec(flavour = PLAIN): LithairModelSpec {
  const others = MODELS.map((model) => ({
    ...model,
    fields: model.fields.map((field) => {
      if (field.name === 'amount') return { ...field, index: 'none' };
      return field.name === 'sku' ? { ...field, index: 'ordered' } : field;
    }),
  }));
  const spec = validateSpec({ auth: { mode: 'open' }, models: flavoured(others, flavour, true) });
  if (!spec.ok) throw new Error(JSON.stringify(spec.problems));
  return spec.value;
}

export interface StoreSettings {
  /** Entries between two snapshots. */
  readonly snapshotEvery?: number;
  readonly batchSize?: number;
}

/** Stamps of all rows of a model. */
export function stampsOf(state: StateReader, model: string): string[] {
  return [...heldRows(state, model).values()].flatMap(({ row }) => {
    const stamp = row[STAMP];
    return typeof stamp === 'string' ? [stamp] : [];
  });
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
