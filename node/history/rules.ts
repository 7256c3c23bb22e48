import { durationMs, type FieldSchema, type HistorizeSpec, type ModelSchema } from '@lithair/crds';
import type { FormerRules, KeptRules, VersionRecord } from '../ports/index.ts';

/** Which past values of one field are kept. */
export interface FieldRule {
  readonly name: string;
  /** Versions that keep their value, the newest counted: 1 is the present value alone. */
  readonly depth: number;
  /** Whether the value goes when its version is older than the model's retention. */
  readonly expires: boolean;
  /** Whether it is told who changed it. */
  readonly audited: boolean;
}

/** What is kept of the past of a model's rows, worked out once per schema. */
export interface HistoryRules {
  readonly model: ModelSchema;
  /** Whether versions are chained by hashes, and so kept whole. */
  readonly chained: boolean;
  /** Whether actor and old values are recorded, for some field at least. */
  readonly audited: boolean;
  /** Whether every change is told with its actor, whatever it changed. */
  readonly auditsAll: boolean;
  /** In the order of the schema, the primary key included. */
  readonly fields: readonly FieldRule[];
  /** Versions that keep the values of all fields, the newest counted; some may keep them longer. */
  readonly wholeDepth: number;
  /** How old versions may get in memory, milliseconds of log time; Infinity where nothing is said. */
  readonly hotMs: number;
  /** How old versions get whose values no field rule keeps, milliseconds; Infinity: any age. */
  readonly retentionMs: number;
  /** How old versions get on the disk before they move to the cold store; Infinity: never. */
  readonly coldAfterMs: number;
  /** Stricter rules that were in force before, oldest first: what they removed stays removed. */
  readonly former: readonly FormerRules[];
}

/** What decides, with the rules, whether something of a version is kept. */
export interface Moment {
  /** The newest version of the aggregate. */
  readonly newest: number;
  /** Log time. */
  readonly nowMs: number;
  /** The newest version of the aggregate when each of the former rules ended; 0 for none. */
  readonly formerNewest?: readonly number[];
}

type Version = Pick<VersionRecord, 'version' | 'timeMs' | 'index'>;

/** The rules of a model; null where it keeps no history. */
export function historyRules(
  model: ModelSchema,
  former: readonly FormerRules[] = [],
): HistoryRules | null {
  const { audited: auditsAll = false, retention } = model.lifecycle ?? {};
  const audited = auditsAll || model.fields.some((field) => field.audited === true);
  if (!audited && !keepsValues(model)) return null;
  const { hot, warm, cold } = retention ?? {};
  const [hotMs, warmMs, coldMs] = [lasts(hot), lasts(warm), lasts(cold)];
  const fields = model.fields.map((field) => fieldRule(field, model));
  return {
    model,
    audited,
    auditsAll,
    chained: model.tamperEvidence === true,
    fields,
    wholeDepth: wholeDepth(fields),
    hotMs: hot === undefined ? Infinity : durationMs(hot),
    retentionMs: retention === undefined ? Infinity : hotMs + warmMs + coldMs,
    coldAfterMs: cold === undefined ? Infinity : hotMs + warmMs,
    former,
  };
}

function keepsValues({ lifecycle, fields }: ModelSchema): boolean {
  if (lifecycle?.versioned !== undefined || lifecycle?.retention !== undefined) return true;
  return fields.some(({ historize }) => historize !== undefined && historize.mode !== 'never');
}

/** A model that has nothing but its key keeps no values. */
function wholeDepth(fields: readonly FieldRule[]): number {
  return fields.length > 1 ? Math.min(...fields.map(({ depth }) => depth)) : 0;
}

function lasts(tier: string | undefined): number {
  return tier === undefined ? 0 : durationMs(tier);
}

/** Rules as far as some fields of the model go. */
export function narrowed(rules: HistoryRules, isLeft: (field: string) => boolean): HistoryRules {
  const { model, auditsAll } = rules;
  const fields = rules.fields.filter(({ name }) => isLeft(name));
  return {
    ...rules,
    model: { ...model, fields: model.fields.filter(({ name }) => isLeft(name)) },
    fields,
    audited: auditsAll || fields.some(({ audited }) => audited),
  };
}

function fieldRule(field: FieldSchema, model: ModelSchema): FieldRule {
  const { name } = field;
  const isKey = name === model.primaryKey;
  const audited = !isKey && (field.audited === true || model.lifecycle?.audited === true);
  return { name, ...valuesKept(field, model, audited), audited };
}

function valuesKept(
  { name, historize }: FieldSchema,
  { primaryKey, lifecycle }: ModelSchema,
  audited: boolean,
): Pick<FieldRule, 'depth' | 'expires'> {
  if (name === primaryKey) return { depth: Infinity, expires: false };
  if (historize !== undefined) return { depth: DEPTHS[historize.mode](historize), expires: false };
  if (lifecycle?.versioned !== undefined) return { depth: lifecycle.versioned, expires: false };
  const isKept = audited || lifecycle?.retention !== undefined;
  return { depth: isKept ? Infinity : 1, expires: isKept };
}

const DEPTHS = {
  full: () => Infinity,
  never: () => 1,
  versions: ({ versions }: HistorizeSpec) => versions ?? 1,
} as const;

/** Whether a version's value of a field is kept. */
export function keepsValue(
  rules: HistoryRules,
  rule: FieldRule,
  version: Version,
  moment: Moment,
): boolean {
  const age = moment.newest - version.version;
  if (age <= 0) return true;
  if (age >= rule.depth) return false;
  if (rule.expires && moment.nowMs - version.timeMs > rules.retentionMs) return false;
  return rules.former.length === 0 || wasKept(rules, rule.name, version, moment);
}

/** Whether every former rule that a version was under kept its value of a field to the end. */
function wasKept(rules: HistoryRules, field: string, version: Version, moment: Moment): boolean {
  return rules.former.every((former, at) => {
    if (version.index > former.untilIndex) return true;
    if (former.rules === null) return false;
    const rule = former.rules.fields.find(({ name }) => name === field);
    if (rule === undefined) return true;
    const age = (moment.formerNewest?.[at] ?? 0) - version.version;
    if (age <= 0) return true;
    if (age >= rule.depth) return false;
    return !(rule.expires && former.untilMs - version.timeMs > former.rules.retentionMs);
  });
}

/** Whether every former rule that a version was under told of each of its changes who made it. */
export function wasAuditedWhole(rules: HistoryRules, version: Version): boolean {
  if (!rules.auditsAll) return false;
  return rules.former.every(
    ({ rules: former, untilIndex }) => version.index > untilIndex || former?.audited === true,
  );
}

/** Whether it is told who made a version's change of a field, and always was. */
export function tellsOf(
  rules: HistoryRules,
  { name, audited }: FieldRule,
  version: Version,
): boolean {
  if (!audited) return false;
  return rules.former.every(({ rules: former, untilIndex }) => {
    if (version.index > untilIndex || former?.audited === true) return true;
    return former?.fields.find((field) => field.name === name)?.audited ?? former !== null;
  });
}

/** Whether every former rule that a version was under kept who changed it and when. */
function wasTold(rules: HistoryRules, version: Version): boolean {
  return rules.former.every(({ rules: former, untilIndex, untilMs }) => {
    if (version.index > untilIndex) return true;
    if (former === null || !isToldBy(former)) return false;
    return untilMs - version.timeMs <= former.retentionMs;
  });
}

function isToldBy({ audited, fields }: KeptRules): boolean {
  return audited || fields.some((field) => field.audited);
}

/** Whether a version keeps the value of any field but its key. */
export function hasValues(rules: HistoryRules, version: Version, moment: Moment): boolean {
  const { primaryKey } = rules.model;
  for (const rule of rules.fields) {
    if (rule.name !== primaryKey && keepsValue(rules, rule, version, moment)) return true;
  }
  return false;
}

/**
 * Whether a version keeps every value, as most do, told without a look at each field. False: it
 * takes that look.
 */
export function keepsAll(rules: HistoryRules, version: Version, moment: Moment): boolean {
  if (rules.wholeDepth <= 1 || rules.former.length > 0) return false;
  if (moment.newest - version.version >= rules.wholeDepth) return false;
  return moment.nowMs - version.timeMs <= rules.retentionMs;
}

/** Whether anything of a version is kept: a value, or who changed it and when. */
export function isKept(rules: HistoryRules, version: Version, moment: Moment): boolean {
  const isRecent = moment.nowMs - version.timeMs <= rules.retentionMs;
  const isTold = rules.audited && isRecent && wasTold(rules, version);
  return isTold || version.version >= moment.newest || hasValues(rules, version, moment);
}
