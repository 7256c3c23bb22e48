// What it means for the rows that exist when one schema takes the place of another.
//
// A change is additive when every stored row stays valid under the new schema with the values that
// it has. A new optional field is then its default in old rows, or null; a new required field is
// breaking, since not every old row would have a value for it.
import { hasUsedValues, mayClash } from './compare-collation.ts';
import { compareComputed } from './compare-computed.ts';
import { compareIndexes } from './compare-indexes.ts';
import { canonicalJson, withoutFieldKey } from './compile.ts';
import { DEFAULTS } from './language-terms.ts';
import { type Path, type Problem, type ProblemCode, problem } from './problems.ts';
import type { ColdStoreSpec, IdempotencySettings } from './resource.ts';
import { compareNumbers } from './rules.ts';
import type { FieldSchema, ModelSchema, Schema, ValueSchema } from './schema.ts';

export interface SchemaComparison {
  kind: 'same' | 'additive' | 'breaking';
  /** Every difference in words, in the order of the new schema. */
  changes: string[];
  /** Why it is breaking; paths lead into the compiled schema that is asked for. */
  reasons: Problem[];
}

/** Compares the schema that serves with the one that is asked for. */
export function compareSchemas(old: Schema, next: Schema): SchemaComparison {
  const comparison = new Comparison();
  comparison.schemas(old, next);
  const { changes, reasons } = comparison;
  if (changes.length === 0 && textOf(old) !== textOf(next)) {
    changes.push('the order of models, fields or values');
  }
  if (reasons.length > 0) return { kind: 'breaking', changes, reasons };
  return { kind: changes.length > 0 ? 'additive' : 'same', changes, reasons };
}

function textOf(schema: Schema): string {
  return canonicalJson(withoutFieldKey(schema));
}

/** +1: a larger value allows more (an upper bound); -1: a smaller one does (a lower bound). */
const LIMITS = [
  ['minimum', -1],
  ['maximum', 1],
  ['minLength', -1],
  ['maxLength', 1],
  ['minItems', -1],
  ['maxItems', 1],
] as const;

function isTakenByNodes({ consistency }: ModelSchema): boolean {
  return consistency === 'eventual';
}

/** A model that somebody wrote is not the one that follows from another, whatever it is called. */
function isSameModel(one: ModelSchema, other: ModelSchema): boolean {
  const isOfOne = one.deletedOf === other.deletedOf && one.usedBy === other.usedBy;
  return one.name === other.name && isOfOne;
}

class Comparison {
  readonly changes: string[] = [];
  readonly reasons: Problem[] = [];

  schemas(old: Schema, next: Schema): void {
    this.allModels(old, next);
    for (const key of ['snapshotEvery', 'batchSize', 'syncMode'] as const) {
      if (old.store[key] === next.store[key]) continue;
      this.changes.push(`store.${key}: ${old.store[key]} becomes ${next.store[key]}`);
    }
    const [wrote = 'json', writes = 'json'] = [old.store.codec, next.store.codec];
    if (wrote !== writes) this.changes.push(`store.codec: ${wrote} becomes ${writes}`);
    this.noted(old.store, next.store, 'store', 'auditRetention');
    const [kept, keeps] = [old, next].map(({ store }) => describeIdempotency(store.idempotency));
    if (kept !== keeps) this.changes.push(`store.idempotency: ${kept} becomes ${keeps}`);
    const isSameAuth = JSON.stringify(old.auth) === JSON.stringify(next.auth);
    if (!isSameAuth) this.changes.push('auth: who may call, and how it is proved');
    this.coldStore(old.store.cold, next.store.cold);
    this.fieldKey(old, next);
  }

  /** One that comes from a file says nothing of the key that the cluster made. */
  private fieldKey({ fieldKey: old }: Schema, { fieldKey: next }: Schema): void {
    if (next === undefined || JSON.stringify(old) === JSON.stringify(next)) return;
    const how = old === undefined ? 'is new' : `is wrapped by master key ${next.masterKey}`;
    this.changes.push(`the key of encrypted fields ${how}`);
  }

  private allModels(old: Schema, next: Schema): void {
    for (const [at, model] of next.models.entries()) {
      const before = old.models.find((candidate) => isSameModel(candidate, model));
      // Deleted rows and used values follow from their model.
      if ((model.deletedOf ?? model.usedBy) !== undefined) continue;
      if (before) this.models(before, model, ['models', at]);
      else this.changes.push(`model ${model.name} is new`);
    }
    for (const model of old.models) {
      if (next.models.some((candidate) => isSameModel(candidate, model))) continue;
      if (model.deletedOf !== undefined) this.deletedRows(next, model.deletedOf);
      else if (model.usedBy !== undefined) this.usedValues(next, model.usedBy);
      else this.break(['models'], 'model_removed', `model ${model.name} is gone`);
    }
  }

  /** Nobody could get at the deleted rows of a model that keeps none any more. */
  private deletedRows(next: Schema, name: string): void {
    const at = next.models.findIndex((model) => model.name === name);
    if (at === -1) return;
    const message = `${name} has no softDelete any more, and its deleted rows would be lost`;
    this.break(['models', at, 'lifecycle', 'softDelete'], 'soft_delete_removed', message);
  }

  private usedValues(next: Schema, name: string): void {
    const at = next.models.findIndex((model) => model.name === name);
    if (at === -1) return;
    const message = `${name} has no unique: forever any more, and what was used would be forgotten`;
    this.break(['models', at, 'indexes'], 'used_values_removed', message);
  }

  /** How it is reached may change; history that lies in one place is not looked for in another. */
  private coldStore(old: ColdStoreSpec | undefined, next: ColdStoreSpec | undefined): void {
    const [from, to] = [describePlace(old), describePlace(next)];
    if (old === undefined || from === to) {
      if (describeCold(old) !== describeCold(next)) {
        this.changes.push(`store.cold: ${old === undefined ? `${to} is new` : 'settings change'}`);
      }
      return;
    }
    const message = `store.cold: ${from} becomes ${to}, and what is in the old place would be lost`;
    this.break(['store', 'cold'], 'cold_store_moved', message);
  }

  private models(old: ModelSchema, next: ModelSchema, path: Path): void {
    const changed = (what: string, from: string, to: string) =>
      `${next.name}: the ${what} ${from} becomes ${to}`;
    if (old.path !== next.path) {
      this.break([...path, 'path'], 'path_changed', changed('path', old.path, next.path));
    }
    if (old.primaryKey !== next.primaryKey) {
      const message = changed('primary key', old.primaryKey, next.primaryKey);
      this.break([...path, 'primaryKey'], 'primary_key_changed', message);
    }
    if (isTakenByNodes(old) !== isTakenByNodes(next)) {
      const [from, to] = [old.consistency ?? 'strong', next.consistency ?? 'strong'];
      const message = changed('consistency', from, to);
      this.break([...path, 'consistency'], 'consistency_changed', message);
    }
    this.fields(old.fields, next.fields, path, next.name);
    this.collations(old, next, path);
    this.computed(old, next, path);
    this.indexes(old, next, [...path, 'indexes']);
    this.rules(old, next, path);
    this.remembered(old, next);
  }

  private computed(old: ModelSchema, next: ModelSchema, path: Path): void {
    const { changes, breaks } = compareComputed(old, next);
    this.changes.push(...changes);
    for (const { at, message } of breaks) {
      this.break([...path, 'fields', at, 'computed'], 'computed_changed', message);
    }
  }

  private collations(old: ModelSchema, next: ModelSchema, path: Path): void {
    for (const [at, field] of next.fields.entries()) {
      const before = old.fields.find(({ name }) => name === field.name);
      if (before === undefined || before.collation === field.collation) continue;
      const [from, to] = [before.collation ?? 'none', field.collation ?? 'none'];
      const message = `${next.name}.${field.name}: collation ${from} becomes ${to}`;
      const place = [...path, 'fields', at, 'collation'];
      if (hasUsedValues(old, next, field.name)) {
        this.narrow(place, `${message}, and what was used could be taken again`);
      } else if (mayClash(before, field, next)) this.narrow(place, message);
      else this.changes.push(message);
    }
  }

  private indexes(old: ModelSchema, next: ModelSchema, path: Path): void {
    const { changes, clashes } = compareIndexes(old, next);
    this.changes.push(...changes);
    for (const { at, message } of clashes) {
      this.break([...path, at, 'unique'], 'unique_added', message);
    }
  }

  /** Rows that exist need not meet a condition that is new. */
  private rules(old: ModelSchema, next: ModelSchema, path: Path): void {
    const [before, after] = [old, next].map(({ rules = [] }) => rules.map(({ expr }) => expr));
    for (const expr of after ?? []) {
      if (before?.includes(expr)) continue;
      const message = `${next.name}: the rule ${expr} is new, and the rows that exist need not meet it`;
      this.break([...path, 'rules'], 'rule_added', message);
    }
    for (const expr of before ?? []) {
      if (!after?.includes(expr)) this.changes.push(`${next.name}: the rule ${expr} is gone`);
    }
    if (JSON.stringify(old.rules) !== JSON.stringify(next.rules)) {
      this.changes.push(`${next.name}: order or messages of its rules`);
    }
  }

  /** What is kept of the past may always change: rows stay what they are. */
  private remembered(old: ModelSchema, next: ModelSchema): void {
    this.noted(old, next, next.name, 'permissions');
    this.noted(old, next, next.name, 'methods');
    this.noted(old, next, next.name, 'cacheSeconds');
    this.noted(old, next, next.name, 'lifecycle');
    this.noted(old, next, next.name, 'encryptionAtRest');
    this.noted(old, next, next.name, 'tamperEvidence');
    this.noted(old, next, next.name, 'auditAllOperations');
    this.noted(old, next, next.name, 'events');
    this.noted(old, next, next.name, 'tracing');
    this.noted(old, next, next.name, 'durability');
    if (!isTakenByNodes(old) && !isTakenByNodes(next)) {
      this.noted(old, next, next.name, 'consistency');
    }
    this.noted(old, next, next.name, 'adaptive');
  }

  private fields(old: FieldSchema[], next: FieldSchema[], path: Path, owner: string): void {
    for (const [at, field] of next.entries()) {
      const place = [...path, 'fields', at];
      const name = `${owner}.${field.name}`;
      const before = old.find((candidate) => candidate.name === field.name);
      if (before) this.field(before, field, place, name);
      else this.newField(field, place, name);
    }
    for (const field of old) {
      if (next.some(({ name }) => name === field.name)) continue;
      this.break([...path, 'fields'], 'field_removed', `${owner}.${field.name} is gone`);
    }
  }

  private newField(field: FieldSchema, path: Path, name: string): void {
    if (field.encrypted === true && (field.default ?? null) !== null) {
      const message = `${name} is new and encrypted: with a default, every row would have to be encrypted anew`;
      this.break([...path, 'default'], 'encryption_changed', message);
      return;
    }
    if (!field.required) {
      this.changes.push(`${name} is new`);
      return;
    }
    const message = `${name} is new and required, and the rows that exist do not have it`;
    this.break([...path, 'required'], 'field_required', message);
  }

  private field(old: FieldSchema, next: FieldSchema, path: Path, name: string): void {
    if (old.type !== next.type) {
      const message = `${name}: type ${old.type} becomes ${next.type}`;
      this.break([...path, 'type'], 'type_changed', message);
      return;
    }
    if (old.encrypted !== next.encrypted) {
      const way = next.encrypted === true ? 'becomes' : 'is no longer';
      const message = `${name} ${way} encrypted, and rows and history hold it as it was: add another field`;
      this.break([...path, 'encrypted'], 'encryption_changed', message);
    }
    this.flags(old, next, path, name);
    if (old.template !== next.template) {
      const [from, to] = [old.template ?? 'none', next.template ?? 'none'];
      const message = `${name}: the template ${from} becomes ${to}, and rows have keys already`;
      this.break([...path, 'template'], 'primary_key_changed', message);
    }
    this.value(old, next, path, name);
    if (old.to !== next.to) {
      const message = `${name} refers to ${next.to} instead of ${old.to}`;
      this.break([...path, 'to'], 'reference_changed', message);
    }
    if (old.index !== next.index) {
      this.changes.push(`${name}: index ${old.index} becomes ${next.index}`);
    }
    this.noted(old, next, name, 'onDelete');
    this.noted(old, next, name, 'inverse');
    this.noted(old, next, name, 'states');
    this.noted(old, next, name, 'default');
    this.noted(old, next, name, 'defaultFrom');
    this.noted(old, next, name, 'historize');
    this.noted(old, next, name, 'audited');
    this.noted(old, next, name, 'hidden');
    this.noted(old, next, name, 'permissions');
  }

  private flags(old: FieldSchema, next: FieldSchema, path: Path, name: string): void {
    this.flag(name, 'required', old.required, next.required, () =>
      this.break([...path, 'required'], 'field_required', `${name} becomes required`),
    );
    this.flag(name, 'unique', old.unique, next.unique, () =>
      this.break([...path, 'unique'], 'unique_added', `${name} becomes unique`),
    );
    this.flag(name, 'immutable', old.immutable, next.immutable, () =>
      this.changes.push(`${name} becomes immutable`),
    );
  }

  private flag(name: string, what: string, old: boolean, next: boolean, set: () => void): void {
    if (old === next) return;
    if (next) set();
    else this.changes.push(`${name} is no longer ${what}`);
  }

  private noted<T>(old: T, next: T, name: string, key: keyof T & string): void {
    const [before, after] = [JSON.stringify(old[key]), JSON.stringify(next[key])];
    if (before === after) return;
    this.changes.push(`${name}: ${key} ${before ?? 'none'} becomes ${after ?? 'none'}`);
  }

  /** What holds of a field and of the items of an array alike. */
  private value(old: ValueSchema, next: ValueSchema, path: Path, name: string): void {
    if (old.type !== next.type) {
      const message = `${name}: type ${old.type} becomes ${next.type}`;
      this.break([...path, 'type'], 'type_changed', message);
      return;
    }
    if (old.nullable && !next.nullable) {
      this.narrow([...path, 'nullable'], `${name} is no longer nullable`);
    } else if (!old.nullable && next.nullable) this.changes.push(`${name} becomes nullable`);
    this.limits(old, next, path, name);
    this.pattern(old, next, path, name);
    this.format(old, next, path, name);
    this.representation(old, next, name);
    this.values(old, next, path, name);
    if (old.items && next.items) this.value(old.items, next.items, [...path, 'items'], `${name}[]`);
    this.fields(old.fields ?? [], next.fields ?? [], path, name);
  }

  private limits(old: ValueSchema, next: ValueSchema, path: Path, name: string): void {
    for (const [limit, direction] of LIMITS) {
      const [before, after] = [old[limit], next[limit]];
      if (before === after) continue;
      const message = `${name}: ${limit} ${before ?? 'none'} becomes ${after ?? 'none'}`;
      const widened =
        after === undefined ||
        (before !== undefined && compareNumbers(after, before) * direction >= 0);
      if (widened) this.changes.push(message);
      else this.narrow([...path, limit], message);
    }
  }

  private pattern(old: ValueSchema, next: ValueSchema, path: Path, name: string): void {
    if (old.pattern === next.pattern) return;
    if (next.pattern === undefined) this.changes.push(`${name} has no pattern any more`);
    else this.narrow([...path, 'pattern'], `${name}: the pattern becomes ${next.pattern}`);
  }

  /** What is stored stays as it is. */
  private representation(old: ValueSchema, next: ValueSchema, name: string): void {
    if (old.representation === next.representation) return;
    this.changes.push(`${name} is a ${next.representation ?? 'string'} in answers`);
  }

  private format(old: ValueSchema, next: ValueSchema, path: Path, name: string): void {
    if (old.format === next.format) return;
    if (next.format === undefined) this.changes.push(`${name} has no format any more`);
    else this.narrow([...path, 'format'], `${name}: the format becomes ${next.format}`);
  }

  private values(old: ValueSchema, next: ValueSchema, path: Path, name: string): void {
    const [before, after] = [new Set(old.values), new Set(next.values)];
    for (const value of after) {
      if (!before.has(value)) this.changes.push(`${name}: the value ${value} is new`);
    }
    for (const value of before) {
      if (after.has(value)) continue;
      this.break([...path, 'values'], 'value_removed', `${name}: the value ${value} is gone`);
    }
  }

  private narrow(path: Path, message: string): void {
    this.break(path, 'constraint_narrowed', message);
  }

  private break(path: Path, code: ProblemCode, message: string): void {
    this.changes.push(message);
    this.reasons.push(problem(path, code, message));
  }
}

function describeIdempotency(settings: IdempotencySettings | undefined): string {
  const { idempotencyWindow, idempotencyMaxOutcomes } = DEFAULTS;
  const { window, maxOutcomes } = settings ?? {
    window: idempotencyWindow,
    maxOutcomes: idempotencyMaxOutcomes,
  };
  return `${window} and ${maxOutcomes} outcomes`;
}

function describePlace(cold: ColdStoreSpec | undefined): string {
  if (cold === undefined) return 'nothing';
  const { type, directory, bucket, prefix } = cold;
  return type === 'directory' ? `the directory ${directory}` : `s3://${bucket}/${prefix ?? ''}`;
}

function describeCold(cold: ColdStoreSpec | undefined): string {
  return JSON.stringify(Object.entries(cold ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
