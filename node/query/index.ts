/** Lists: filters, order, cursor pages, and the access path that answers them. Pure reads. */
export type { Origin } from './cursor.ts';
export { execute, type Page, project } from './execute.ts';
export { OPERATORS } from './filter.ts';
export {
  compileQueries,
  DEFAULT_LIMIT,
  type ListQuery,
  MAX_LIMIT,
  type Parameter,
  type QueryCompiler,
} from './list-query.ts';
export { QueryRefusal, type QueryRefusalCode } from './refusal.ts';
