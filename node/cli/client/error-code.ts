import { PROBLEMS, type ProblemCode } from '../../http/index.ts';

/** Why the API refuses requests. A newer server may know more. */
export type ErrorCode = ProblemCode | (string & {});

/** The same for a client, which knows nothing of this program. */
export function errorCodeSource(): string {
  const codes = Object.keys(PROBLEMS).map((code) => `  | '${code}'`);
  return [
    '/** Why the API refuses requests. A newer server may know more. */',
    'export type ErrorCode =',
    ...codes,
    '  | (string & {});',
  ].join('\n');
}
