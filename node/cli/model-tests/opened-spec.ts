// The model as it is tried: without what would reach out of the throw-away node.
import type { FieldSpec, LithairModelSpec, ModelSpec } from '@lithair/crds';

/** Without callers, rights and bounds on methods: what rows are, whoever asks. */
export function openedSpec(spec: LithairModelSpec): LithairModelSpec {
  const { models, ...rest } = withoutPlaces(spec);
  return { ...rest, auth: { mode: 'open' }, models: models.map(openedModel) };
}

function openedModel(model: ModelSpec): ModelSpec {
  const { permissions: _, http: _http, ...rest } = model;
  return { ...rest, fields: model.fields.map(openedField) };
}

function openedField(field: FieldSpec): FieldSpec {
  const { permissions: _, states, ...rest } = field;
  if (states === undefined) return rest;
  const transitions = states.transitions.map(({ roles: _roles, ...transition }) => transition);
  return { ...rest, states: { ...states, transitions } };
}

/** As callers of the tests meet it: whatever their subjects are, they fit. */
export function spokenSpec(spec: LithairModelSpec): LithairModelSpec {
  const { models, ...rest } = withoutPlaces(spec);
  const any = models.map((model) => ({ ...model, fields: model.fields.map(forAnySubject) }));
  return { ...rest, models: any };
}

function forAnySubject(field: FieldSpec): FieldSpec {
  if (field.defaultFrom !== 'actor') return field;
  const { minLength: _, maxLength: _most, pattern: _pattern, format: _format, ...rest } = field;
  return rest;
}

/**
 * Without cold stores, whose objects others hold, without encryption, which needs keys, and without
 * early answers.
 */
function withoutPlaces({ models, store, ...rest }: LithairModelSpec): LithairModelSpec {
  const { cold: _, ...kept } = store;
  return { ...rest, store: kept, models: models.map(placelessModel) };
}

function placelessModel({ lifecycle, security, persistence, ...model }: ModelSpec): ModelSpec {
  return {
    ...model,
    // Nobody can send another value in the place of the subject.
    fields: model.fields.map((field) => (field.hidden === true ? forAnySubject(field) : field)),
    // What was answered early is not read at once, and the tests read what they wrote.
    persistence: { ...persistence, durability: 'quorum' },
    ...(lifecycle && { lifecycle: withoutCold(lifecycle) }),
    ...(security && { security: { ...security, encryptionAtRest: false } }),
  };
}

function withoutCold(lifecycle: NonNullable<ModelSpec['lifecycle']>) {
  const { retention } = lifecycle;
  if (retention?.cold === undefined) return lifecycle;
  const { cold: _, ...kept } = retention;
  return { ...lifecycle, retention: kept };
}

/** What of the model is not tried at all, in words. */
export function whatIsLeftOut({ models, store, auth }: LithairModelSpec): string[] {
  const left: readonly (readonly [boolean, string])[] = [
    [models.some(isEncrypted), 'encryptionAtRest: what lies on a disk is not looked at'],
    [
      models.some(({ persistence }) => persistence.durability !== 'quorum'),
      'persistence.durability: writes are answered when they are in reads, too',
    ],
    [
      models.some(({ persistence }) => persistence.memory === 'adaptive'),
      'persistence.memory: where rows are kept is not looked at',
    ],
    [store.cold !== undefined, 'store.cold: the store is not touched'],
    [auth?.jwt !== undefined, 'auth.jwt: callers of the tests prove who they are by API keys'],
    [
      models.some(({ lifecycle }) => lifecycle?.retention !== undefined),
      'lifecycle.retention: nothing gets old in a test',
    ],
    [
      models.some(({ lifecycle }) => lifecycle?.purgeAfter !== undefined),
      'lifecycle.purgeAfter: nothing gets old in a test',
    ],
    [
      models.some(({ security }) => security?.tamperEvidence === true),
      'security.tamperEvidence: the chain of events is read by lithair log --verify',
    ],
    [
      models.some(({ security }) => security?.auditAllOperations === true),
      'security.auditAllOperations: the audit log is read by lithair log --audit',
    ],
    [models.some(({ tracing }) => tracing?.enabled === true), 'tracing: no trace is looked at'],
  ];
  return left.flatMap(([isLeft, what]) => (isLeft ? [what] : []));
}

function isEncrypted({ security }: ModelSpec): boolean {
  return security?.encryptionAtRest === true;
}
