// What an attribute means where it is left out. Expanding twice changes nothing.

import type {
  AuthoredAuth,
  AuthoredCluster,
  AuthoredField,
  AuthoredModel,
  AuthoredNestedField,
  AuthoredSpec,
  AuthoredValue,
} from './authored.ts';
import { DEFAULTS } from './language-terms.ts';
import { durabilityOf } from './persistence-rules.ts';
import { defaultPath } from './plural.ts';
import type {
  AuthSpec,
  ClusterSpec,
  FieldSpec,
  IndexSpec,
  LifecycleSpec,
  LithairModelSpec,
  ModelSpec,
  NestedFieldSpec,
  PersistenceSpec,
  RegionSpec,
  StorageSpec,
  StoreSettings,
  ValueSpec,
} from './resource.ts';

export function expandSpec(spec: AuthoredSpec): LithairModelSpec {
  return {
    models: spec.models.map(expandModel),
    store: expandStore(spec.store ?? {}),
    ...(spec.auth && { auth: expandAuth(spec.auth) }),
    cluster: expandCluster(spec.cluster ?? {}),
  };
}

function expandAuth({ mode, apiKeys, jwt }: AuthoredAuth): AuthSpec {
  return {
    mode,
    ...(apiKeys && { apiKeys: { keys: apiKeys.keys.map(expandApiKey) } }),
    ...(jwt && {
      jwt: {
        ...jwt,
        subjectClaim: jwt.subjectClaim ?? DEFAULTS.subjectClaim,
        rolesClaim: jwt.rolesClaim ?? DEFAULTS.rolesClaim,
        leewaySeconds: jwt.leewaySeconds ?? DEFAULTS.leewaySeconds,
      },
    }),
  };
}

function expandApiKey({ name, sha256, roles }: { name: string; sha256: string; roles?: string[] }) {
  return { name, sha256, roles: roles ?? [] };
}

function expandStore(store: NonNullable<AuthoredSpec['store']>): StoreSettings {
  return {
    snapshotEvery: store.snapshotEvery ?? DEFAULTS.snapshotEvery,
    batchSize: store.batchSize ?? DEFAULTS.batchSize,
    syncMode: store.syncMode ?? 'group',
    codec: store.codec ?? 'json',
    ...(store.auditRetention !== undefined && { auditRetention: store.auditRetention }),
    ...(store.idempotency && { idempotency: expandIdempotency(store.idempotency) }),
    ...(store.cold && { cold: { ...store.cold } }),
  };
}

function expandIdempotency(given: { window?: string; maxOutcomes?: number }) {
  return {
    window: given.window ?? DEFAULTS.idempotencyWindow,
    maxOutcomes: given.maxOutcomes ?? DEFAULTS.idempotencyMaxOutcomes,
  };
}

function expandModel(model: AuthoredModel): ModelSpec {
  return {
    name: model.name,
    path: model.path ?? defaultPath(model.name),
    fields: model.fields.map(expandField),
    ...(model.indexes && { indexes: model.indexes.map(copyIndex) }),
    persistence: expandPersistence(model.persistence ?? {}),
    ...routesOf(model),
    ...lifecycleOf(model),
    ...(model.security && {
      security: {
        encryptionAtRest: model.security.encryptionAtRest ?? false,
        tamperEvidence: model.security.tamperEvidence ?? false,
        ...(model.security.auditAllOperations && { auditAllOperations: true }),
      },
    }),
    ...(model.events && { events: model.events.map((event) => ({ ...event })) }),
    ...(model.rules && { rules: model.rules.map((rule) => ({ ...rule })) }),
    ...(model.tracing && { tracing: { sampleRate: 1, includeBody: false, ...model.tracing } }),
  };
}

function copyIndex({ fields, unique, where }: IndexSpec): IndexSpec {
  return {
    fields: [...fields],
    ...(unique !== undefined && { unique }),
    ...(where !== undefined && { where }),
  };
}

function routesOf({ permissions, http, caching }: AuthoredModel) {
  return {
    ...(permissions && { permissions }),
    ...(http && { http: { methods: [...http.methods] } }),
    ...(caching && { caching: { ...caching } }),
  };
}

/** Where nodes take writes by themselves, a write that loses must stay visible: there is a history. */
function lifecycleOf(model: AuthoredModel): Pick<ModelSpec, 'lifecycle'> {
  const { lifecycle = {}, persistence, fields } = model;
  const isNeeded =
    persistence?.consistency === 'eventual' &&
    lifecycle.audited !== true &&
    lifecycle.versioned === undefined &&
    lifecycle.retention === undefined &&
    !fields.some(keepsPast);
  if (isNeeded)
    return { lifecycle: expandLifecycle({ ...lifecycle, versioned: DEFAULTS.eventualVersions }) };
  return model.lifecycle ? { lifecycle: expandLifecycle(model.lifecycle) } : {};
}

function expandPersistence(
  persistence: NonNullable<AuthoredModel['persistence']>,
): PersistenceSpec {
  const { consistency = 'strong', memory, cacheMiB } = persistence;
  const durability = durabilityOf(persistence) ?? 'quorum';
  return { durability, consistency, ...(memory && { memory }), ...(cacheMiB && { cacheMiB }) };
}

function expandLifecycle(lifecycle: NonNullable<AuthoredModel['lifecycle']>): LifecycleSpec {
  const { audited, versioned, immutable, retention, softDelete, purgeAfter, ttl } = lifecycle;
  return {
    audited: audited ?? false,
    ...(versioned !== undefined && { versioned }),
    immutable: immutable ?? false,
    ...(retention && { retention: { ...retention } }),
    ...(softDelete && { softDelete }),
    ...(purgeAfter !== undefined && { purgeAfter }),
    ...(ttl && { ttl: { ...ttl } }),
  };
}

function expandField(field: AuthoredField): FieldSpec {
  const key = field.primaryKey ?? false;
  const value = expandNested(field);
  return {
    ...value,
    ...(key && field.type === 'string' && expandStringKey(value, field.template)),
    primaryKey: key,
    immutable: field.immutable ?? key,
    unique: field.unique ?? key,
    index: field.index ?? 'none',
    ...(field.defaultFrom !== undefined && { defaultFrom: field.defaultFrom }),
    ...referenceOf(field),
    ...(field.collation !== undefined && { collation: field.collation }),
    ...pastOf(field),
    ...(field.states && { states: structuredClone(field.states), default: field.states.initial }),
    ...accessOf(field),
    ...(field.computed !== undefined && { computed: field.computed }),
  };
}

/** Whether a field keeps something of its past, whatever its model says. */
function keepsPast({ historize, versioned, audited }: AuthoredField): boolean {
  if (versioned !== undefined || audited === true) return true;
  return historize !== undefined && historize.mode !== 'never';
}

function pastOf({
  historize,
  versioned,
  audited,
}: AuthoredField): Pick<FieldSpec, 'historize' | 'audited'> {
  return {
    ...(historize && { historize: { ...historize } }),
    ...(versioned !== undefined && { historize: { mode: 'versions', versions: versioned } }),
    ...(audited === true && { audited }),
  };
}

function referenceOf({ type, to, onDelete = 'restrict', inverse }: AuthoredField) {
  return {
    ...(to !== undefined && { to }),
    ...(type === 'reference' && { onDelete }),
    ...(inverse !== undefined && { inverse }),
  };
}

function accessOf({
  hidden,
  permissions,
  encrypted,
}: AuthoredField): Pick<FieldSpec, 'hidden' | 'permissions' | 'encrypted'> {
  return {
    ...(hidden === true && { hidden }),
    ...(permissions && { permissions }),
    ...(encrypted === true && { encrypted }),
  };
}

/**
 * A string key comes from the client; it is part of a URL and is never empty. One that is made has
 * the bounds of what makes it.
 */
function expandStringKey(
  { minLength = 1, maxLength = DEFAULTS.keyLength }: ValueSpec,
  template: string | undefined,
) {
  if (template !== undefined) return { required: false, template };
  return { required: true, minLength, maxLength };
}

function expandNested(field: AuthoredNestedField): NestedFieldSpec {
  return {
    name: field.name,
    ...expandValue(field),
    required: field.required ?? false,
    ...(field.default !== undefined && { default: field.default }),
  };
}

function expandValue(value: AuthoredValue): ValueSpec {
  const { minimum, maximum, minItems, maxItems } = value;
  return {
    type: value.type,
    nullable: value.nullable ?? false,
    ...(minimum !== undefined && { minimum }),
    ...(maximum !== undefined && { maximum }),
    ...(value.representation === 'number' && { representation: value.representation }),
    ...textRulesOf(value),
    ...(value.values && { values: [...value.values] }),
    ...(value.items && { items: expandValue(value.items) }),
    ...(minItems !== undefined && { minItems }),
    ...(maxItems !== undefined && { maxItems }),
    ...(value.fields && { fields: value.fields.map(expandNested) }),
  };
}

function textRulesOf({ minLength, maxLength, pattern, format }: AuthoredValue) {
  return {
    ...(minLength !== undefined && { minLength }),
    ...(maxLength !== undefined && { maxLength }),
    ...(pattern !== undefined && { pattern }),
    ...(format !== undefined && { format }),
  };
}

function expandStorage(storage: NonNullable<AuthoredCluster['storage']>): StorageSpec {
  const { size = DEFAULTS.storageSize, className, retain = true } = storage;
  return className === undefined ? { size, retain } : { size, className, retain };
}

type AuthoredRegion = NonNullable<AuthoredCluster['regions']>[number];

function expandRegion({ name, role = 'Voter', nodes, nodeSelector }: AuthoredRegion): RegionSpec {
  const usual = role === 'Voter' ? DEFAULTS.voters : DEFAULTS.learners;
  const region = { name, role, nodes: nodes ?? usual };
  return nodeSelector === undefined ? region : { ...region, nodeSelector: { ...nodeSelector } };
}

function expandCluster(cluster: AuthoredCluster): ClusterSpec {
  const { storage, regions, resources } = cluster;
  return {
    ...(regions
      ? { regions: regions.map(expandRegion) }
      : { voters: cluster.voters ?? DEFAULTS.voters }),
    readReplicas: cluster.readReplicas ?? 0,
    storage: expandStorage(storage ?? {}),
    ...(cluster.image !== undefined && { image: cluster.image }),
    resources: {
      requests: { ...DEFAULTS.requests, ...resources?.requests },
      limits: { ...resources?.limits },
    },
    ...(cluster.updatePolicy?.mode !== undefined && {
      updatePolicy: { mode: cluster.updatePolicy.mode },
    }),
    ...(cluster.monitoring !== undefined && { monitoring: cluster.monitoring }),
  };
}
