import { compileSchema, type Problem, validateSpec } from '@lithair/crds';
import type { ModelChangeResponse } from '@lithair/crds/contract';
import type { Leader } from './leader.ts';
import { AdminError, type AdminProblemDetail, type ChangeModel } from './membership/index.ts';

const TIMEOUT_MS = 10_000;

/** What the admin API does with a submitted spec, on the leader. */
export function modelChanges(leader: Leader): ChangeModel {
  return async (spec, dryRun): Promise<ModelChangeResponse> => {
    const validation = validateSpec(spec);
    if (!validation.ok) {
      throw new AdminError(
        'invalid_model',
        'the model is not valid',
        validation.problems.map(detail),
      );
    }
    const schema = compileSchema(validation.value);
    const change = await leader.changeModel(schema, dryRun, TIMEOUT_MS);
    switch (change.kind) {
      case 'unchanged':
        return { result: 'unchanged', schemaVersion: change.schemaVersion, changes: [] };
      case 'breaking':
        throw new AdminError(
          'breaking_change',
          sentence(change.reasons),
          change.reasons.map(detail),
        );
      case 'conflict':
        throw new AdminError('model_change_in_progress', 'another model change is under way');
      default:
        return {
          result: change.kind,
          schemaVersion: change.schemaVersion,
          changes: change.changes,
        };
    }
  };
}

function sentence(reasons: readonly Problem[]): string {
  return reasons.map((reason) => `${reason.path}: ${reason.message}`).join('; ');
}

function detail(problem: Problem): AdminProblemDetail {
  return { pointer: problem.pointer, code: problem.code, message: problem.message };
}
