import type { JsonValue, ModelSchema } from '@lithair/crds';
import type { JsonObject, VersionRecord } from '../ports/index.ts';
import type { HistoryRules } from './rules.ts';

/** Old and new value of a field that changed; what is not kept is absent. */
export interface FieldChange {
  readonly old?: JsonValue;
  readonly new?: JsonValue;
}

/** Whether anything of a version may be shown, given the newest version of its aggregate. */
export function isKept(rules: HistoryRules, version: number, newest: number): boolean {
  return rules.audited || newest - version < rules.depth;
}

/** Whether values of a version may be shown. */
export function hasValues(rules: HistoryRules, version: number, newest: number): boolean {
  return newest - version < rules.depth;
}

/**
 * The values of a version that are kept, in the order of the schema; null where the version is a
 * deletion. A field that the version did not have yet is absent, as is one that is not kept.
 */
export function keptValues(
  rules: HistoryRules,
  record: Pick<VersionRecord, 'version' | 'json'>,
  newest: number,
): JsonObject | null {
  return record.json === null ? null : keptOf(rules, record.json, newest - record.version);
}

/** The fields that a change changed, in the order of the schema, with the values that are kept. */
export function keptChanges(
  rules: HistoryRules,
  record: VersionRecord,
  newest: number,
): { readonly [field: string]: FieldChange } {
  const age = newest - record.version;
  const after = parse(record.json);
  const before = parse(record.before);
  const changed = record.changed ?? changedFields(rules.model, before, after);
  const changes: { [field: string]: FieldChange } = {};
  for (const { name, depth } of rules.fields) {
    if (!changed.includes(name)) continue;
    const old = age + 1 < depth ? before[name] : undefined;
    const now = age < depth ? after[name] : undefined;
    changes[name] = { ...(old !== undefined && { old }), ...(now !== undefined && { new: now }) };
  }
  return changes;
}

/** Fields that differ between two whole rows; an empty object stands for no row. */
export function changedFields(
  { fields, primaryKey }: ModelSchema,
  before: JsonObject,
  after: JsonObject,
): string[] {
  return fields
    .map(({ name }) => name)
    .filter((name) => name !== primaryKey && !isSame(before[name], after[name]));
}

function isSame(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function keptOf(rules: HistoryRules, json: string, age: number): JsonObject {
  const values = parse(json);
  const kept: JsonObject = {};
  for (const { name, depth } of rules.fields) {
    const value = values[name];
    if (value !== undefined && age < depth) kept[name] = value;
  }
  return kept;
}

/** Stored rows were written by this software, from objects. */
export function parse(json: string | null): JsonObject {
  return json === null ? {} : JSON.parse(json);
}
