import { keyName } from './key-model.ts';
import { idOf } from './row.ts';
import { indexOfToken } from './token.ts';
import type { Operation, Row, Violation } from './types.ts';

/** What a model says of the past of its rows, in the words of the check. */
export interface PastRules {
  readonly model: string;
  /** Versions that show a field's value, the newest counted; Infinity for all. */
  readonly depths: Readonly<Record<string, number>>;
  /** Age in log time from which past versions are gone, milliseconds; Infinity for none. */
  readonly retentionMs: number;
}

/** One version, as a node's API tells it. */
export interface ToldVersion {
  readonly version: number;
  /** Log time, epoch milliseconds. */
  readonly atMs: number;
  /** Null for a deletion. */
  readonly data: Row | null;
}

/** The past of one aggregate, as one node tells it in the end. */
export interface ToldPast {
  readonly node: number;
  readonly model: string;
  readonly id: string;
  /** Newest first. */
  readonly versions: readonly ToldVersion[];
  /** Log time of the node before and after it was asked. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** What is held against what nodes tell of the past. */
export interface PastRun {
  readonly rules: readonly PastRules[];
  readonly pasts: readonly ToldPast[];
  readonly operations: readonly Operation[];
  /** Log time at which an index was applied; undefined where nobody saw it. */
  readonly timeAt: (index: number) => number | undefined;
}

/**
 * All nodes tell the same past; every version that was acknowledged or seen is there with the
 * values that the model keeps of it, as they were; and what the model does not keep is gone.
 */
export function checkPast(run: PastRun): Violation[] {
  const known = knownVersions(run.operations);
  return [
    ...differences(run),
    ...run.pasts.flatMap((past) => {
      const rules = run.rules.find(({ model }) => model === past.model);
      if (rules === undefined) return [];
      const versions = known.get(keyName(past.model, past.id)) ?? [];
      return [...gaps(rules, past), ...kept(run, rules, past, versions), ...gone(rules, past)];
    }),
  ];
}

/** Expiry goes on between two questions, so only what does not expire is compared as a whole. */
function differences({ pasts, rules }: PastRun): Violation[] {
  const texts = new Map<string, { readonly text: string; readonly node: number }>();
  return pasts.flatMap((past) => {
    const { model, id, node, versions } = past;
    const expires = rules.some((rule) => rule.model === model && rule.retentionMs < Infinity);
    if (expires) return [];
    const text = JSON.stringify(versions);
    const name = keyName(model, id);
    const first = texts.get(name);
    if (first === undefined) texts.set(name, { text, node });
    if (first === undefined || first.text === text) return [];
    return [violation(past, `nodes ${first.node} and ${node} tell it differently`)];
  });
}

/** Where every version keeps a value for ever, they are counted without a gap. */
function gaps(rules: PastRules, past: ToldPast): Violation[] {
  const keepsAll = Object.values(rules.depths).includes(Infinity);
  if (!keepsAll || rules.retentionMs < Infinity) return [];
  const missing = past.versions.find(({ version }, at) => version !== past.versions.length - at);
  if (missing === undefined) return [];
  return [violation(past, `the version at or before ${missing.version} is missing`)];
}

/** A version with the row that it made. */
interface Known {
  readonly version: number;
  readonly row: Row;
  readonly timeMs: number | undefined;
}

function kept(
  run: PastRun,
  rules: PastRules,
  past: ToldPast,
  known: readonly KnownVersion[],
): Violation[] {
  const newest = past.versions[0]?.version ?? 0;
  return known.flatMap(({ version, row, index }) => {
    const timeMs = index === null ? undefined : run.timeAt(index);
    if (version > newest) return [violation(past, `version ${version} is not told of`)];
    const told = past.versions.find((candidate) => candidate.version === version);
    const one = { version, row, timeMs };
    const problem =
      told === undefined
        ? absenceProblem(rules, past, one, newest)
        : valueProblem(rules, past, told, one, newest);
    return problem === null ? [] : [violation(past, problem)];
  });
}

function absenceProblem(
  rules: PastRules,
  past: ToldPast,
  { version, timeMs }: Known,
  newest: number,
): string | null {
  const keepsSome = Object.values(rules.depths).some((depth) => newest - version < depth);
  const mayBeGone = timeMs === undefined || past.toMs - timeMs > rules.retentionMs;
  const isGone = !keepsSome || (rules.retentionMs < Infinity && mayBeGone);
  return isGone ? null : `version ${version} is gone, ${past.toMs - (timeMs ?? 0)} ms old`;
}

function valueProblem(
  { depths, retentionMs }: PastRules,
  past: ToldPast,
  { data, atMs }: ToldVersion,
  { version, row }: Known,
  newest: number,
): string | null {
  const age = newest - version;
  const mayExpire = age > 0 && past.toMs - atMs > retentionMs;
  for (const [field, value] of Object.entries(row)) {
    if (field === 'id') continue;
    const shown = data?.[field];
    const isKept = age < (depths[field] ?? 1) && !mayExpire;
    if (isKept && JSON.stringify(shown) !== JSON.stringify(value)) {
      const found = `${JSON.stringify(shown)}, not ${JSON.stringify(value)}`;
      return `version ${version} of ${newest} tells ${field} as ${found}`;
    }
  }
  return null;
}

/** What is not kept shows nowhere, whoever wrote it. */
function gone({ depths, retentionMs }: PastRules, past: ToldPast): Violation[] {
  const newest = past.versions[0]?.version ?? 0;
  return past.versions.flatMap(({ version, atMs, data }) => {
    const age = newest - version;
    if (age === 0) return [];
    const isExpired = past.fromMs - atMs > retentionMs;
    if (isExpired) return [violation(past, `version ${version} is told, and is expired`)];
    const extra = Object.keys(data ?? {}).filter(
      (field) => field !== 'id' && age >= (depths[field] ?? 1),
    );
    if (extra.length === 0) return [];
    return [violation(past, `version ${version} of ${newest} still tells ${extra.join()}`)];
  });
}

interface KnownVersion {
  readonly version: number;
  readonly row: Row;
  /** Of the entry that made it; null where a read showed it. */
  readonly index: number | null;
}

/** Versions that answers showed, by aggregate. */
function knownVersions(operations: readonly Operation[]): Map<string, KnownVersion[]> {
  const known = new Map<string, KnownVersion[]>();
  for (const { call, result } of operations) {
    if (result.kind !== 'ok' || result.version === null) continue;
    const [row] = result.rows;
    if (row === undefined || result.durability !== 'quorum') continue;
    const name = keyName(call.model, idOf(row));
    const list = known.get(name) ?? [];
    known.set(name, list);
    const index = call.kind === 'read' ? null : indexOfToken(result.token);
    list.push({ version: result.version, row, index });
  }
  return known;
}

function violation({ model, id, node }: ToldPast, text: string): Violation {
  const message = `${keyName(model, id)} on node ${node}: ${text}`;
  return { check: 'past', message, key: { model, id }, operations: [] };
}
