import type { Schema } from '@lithair/crds';
import type { HistoryRules } from '../../history/index.ts';
import { type JsonSchema, keptSchema } from './schemas.ts';

const TEXT = { type: 'string' };
const NUMBER = { type: 'integer', minimum: 1 };
const TIME = { type: 'string', format: 'date-time' };

/** Absent of what was recorded before the model was audited. */
const AUDIT = ['actor', 'changes'];

/** What is answered of the past of a model that keeps history. */
export function pastSchemas(schema: Schema, rules: HistoryRules): Record<string, JsonSchema> {
  const { model } = rules;
  const { name } = model;
  const kept = keptSchema(schema, model);
  const data = { anyOf: [{ $ref: `#/components/schemas/${name}Kept` }, { type: 'null' }] };
  const actor = {
    type: 'object',
    properties: { subject: TEXT, method: TEXT },
    required: ['subject', 'method'],
  };
  const shared = { version: NUMBER, at: TIME, ...(rules.audited && { actor }), data };
  const change = { type: 'object', properties: { old: {}, new: {} } };
  const changes = { type: 'object', additionalProperties: change };
  const event = { eventId: TEXT, sequence: NUMBER, type: TEXT, ...shared };
  return {
    [`${name}Kept`]: kept,
    [`${name}Version`]: objectOf({ ...shared, events: { type: 'array', items: TEXT } }),
    [`${name}Event`]: objectOf({ ...event, ...(rules.audited && { changes }) }),
  };
}

function objectOf(properties: Record<string, JsonSchema>): JsonSchema {
  const required = Object.keys(properties).filter((name) => !AUDIT.includes(name));
  return { type: 'object', properties, required };
}
