/** Request bodies against the model: canonical bodies, or every error with its pointer. */
export type { JsonInput } from './json-reader.ts';
export {
  type BodyLimits,
  type BodyReading,
  type BodyRefusal,
  type BodyRefusalCode,
  compileValidator,
  type ModelValidator,
} from './validator.ts';
