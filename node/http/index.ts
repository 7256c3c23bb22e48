/** The REST API: a pipeline of framework-free steps, and Koa as the adapter around it. */
export type { Admit, ApiLimits, Listener } from './api.ts';
export { createApi } from './create-api.ts';
export { NOT_OF_THE_QUERY } from './operations/list.ts';
export {
  PROBLEM_CONTENT_TYPE,
  PROBLEMS,
  Problem,
  type ProblemCode,
  problemJson,
} from './problems.ts';
export { parseQuery } from './query-string.ts';
export { takesItsTime } from './unhurried.ts';
