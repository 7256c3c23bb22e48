import { isUtf8 } from 'node:buffer';
import type { FieldSchema, ModelSchema, Schema } from '@lithair/crds';
import type { FieldError, JsonObject } from '../ports/index.ts';
import { ExactNumber, numbersOf } from '../values/index.ts';
import { canonicalId, refuseId } from './ids.ts';
import { type JsonInput, JsonRefusal, readJson } from './json-reader.ts';
import { applyPatch, type PatchFormat, PatchRefusal, requirePatch } from './patch.ts';
import { type RowScope, requireRowScope, requireScope } from './patch-scope.ts';
import { compileMember, compileMembers, type Member } from './read-value.ts';
import { Report } from './report.ts';

/** Why a body is refused as a whole; the http room has a status for each. */
export type BodyRefusalCode =
  | 'malformed_json'
  | 'too_deep'
  | 'too_many_items'
  | 'invalid'
  | 'immutable_field'
  | 'forbidden_field'
  | 'patch_conflict';

/** A refused body: at least one error with its pointer. */
export interface BodyRefusal {
  readonly ok: false;
  readonly code: BodyRefusalCode;
  readonly errors: readonly FieldError[];
}

/** A body in canonical form, or why there is none. */
export type BodyReading<T> = { readonly ok: true; readonly body: T } | BodyRefusal;

export interface BodyLimits {
  /** Deepest nesting. */
  readonly depth: number;
  /** Most items of a bulk body. */
  readonly items: number;
}

/**
 * Reads the request bodies of one model. A canonical body has the fields that were given, each in
 * canonical form; what stands in the place of the others is decided where the row is made.
 */
export interface ModelValidator {
  create(bytes: Uint8Array): BodyReading<JsonObject>;
  createMany(bytes: Uint8Array): BodyReading<JsonObject[]>;
  /** `creates`: whether the aggregate must not exist, so that nothing can be kept. */
  replace(bytes: Uint8Array, id: string, creates: boolean): BodyReading<JsonObject>;
  /** The text of a patch that can be applied, as far as its form tells. */
  patch(bytes: Uint8Array, format: PatchFormat): BodyReading<string>;
  /** The whole body that a patch makes of a row, checked as a replacement of it. */
  patched(row: PatchedRow, patch: string, format: PatchFormat): BodyReading<JsonObject>;
  /** The canonical id that a segment of the path means; null where it can be no id. */
  id(text: string): string | null;
}

/** A row that is patched, and what the caller may not do with it. */
export interface PatchedRow {
  readonly id: string;
  /** Serialized JSON. */
  readonly before: string;
  /** Null where they may read and write all of it that they may of any. */
  readonly scope: RowScope | null;
}

/** Fields that a caller may not read, or not write; without one, all may be. */
export interface BodyScope {
  readonly unreadable: ReadonlySet<string>;
  readonly unwritable: ReadonlySet<string>;
}

const EVERYTHING: BodyScope = { unreadable: new Set(), unwritable: new Set() };

/**
 * Closures made once per schema: nothing of the schema is looked at again for a body.
 *
 * @param model with the fields that the caller may read or write
 */
export function compileValidator(
  schema: Schema,
  model: ModelSchema,
  limits: BodyLimits,
  scope: BodyScope = EVERYTHING,
): ModelValidator {
  const members = model.fields.map((field) => compileMember(schema, field));
  const key = members.find((member) => member.name === model.primaryKey);
  if (key === undefined) throw new TypeError(`${model.name} has no primary key`);
  const exact = numbersOf(model.fields, (digits) => new ExactNumber(digits));
  const plan: Plan = { key, members, scope, readMembers: compileMembers(members) };
  return {
    create: (bytes) =>
      readBody(bytes, limits, (input, report) => createOne(plan, input, '', report)),
    createMany: (bytes) => readMany(plan, bytes, limits),
    replace: (bytes, id, creates) =>
      readBody(bytes, limits, (input, report) => replaceOne(plan, input, id, creates, report)),
    patch: (bytes, format) => readPatch(plan, bytes, limits, format),
    patched: (row, patch, format) => {
      const shape = (input: JsonInput, report: Report) =>
        replaceOne(plan, input, row.id, false, report);
      const document = exact === null ? JSON.parse(row.before) : exact(JSON.parse(row.before));
      return readPatched(document, row.scope, patch, format, limits, shape);
    },
    id: (text) => canonicalId(key.field, text),
  };
}

interface Plan {
  readonly key: Member;
  readonly members: readonly Member[];
  readonly scope: BodyScope;
  readonly readMembers: ReturnType<typeof compileMembers>;
}

type Shape<T> = (input: JsonInput, report: Report) => T;

function createOne(plan: Plan, input: JsonInput, pointer: string, report: Report): JsonObject {
  const object = plan.readMembers(input, pointer, report);
  if (object === null) return {};
  const id = object[plan.key.name];
  if (typeof id === 'string') checkId(plan.key.field, id, pointer, report);
  for (const member of plan.members) {
    if (member.field.defaultFrom !== undefined) continue;
    member.requirePresent(object, pointer, report);
  }
  refuseLocked(plan, object, pointer, report);
  return object;
}

/** A new row has no value that a locked field could keep. */
function refuseLocked({ scope }: Plan, object: JsonObject, pointer: string, report: Report): void {
  for (const name of scope.unwritable) {
    if (object[name] === undefined) continue;
    report.refuse(`${pointer}/${name}`, 'forbidden_field', 'cannot be set by the caller');
  }
}

function checkId(field: FieldSchema, id: string, pointer: string, report: Report): void {
  const refusal = field.type === 'uuid' ? null : refuseId(id);
  if (refusal !== null) report.refuse(`${pointer}/${field.name}`, refusal.code, refusal.message);
}

function replaceOne(
  plan: Plan,
  input: JsonInput,
  id: string,
  creates: boolean,
  report: Report,
): JsonObject {
  const object = plan.readMembers(input, '', report);
  if (object === null) return {};
  const given = object[plan.key.name];
  if (typeof given === 'string' && given !== id) {
    report.refuse(`/${plan.key.name}`, 'immutable_field', 'must be the id of the path');
  }
  object[plan.key.name] = creates ? plan.key.read(id, `/${plan.key.name}`, report) : id;
  for (const member of plan.members) {
    if (member === plan.key || isKept(member.field, creates)) continue;
    if (!creates && plan.scope.unreadable.has(member.name)) continue;
    member.requirePresent(object, '', report);
  }
  if (creates) refuseLocked(plan, object, '', report);
  return object;
}

/** What is absent from a replacement and keeps its value. */
function isKept(field: FieldSchema, creates: boolean): boolean {
  return field.defaultFrom !== undefined || (field.immutable && !creates);
}

function readMany(plan: Plan, bytes: Uint8Array, limits: BodyLimits): BodyReading<JsonObject[]> {
  return readBody(bytes, limits, (input, report) => {
    if (!Array.isArray(input)) {
      report.refuse('', 'invalid_type', 'must be an array');
      return [];
    }
    if (input.length === 0) report.refuse('', 'too_few_items', 'must have at least one item');
    if (input.length > limits.items) {
      report.refuse('', 'too_many_items', `must have at most ${limits.items} items`);
      return [];
    }
    return input.map((item, at) => createOne(plan, item, `/${at}`, report));
  });
}

/** Read exactly, because nobody has looked for repeated keys yet. */
function readPatch(plan: Plan, bytes: Uint8Array, limits: BodyLimits, format: PatchFormat) {
  if (!isUtf8(bytes)) return refusal('malformed_json', '', 'invalid_utf8', 'must be UTF-8');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return orRefusal(() => {
    const patch = readJson(text, limits.depth);
    requirePatch(patch, format);
    if (plan.scope !== EVERYTHING) {
      requireScope(patch, format, { ...plan.scope, known: plan.members.map(({ name }) => name) });
    }
    return { ok: true as const, body: text };
  });
}

/** The row holds canonical values, which `JSON.parse` reads well; the patch is what a client wrote. */
function readPatched<T>(
  document: JsonInput,
  scope: RowScope | null,
  patch: string,
  format: PatchFormat,
  limits: BodyLimits,
  shape: Shape<T>,
): BodyReading<T> {
  return orRefusal(() => {
    const report = new Report();
    const changes = readJson(patch, limits.depth);
    if (scope !== null) requireRowScope(changes, format, scope);
    const body = shape(applyPatch(document, changes, format), report);
    return report.errors.length === 0 ? { ok: true, body } : refusedBy(report.errors);
  });
}

/**
 * What `JSON.parse` would be wrong or silent about: a colon behind white space (its key may be a
 * repeated one that the count below misses), a number of 16 digits or with an exponent.
 */
const NEEDS_CARE = /[ \t\r\n]:|[:[,][ \t\r\n]*-?(?:[0-9.]{16}|[0-9.]+[eE])/;

/**
 * The usual body is parsed once, natively. It is read again, slowly and exactly, where a number
 * may have lost digits, a key may be there twice, or something is wrong and a person wants to
 * know where. Nesting is bounded by the model, so that only refused bodies need a look at it.
 */
function readBody<T>(bytes: Uint8Array, limits: BodyLimits, shape: Shape<T>): BodyReading<T> {
  if (!isUtf8(bytes)) return refusal('malformed_json', '', 'invalid_utf8', 'must be UTF-8');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  if (!NEEDS_CARE.test(text)) {
    const report = new Report();
    const input = parseFast(text);
    const body = input === undefined ? undefined : shape(input, report);
    if (body !== undefined && isSound(report, text)) return { ok: true, body };
  }
  return readCarefully(text, limits, shape);
}

function parseFast(text: string): JsonInput | undefined {
  try {
    const input: JsonInput = JSON.parse(text);
    return input;
  } catch {
    return undefined;
  }
}

function isSound(report: Report, text: string): boolean {
  return report.errors.length === 0 && !report.needsSource && countKeys(text) === report.keys;
}

/** At least the keys of the text; more where a string holds the same two characters. */
function countKeys(text: string): number {
  let count = 0;
  for (let at = text.indexOf('":'); at !== -1; at = text.indexOf('":', at + 2)) count += 1;
  return count;
}

function readCarefully<T>(text: string, limits: BodyLimits, shape: Shape<T>): BodyReading<T> {
  return orRefusal(() => {
    const report = new Report();
    const body = shape(readJson(text, limits.depth), report);
    return report.errors.length === 0 ? { ok: true, body } : refusedBy(report.errors);
  });
}

function orRefusal<T>(read: () => BodyReading<T>): BodyReading<T> {
  try {
    return read();
  } catch (error) {
    if (error instanceof PatchRefusal) {
      const { code, pointer, errorCode, message, more } = error;
      return { ok: false, code, errors: [{ pointer, code: errorCode, message }, ...more] };
    }
    if (!(error instanceof JsonRefusal)) throw error;
    const code = error.code === 'too_deep' ? 'too_deep' : 'malformed_json';
    return refusal(code, error.pointer, error.code, error.message);
  }
}

function refusedBy(errors: readonly FieldError[]): BodyRefusal {
  const [first] = errors;
  const isAll = (code: string) => errors.every((error) => error.code === code);
  if (first?.code === 'too_many_items' && first.pointer === '') {
    return { ok: false, code: 'too_many_items', errors };
  }
  if (isAll('forbidden_field')) return { ok: false, code: 'forbidden_field', errors };
  return { ok: false, code: isAll('immutable_field') ? 'immutable_field' : 'invalid', errors };
}

function refusal(
  code: BodyRefusalCode,
  pointer: string,
  errorCode: string,
  message: string,
): BodyRefusal {
  return { ok: false, code, errors: [{ pointer, code: errorCode, message }] };
}
