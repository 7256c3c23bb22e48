/** The importer: rows of a file become accepted aggregates or a list of refusals. */
export { type ImportReport, type ImportRequest, runImport } from './run-import.ts';
