import type { FieldSchema, Schema } from '@lithair/crds';
import type { PutChange } from '../entry/index.ts';
import type { JsonObject } from '../ports/index.ts';
import { type Conflict, isAbsent, type ModelPlan } from '../state/index.ts';
import { conflict } from './refusal.ts';
import type { MergePatch } from './types.ts';

interface Reading {
  readonly schema: Schema;
  readonly mergePatch: MergePatch;
}

const OTHERWISE = 'the subject of the caller does not fit the model';

/**
 * What is wrong with a value that was made of the caller: nobody chose it to fit the model, so it is read
 * as one that is sent. Otherwise a row could begin as one that no later write could leave as it is.
 */
export function unfitActor(
  reading: Reading,
  plan: ModelPlan,
  body: JsonObject,
  change: PutChange,
  at: number,
): Conflict[] {
  const made = plan.schema.fields.filter(
    (field) => isBoundedActor(field) && isAbsent(field, body[field.name]),
  );
  if (made.length === 0) return [];
  const { id, json: before } = change;
  const unpatched = { id, before, format: 'merge', patch: '{}', scope: null } as const;
  const read = reading.mergePatch(reading.schema, plan.schema, unpatched);
  if (read.ok) return [];
  return made.flatMap(({ name }) =>
    read.errors
      .filter(({ pointer }) => pointer === `/${name}`)
      .map(({ message }) =>
        conflict('invalid', at, name, `${message}; the subject of the caller does not`, {
          model: plan.schema.name,
          fields: [name],
          otherwise: OTHERWISE,
        }),
      ),
  );
}

function isBoundedActor(field: FieldSchema): boolean {
  const { defaultFrom, minLength, maxLength, pattern, format } = field;
  return defaultFrom === 'actor' && (minLength ?? maxLength ?? pattern ?? format) !== undefined;
}
