import type { Call, Operation, Violation } from './types.ts';

/** Refusals that may meet any request while nodes come and go. */
const PASSING = ['refused', 'unavailable', 'overloaded', 'schema_changed'];
const OF_WRITES = [...PASSING, 'out_of_space', 'version_conflict', 'idempotency_in_progress'];
const OF_ROWS = [...OF_WRITES, 'unique_conflict', 'missing_reference'];

const EXPECTED: Readonly<Record<Call['kind'], readonly string[]>> = {
  read: PASSING,
  list: PASSING,
  create: [...OF_ROWS, 'already_exists'],
  bulk: [...OF_ROWS, 'already_exists'],
  put: [...OF_ROWS, 'not_found', 'precondition_failed'],
  patch: [...OF_ROWS, 'not_found', 'precondition_failed'],
  delete: [...OF_WRITES, 'not_found', 'precondition_failed', 'still_referenced'],
};

/** Every refusal is one that the request could meet; an error of the node itself never is. */
export function checkAnswers(operations: readonly Operation[]): Violation[] {
  return operations.flatMap((operation) =>
    operation.tries.flatMap(({ result }) => {
      const code = result.kind === 'ok' ? null : codeOf(result);
      if (code === null || isExpected(operation, code)) return [];
      const message = `a ${operation.call.kind} was answered with ${code}`;
      return [{ check: 'answers', message, key: null, operations: [operation] }];
    }),
  );
}

/** A client that lost an answer has no code; a node that broke has one. */
function codeOf(result: Exclude<Operation['result'], { kind: 'ok' }>): string | null {
  if (result.kind === 'failed') return result.code;
  return result.reason === 'internal' ? result.reason : null;
}

function isExpected({ call, idempotencyKey }: Operation, code: string): boolean {
  if (code === 'idempotency_in_progress' && idempotencyKey === null) return false;
  const isConditional =
    ('ifMatch' in call && call.ifMatch !== null) || (call.kind === 'put' && call.onlyIfAbsent);
  if (code === 'precondition_failed' && !isConditional) return false;
  return EXPECTED[call.kind].includes(code);
}
