/** Request bodies against the model: canonical bodies, or every error with its pointer. */
export type { PatchFormat } from './patch.ts';
export { type BodyReading, compileValidator, type ModelValidator } from './validator.ts';
