// @lithair/crds: the model language. Types, one strict validator, the compiled schema and the
// comparison of two schemas. Operator, node and CLI use nothing else.

export { type FileProblem, formatProblem, type Problem, type ProblemCode } from './problems.ts';
export {
  API_VERSION,
  type AuthSpec,
  authDeclared,
  type ClusterSpec,
  CONDITION_TYPES,
  type Condition,
  type ConditionType,
  FIELD_TYPES,
  type FieldSpec,
  type FieldType,
  type IndexKind,
  type JsonValue,
  KIND,
  type LithairModel,
  type LithairModelSpec,
  type LithairModelStatus,
  type Metadata,
  type ModelSpec,
  type NodeStatus,
  type PersistenceSpec,
  type Phase,
  type RegionSpec,
  type ResourcesSpec,
  type StorageSpec,
  type StoreSettings,
  type ValueSpec,
  voterCount,
} from './resource.ts';
export type { FieldSchema, ModelSchema, Schema, ValueSchema } from './schema.ts';
