// Expressions within a model: CEL, checked against its fields when the model loads. Nothing in
// them depends on time, place or chance, and what one costs is bounded.
export type { FieldCondition } from './conditions.ts';
export {
  type Bindings,
  type Computation,
  compileComputation,
  compileExpression,
  type Expression,
  type ExpressionActor,
  MAX_EXPRESSION_LENGTH,
  type TypedModel,
} from './expression.ts';
export { ExpressionRefusal, UNSPEAKABLE, type Variable } from './inspection.ts';
export type { Lookup } from './lookups.ts';
export type { StoredRow, TypedField } from './row-type.ts';
export type { ComputedValue } from './to-json.ts';
