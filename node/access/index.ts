/** May they: what an actor may do with a model, and which of its fields they know. */
export { type AccessOperation, type ModelRights, Rights } from './rights.ts';
export { type VisibleModel, visibleEvents, visibleModel } from './visible-model.ts';
