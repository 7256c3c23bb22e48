/** May they: what an actor may do with a model. */
export { type AccessOperation, type Authorize, createAuthorize } from './authorize.ts';
