import type { JsonValue, ModelSchema } from '@lithair/crds';
import type { JsonObject, VersionRecord } from '../ports/index.ts';
import {
  type FieldRule,
  type HistoryRules,
  isKept,
  keepsAll,
  keepsValue,
  type Moment,
  tellsOf,
  wasAuditedWhole,
} from './rules.ts';

/** Old and new value of a field that changed; what is not kept is absent. */
export interface FieldChange {
  readonly old?: JsonValue;
  readonly new?: JsonValue;
}

/**
 * The values of a version that are kept, in the order of the schema; null where the version is a
 * deletion. A field that the version did not have yet is absent, as is one that is not kept.
 */
export function keptValues(
  rules: HistoryRules,
  record: VersionRecord,
  moment: Moment,
): JsonObject | null {
  if (record.json === null) return null;
  return pick(parse(record.json), rules, (rule) => keepsValue(rules, rule, record, moment));
}

/**
 * Who made a change; null where it is not told: of a model of which some fields are audited, where
 * none of these changed.
 */
export function toldActor(
  rules: HistoryRules,
  record: VersionRecord,
  moment: Moment,
): VersionRecord['actor'] {
  if (!rules.audited || record.actor === null) return null;
  if (wasAuditedWhole(rules, record)) return record.actor;
  return Object.keys(keptChanges(rules, record, moment)).length > 0 ? record.actor : null;
}

/** The audited fields that a change changed, in the order of the schema, with the values that are kept. */
export function keptChanges(
  rules: HistoryRules,
  record: VersionRecord,
  moment: Moment,
): { readonly [field: string]: FieldChange } {
  const [before, after] = [parse(record.before), parse(record.json)];
  const changed = record.changed ?? changedFields(rules.model, before, after);
  const changes: { [field: string]: FieldChange } = {};
  for (const rule of rules.fields) {
    const { name } = rule;
    if (!changed.includes(name) || !tellsOf(rules, rule, record)) continue;
    const old = keepsValue(rules, rule, oldOf(record), moment) ? before[name] : undefined;
    const now = keepsValue(rules, rule, record, moment) ? after[name] : undefined;
    changes[name] = { ...(old !== undefined && { old }), ...(now !== undefined && { new: now }) };
  }
  return changes;
}

/**
 * A version as it is archived: without values that are not kept, and without those that only the
 * present version has, which the state holds. Null where nothing of it is kept.
 */
export function archived(
  rules: HistoryRules,
  record: VersionRecord,
  moment: Moment,
): VersionRecord | null {
  if (keepsAll(rules, record, moment)) return whole(rules, record, record.json, moment);
  if (record.version < moment.newest && !isKept(rules, record, moment)) return null;
  // Most versions are archived as they are: reading and writing their rows again costs the most.
  const json = lastsWhole(rules, record, moment) ? record.json : lasting(rules, record, moment);
  return whole(rules, record, json, moment);
}

/** A version with the values that it keeps, and what belongs to it by the rules. */
function whole(
  rules: HistoryRules,
  record: VersionRecord,
  json: string | null,
  moment: Moment,
): VersionRecord {
  if (rules.chained && record.evidence !== null) return record;
  const told = audited(rules, record, moment);
  if (told !== null) return { ...record, json, ...told, evidence: null };
  if (json === record.json && isBare(record)) return record;
  return { ...record, json, actor: null, before: null, changed: null, evidence: null };
}

function isBare({ actor, before, changed, evidence }: VersionRecord): boolean {
  return actor === null && before === null && changed === null && evidence === null;
}

/** What is kept of who changed what; null where nothing is. */
function audited(
  rules: HistoryRules,
  record: VersionRecord,
  moment: Moment,
): Pick<VersionRecord, 'actor' | 'before' | 'changed'> | null {
  if (!rules.audited || record.actor === null) return null;
  const before = parse(record.before);
  const changed = toldFields(rules, record, before);
  if (changed.length === 0 && !rules.auditsAll) return null;
  const replaced = oldOf(record);
  const isOld = (rule: FieldRule) =>
    changed.includes(rule.name) && lasts(rules, rule, replaced, moment);
  const old = pick(before, rules, isOld);
  const kept = record.before === null ? null : JSON.stringify(old);
  return { actor: record.actor, before: kept, changed };
}

function toldFields(rules: HistoryRules, record: VersionRecord, before: JsonObject): string[] {
  const all = record.changed ?? changedFields(rules.model, before, parse(record.json));
  if (rules.auditsAll) return [...all];
  const isTold = (rule: FieldRule) => all.includes(rule.name) && tellsOf(rules, rule, record);
  return rules.fields.filter(isTold).map(({ name }) => name);
}

/** Whether a version keeps a value after it is not the present one any more. */
function lasts(rules: HistoryRules, rule: FieldRule, version: Version, moment: Moment): boolean {
  return rule.depth > 1 && keepsValue(rules, rule, version, moment);
}

function lastsWhole(rules: HistoryRules, record: VersionRecord, moment: Moment): boolean {
  if (record.json === null) return true;
  for (const rule of rules.fields) if (!lasts(rules, rule, record, moment)) return false;
  return true;
}

function lasting(rules: HistoryRules, record: VersionRecord, moment: Moment): string {
  const isWanted = (rule: FieldRule) => lasts(rules, rule, record, moment);
  return JSON.stringify(pick(parse(record.json), rules, isWanted));
}

type Version = Pick<VersionRecord, 'version' | 'timeMs' | 'index'>;

/** What a change replaced belongs to the version before, and is as old as the change that tells it. */
function oldOf({ version, timeMs, index }: VersionRecord): Version {
  return { version: version - 1, timeMs, index };
}

function pick(
  values: JsonObject,
  { fields }: HistoryRules,
  isWanted: (rule: FieldRule) => boolean,
): JsonObject {
  const picked: JsonObject = {};
  for (const rule of fields) {
    const value = values[rule.name];
    if (value !== undefined && isWanted(rule)) picked[rule.name] = value;
  }
  return picked;
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

/** Stored rows were written by this software, from objects. */
function parse(json: string | null): JsonObject {
  return json === null ? {} : JSON.parse(json);
}
