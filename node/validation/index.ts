/** Request bodies against the model: canonical bodies, or every error with its pointer. */
export { refuseId } from './ids.ts';
export { JsonRefusal, readJson } from './json-reader.ts';
export type { PatchFormat } from './patch.ts';
export { type BodyReading, compileValidator, type ModelValidator } from './validator.ts';
