/** Tests of a model that are derived from the model itself, and run against a throw-away node. */
export { exampleBody } from './example-body.ts';
export { jsonReport, spokenReport } from './report.ts';
export { runModelTests } from './run-model-tests.ts';
