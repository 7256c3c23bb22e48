// A spec as it is written, before the defaults: what the joi schema has proved about it.
import type { Format } from './formats.ts';
import type {
  ColdStoreSpec,
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
  JwtSpec,
  ModelPermissions,
  MonitoringSpec,
  OnDelete,
  PersistenceSpec,
  Representation,
  RetentionSpec,
  RuleSpec,
  StatesSpec,
  TtlSpec,
  UpdateMode,
  VoterCount,
} from './resource.ts';

export interface AuthoredValue {
  type: FieldType;
  nullable?: boolean;
  minimum?: number;
  maximum?: number;
  representation?: Representation;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: Format;
  values?: string[];
  items?: AuthoredValue;
  minItems?: number;
  maxItems?: number;
  fields?: AuthoredNestedField[];
}

export interface AuthoredNestedField extends AuthoredValue {
  name: string;
  required?: boolean;
  default?: JsonValue;
}

export interface AuthoredField extends AuthoredNestedField {
  states?: StatesSpec;
  primaryKey?: boolean;
  immutable?: boolean;
  unique?: boolean;
  index?: IndexKind;
  defaultFrom?: DefaultSource;
  to?: string;
  template?: string;
  collation?: Collation;
  onDelete?: OnDelete;
  inverse?: string;
  historize?: HistorizeSpec;
  audited?: boolean;
  /** As historize with mode versions. */
  versioned?: number;
  hidden?: boolean;
  permissions?: FieldPermissions;
  computed?: string;
  encrypted?: boolean;
}

export interface AuthoredModel {
  name: string;
  path?: string;
  fields: AuthoredField[];
  indexes?: IndexSpec[];
  persistence?: Partial<PersistenceSpec> & {
    asynchronous?: boolean;
    writeBehind?: boolean;
    optimizedForRead?: boolean;
    replicate?: boolean;
    eventSourced?: boolean;
  };
  lifecycle?: {
    audited?: boolean;
    versioned?: number;
    immutable?: boolean;
    retention?: RetentionSpec;
    softDelete?: boolean;
    purgeAfter?: string;
    ttl?: TtlSpec;
  };
  permissions?: ModelPermissions;
  http?: { methods: HttpMethod[] };
  caching?: { ttlSeconds: number };
  security?: {
    encryptionAtRest?: boolean;
    tamperEvidence?: boolean;
    auditAllOperations?: boolean;
  };
  events?: DomainEventSpec[];
  rules?: RuleSpec[];
  tracing?: { enabled: boolean; sampleRate?: number; includeBody?: boolean };
}

export interface AuthoredCluster {
  voters?: VoterCount;
  regions?: {
    name: string;
    role?: 'Voter' | 'Learner';
    nodes?: number;
    nodeSelector?: Record<string, string>;
  }[];
  readReplicas?: number;
  storage?: { size?: string; className?: string; retain?: boolean };
  image?: string;
  resources?: { requests?: Amounts; limits?: Amounts };
  updatePolicy?: { mode?: UpdateMode };
  monitoring?: MonitoringSpec;
}

interface Amounts {
  cpu?: string;
  memory?: string;
}

/** How callers prove who they are. */
export interface AuthoredAuth {
  mode: 'open' | 'tokens';
  apiKeys?: { keys: { name: string; sha256: string; roles?: string[] }[] };
  jwt?: AuthoredJwt;
}

type AuthoredJwt = Pick<JwtSpec, 'issuer' | 'audience' | 'algorithms'> & Partial<JwtSpec>;

export interface AuthoredSpec {
  models: AuthoredModel[];
  store?: {
    snapshotEvery?: number;
    batchSize?: number;
    syncMode?: 'group';
    codec?: 'json' | 'binary';
    auditRetention?: string;
    idempotency?: { window?: string; maxOutcomes?: number };
    cold?: ColdStoreSpec;
  };
  auth?: AuthoredAuth;
  cluster?: AuthoredCluster;
}
