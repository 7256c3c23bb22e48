import { crc32 } from 'node:zlib';
import type { JsonValue } from '@lithair/crds';
import { visibleEvents } from '../../access/index.ts';
import {
  eventId,
  type HistoryRules,
  isKept,
  keptChanges,
  keptValues,
  type Moment,
  momentOf,
  toldActor,
} from '../../history/index.ts';
import type { JsonObject, VersionRecord } from '../../ports/index.ts';
import { DEFAULT_LIMIT, readLimit } from '../../query/index.ts';
import { datetimeOf } from '../../values/index.ts';
import type { Exchange, Reply } from '../exchange.ts';
import { requireAcceptable } from '../media-type.ts';
import { Problem } from '../problems.ts';
import { JSON_CONTENT_TYPE, jsonReply, stateHeaders } from '../reply.ts';
import type { ModelRoute } from '../route-table.ts';
import type { ReadOperation } from './operation.ts';
import { onlyParameter, unknownParameter } from './parameters.ts';
import { isOwn, isShown, newestVersion, noAggregate, type Past, pastOf } from './past.ts';

/** Versions that are read at once where many writes in a row lost. */
const READ_AHEAD = 100;

/** An item of a page with its place: newest first, by version, then by sequence number. */
interface Placed {
  readonly version: number;
  readonly sequence: number;
  readonly item: unknown;
}

/** The names of a change's events; null in the place of one that the caller may not know. */
type Names = (record: VersionRecord) => readonly (string | null)[];

/** What the caller may read of one version. */
interface View {
  readonly rules: HistoryRules;
  /** Of what changed with it: of fields that were theirs to read before it, too. */
  readonly ofChange: HistoryRules;
  readonly names: Names;
  /** Values as answers write them. */
  readonly present: ModelRoute['present'];
}

/** What the items of one version are. */
type Items = (view: View, record: VersionRecord, moment: Moment) => readonly Placed[];

/** Reads one version; the second says whether its change is told of what only owners read. */
type Read = (
  record: VersionRecord,
  own: { readonly now: boolean; readonly before: boolean },
) => readonly Placed[];

/** GET of the versions of an aggregate. */
export const history: ReadOperation = pageOf(
  'history',
  ({ rules, ofChange, names, present }, record, moment) => {
    const { version, sequence } = record;
    const actor = toldActor(ofChange, record, moment);
    const item = {
      version,
      at: datetimeOf(record.timeMs),
      events: names(record).filter((name) => name !== null),
      ...(record.effect === 'overridden' && { overridden: true }),
      ...(actor && { actor }),
      data: presented(keptValues(rules, record, moment), record, present),
    };
    return [{ version, sequence, item }];
  },
);

/** GET of the events of an aggregate. */
export const events: ReadOperation = pageOf('events', (view, record, moment) => {
  const { rules, names, present } = view;
  const { version, id, effect } = record;
  const actor = toldActor(view.ofChange, record, moment);
  const audit = actor !== null ? { actor, changes: changesOf(view, record, moment) } : {};
  const data = presented(keptValues(rules, record, moment), record, present);
  return names(record)
    .flatMap((type, at) => {
      if (type === null) return [];
      const sequence = record.sequence + at;
      const item = {
        eventId: eventId(rules.model.name, id, version, effect, type),
        sequence,
        type,
        version,
        at: datetimeOf(record.timeMs),
        ...(effect === 'overridden' && { overridden: true }),
        data,
        ...audit,
      };
      return [{ version, sequence, item }];
    })
    .toReversed();
});

function presented(
  values: JsonObject | null,
  { id }: VersionRecord,
  present: View['present'],
): object | null {
  return values === null ? null : present(values, id);
}

/** Old and new values, each as it is written in a row. */
function changesOf({ ofChange, present }: View, record: VersionRecord, moment: Moment): object {
  const changes = Object.entries(keptChanges(ofChange, record, moment));
  const written = changes.map(([field, change]) => {
    const sides = Object.entries(change).map(([side, value]: [string, JsonValue]) => [
      side,
      Reflect.get(present({ [field]: value }, record.id), field),
    ]);
    return [field, Object.fromEntries(sides)];
  });
  return Object.fromEntries(written);
}

function pageOf(name: 'history' | 'events', items: Items): ReadOperation {
  return {
    kind: 'read',
    name,
    access: 'history',
    async answer(exchange, view, context) {
      requireAcceptable(exchange.req.headers.accept, JSON_CONTENT_TYPE);
      const { limit, cursor } = pageParameters(exchange);
      const past = pastOf(exchange, view, rulesOf(exchange), context.history());
      const before = cursor === null ? null : decodePlace(cursor, name, past);
      const placed = await readPage(past, viewsOf(exchange, past), items, before, limit + 1);
      const { state } = view;
      const head = stateHeaders(context.tokens, state, state.appliedIndex);
      return pageReply(head, placed, limit, (place) => encodePlace(place, name, past));
    },
  };
}

/** What the caller reads of versions, by whose they were. */
function viewsOf({ modelRoute: { model, rights, present } }: Exchange, { rules, outside }: Past) {
  const { unreadable, owned } = rights;
  const ofOthers = unreadable.union(owned.unreadable);
  return (isNow: boolean, isBefore: boolean): View => {
    const isAll = isNow && isBefore;
    const hidden = isAll ? unreadable : ofOthers;
    return {
      rules: isNow ? rules : outside,
      ofChange: isAll ? rules : outside,
      names: (record) => visibleEvents(model, hidden, record),
      present,
    };
  };
}

/** The router sends no request here whose model keeps no history. */
function rulesOf(exchange: Exchange): HistoryRules {
  const { history: rules } = exchange.modelRoute;
  if (rules === null) throw new Error('a history was asked of a model that keeps none');
  return rules;
}

function pageParameters(exchange: Exchange): { limit: number; cursor: string | null } {
  const { parameters } = exchange;
  const unknown = parameters.find(({ name }) => !PAGE_PARAMETERS.includes(name));
  if (unknown !== undefined) throw unknownParameter(unknown.name);
  const limit = onlyParameter(parameters, 'limit');
  const cursor = onlyParameter(parameters, 'cursor')?.value ?? null;
  return { limit: limit === undefined ? DEFAULT_LIMIT : readLimit(limit), cursor };
}

const PAGE_PARAMETERS = ['limit', 'cursor', 'consistency'];

async function readPage(
  past: Past,
  viewOf: (isNow: boolean, isBefore: boolean) => View,
  items: Items,
  before: Place | null,
  count: number,
): Promise<readonly Placed[]> {
  const { rules, history: reader, id, live, nowMs } = past;
  const newest = await newestVersion(past);
  if (newest === 0) throw noAggregate(rules);
  const moment = await momentOf(reader, rules, id, newest, nowMs);
  const bound = before === null ? Infinity : before.version + 1;
  const isNext = ({ sequence }: Placed) => before === null || sequence < before.sequence;
  const read: Read = (record, own) =>
    items(viewOf(own.now, own.before), record, moment).filter(isNext);
  const isPart = past.scope !== null || past.veil !== null;
  if (isPart) return readVisible(past, moment, read, bound, count);
  const records = await reader.versions(rules.model.name, id, bound, count);
  return records
    .map((record) => withPresentRow(record, live))
    .filter((record) => isKept(rules, record, moment))
    .flatMap((record) => read(record, { now: true, before: true }))
    .slice(0, count);
}

/**
 * The versions that the caller may read, where they may not read all rows, or not all of a row. What
 * a change was is told where the version before it may be read, too: otherwise it would tell of that one.
 */
async function readVisible(
  past: Past,
  moment: Moment,
  read: Read,
  bound: number,
  count: number,
): Promise<readonly Placed[]> {
  const { rules, history: reader, id, live } = past;
  const found: Placed[] = [];
  for (let from = bound; ; ) {
    const records = await reader.versions(rules.model.name, id, from, count + 1);
    const whole = records.map((record) => withPresentRow(record, live));
    const before = await replacedBy(past, whole, count);
    for (const [at, record] of whole.slice(0, count).entries()) {
      found.push(...readOne(past, moment, read, record, before[at]));
    }
    const last = records[count - 1];
    if (found.length >= count || last === undefined) return found.slice(0, count);
    from = last.version;
  }
}

/**
 * What each of some versions was made of, newest first. A write that lost left the row as it was: what
 * comes behind it replaced the version before it, of which it may say something else.
 *
 * @param count how many of them it is asked for
 */
async function replacedBy(
  past: Past,
  records: readonly VersionRecord[],
  count: number,
): Promise<readonly (VersionRecord | undefined)[]> {
  const last = records.at(-1);
  let standing = records.length > count ? await standingBelow(past, last) : undefined;
  const before: (VersionRecord | undefined)[] = [];
  for (const [at, record] of [...records.entries()].toReversed()) {
    before[at] = standing;
    if (record.effect !== 'overridden') standing = record;
    // What is between them is not kept.
    if (records[at - 1]?.version !== record.version + 1) standing = undefined;
  }
  return before;
}

/** The newest version before one that lost that left the row as it says; undefined where it is not kept. */
async function standingBelow(
  { rules, history: reader, id }: Past,
  lost: VersionRecord | undefined,
): Promise<VersionRecord | undefined> {
  for (let from = lost; from?.effect === 'overridden'; ) {
    const records = await reader.versions(rules.model.name, id, from.version, READ_AHEAD);
    for (const record of records) {
      if (record.version !== from.version - 1) return undefined;
      if (record.effect !== 'overridden') return record;
      from = record;
    }
    if (records.length < READ_AHEAD) return undefined;
  }
  return undefined;
}

/** @param previous the version that it replaced, if that is stored */
function readOne(
  past: Past,
  moment: Moment,
  read: Read,
  record: VersionRecord,
  previous: VersionRecord | undefined,
): readonly Placed[] {
  if (!isVisible(past, record, moment)) return [];
  const now = isOwn(past, record, moment);
  if (record.effect === 'created') return read(record, { now, before: true });
  const before = previous !== undefined && isOwn(past, previous, moment);
  const isKnown =
    past.scope === null || (previous !== undefined && isVisible(past, previous, moment));
  return read(isKnown ? record : withoutChange(record), { now, before });
}

function isVisible(past: Past, record: VersionRecord, moment: Moment): boolean {
  const rules = isOwn(past, record, moment) ? past.rules : past.outside;
  return isKept(rules, record, moment) && isShown(past, record, moment);
}

function withoutChange(record: VersionRecord): VersionRecord {
  return { ...record, before: null, changed: [], events: [] };
}

/** Archives lack the values that only the present version has: the state holds those. */
function withPresentRow(record: VersionRecord, live: Past['live']): VersionRecord {
  const isPresent = record.version === live?.version && record.effect !== 'overridden';
  return isPresent ? { ...record, json: live.json } : record;
}

function pageReply(
  head: string[],
  placed: readonly Placed[],
  limit: number,
  cursorOf: (place: Place) => string,
): Reply {
  const shown = placed.slice(0, limit);
  const last = shown.at(-1);
  const next = placed.length > limit && last !== undefined ? cursorOf(last) : null;
  const body = { data: shown.map(({ item }) => item), page: { limit, next } };
  return jsonReply(200, head, JSON.stringify(body));
}

/** Where a page ended. */
type Place = Pick<Placed, 'version' | 'sequence'>;

const FORMAT = 1;

/** A cursor belongs to one aggregate and one route; what follows is read under today's rules. */
function encodePlace({ version, sequence }: Place, route: string, past: Past): string {
  const payload = `${FORMAT}.${version}.${sequence}`;
  return Buffer.from(`${payload}.${checksum(payload, route, past)}`, 'latin1').toString(
    'base64url',
  );
}

function decodePlace(cursor: string, route: string, past: Past): Place {
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  const payload = text.slice(0, text.lastIndexOf('.'));
  const [format, version = NaN, sequence = NaN, ...rest] = payload.split('.').map(Number);
  const isOurs = text === `${payload}.${checksum(payload, route, past)}` && cursor.length <= 256;
  const isWhole = Number.isSafeInteger(version) && Number.isSafeInteger(sequence);
  if (isOurs && isWhole && format === FORMAT && rest.length === 0) return { version, sequence };
  throw new Problem('bad_cursor', 'The cursor is not one of ours, or of another aggregate.');
}

function checksum(payload: string, route: string, { rules, id }: Past): number {
  return crc32(`${payload}\n${route}\n${rules.model.name}\n${id}`);
}
