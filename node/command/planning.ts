import type { Schema } from '@lithair/crds';
import { type Change, isPut, MAX_CHANGES, type RowChange } from '../entry/index.ts';
import type {
  Command,
  FieldRights,
  JsonObject,
  Outcome,
  WrittenAggregate,
} from '../ports/index.ts';
import {
  type Conflict,
  findConflicts,
  type ModelPlan,
  parseRow,
  type RowsView,
  rejectionOf,
} from '../state/index.ts';
import { isUuid, UUID_RANDOM_BYTES, uuidV7 } from '../values/index.ts';
import { withConsequences } from './consequences.ts';
import { restoration, withDeletedRows } from './deleted-rows.ts';
import { expiredTargets } from './expired-targets.ts';
import { counts, type MadeKey, makeKey, type NextNumber, templateOf } from './key-of-row.ts';
import { unfitActor } from './made-values.ts';
import { named } from './named-changes.ts';
import { creation, type Making, replacement, wronglySent } from './new-row.ts';
import type { LiveRow } from './overlay.ts';
import { MAX_PUT_BYTES } from './put-bytes.ts';
import { conflict, refusal } from './refusal.ts';
import { fieldsOf, type RowFields, unfitForNew, unfitForReplacement } from './row-fields.ts';
import { brokenRules } from './row-rules.ts';
import { toldConflicts } from './told-conflicts.ts';
import { movesOf } from './transitions.ts';
import type { MergePatch, RowAccess, RowJudge } from './types.ts';
import { usedValues } from './used-values.ts';

/** What a command comes to on the rows that it meets. */
export type Plan =
  | { readonly kind: 'change'; readonly changes: readonly Change[] }
  | { readonly kind: 'unchanged'; readonly model: string; readonly aggregate: WrittenAggregate }
  | { readonly kind: 'rejected'; readonly outcome: Outcome };

/** The rows that a command meets. */
export interface PlannedRows extends RowsView {
  find(model: string, id: string): LiveRow | undefined;
}

/** Where a command is planned: rows, time, randomness and the caller. */
export interface PlanningContext extends Making {
  readonly rows: PlannedRows;
  readonly schema: Schema;
  readonly mergePatch: MergePatch;
  readonly nextNumber: NextNumber;
  readonly rowAccess: RowAccess;
}

type CommandOf<Kind extends Command['kind']> = Extract<Command, { kind: Kind }>;

/** Decides what a command changes, or why it cannot. */
export function planCommand(context: PlanningContext, command: Command): Plan {
  const plan = context.rows.plan(command.model);
  if (plan === undefined) return reject('invalid', `there is no model ${command.model}`);
  switch (command.kind) {
    case 'create':
      return planCreate(context, plan, [command.body], false, command.rights);
    case 'createMany':
      return planCreate(context, plan, command.bodies, true, command.rights);
    case 'replace':
      return planReplace(context, plan, command);
    case 'patch':
      return planPatch(context, plan, command);
    case 'delete':
      return planDelete(context, plan, command);
    case 'restore':
      return planRestore(context, plan, command);
  }
}

function planCreate(
  context: PlanningContext,
  plan: ModelPlan,
  bodies: readonly JsonObject[],
  isBatch: boolean,
  rights: FieldRights | undefined,
): Plan {
  if (bodies.length === 0 || bodies.length > MAX_CHANGES) {
    return reject('invalid', `a batch holds 1 to ${MAX_CHANGES} rows`);
  }
  const changes: Change[] = [];
  const wrongIds: Conflict[] = [];
  for (const [at, body] of bodies.entries()) {
    const made = idFor(context, plan, body);
    if (made.kind === 'key') changes.push(create(context, plan, made.key, body));
    else wrongIds.push(conflict(made.code, at, plan.schema.primaryKey, made.message));
  }
  if (wrongIds.length > 0) return { kind: 'rejected', outcome: rejectionOf(wrongIds, isBatch) };
  const refused = forbidden(context, plan, changes, isBatch);
  return (
    refused ??
    unfit(context, plan, bodies, changes, isBatch, rights) ??
    computedOtherwise(context, plan, bodies, changes, isBatch) ??
    unfitMade(context, plan, bodies, changes, isBatch) ??
    checked(context, changes, isBatch)
  );
}

/** Null where nothing is in the way. */
function refusedFor(found: readonly Conflict[], isBatch: boolean): Plan | null {
  return found.length === 0 ? null : { kind: 'rejected', outcome: rejectionOf(found, isBatch) };
}

/** Refuses rows that the caller may not leave like this; null where there are none. */
function forbidden(
  context: PlanningContext,
  plan: ModelPlan,
  changes: readonly Change[],
  isBatch: boolean,
): Plan | null {
  const judge = judgeOf(context, plan);
  if (judge === null) return null;
  const found = changes.flatMap((change, at) => {
    if (!isPut(change)) return [];
    const before =
      change.effect === 'created' ? undefined : context.rows.find(change.model, change.id);
    const old = before === undefined ? null : parseRow(before.json);
    if (judge.written(parseRow(change.json), old)) return [];
    return [
      conflict('forbidden', at, null, `the caller may not leave a ${change.model} like this`),
    ];
  });
  return refusedFor(found, isBatch);
}

/** Refuses what new rows say of fields that are for their owners; null where there is nothing. */
function unfit(
  { actor }: PlanningContext,
  plan: ModelPlan,
  bodies: readonly JsonObject[],
  changes: readonly Change[],
  isBatch: boolean,
  rights: FieldRights | undefined,
): Plan | null {
  const found = bodies.flatMap((body, at) => {
    const change = changes[at];
    if (change === undefined || !isPut(change)) return [];
    return unfitForNew(plan, rights, body, change.json, at, actor);
  });
  return refusedFor(found, isBatch);
}

/** Refuses values that are sent of computed fields and are not theirs; null where there are none. */
function computedOtherwise(
  { rows }: PlanningContext,
  plan: ModelPlan,
  bodies: readonly JsonObject[],
  changes: readonly Change[],
  isBatch: boolean,
): Plan | null {
  const found = bodies.flatMap((body, at) => {
    const change = changes[at];
    if (change === undefined || !isPut(change)) return [];
    const before =
      change.effect === 'created' ? null : (rows.find(change.model, change.id)?.json ?? null);
    return wronglySent(plan, body, change.json, before).map((name) =>
      conflict('computed_field', at, name, 'is computed: leave it out'),
    );
  });
  return refusedFor(found, isBatch);
}

/** Refuses new rows whose made values are none that the model takes; null where there are none. */
function unfitMade(
  context: PlanningContext,
  plan: ModelPlan,
  bodies: readonly JsonObject[],
  changes: readonly Change[],
  isBatch: boolean,
): Plan | null {
  const found = bodies.flatMap((body, at) => {
    const change = changes[at];
    return change !== undefined && isPut(change) ? unfitActor(context, plan, body, change, at) : [];
  });
  return found.length === 0 ? null : refusedFor(toldConflicts(context, changes, found), isBatch);
}

/** Refuses what the caller may not do with a row that is there; null where they may. */
function closed(
  context: PlanningContext,
  plan: ModelPlan,
  operation: 'update' | 'delete',
  { json }: LiveRow,
): Plan | null {
  const { name } = plan.schema;
  const verdict = judgeOf(context, plan)?.existing(operation, parseRow(json)) ?? 'open';
  if (verdict === 'hidden') return notFound(name);
  if (verdict === 'open') return null;
  return reject('forbidden', `the caller may not ${operation} this ${name}`);
}

function judgeOf({ rowAccess, schema, actor }: PlanningContext, plan: ModelPlan): RowJudge | null {
  return rowAccess.judge(schema, plan.schema, actor);
}

/** The id of a new row: the one that the body names, one that is made of it, or a generated one. */
function idFor(context: PlanningContext, plan: ModelPlan, body: JsonObject): MadeKey {
  const { primaryKey, fields } = plan.schema;
  const given = body[primaryKey] ?? null;
  const template = templateOf(plan.schema);
  if (template !== null) return madeId(context, plan, template, body, given);
  if (given !== null) return typeof given === 'string' && isUsable(given) ? keyed(given) : NO_ID;
  const field = fields.find(({ name }) => name === primaryKey);
  if (field?.type !== 'uuid' || field.required) return NO_ID;
  return keyed(uuidV7(context.nowMs, context.random(UUID_RANDOM_BYTES)));
}

const NO_ID: MadeKey = { kind: 'refused', code: 'invalid', message: 'must be an id of its own' };

function keyed(key: string): MadeKey {
  return { kind: 'key', key };
}

/** Whoever names the id of such a row must name the one that it gets. */
function madeId(
  { nextNumber }: PlanningContext,
  { schema }: ModelPlan,
  template: NonNullable<ReturnType<typeof templateOf>>,
  body: JsonObject,
  given: JsonObject[string],
): MadeKey {
  if (given !== null && counts(template)) {
    return { kind: 'refused', code: 'invalid', message: 'is given out: it cannot be chosen' };
  }
  const made = makeKey(schema, template, body, nextNumber);
  if (given === null || made.kind === 'refused' || made.key === given) return made;
  const message = `must be ${JSON.stringify(made.key)}, or be left out`;
  return { kind: 'refused', code: 'computed_field', message };
}

/** Ids that begin with an underscore are reserved for routes such as `_bulk`. */
function isUsable(id: string): boolean {
  return id !== '' && !id.startsWith('_');
}

function create(context: PlanningContext, plan: ModelPlan, id: string, body: JsonObject): Change {
  const version = context.rows.deletedVersion(plan.schema.name, id);
  return creation(plan, id, body, version, context);
}

function planReplace(
  context: PlanningContext,
  plan: ModelPlan,
  command: CommandOf<'replace'>,
): Plan {
  const { id, body } = command;
  const wrongId = checkId(plan, id, body);
  if (wrongId !== null) return wrongId;
  const before = context.rows.find(command.model, id);
  if (before === undefined) {
    if (!command.onlyIfAbsent) return notFound(command.model);
    return planNamed(context, plan, command);
  }
  const refused = command.onlyIfAbsent ? null : closed(context, plan, 'update', before);
  if (refused !== null) return refused;
  const unmet = precondition(command.ifMatch, before, command.onlyIfAbsent);
  if (unmet !== null) return unmet;
  const { rights } = command;
  const fields = fieldsOf(plan, rights, before, context.actor);
  const found = unfitForReplacement(plan, rights, fields, body);
  if (found.length > 0) return { kind: 'rejected', outcome: rejectionOf(found, false) };
  return planUpdate(context, plan, { id, model: command.model, body, fields }, before);
}

/** Creates the row that a path names. */
function planNamed(
  context: PlanningContext,
  plan: ModelPlan,
  { id, body, rights }: CommandOf<'replace'>,
): Plan {
  const { primaryKey } = plan.schema;
  const made = idFor(context, plan, { ...body, [primaryKey]: id });
  if (made.kind === 'key') {
    const changes = [create(context, plan, id, body)];
    return (
      forbidden(context, plan, changes, false) ??
      unfit(context, plan, [body], changes, false, rights) ??
      computedOtherwise(context, plan, [body], changes, false) ??
      unfitMade(context, plan, [body], changes, false) ??
      checked(context, changes, false)
    );
  }
  const found = conflict(made.code, 0, primaryKey, made.message);
  return { kind: 'rejected', outcome: rejectionOf([found], false) };
}

function checkId(plan: ModelPlan, id: string, body: JsonObject): Plan | null {
  const { primaryKey, fields } = plan.schema;
  const given = body[primaryKey] ?? null;
  const isUuidKey = fields.some(({ name, type }) => name === primaryKey && type === 'uuid');
  if ((given === null || given === id) && isUsable(id) && (!isUuidKey || isUuid(id))) return null;
  const message =
    given === null || given === id
      ? `${JSON.stringify(id)} cannot be the ${primaryKey} of a row`
      : `must be the ${primaryKey} that the path names`;
  const found = conflict('invalid', 0, primaryKey, message);
  return { kind: 'rejected', outcome: rejectionOf([found], false) };
}

function planPatch(context: PlanningContext, plan: ModelPlan, command: CommandOf<'patch'>): Plan {
  const { id, model, format, patch, rights } = command;
  const before = context.rows.find(model, id);
  if (before === undefined) return notFound(model);
  const refused = closed(context, plan, 'update', before);
  if (refused !== null) return refused;
  const unmet = precondition(command.ifMatch, before, false);
  if (unmet !== null) return unmet;
  const { schema, mergePatch } = context;
  const fields = fieldsOf(plan, rights, before, context.actor);
  const isScoped = fields.unseen.length > 0 || fields.closed.length > 0;
  const scope = isScoped ? fields : null;
  const row = { id, before: before.json, format, patch, scope };
  const merged = mergePatch(schema, plan.schema, row);
  if (merged.ok) return planUpdate(context, plan, { id, model, body: merged.body, fields }, before);
  const { code, errors } = merged;
  const [first] = errors;
  const message = first === undefined ? code : `${first.pointer || 'The body'} ${first.message}`;
  return { kind: 'rejected', outcome: { kind: 'rejected', code, message, errors } };
}

/** A row as it is to be, and what the caller may not do with its fields. */
interface PlannedUpdate extends Pick<CommandOf<'replace'>, 'id' | 'body' | 'model'> {
  readonly fields: RowFields;
}

function planUpdate(
  context: PlanningContext,
  plan: ModelPlan,
  { id, body, model, fields }: PlannedUpdate,
  before: LiveRow,
): Plan {
  const change = replacement(plan, id, body, before, fields);
  if ('immutable' in change) {
    const { immutable, locked } = change;
    const found = [
      ...locked.map((field) =>
        conflict('forbidden_field', 0, field, 'cannot be changed by the caller'),
      ),
      ...immutable.map((field) =>
        conflict('immutable_field', 0, field, `${field} cannot be changed`),
      ),
    ];
    return { kind: 'rejected', outcome: rejectionOf(found, false) };
  }
  const isChange = change.json !== before.json;
  const refused = isChange ? forbidden(context, plan, [change], false) : null;
  if (refused !== null) return refused;
  const wrong = computedOtherwise(context, plan, [body], [change], false);
  if (wrong !== null) return wrong;
  if (isChange) return checked(context, [change], false);
  const aggregate = { id, version: before.version, json: before.json };
  return { kind: 'unchanged', model, aggregate };
}

function planDelete(context: PlanningContext, plan: ModelPlan, command: CommandOf<'delete'>): Plan {
  const { id, model } = command;
  const before = context.rows.find(model, id);
  if (before === undefined) return notFound(plan.schema.name);
  const refused = closed(context, plan, 'delete', before);
  if (refused !== null) return refused;
  const unmet = precondition(command.ifMatch, before, false);
  if (unmet !== null) return unmet;
  const expectedVersion = before.version;
  const { deletedOf } = plan.schema;
  const events = deletedOf === undefined ? {} : { events: [`${deletedOf}Purged`] };
  return deleted(context, plan, { effect: 'deleted', model, id, expectedVersion, ...events });
}

/** A deletion with all that follows from it. */
function deleted(context: PlanningContext, plan: ModelPlan, deletion: RowChange): Plan {
  const { rows } = context;
  const all = plan.referrers.length === 0 ? [deletion] : withConsequences(rows, deletion);
  const changes = all === null ? null : withDeletedRows(rows, all, context);
  return changes === null ? tooLarge() : checked(context, changes, false);
}

/** Unique values and references of the row are asked for again, as of one that is new. */
function planRestore(
  context: PlanningContext,
  plan: ModelPlan,
  { id, model, ifMatch }: CommandOf<'restore'>,
): Plan {
  const { deletedOf } = plan.schema;
  const target = deletedOf === undefined ? undefined : context.rows.plan(deletedOf);
  const before = context.rows.find(model, id);
  if (target === undefined || before === undefined) return notFound(model);
  const refused = closed(context, plan, 'delete', before) ?? precondition(ifMatch, before, false);
  if (refused !== null) return refused;
  return checked(context, restoration(context.rows, plan, target, id, before), false);
}

function tooLarge(): Plan {
  const mebibytes = MAX_PUT_BYTES / 1024 / 1024;
  const bound = `more than ${MAX_CHANGES} rows, or ${mebibytes} MiB of them`;
  return reject(
    'cascade_too_large',
    `it would delete or change ${bound}: delete some of them first`,
  );
}

function precondition(
  ifMatch: readonly number[] | 'any' | null,
  before: LiveRow,
  onlyIfAbsent: boolean,
): Plan | null {
  if (onlyIfAbsent) return reject('precondition_failed', 'it exists already');
  if (ifMatch === null || ifMatch === 'any' || ifMatch.includes(before.version)) return null;
  return reject('precondition_failed', `it is at version ${before.version}`);
}

function checked(context: PlanningContext, changes: readonly Change[], isBatch: boolean): Plan {
  const { rows, actor } = context;
  const moves = changes.map((change, at) => movesOf(rows, change, at, actor));
  const used = usedValues(rows, changes);
  const conflicts = firstKind(
    () => moves.flatMap(({ refused }) => refused),
    () => brokenRules(rows, changes),
    () => findConflicts(rows, changes),
    () => expiredTargets(rows, changes, context.nowMs),
    () => used.conflicts,
  );
  if (conflicts.length > 0) {
    const outcome = rejectionOf(toldConflicts(context, changes, conflicts), isBatch);
    return { kind: 'rejected', outcome };
  }
  const told = changes.map((change, at) => named(rows, change, moves[at]?.events));
  if (told.length + used.kept.length > MAX_CHANGES) return tooLarge();
  return { kind: 'change', changes: [...told, ...used.kept] };
}

/** What the first of some checks finds that finds anything. */
function firstKind(...checks: readonly (() => readonly Conflict[])[]): readonly Conflict[] {
  for (const check of checks) {
    const found = check();
    if (found.length > 0) return found;
  }
  return [];
}

function notFound(model: string): Plan {
  return reject('not_found', `there is no such ${model}`);
}

function reject(code: Parameters<typeof refusal>[0], message: string): Plan {
  return { kind: 'rejected', outcome: refusal(code, message) };
}
