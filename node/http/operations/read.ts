import { type Parameter, project } from '../../query/index.ts';
import { etagOf, matchedVersions, namesTag } from '../etag.ts';
import type { Exchange } from '../exchange.ts';
import { requireAcceptable } from '../media-type.ts';
import { Problem } from '../problems.ts';
import { describe, emptyReply, JSON_CONTENT_TYPE, jsonReply, stateHeaders } from '../reply.ts';
import type { ReadOperation } from './operation.ts';
import { notYet, unknownParameter } from './parameters.ts';

const LATER = ['at', 'version', 'expand'];

/** GET and HEAD of one aggregate: a lookup, and a write of the JSON that the state holds. */
export const read: ReadOperation = {
  kind: 'read',
  name: 'read',
  access: 'read',
  answer(exchange, { state, model }, { tokens }) {
    const { headers } = exchange.req;
    requireAcceptable(headers.accept, JSON_CONTENT_TYPE);
    const projection = exchange.rawQuery === '' ? null : projectionOf(exchange);
    const record = model.get(exchange.id) ?? model.get(canonicalId(exchange));
    if (record === undefined) throw notFound(exchange);
    const body = projection === null ? record.json : project(record, projection);
    const etag = etagOf(record.version, body);
    requireMatch(headers['if-match'], record.version);
    const head = stateHeaders(tokens, state, state.appliedIndex);
    const answered = describe(head, etag, record.version);
    const known = headers['if-none-match'];
    if (known !== undefined && namesTag(known, etag)) return emptyReply(304, answered);
    return jsonReply(200, answered, body);
  },
};

/** Ids mostly arrive in their canonical form, so this is only asked where the first look failed. */
function canonicalId(exchange: Exchange): string {
  return exchange.modelRoute.validator.id(exchange.id) ?? '';
}

function notFound(exchange: Exchange): Problem {
  return new Problem('not_found', `${exchange.modelRoute.model.name} has no aggregate of this id.`);
}

function requireMatch(header: string | undefined, version: number): void {
  if (header === undefined) return;
  const versions = matchedVersions(header);
  if (versions === null || versions === 'any' || versions.includes(version)) return;
  throw new Problem('precondition_failed', 'If-Match does not name the present version.');
}

function projectionOf(exchange: Exchange): readonly string[] | null {
  let shown: Parameter | null = null;
  for (const parameter of exchange.parameters) {
    if (parameter.name === 'fields') shown = parameter;
    else if (LATER.includes(parameter.name)) throw notYet(parameter.name);
    else if (parameter.name !== 'consistency') throw unknownParameter(parameter.name);
  }
  return shown === null ? null : exchange.modelRoute.queries.projection(shown);
}
