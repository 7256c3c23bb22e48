import {
  type HistoryRules,
  hasValues,
  isKept,
  keptValues,
  type Moment,
  momentOf,
  narrowed,
} from '../../history/index.ts';
import type {
  AggregateRecord,
  HistoryReader,
  JsonObject,
  VersionRecord,
} from '../../ports/index.ts';
import { type Parameter, parseRecord, type RowScope, type Veil } from '../../query/index.ts';
import { canonicalize } from '../../values/index.ts';
import type { Exchange, ReadView } from '../exchange.ts';
import { Problem } from '../problems.ts';
import { unknownParameter } from './parameters.ts';

/** Which version of an aggregate a request asks for. */
export type WantedVersion =
  | { readonly kind: 'version'; readonly version: number }
  | { readonly kind: 'at'; readonly timeMs: number };

/** A version as it is answered. */
export interface PastVersion {
  readonly version: number;
  /** What is kept of the row. */
  readonly values: JsonObject;
}

/** What is needed to look into the past of one aggregate. */
export interface Past {
  readonly rules: HistoryRules;
  readonly history: HistoryReader;
  readonly id: string;
  /** Undefined where it is deleted, or never was. */
  readonly live: AggregateRecord | undefined;
  /** Log time. */
  readonly nowMs: number;
  /** Of which rows the caller may read the past; null: all. Asked of the row as it is, then of each version. */
  readonly scope: RowScope | null;
  /** With the fields that the caller may not read, which the scope may need. */
  readonly whole: HistoryRules;
  /** What the caller reads of own rows alone; null: nothing. */
  readonly veil: Veil | null;
  /** Without what is under the veil. */
  readonly outside: HistoryRules;
}

/**
 * The past that a request may look into.
 *
 * @throws Problem `not_found` where the path is no id of the model
 */
export function pastOf(
  exchange: Exchange,
  { state, model }: ReadView,
  declared: HistoryRules,
  history: HistoryReader,
): Past {
  const id = exchange.modelRoute.validator.id(exchange.id);
  if (id === null) throw noAggregate(declared);
  const former = history.formerOf(declared.model.name);
  const rules = { ...declared, former };
  // Writes that are not ordered yet have no place in the history.
  const { pastOf: scopeOf, veilOf, wholeHistory, isAlive } = exchange.modelRoute;
  const stored = (model.ordered ?? model).get(id);
  const live = stored !== undefined && isAlive(stored.json) ? stored : undefined;
  const scope = scopeOf(exchange.actor);
  const veil = veilOf(exchange.actor);
  const outside = veil === null ? rules : narrowed(rules, (name) => !veil.fields.has(name));
  const whole = { ...(wholeHistory ?? declared), former };
  return { rules, history, id, live, nowMs: state.logTimeMs, scope, whole, veil, outside };
}

/** Whether the caller owns the row, and owned it in a version: else it is another's past. */
export function isOwn(past: Past, record: VersionRecord, moment: Moment): boolean {
  const { veil, live, whole } = past;
  if (veil === null) return true;
  if (live === undefined || !veil.isLifted(parseRecord(live))) return false;
  const values = keptValues(whole, record, moment);
  return values !== null && veil.isLifted(values);
}

/**
 * Reads `version` and `at`, of which a request may say one.
 *
 * @throws Problem `invalid_query`
 */
export function wantedVersion(parameters: readonly Parameter[]): WantedVersion | null {
  const [first, second] = parameters.filter(({ name }) => name === 'version' || name === 'at');
  if (first === undefined) return null;
  if (second !== undefined) {
    throw refuse(second.name, 'repeated', 'version and at can be said once, and not both');
  }
  return first.name === 'version' ? readVersion(first) : readTime(first);
}

function readVersion({ value }: Parameter): WantedVersion {
  if (/^[1-9][0-9]{0,15}$/.test(value) && Number.isSafeInteger(Number(value))) {
    return { kind: 'version', version: Number(value) };
  }
  throw refuse('version', 'invalid_type', 'version must be a whole number from 1');
}

function readTime({ value }: Parameter): WantedVersion {
  const read = canonicalize({ type: 'datetime', nullable: false }, value);
  if (read.ok) return { kind: 'at', timeMs: Date.parse(String(read.value)) };
  throw refuse('at', read.code, `at ${read.message}`);
}

/** Version and time of a model that keeps no history are no parameters of it. */
export function requireHistory(rules: HistoryRules | null, name: string): HistoryRules {
  if (rules === null) throw unknownParameter(name);
  return rules;
}

/**
 * Finds the version; null where it is the present one, which the state answers.
 *
 * @throws Problem `not_found` where there was no row then, `pruned` where it is not kept
 */
export async function findVersion(past: Past, wanted: WantedVersion): Promise<PastVersion | null> {
  const newest = await newestVersion(past);
  if (newest === 0) throw noAggregate(past.rules);
  return wanted.kind === 'version'
    ? findByNumber(past, wanted.version, newest)
    : findByTime(past, wanted.timeMs, newest);
}

/** The last version that the aggregate has, live or deleted; 0 where it never was. */
export async function newestVersion({ rules, history, id, live, scope }: Past): Promise<number> {
  // The past of a row that the caller may not read is one that never was.
  if (scope !== null && (live === undefined || !scope.lets(parseRecord(live)))) return 0;
  if (live !== undefined) return live.version;
  const [newest] = await history.versions(rules.model.name, id, Infinity, 1);
  return newest?.version ?? 0;
}

async function findByNumber(
  past: Past,
  version: number,
  newest: number,
): Promise<PastVersion | null> {
  if (version === past.live?.version) return null;
  const { rules, history, id } = past;
  if (version > newest) {
    throw new Problem(
      'not_found',
      `The aggregate has no version ${version}; its last is ${newest}.`,
    );
  }
  const [record] = await history.versions(rules.model.name, id, version + 1, 1);
  if (record?.version !== version) throw pruned(`Version ${version}`);
  return {
    ...shown(past, await standing(past, record), await presentMoment(past, newest)),
    version,
  };
}

/** A write that lost left the row as the version before it had it. */
async function standing(past: Past, record: VersionRecord): Promise<VersionRecord> {
  const { rules, history, id } = past;
  for (let found = record; ; ) {
    if (found.effect !== 'overridden') return found;
    const [before] = await history.versions(rules.model.name, id, found.version, 1);
    if (before === undefined) throw pruned(`Version ${record.version}`);
    found = before;
  }
}

async function findByTime(past: Past, timeMs: number, newest: number): Promise<PastVersion | null> {
  const { rules, history, id, live, nowMs } = past;
  if (live !== undefined && timeMs >= nowMs) return null;
  const record = await history.asOf(rules.model.name, id, timeMs);
  if (record === undefined) throw await nothingThen(past);
  if (record.version === live?.version) return null;
  return {
    ...shown(past, await standing(past, record), await presentMoment(past, newest)),
    version: record.version,
  };
}

/** Before the first version there was nothing; before the first that is stored, who knows. */
async function nothingThen({ rules, history, id }: Past): Promise<Problem> {
  const [first] = await history.versions(rules.model.name, id, 2, 1);
  if (first === undefined) return pruned('The version of that time');
  return new Problem('not_found', `${rules.model.name} had no aggregate of this id then.`);
}

function presentMoment({ rules, history, id, nowMs }: Past, newest: number) {
  return momentOf(history, rules, id, newest, nowMs);
}

/** Whether the caller may read a version, by what is kept of it. */
export function isShown({ scope, whole }: Past, record: VersionRecord, moment: Moment): boolean {
  if (scope === null) return true;
  const values = keptValues(whole, record, moment);
  return values !== null && scope.lets(values);
}

function shown(past: Past, record: VersionRecord, moment: Moment): PastVersion {
  const rules = isOwn(past, record, moment) ? past.rules : past.outside;
  const { version } = record;
  if (!isShown(past, record, moment)) throw pruned(`Version ${version}`);
  if (!isKept(rules, record, moment)) throw pruned(`Version ${version}`);
  const values = keptValues(rules, record, moment);
  if (values === null) throw new Problem('not_found', `It was deleted in version ${version}.`);
  if (!hasValues(rules, record, moment)) throw pruned(`Version ${version}`);
  return { version, values };
}

function pruned(what: string): Problem {
  return new Problem('pruned', `${what} is not kept any more.`);
}

export function noAggregate({ model }: HistoryRules): Problem {
  return new Problem('not_found', `${model.name} has no aggregate of this id.`);
}

function refuse(parameter: string, code: string, message: string): Problem {
  const error = { pointer: '', parameter, code, message };
  return new Problem('invalid_query', message, { errors: [error] });
}
