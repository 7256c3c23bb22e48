// @lithair/crds: the model language. Types, one strict validator, the compiled schema and the
// comparison of two schemas. Operator, node and CLI use nothing else.

export { compareSchemas, type SchemaComparison } from './compare.ts';
export { canonicalJson, compileSchema, parseSchema, schemaFingerprint } from './compile.ts';
export { computedBy, computedFields } from './computed.ts';
export { durationMs } from './duration.ts';
export {
  type Bindings,
  compileExpression,
  type Expression,
  type ExpressionActor,
  type FieldCondition,
  type Lookup,
  type StoredRow,
} from './expression/index.ts';
export { type Format, formatKeywords, refuseFormat } from './formats.ts';
export { keyTemplate, type TemplatePart } from './key-template.ts';
export { METHODS } from './language-http.ts';
export { QUERY_PARAMETERS } from './language-terms.ts';
export { textLength } from './lexical.ts';
export { crdManifest } from './manifest.ts';
export { type ModelFile, readModelFile } from './model-file.ts';
export { compilePattern } from './pattern/index.ts';
export { type FileProblem, formatProblem, type Problem, type ProblemCode } from './problems.ts';
export { type RelatedRows, relatedRows } from './related.ts';
export {
  API_VERSION,
  type ApiKeySpec,
  type AuthSpec,
  authDeclared,
  type ClusterSpec,
  CONDITION_TYPES,
  type ColdStoreSpec,
  type Collation,
  type Condition,
  type ConditionType,
  type DefaultSource,
  type DomainEventSpec,
  FIELD_TYPES,
  type FieldSpec,
  type FieldType,
  type HistorizeSpec,
  type HttpMethod,
  type IndexKind,
  type IndexSpec,
  type JsonValue,
  type JwtSpec,
  KIND,
  type LithairModel,
  type LithairModelSpec,
  type LithairModelStatus,
  type Metadata,
  type ModelPermissions,
  type ModelSpec,
  type NestedFieldSpec,
  type NodeStatus,
  type OnDelete,
  type PersistenceSpec,
  type Phase,
  type RegionSpec,
  type ResourcesSpec,
  type RowRuleSpec,
  type RuleSpec,
  type StatesSpec,
  type StorageSpec,
  type StoreSettings,
  type TransitionSpec,
  type UpdateMode,
  type ValueSpec,
  voterCount,
} from './resource.ts';
export {
  type AuthSchema,
  type FieldSchema,
  indexName,
  type LifecycleSchema,
  type ModelSchema,
  type Schema,
  type ValueSchema,
  type WrappedFieldKey,
} from './schema.ts';
export { DELETION_FIELDS, deletedModelName, deletedPath } from './soft-delete.ts';
export { usedModelName } from './used-values.ts';
export { type Validation, validateResource, validateSpec } from './validate.ts';
