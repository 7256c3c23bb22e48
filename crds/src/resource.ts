// The LithairModel resource as a person writes it, after validation has filled in every default.

import type { Format } from './formats.ts';

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export const API_VERSION = 'lithair.dev/v1alpha1';
export const KIND = 'LithairModel';

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | JsonValue[]
  | { [key: string]: JsonValue };

export const FIELD_TYPES = [
  'string',
  'text',
  'integer',
  'number',
  'decimal',
  'boolean',
  'date',
  'datetime',
  'uuid',
  'enum',
  'array',
  'object',
  'reference',
] as const;

/** Where a default may come from that is made for each row. */
export const DEFAULT_SOURCES = ['now', 'uuid', 'actor'] as const;

/** How texts compare: without regard to case, or to case and accents; absent: exactly. */
export const COLLATIONS = ['ci', 'ci-ai'] as const;

/** How answers write digits that a double does not hold. */
export const REPRESENTATIONS = ['string', 'number'] as const;
export type Representation = (typeof REPRESENTATIONS)[number];

export type Collation = (typeof COLLATIONS)[number];

/** What becomes of a row whose reference is deleted. */
export const ON_DELETE = ['restrict', 'cascade', 'setNull'] as const;

export type OnDelete = (typeof ON_DELETE)[number];

export type DefaultSource = (typeof DEFAULT_SOURCES)[number];

export type FieldType = (typeof FIELD_TYPES)[number];
export type IndexKind = 'none' | 'hash' | 'ordered' | 'bloom';

/** One LithairModel: what `kubectl apply` sends and what `lithair serve` reads. */
export interface LithairModel {
  apiVersion: typeof API_VERSION;
  kind: typeof KIND;
  metadata: Metadata;
  spec: LithairModelSpec;
  status?: LithairModelStatus;
}

/** Kubernetes owns these; only the name is checked, because object names are built from it. */
export interface Metadata {
  name: string;
  namespace?: string;
  uid?: string;
  generation?: number;
  resourceVersion?: string;
  deletionTimestamp?: string;
  finalizers?: string[];
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  [other: string]: unknown;
}

/** A validated spec. `auth` is absent where the file does not say it: see `authDeclared`. */
export interface LithairModelSpec {
  models: ModelSpec[];
  store: StoreSettings;
  auth?: AuthSpec;
  cluster: ClusterSpec;
}

export interface ModelSpec {
  name: string;
  path: string;
  fields: FieldSpec[];
  /** Over several fields each; absent where there are none. */
  indexes?: IndexSpec[];
  persistence: PersistenceSpec;
  /** Absent: with `auth.mode: tokens`, nobody may do anything. */
  permissions?: ModelPermissions;
  /** Absent: all methods. */
  http?: { methods: HttpMethod[] };
  /** Absent: clients ask each time. */
  caching?: { ttlSeconds: number };
  /** Absent where nothing is said: no history is kept unless a field says historize. */
  lifecycle?: LifecycleSpec;
  security?: SecuritySpec;
  events?: DomainEventSpec[];
  /** What must hold of every row. */
  rules?: RuleSpec[];
  /** Absent: requests are not traced. */
  tracing?: TracingSpec;
}

/** Which requests to a model are traced, and what traces say. */
export interface TracingSpec {
  enabled: boolean;
  /** Share of the requests that bring no traceparent, from 0 to 1. */
  sampleRate: number;
  /** Whether traces hold bodies of writes. */
  includeBody: boolean;
}

/** A condition between the fields of a row. */
export interface RuleSpec {
  /** Of `self` and, where it is about changes, `old`. */
  expr: string;
  /** What a client is told whose write it refuses. */
  message: string;
}

/** An ordered index over several fields of a model. */
export interface IndexSpec {
  fields: string[];
  /**
   * live: no two rows have the same values in all of them; rows that lack one do not count. forever:
   * nor has one what another one had before.
   */
  unique?: 'live' | 'forever';
  /** CEL over `self`: the rows that are in it. Absent: all. */
  where?: string;
}

/** Which past values of a field are kept: none, those of the last versions, or all. */
export interface HistorizeSpec {
  mode: 'never' | 'versions' | 'full';
  /** versions: how many, the present one counted. */
  versions?: number;
}

/** What is remembered of the past of the rows of a model. */
export interface LifecycleSpec {
  /** Events tell actor, old and new values, of all fields. */
  audited: boolean;
  /** For fields without historize. */
  versioned?: number;
  /** No field of a row ever changes. */
  immutable: boolean;
  retention?: RetentionSpec;
  /** Deleted rows can be restored. */
  softDelete?: boolean;
  /** A duration: how long they can; `forever` where it is not said. */
  purgeAfter?: string;
  ttl?: TtlSpec;
}

/** The states of a field, which are its values, and the ways between them. */
export interface StatesSpec {
  initial: string;
  transitions: TransitionSpec[];
}

export interface TransitionSpec {
  from: string[];
  to: string;
  /** Absent: all who may write the field. */
  roles?: string[];
  /** CEL over self, old and actor. */
  when?: string;
  /** What a change is called that takes it. */
  event?: string;
}

/** When a row goes by itself: so long after the time in one of its fields. */
export interface TtlSpec {
  /** A datetime. */
  field: string;
  /** A duration; absent: at that time. */
  after?: string;
}

/** Durations such as `90d`, or `forever`; see `durationMs`. What is not said is no time at all. */
export interface RetentionSpec {
  hot?: string;
  warm?: string;
  cold?: string;
}

/** What protects the stored rows of a model, and their past. */
export interface SecuritySpec {
  /** Nothing of them lies on a disk in plain. */
  encryptionAtRest: boolean;
  /** Events are chained by hashes. */
  tamperEvidence: boolean;
  /** Every operation leaves an entry in the audit log of its node. */
  auditAllOperations?: boolean;
}

/** A name for a change of a row: for every one of its kind, or where one of the fields changed. */
export interface DomainEventSpec {
  type: string;
  when: 'create' | 'update' | 'delete';
  fields?: string[];
}

export interface PersistenceSpec {
  /**
   * When a write is answered: on a majority of disks, on the leader's, or before any. Only quorum
   * goes with consistency eventual: it is that of a write once it is ordered.
   */
  durability: 'quorum' | 'leader' | 'periodic';
  /** What a read promises that says nothing itself; eventual: nodes take writes by themselves. */
  consistency: 'strong' | 'sequential' | 'eventual';
  /** Absent: eager. */
  memory?: 'eager' | 'adaptive';
  /** Only with `adaptive`. */
  cacheMiB?: number;
}

/** What a field and the items of an array have in common. */
export interface ValueSpec {
  type: FieldType;
  nullable: boolean;
  /** integer, number, decimal; inclusive. */
  minimum?: number;
  maximum?: number;
  /** decimal, integer: how answers write what a double does not hold. Absent: as a string. */
  representation?: 'number';
  /** string, text (and a string primary key); in Unicode code points. */
  minLength?: number;
  maxLength?: number;
  /** string, text; searched for, not anchored, with the `u` flag. */
  pattern?: string;
  /** string, text. */
  format?: Format;
  /** enum. */
  values?: string[];
  /** array. */
  items?: ValueSpec;
  minItems?: number;
  maxItems?: number;
  /** object. */
  fields?: NestedFieldSpec[];
}

/** A field of an object. */
export interface NestedFieldSpec extends ValueSpec {
  name: string;
  required: boolean;
  default?: JsonValue;
}

/** A field of a model. */
export interface FieldSpec extends NestedFieldSpec {
  /** enum: the values are states. */
  states?: StatesSpec;
  primaryKey: boolean;
  immutable: boolean;
  unique: boolean;
  index: IndexKind;
  /** Made by the leader when the row is created. */
  defaultFrom?: DefaultSource;
  /** string, text. */
  collation?: Collation;
  /** A string primary key: what it is made of. */
  template?: string;
  /** reference: the name of the model it points to. */
  to?: string;
  onDelete?: OnDelete;
  /** reference: the route below a row of that model for the rows that refer to it. */
  inverse?: string;
  historize?: HistorizeSpec;
  /** True, or absent: events tell who changed its value, the old one and the new one. */
  audited?: boolean;
  /** True, or absent: the API neither shows nor takes it. */
  hidden?: boolean;
  permissions?: FieldPermissions;
  /** CEL over `self` that makes the value; nobody sends one. */
  computed?: string;
  /** True, or absent: its value is stored as ciphertext. */
  encrypted?: boolean;
}

/** One log and one state per cluster, so these are cluster-wide. */
export interface StoreSettings {
  /** Applied entries between two snapshots. */
  snapshotEvery: number;
  /** Most entries in one append. */
  batchSize: number;
  /** group: one fdatasync acknowledges everything that arrived before it. */
  syncMode: 'group';
  /** How the log writes the rows of its entries. Absent: json. */
  codec?: 'json' | 'binary';
  /** How long entries of the audit logs are kept: a duration. Absent: for ever. */
  auditRetention?: string;
  /** Absent: a day, and 100,000 outcomes. */
  idempotency?: IdempotencySettings;
  /** Absent: no history gets cold. */
  cold?: ColdStoreSpec;
}

/** Where cold archives go; what does not belong to the type is absent. Never a credential. */
export interface ColdStoreSpec {
  type: 'directory' | 's3';
  /** directory: its absolute path, shared by all members. */
  directory?: string;
  /** s3: always present for that type. */
  bucket?: string;
  prefix?: string;
  /** An http or https URL; absent: AWS. */
  endpoint?: string;
  region?: string;
  pathStyle?: boolean;
  /** Kubernetes only: the name of a Secret, which is no part of the compiled schema. */
  credentialsSecret?: string;
}

/** How long the outcome of a request with an Idempotency-Key is kept: until one of both is over. */
export interface IdempotencySettings {
  /** A duration such as `24h`, or `forever`; in log time. */
  window: string;
  maxOutcomes: number;
}

/** Who may call: everybody, or whoever proves a subject that permissions name. */
export interface AuthSpec {
  mode: 'open' | 'tokens';
  apiKeys?: { keys: ApiKeySpec[] };
  jwt?: JwtSpec;
}

/** A key for a program. */
export interface ApiKeySpec {
  /** The subject. */
  name: string;
  /** Of the key, in hex; the key itself is known to its holder alone. */
  sha256: string;
  roles: string[];
}

/** Tokens of an identity provider (RFC 7519). */
export interface JwtSpec {
  issuer: string;
  audience: string;
  algorithms: JwtAlgorithm[];
  /** JSON text of a JWK set, for RS256 and ES256. */
  jwks?: string;
  /** Where the JWK set is fetched. */
  jwksUri?: string;
  /** Secret whose entry `key` verifies HS256. */
  secretName?: string;
  subjectClaim: string;
  /** Dots lead into objects. */
  rolesClaim: string;
  leewaySeconds: number;
}

export type JwtAlgorithm = 'HS256' | 'RS256' | 'ES256';

/** Roles that may do what with the rows of a model; what is not said nobody may. */
export interface ModelPermissions {
  create?: string[];
  read?: string[];
  update?: string[];
  delete?: string[];
  /** Of those who may read a row, who may read its past; absent: all of them. */
  history?: string[];
  /** The field that holds the subject who owns the row: who has the role Owner in it. */
  owner?: string;
  /** Rows for which it holds may be read by everybody. */
  publicIf?: string;
  rows?: RowRuleSpec[];
}

/** Lets callers of some roles do something with the rows for which a condition holds. */
export interface RowRuleSpec {
  roles: string[];
  operations: ('create' | 'read' | 'update' | 'delete')[];
  /** Of the row that is there: over self and actor. */
  using?: string;
  /** Of the row as it would be: over self, old and actor. Absent: as `using`. */
  check?: string;
}

/** Roles that may read and write a field; what is not said follows the model's rights. */
export interface FieldPermissions {
  read?: string[];
  write?: string[];
}

export interface ClusterSpec {
  /** Absent exactly when `regions` is given; `voterCount` answers for both. */
  voters?: VoterCount;
  regions?: RegionSpec[];
  /** Nodes without a vote that serve reads, outside of `regions`; the scale subresource. */
  readReplicas: number;
  storage: StorageSpec;
  image?: string;
  resources: ResourcesSpec;
  /** Absent: `Rolling`. */
  updatePolicy?: { mode: UpdateMode };
  monitoring?: MonitoringSpec;
}

/**
 * Who replaces pods of an older template: the operator all of them, the operator all but that of
 * the leader, or nobody, so that pods get the present one when somebody deletes them.
 */
export type UpdateMode = 'Rolling' | 'Supervised' | 'OnDelete';

/** What nodes in Kubernetes tell of themselves, and to whom. */
export interface MonitoringSpec {
  traces?: TracesSpec;
}

/** Where traces of models with tracing go; absent: to the log. */
export interface TracesSpec {
  /** Of an OTLP collector, as `OTEL_EXPORTER_OTLP_ENDPOINT` has it. */
  endpoint: string;
  /** Secret whose entry `headers` is `OTEL_EXPORTER_OTLP_HEADERS`. */
  headersSecret?: string;
  /** Absent: the name of the resource. */
  serviceName?: string;
}

export type VoterCount = 1 | 3 | 5 | 7;

export interface RegionSpec {
  name: string;
  /** Nodes of a Learner region replicate and serve reads, and have no vote. */
  role: 'Voter' | 'Learner';
  nodes: number;
  /** Labels that a machine must have to run a node of this region. */
  nodeSelector?: Record<string, string>;
}

export interface StorageSpec {
  /** A Kubernetes quantity; it may grow, never shrink. */
  size: string;
  /** Absent: the cluster's default storage class. */
  className?: string;
  /** Keep the volumes when the resource is deleted. */
  retain: boolean;
}

export interface ResourcesSpec {
  requests: { cpu?: string; memory?: string };
  limits: { cpu?: string; memory?: string };
}

export type Phase =
  | 'Pending'
  | 'Creating'
  | 'Ready'
  | 'Updating'
  | 'Degraded'
  | 'Failed'
  | 'Deleting';

export const CONDITION_TYPES = [
  'Ready',
  'QuorumAvailable',
  'Progressing',
  'Degraded',
  'SchemaApplied',
  'StorageLow',
  'ClusterIDMismatch',
] as const;

export type ConditionType = (typeof CONDITION_TYPES)[number];

export interface LithairModelStatus {
  observedGeneration?: number;
  phase?: Phase;
  schemaVersion?: number;
  /** Identity of the cluster that owns the volumes; an empty disk must not bootstrap another. */
  clusterId?: string;
  endpoint?: string;
  /** A pod's name. */
  leader?: string;
  term?: number;
  image?: string;
  /** `ready/wanted`, for the printer column. */
  nodeSummary?: string;
  nodes?: NodeStatus[];
  /** Read replicas that there are, and what selects their pods: for the scale subresource. */
  readReplicas?: number;
  readReplicaSelector?: string;
  conditions?: Condition[];
}

export interface NodeStatus {
  /** The pod's name. */
  name: string;
  memberId?: string;
  role?: 'leader' | 'follower' | 'candidate' | 'learner' | 'unknown';
  region?: string;
  ready: boolean;
  /** Entries behind the leader's last one, coarsely. */
  lag?: number;
  /** Bytes of the log that it lacks, coarsely. */
  lagBytes?: number;
  /** For how long it has lacked the oldest of them, in whole seconds, coarsely. */
  lagSeconds?: number;
  version?: string;
}

/** metav1.Condition: https://pkg.go.dev/k8s.io/apimachinery/pkg/apis/meta/v1#Condition */
export interface Condition {
  type: ConditionType;
  status: 'True' | 'False' | 'Unknown';
  observedGeneration?: number;
  /** RFC 3339. */
  lastTransitionTime: string;
  /** CamelCase. */
  reason: string;
  message: string;
}

/** Whether the spec says `auth.mode`: without it `serve` stays on loopback and the operator refuses. */
export function authDeclared(spec: LithairModelSpec): boolean {
  return spec.auth !== undefined;
}

/** How many voters the cluster is to have, from `voters` or from `regions`. */
export function voterCount(cluster: ClusterSpec): number {
  if (cluster.voters !== undefined) return cluster.voters;
  const regions = cluster.regions ?? [];
  return regions.reduce((sum, { role, nodes }) => sum + (role === 'Voter' ? nodes : 0), 0);
}
