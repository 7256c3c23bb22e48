/** All rows of a model as NDJSON, in a form that `lithair import` takes back. */
export { exportedRows } from './exported-rows.ts';
