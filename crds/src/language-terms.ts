// Words and bounds that the shapes of the language are made of.
import type { IntegerShape, NumberShape, TextShape } from './shape.ts';

export const LIMITS = {
  models: 100,
  fields: 200,
  values: 1000,
  valueLength: 256,
  patternLength: 500,
  regions: 16,
  /** Nodes of a region, and read replicas. */
  nodes: 20,
  /** Nodes of a cluster altogether. */
  members: 60,
  nodeLabels: 16,
  textLength: 16 * 1024 * 1024,
  arrayItems: 100_000,
  versions: 1000,
  events: 50,
  templateLength: 200,
  /** Digits of a number in a key. */
  sequenceDigits: 15,
  /** Of a model, over several fields each; and of so many fields. */
  indexes: 20,
  indexFields: 8,
  roles: 50,
  apiKeys: 200,
  rules: 50,
  rowRules: 20,
  /** Of a field. */
  transitions: 200,
} as const;

export const DEFAULTS = {
  snapshotEvery: 100_000,
  /** Of bodies that an adaptive model keeps in memory. */
  cacheMiB: 64,
  idempotencyWindow: '24h',
  idempotencyMaxOutcomes: 100_000,
  batchSize: 100,
  voters: 3,
  /** Nodes of a Learner region. */
  learners: 1,
  storageSize: '10Gi',
  requests: { cpu: '100m', memory: '256Mi' },
  keyLength: 256,
  subjectClaim: 'sub',
  rolesClaim: 'roles',
  leewaySeconds: 30,
  /** Versions that a model with consistency eventual keeps where it says nothing of its past. */
  eventualVersions: 10,
} as const;

export const VOTER_COUNTS = [1, 3, 5, 7] as const;
export const UPDATE_MODES = ['Rolling', 'Supervised', 'OnDelete'] as const;

/** Query parameters of the REST contract: a field of this name could not be filtered by. */
export const QUERY_PARAMETERS = [
  'limit',
  'cursor',
  'sort',
  'fields',
  'count',
  'consistency',
  'expand',
  'at',
  'version',
  'or',
] as const;

/** Names that every JavaScript object answers to. */
export const OBJECT_MEMBERS = Object.getOwnPropertyNames(Object.prototype);

export const NAME_RULES = {
  field: {
    pattern: '^[A-Za-z][A-Za-z0-9_]*$',
    says: 'must start with a letter and hold only letters, digits and _',
    code: 'invalid_name',
  },
  model: {
    pattern: '^[A-Z][A-Za-z0-9]*$',
    says: 'must start with a capital letter and hold only letters and digits',
    code: 'invalid_name',
  },
  region: {
    pattern: '^[a-z]([a-z0-9-]*[a-z0-9])?$',
    says: 'must start with a small letter and hold only small letters, digits and inner dashes',
    code: 'invalid_name',
  },
} as const;

/** A part of a route that stands below a row. */
export const SEGMENT_RULE = {
  pattern: '^[a-z]([a-z0-9-]*[a-z0-9])?$',
  says: 'must start with a small letter and hold only small letters, digits and inner dashes',
  code: 'invalid_name',
} as const;

export const QUANTITY_PATTERN = '^[0-9]+(\\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$';
export const DURATION_PATTERN = '^([1-9][0-9]{0,8}[smhdwy]|forever)$';
export const SIZE_PATTERN = '^[1-9][0-9]*(M|G|T|P|Mi|Gi|Ti|Pi)$';

export const name = (
  rule: (typeof NAME_RULES)[keyof typeof NAME_RULES],
  what: string,
): TextShape => ({
  kind: 'text',
  required: true,
  maxLength: 63,
  rule,
  description: `Name of the ${what}, unique among its siblings.`,
});

export const flag = (description: string) => ({ kind: 'boolean', description }) as const;
export const bound = (description: string): NumberShape => ({ kind: 'number', description });
export const size = (description: string, maximum: number): IntegerShape => ({
  kind: 'integer',
  minimum: 0,
  maximum,
  description,
});

export const choice = (
  description: string,
  choices: readonly string[],
  laterChoices: readonly string[],
): TextShape => ({ kind: 'text', maxLength: 32, choices, laterChoices, description });

export const duration = (description: string): TextShape => ({
  kind: 'text',
  maxLength: 16,
  rule: {
    pattern: DURATION_PATTERN,
    says: 'must be a whole number with s, m, h, d, w or y, such as "90d", or forever',
    code: 'invalid_value',
  },
  description,
});
