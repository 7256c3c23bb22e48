/** Lists: filters, order, cursor pages, and the access path that answers them. Pure reads. */
export { execute, type Pace, type Page, type PageForm, project } from './execute.ts';
export { explain } from './explain.ts';
export { parseRecord, type Veil } from './fields.ts';
export { filterOperators, type Operator } from './filter.ts';
export {
  compileQueries,
  DEFAULT_LIMIT,
  type Parameter,
  type QueryCompiler,
  readLimit,
} from './list-query.ts';
export { QueryRefusal } from './refusal.ts';
export { type RowScope } from './scope.ts';
