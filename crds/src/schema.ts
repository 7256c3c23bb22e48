// The canonical compiled schema: what goes through raft and into snapshots. Every default is
// expanded, every value is JSON, and keys always come in the same order.
import type { Format } from './formats.ts';
import type {
  AuthSpec,
  Collation,
  DefaultSource,
  DomainEventSpec,
  FieldPermissions,
  FieldType,
  HistorizeSpec,
  HttpMethod,
  IndexKind,
  IndexSpec,
  JsonValue,
  ModelPermissions,
  OnDelete,
  RetentionSpec,
  RuleSpec,
  StatesSpec,
  StoreSettings,
  TtlSpec,
} from './resource.ts';

export interface Schema {
  models: ModelSchema[];
  store: StoreSettings;
  /** Absent: everybody may do everything. */
  auth?: AuthSchema;
  /** Made by the cluster when a field is encrypted for the first time; no file says it. */
  fieldKey?: WrappedFieldKey;
}

/** The data key of encrypted fields, encrypted with a master key. Texts are base64, but for `id`. */
export interface WrappedFieldKey {
  /** Of the data key, for its whole life: hex digits. */
  id: string;
  /** The id of the master key. */
  masterKey: number;
  salt: string;
  check: string;
  wrapped: string;
}

/** How callers prove who they are; there with `auth.mode: tokens`. */
export type AuthSchema = Pick<AuthSpec, 'apiKeys' | 'jwt'>;

export interface ModelSchema {
  name: string;
  /** The collection's route, such as `/api/products`. */
  path: string;
  /** The name of the one field that is the primary key: a uuid or a string. */
  primaryKey: string;
  /** In the order of the file; the primary key is one of them. */
  fields: FieldSchema[];
  /** Over several fields each, told apart by them; absent where there are none. */
  indexes?: IndexSpec[];
  /** Absent where nothing is said: nobody may, unless everybody may everything. */
  permissions?: ModelPermissions;
  /** Absent: all methods. */
  methods?: HttpMethod[];
  /** How long clients may keep what they read; absent: they ask each time. */
  cacheSeconds?: number;
  /** Absent where nothing is said. */
  lifecycle?: LifecycleSchema;
  /** True, or absent. */
  encryptionAtRest?: boolean;
  /** True, or absent. */
  tamperEvidence?: boolean;
  /** True, or absent. */
  auditAllOperations?: boolean;
  /** Absent: quorum. */
  durability?: 'leader' | 'periodic';
  /** Bodies that are in a snapshot leave memory but for a cache of this size; absent: none does. */
  adaptive?: { cacheMiB: number };
  /** Named events; absent where there are none. */
  events?: DomainEventSpec[];
  /** Absent where there are none. */
  rules?: RuleSpec[];
  /**
   * What reads promise that say nothing themselves; absent: strong. eventual: every node takes
   * writes by itself, which are otherwise ordered before they are answered.
   */
  consistency?: 'sequential' | 'eventual';
  /** Its rows are the deleted ones of another model, which follows from that; see `softDelete`. */
  deletedOf?: string;
  /** Its rows are values that were used in another model, of whose `unique: forever` it follows. */
  usedBy?: string;
  /** Absent: requests are not traced. */
  tracing?: TracingSchema;
}

/** Which requests are traced: a share of those that bring no decision, from 0 to 1. */
export interface TracingSchema {
  sampleRate: number;
  /** True, or absent. */
  includeBody?: boolean;
}

/** What is remembered of the past of a model's rows. `immutable` has become that of every field. */
export interface LifecycleSchema {
  audited: boolean;
  versioned?: number;
  retention?: RetentionSpec;
  /** True, or absent. Deleted rows are those of the model that says `deletedOf`. */
  softDelete?: boolean;
  /** How long deleted rows stay; absent: until somebody removes them. */
  purgeAfter?: string;
  /** Rows go by themselves; absent: none does. */
  ttl?: TtlSpec;
}

/** What is true of a value wherever it stands: of a field, or of each item of an array. */
export interface ValueSchema {
  type: FieldType;
  nullable: boolean;
  /** integer and number: a number; decimal: a decimal string. Inclusive. */
  minimum?: number | string;
  maximum?: number | string;
  /** decimal, integer: answers write its digits as a number. Absent: as a string where a double fails. */
  representation?: 'number';
  /** string, text of a field of the model: how it compares; absent: exactly. */
  collation?: Collation;
  /** In Unicode code points. */
  minLength?: number;
  maxLength?: number;
  /** Compile with `compilePattern`; known to run in bounded time. */
  pattern?: string;
  /** string, text; see `refuseFormat`. */
  format?: Format;
  /** enum. */
  values?: string[];
  /** array. */
  items?: ValueSchema;
  minItems?: number;
  maxItems?: number;
  /** object; always present for that type. */
  fields?: FieldSchema[];
  /** reference: name of a model of the same schema. */
  to?: string;
  onDelete?: OnDelete;
  inverse?: string;
  /** enum of a field of the model: its values are states. */
  states?: StatesSpec;
  /** Of a primary key: what it is made of; read it with `keyTemplate`. */
  template?: string;
}

export interface FieldSchema extends ValueSchema {
  name: string;
  /**
   * Of the primary key: true when the client must supply it, false when a missing one is
   * generated (uuid v7).
   */
  required: boolean;
  /** Always true for the primary key; false inside objects. */
  immutable: boolean;
  /** Needs a unique index. False for the primary key, which is unique by being the key. */
  unique: boolean;
  index: IndexKind;
  /** decimal: a decimal string, exactly as written. */
  default?: JsonValue;
  defaultFrom?: DefaultSource;
  /** Absent where the model's rule counts. */
  historize?: HistorizeSpec;
  /** True, or absent where what its model says counts alone. */
  audited?: boolean;
  /** True, or absent: neither shown nor taken by the API. */
  hidden?: boolean;
  /** Absent where the model's rights count. */
  permissions?: FieldPermissions;
  /** What makes its value; see `computedFields`. Absent where it is sent. */
  computed?: string;
  /** True, or absent: rows hold its value as ciphertext, but for null. */
  encrypted?: boolean;
}

/**
 * What an index over several fields is called: `(category, price)`, and behind it the rows that it is
 * of, where it is not of all. No field has such a name.
 */
export function indexName({ fields, where }: Pick<IndexSpec, 'fields' | 'where'>): string {
  const name = `(${fields.join(', ')})`;
  return where === undefined ? name : `${name} where ${where}`;
}
