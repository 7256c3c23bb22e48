import type { ModelSchema, Schema } from '@lithair/crds';
import type { MergePatch } from './command/index.ts';
import { compileValidator, type ModelValidator } from './validation/index.ts';

/** Nesting and items were bounded where the patch came in; these only end what has no end. */
const LIMITS = { depth: 64, items: 1000 };

const KNOWN = ['immutable_field', 'patch_conflict', 'forbidden_field'] as const;

/** A validator is compiled once per model of a schema version. */
const validators = new WeakMap<ModelSchema, ModelValidator>();

/** Merges patches with the validation room, for the command room that stands behind it. */
export const mergePatch: MergePatch = (schema, model, { before, patch, format, id, scope }) => {
  const reading = validatorOf(schema, model).patched({ id, before, scope }, patch, format);
  if (reading.ok) return reading;
  const { code, errors } = reading;
  return { ok: false, code: KNOWN.find((known) => known === code) ?? 'invalid', errors };
};

function validatorOf(schema: Schema, model: ModelSchema): ModelValidator {
  const known = validators.get(model);
  if (known !== undefined) return known;
  const made = compileValidator(schema, model, LIMITS);
  validators.set(model, made);
  return made;
}
