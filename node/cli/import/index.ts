/** The importer: rows of a file become accepted aggregates or a list of refusals. */

export { Api } from './api.ts';
export { type ImportReport, type ImportRequest, runImport } from './run-import.ts';
export { findTarget } from './target.ts';
