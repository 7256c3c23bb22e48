/** A typed client in TypeScript, generated from a model. */
export { generateClient } from './generate.ts';
