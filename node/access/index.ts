/** May they: what an actor may do with a model, with which rows, and which fields they know. */
export { type AccessOperation, type ModelRights, type OwnedFields, Rights } from './rights.ts';
export { rowAccess } from './row-guard.ts';
export { opens, type RowGrant, scopeOf } from './row-rules.ts';
export { type VisibleModel, visibleEvents, visibleModel } from './visible-model.ts';
