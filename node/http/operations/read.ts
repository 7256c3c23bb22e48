import { etagOf, matchedVersions, namesTag } from '../etag.ts';
import { isEventual } from '../eventual.ts';
import type { Exchange, ReadView, Reply } from '../exchange.ts';
import { Expander, type Expansion, readExpansions } from '../expansion.ts';
import { requireAcceptable } from '../media-type.ts';
import { Problem } from '../problems.ts';
import { describe, emptyReply, JSON_CONTENT_TYPE, jsonReply, stateHeaders } from '../reply.ts';
import type { ModelRoute } from '../route-table.ts';
import type { OperationContext, ReadOperation } from './operation.ts';
import { onlyParameter, unknownParameter } from './parameters.ts';
import { findVersion, pastOf, requireHistory, type WantedVersion, wantedVersion } from './past.ts';

/** What the parameters of a request say. */
interface Wish {
  readonly fields: readonly string[] | null;
  readonly version: WantedVersion | null;
  readonly expansions: readonly Expansion[];
}

const EVERYTHING: Wish = { fields: null, version: null, expansions: [] };

/** GET and HEAD of one aggregate: a lookup, and a write of the JSON that the state holds. */
export const read: ReadOperation = {
  kind: 'read',
  name: 'read',
  access: 'read',
  answer(exchange, view, context) {
    requireAcceptable(exchange.req.headers.accept, JSON_CONTENT_TYPE);
    const wish = exchange.rawQuery === '' ? EVERYTHING : wishOf(exchange);
    if (wish.version !== null) return readPast(exchange, view, context, wish.version, wish.fields);
    return readPresent(exchange, view, context, wish);
  },
};

function readPresent(
  exchange: Exchange,
  view: ReadView,
  context: OperationContext,
  { fields, expansions }: Pick<Wish, 'fields' | 'expansions'>,
): Reply {
  const { model } = view;
  const { actor, modelRoute } = exchange;
  const { render, shows } = modelRoute;
  const record = model.get(exchange.id) ?? model.get(canonicalId(exchange));
  if (record === undefined || !shows(record.json, actor)) {
    throw notFound(modelRoute, view, context);
  }
  const shown = render(record.json, actor, fields ?? undefined);
  const body =
    expansions.length === 0
      ? shown
      : new Expander(context.state(), actor).expand(shown, record, expansions);
  return answer(exchange, view, context, record.version, body);
}

/** A version of before: what is kept of it, unless it turns out to be the present one. */
async function readPast(
  exchange: Exchange,
  view: ReadView,
  context: OperationContext,
  wanted: WantedVersion,
  fields: Wish['fields'],
): Promise<Reply> {
  const rules = requireHistory(exchange.modelRoute.history, wanted.kind);
  const past = pastOf(exchange, view, rules, context.history());
  const found = await findVersion(past, wanted);
  const { model } = view;
  if (found === null) {
    const present = { ...view, model: model.ordered ?? model };
    return readPresent(exchange, present, context, { fields, expansions: [] });
  }
  const { values, version } = found;
  const shown = Object.entries(values).filter(([name]) => fields === null || fields.includes(name));
  const body = JSON.stringify(exchange.modelRoute.present(Object.fromEntries(shown), past.id));
  return answer(exchange, view, context, version, body);
}

/** Answers one representation, unless the client's conditions say otherwise. */
function answer(
  { req: { headers }, modelRoute }: Exchange,
  { state }: ReadView,
  { tokens }: OperationContext,
  version: number,
  body: string,
): Reply {
  const etag = etagOf(version, body);
  requireMatch(headers['if-match'], version);
  const head = stateHeaders(tokens, state, state.appliedIndex, modelRoute.caching);
  if (isEventual(modelRoute.model)) head.push('Lithair-Consistency', 'eventual');
  const answered = describe(head, etag, version);
  const known = headers['if-none-match'];
  if (known !== undefined && namesTag(known, etag)) return emptyReply(304, answered);
  return jsonReply(200, answered, body);
}

/** Ids mostly arrive in their canonical form, so this is only asked where the first look failed. */
function canonicalId(exchange: Exchange): string {
  return exchange.modelRoute.validator.id(exchange.id) ?? '';
}

/** With a token: a session that saw a row gone must not see it again. */
export function notFound(
  { model }: ModelRoute,
  { state }: ReadView,
  { tokens }: OperationContext,
): Problem {
  const headers = ['Lithair-Index', tokens.issue(state, state.appliedIndex)];
  return new Problem('not_found', `${model.name} has no aggregate of this id.`, {
    headers,
  });
}

function requireMatch(header: string | undefined, version: number): void {
  if (header === undefined) return;
  const versions = matchedVersions(header);
  if (versions === null || versions === 'any' || versions.includes(version)) return;
  throw new Problem('precondition_failed', 'If-Match does not name the present version.');
}

function wishOf(exchange: Exchange): Wish {
  const { parameters } = exchange;
  const unknown = parameters.find(({ name }) => !READ_PARAMETERS.includes(name));
  if (unknown !== undefined) throw unknownParameter(unknown.name);
  const shown = onlyParameter(parameters, 'fields');
  const fields = shown === undefined ? null : exchange.modelRoute.queries.projection(shown);
  const version = wantedVersion(parameters);
  const expansions = readExpansions(exchange);
  if (version !== null && expansions.length > 0) throw onlyPresent();
  return { fields, version, expansions };
}

/** What the past referred to may be gone, or another version by now. */
function onlyPresent(): Problem {
  const message = 'expand shows rows as they are: it does not go with at or version.';
  const error = { pointer: '', parameter: 'expand', code: 'conflicting', message };
  return new Problem('invalid_query', message, { errors: [error] });
}

const READ_PARAMETERS = ['fields', 'consistency', 'at', 'version', 'expand'];
