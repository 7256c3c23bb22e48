// From a validated spec to the canonical schema.
import { createHash } from 'node:crypto';
import { METHODS } from './language-http.ts';
import { DEFAULTS } from './language-terms.ts';
import { decimalOf } from './lexical.ts';
import type {
  AuthSpec,
  ColdStoreSpec,
  FieldSpec,
  IdempotencySettings,
  JsonValue,
  LifecycleSpec,
  LithairModelSpec,
  ModelSpec,
  NestedFieldSpec,
  PersistenceSpec,
  StoreSettings,
  ValueSpec,
} from './resource.ts';
import type {
  AuthSchema,
  FieldSchema,
  LifecycleSchema,
  ModelSchema,
  Schema,
  ValueSchema,
} from './schema.ts';
import { withDeletedModels } from './soft-delete.ts';
import { withUsedModels } from './used-values.ts';

/** Compiles a validated spec. What the cluster looks like (`cluster`) is not part of it. */
export function compileSchema(spec: LithairModelSpec): Schema {
  return {
    models: withUsedModels(withDeletedModels(spec.models.map(compileModel))),
    store: {
      snapshotEvery: spec.store.snapshotEvery,
      batchSize: spec.store.batchSize,
      syncMode: spec.store.syncMode,
      ...(spec.store.codec === 'binary' && { codec: spec.store.codec }),
      ...auditRetentionOf(spec.store),
      ...idempotencyOf(spec.store.idempotency),
      ...coldOf(spec.store.cold),
    },
    ...(spec.auth?.mode === 'tokens' && { auth: compileAuth(spec.auth) }),
  };
}

/** Replicated with the models, so that all nodes know the same callers. */
function compileAuth({ apiKeys, jwt }: AuthSpec): AuthSchema {
  return {
    ...(apiKeys && { apiKeys: structuredClone(apiKeys) }),
    ...(jwt && { jwt: structuredClone(jwt) }),
  };
}

/** For ever is what a store does that says nothing. */
function auditRetentionOf({ auditRetention }: StoreSettings): Partial<StoreSettings> {
  if (auditRetention === undefined || auditRetention === 'forever') return {};
  return { auditRetention };
}

/** The default is not written down: a schema that says it is the same as one that does not. */
function idempotencyOf(given: IdempotencySettings | undefined): Partial<StoreSettings> {
  if (given === undefined) return {};
  const { window, maxOutcomes } = given;
  const isDefault =
    window === DEFAULTS.idempotencyWindow && maxOutcomes === DEFAULTS.idempotencyMaxOutcomes;
  return isDefault ? {} : { idempotency: { window, maxOutcomes } };
}

/** How pods get at credentials is no affair of the members. */
function coldOf(given: ColdStoreSpec | undefined): Partial<StoreSettings> {
  if (given === undefined) return {};
  const { credentialsSecret: _, ...cold } = given;
  return { cold };
}

/** The schema as the one JSON text that stands for it: keys sorted, no spaces. */
export function canonicalJson(schema: Schema): string {
  return stringify(schema);
}

/**
 * SHA-256 of the canonical JSON, in hex. Without the key of encrypted fields: the cluster makes it, so
 * that no file of a model says it.
 */
export function schemaFingerprint(schema: Schema): string {
  return createHash('sha256')
    .update(canonicalJson(withoutFieldKey(schema)))
    .digest('hex');
}

/** What a schema says that comes from a file. */
export function withoutFieldKey(schema: Schema): Schema {
  const { fieldKey: _, ...said } = schema;
  return said;
}

/**
 * Reads back what `canonicalJson` wrote: from a raft entry or a snapshot, whose checksum has
 * already been verified.
 * @throws {SyntaxError} when the text is not JSON or not a schema.
 */
export function parseSchema(json: string): Schema {
  const value: unknown = JSON.parse(json);
  if (!isSchema(value)) throw new SyntaxError('not a compiled schema');
  return value;
}

function compileModel(model: ModelSpec): ModelSchema {
  const key = model.fields.find((field) => field.primaryKey);
  if (!key) throw new Error(`model ${model.name} was not validated: it has no primary key`);
  const { lifecycle, security, persistence } = model;
  return {
    name: model.name,
    path: model.path,
    primaryKey: key.name,
    fields: model.fields.map((field) => ({
      ...compileField(field, lifecycle?.immutable ?? false),
      // Rows whose time has come are found without a look at the others.
      ...(field.name === lifecycle?.ttl?.field && { index: 'ordered' }),
    })),
    ...(model.indexes && { indexes: structuredClone(model.indexes) }),
    ...compileRoutes(model),
    ...(lifecycle && { lifecycle: compileLifecycle(lifecycle) }),
    ...compilePersistence(model.persistence),
    ...(security?.encryptionAtRest && { encryptionAtRest: true }),
    ...(security?.tamperEvidence && { tamperEvidence: true }),
    ...(security?.auditAllOperations && { auditAllOperations: true }),
    ...(persistence.memory === 'adaptive' && {
      adaptive: { cacheMiB: persistence.cacheMiB ?? DEFAULTS.cacheMiB },
    }),
    ...compileNamed(model),
  };
}

/** What is taken over as it is said. */
function compileNamed({ permissions, events, rules, tracing }: ModelSpec): Partial<ModelSchema> {
  return {
    ...(permissions && { permissions: structuredClone(permissions) }),
    ...(events && { events: events.map((event) => ({ ...event })) }),
    ...(rules && { rules: rules.map((rule) => ({ ...rule })) }),
    ...(tracing?.enabled && {
      tracing: {
        sampleRate: tracing.sampleRate,
        ...(tracing.includeBody && { includeBody: true }),
      },
    }),
  };
}

/** All methods is what a model has that says nothing. */
function compileRoutes({ http, caching }: ModelSpec): Partial<ModelSchema> {
  const methods = METHODS.filter((method) => http?.methods.includes(method));
  return {
    ...(http && methods.length < METHODS.length && { methods }),
    ...(caching && { cacheSeconds: caching.ttlSeconds }),
  };
}

/** Defaults are not written down. */
function compilePersistence({ durability, consistency }: PersistenceSpec) {
  return {
    ...(durability !== 'quorum' && { durability }),
    ...(consistency !== 'strong' && { consistency }),
  };
}

function compileLifecycle(lifecycle: LifecycleSpec): LifecycleSchema {
  const { audited, versioned, retention, softDelete, purgeAfter, ttl } = lifecycle;
  return {
    audited,
    ...(versioned !== undefined && { versioned }),
    ...(retention && { retention: { ...retention } }),
    ...(softDelete && { softDelete }),
    ...(purgeAfter !== undefined && purgeAfter !== 'forever' && { purgeAfter }),
    ...(ttl && { ttl: { ...ttl } }),
  };
}

function compileField(field: FieldSpec, allImmutable: boolean): FieldSchema {
  const keyIndex = field.index === 'ordered' ? 'ordered' : 'none';
  return {
    ...compileNested(field),
    // What a computed field is changes only where another field does.
    immutable: field.computed === undefined && (field.immutable || allImmutable),
    unique: field.primaryKey ? false : field.unique,
    index: field.primaryKey ? keyIndex : field.index,
    ...(field.defaultFrom !== undefined && { defaultFrom: field.defaultFrom }),
    ...(field.template !== undefined && { template: field.template }),
    ...compileReference(field),
    ...(field.states && { states: structuredClone(field.states) }),
    ...(field.collation !== undefined && { collation: field.collation }),
    ...compilePast(field),
    ...compileAccess(field),
    ...(field.computed !== undefined && { computed: field.computed }),
  };
}

function compilePast({ historize, audited }: FieldSpec): Partial<FieldSchema> {
  return {
    ...(historize && { historize: { ...historize } }),
    ...(audited === true && { audited: true }),
  };
}

/** Who sees the value: callers, and whoever has what it is stored on. */
function compileAccess({ hidden, permissions, encrypted }: FieldSpec): Partial<FieldSchema> {
  return {
    ...(encrypted === true && { encrypted: true }),
    ...(hidden === true && { hidden: true }),
    ...(permissions && { permissions: structuredClone(permissions) }),
  };
}

function compileReference({ to, onDelete, inverse }: FieldSpec): Partial<FieldSchema> {
  return {
    ...(to !== undefined && { to }),
    ...(onDelete !== undefined && { onDelete }),
    ...(inverse !== undefined && { inverse }),
  };
}

function compileNested(field: NestedFieldSpec): FieldSchema {
  return {
    name: field.name,
    ...compileValue(field),
    required: field.required,
    immutable: false,
    unique: false,
    index: 'none',
    ...(field.default !== undefined && { default: canonicalDefault(field, field.default) }),
  };
}

function compileValue(value: ValueSpec): ValueSchema {
  const { minLength, maxLength, pattern, format, minItems, maxItems } = value;
  return {
    type: value.type,
    nullable: value.nullable,
    ...compileNumber(value),
    ...(minLength !== undefined && { minLength }),
    ...(maxLength !== undefined && { maxLength }),
    ...(pattern !== undefined && { pattern }),
    ...(format !== undefined && { format }),
    ...(value.values && { values: [...value.values] }),
    ...(value.items && { items: compileValue(value.items) }),
    ...(minItems !== undefined && { minItems }),
    ...(maxItems !== undefined && { maxItems }),
    ...(value.fields && { fields: value.fields.map(compileNested) }),
  };
}

function compileNumber(value: ValueSpec): Partial<ValueSchema> {
  const { minimum, maximum, representation } = value;
  return {
    ...(minimum !== undefined && { minimum: compileBound(value, minimum) }),
    ...(maximum !== undefined && { maximum: compileBound(value, maximum) }),
    ...(representation && { representation }),
  };
}

function compileBound(value: ValueSpec, bound: number): number | string {
  const plain = bound === 0 ? 0 : bound;
  return value.type === 'decimal' ? decimalOf(plain) : plain;
}

/** A decimal inside a default is a decimal text, however it was written. */
function canonicalDefault(value: ValueSpec, given: JsonValue): JsonValue {
  if (value.type === 'decimal' && typeof given === 'number') return decimalOf(given);
  const { items, fields } = value;
  if (Array.isArray(given))
    return items ? given.map((item) => canonicalDefault(items, item)) : given;
  if (typeof given !== 'object' || given === null) return Object.is(given, -0) ? 0 : given;
  const members = Object.entries(given).map(([name, member]): [string, JsonValue] => {
    const field = fields?.find((candidate) => candidate.name === name);
    return [name, field ? canonicalDefault(field, member) : member];
  });
  return Object.fromEntries(members);
}

function stringify(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stringify).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, v]) => `${JSON.stringify(name)}:${stringify(v)}`).join(',')}}`;
}

function isSchema(value: unknown): value is Schema {
  if (!isMap(value) || !Array.isArray(value['models']) || !isMap(value['store'])) return false;
  const isKeyed = value['fieldKey'] === undefined || isFieldKey(value['fieldKey']);
  return isKeyed && isStore(value['store']) && value['models'].every(isModelSchema);
}

function isFieldKey(value: unknown): boolean {
  if (!isMap(value) || !Number.isSafeInteger(value['masterKey'])) return false;
  return isTexts([value['id'], value['salt'], value['check'], value['wrapped']]);
}

function isStore(store: Record<string, unknown>): boolean {
  const { snapshotEvery, batchSize, syncMode, codec, idempotency, cold } = store;
  const kept = idempotency === undefined || isIdempotency(idempotency);
  const isPlaced = cold === undefined || isColdStore(cold);
  const isCodec = codec === undefined || codec === 'json' || codec === 'binary';
  const isSized = Number.isInteger(snapshotEvery) && Number.isInteger(batchSize);
  return kept && isPlaced && isCodec && isSized && syncMode === 'group';
}

function isColdStore(value: unknown): boolean {
  return isMap(value) && (value['type'] === 'directory' || value['type'] === 's3');
}

function isIdempotency(value: unknown): boolean {
  return (
    isMap(value) && typeof value['window'] === 'string' && Number.isInteger(value['maxOutcomes'])
  );
}

function isModelSchema(value: unknown): boolean {
  if (!isMap(value)) return false;
  const texts = [value['name'], value['path'], value['primaryKey']];
  if (!texts.every((t) => typeof t === 'string')) return false;
  return isFieldList(value['fields']) && isIndexList(value['indexes'] ?? []);
}

function isIndexList(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => isMap(each) && isTexts(each['fields']));
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}

function isFieldList(value: unknown): boolean {
  return Array.isArray(value) && value.every(isFieldSchema);
}

function isFieldSchema(value: unknown): boolean {
  if (!isMap(value) || typeof value['name'] !== 'string') return false;
  const flags = [value['required'], value['immutable'], value['unique']];
  const sound = flags.every((flag) => typeof flag === 'boolean');
  return sound && typeof value['index'] === 'string' && isValueSchema(value);
}

function isValueSchema(value: unknown): boolean {
  if (!isMap(value) || typeof value['type'] !== 'string') return false;
  if (typeof value['nullable'] !== 'boolean') return false;
  const items = value['items'] === undefined || isValueSchema(value['items']);
  return items && (value['fields'] === undefined || isFieldList(value['fields']));
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
