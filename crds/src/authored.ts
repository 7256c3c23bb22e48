// A spec as it is written, before the defaults: what the joi schema has proved about it.
import type {
  DomainEventSpec,
  FieldType,
  HistorizeSpec,
  IndexKind,
  JsonValue,
  RetentionSpec,
  VoterCount,
} from './resource.ts';

export interface AuthoredValue {
  type: FieldType;
  nullable?: boolean;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
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
  primaryKey?: boolean;
  immutable?: boolean;
  unique?: boolean;
  index?: IndexKind;
  defaultFrom?: 'now';
  to?: string;
  onDelete?: 'restrict';
  historize?: HistorizeSpec;
}

export interface AuthoredModel {
  name: string;
  path?: string;
  fields: AuthoredField[];
  persistence?: { durability?: 'quorum'; consistency?: 'strong' };
  lifecycle?: {
    audited?: boolean;
    versioned?: number;
    immutable?: boolean;
    retention?: RetentionSpec;
  };
  security?: { tamperEvidence?: boolean };
  events?: DomainEventSpec[];
}

export interface AuthoredCluster {
  voters?: VoterCount;
  regions?: { name: string; role?: 'Voter'; nodes?: VoterCount }[];
  storage?: { size?: string; className?: string; retain?: boolean };
  image?: string;
  resources?: { requests?: Amounts; limits?: Amounts };
}

interface Amounts {
  cpu?: string;
  memory?: string;
}

export interface AuthoredSpec {
  models: AuthoredModel[];
  store?: {
    snapshotEvery?: number;
    batchSize?: number;
    syncMode?: 'group';
    idempotency?: { window?: string; maxOutcomes?: number };
  };
  auth?: { mode: 'open' };
  cluster?: AuthoredCluster;
}
