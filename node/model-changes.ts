import {
  compileSchema,
  type LithairModelSpec,
  type Problem,
  type Schema,
  validateSpec,
} from '@lithair/crds';
import type { ModelChangeResponse, ModelChangeStatus } from '@lithair/crds/contract';
import { NodeError } from './exit.ts';
import type { Leader, ModelChange } from './leader.ts';
import {
  AdminError,
  type AdminHandler,
  type AdminProblemDetail,
  type ChangeModel,
} from './membership/index.ts';
import type { Clock, Logger } from './ports/index.ts';
import { neededBySchema, type ReplicatedState } from './state/index.ts';

const TIMEOUT_MS = 10_000;
/** A change whose indexes are built so soon is answered as in force. */
const PATIENCE_MS = 3_000;
const LOOK_MS = 20;

/**
 * What the admin API does with a submitted spec, on the leader.
 *
 * @param admit throws AdminError where the members cannot do what the model asks for
 */
export function modelChanges(
  leader: Leader,
  state: () => ReplicatedState | null,
  clock: Clock,
  admit: (next: Schema) => Promise<void>,
): ChangeModel {
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
    requireApplyVersion(schema, state());
    await admit(schema);
    const change = await settled(
      await leader.changeModel(schema, dryRun, TIMEOUT_MS),
      state,
      clock,
    );
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
        throw new AdminError('model_change_in_progress', inProgress(state()));
      default:
        return {
          result: change.kind,
          schemaVersion: change.schemaVersion,
          changes: change.changes,
        };
    }
  };
}

/** A member that does not know what a model says would neither enforce it nor refuse it. */
function requireApplyVersion(next: Schema, state: ReplicatedState | null): void {
  const needed = neededBySchema(next);
  if (state === null || state.applyVersion >= needed) return;
  const text = `the model needs apply version ${needed}, the cluster is at ${state.applyVersion}`;
  throw new AdminError('apply_version', `${text}: update every member first`);
}

/** What the status of a member says of the change that is being prepared. */
export function modelChangeStatus(state: ReplicatedState | null): ModelChangeStatus | null {
  const preparation = state?.preparation ?? null;
  if (preparation === null) return null;
  const { schemaVersion, fingerprint: schemaFingerprint, prepared, total } = preparation;
  return { schemaVersion, schemaFingerprint, prepared, total };
}

/**
 * Outside of Kubernetes the file is the model: where it changed, the cluster is asked to follow.
 *
 * @throws NodeError where it refuses; one that is in the middle of another change only puts it off
 */
export async function submitModel(
  admin: AdminHandler,
  spec: LithairModelSpec,
  logger: Logger,
): Promise<void> {
  const request = { method: 'PUT', path: '/_admin/model', query: '', body: spec };
  const { status, body } = await admin.handle(request);
  if (status < 300) return;
  const detail = detailOf(body);
  const isRefused = status === 422 || (status === 409 && !isInProgress(body));
  if (isRefused) throw new NodeError(`the model is refused: ${detail}`);
  logger.warn({ status, detail }, 'the model was not compared with the running one');
}

function detailOf(body: unknown): string {
  if (typeof body === 'object' && body !== null && 'detail' in body) return String(body.detail);
  return JSON.stringify(body);
}

/** A cluster that is in the middle of another change, which it serves beside. */
function isInProgress(problem: unknown): boolean {
  if (typeof problem !== 'object' || problem === null || !('code' in problem)) return false;
  return problem.code === 'model_change_in_progress';
}

/** Waits a little for a change that is being prepared here. */
async function settled(
  change: ModelChange,
  state: () => ReplicatedState | null,
  clock: Clock,
): Promise<ModelChange> {
  if (change.kind !== 'preparing' || change.changes.length === 0) return change;
  const dueMs = clock.monotonicMs() + PATIENCE_MS;
  while (clock.monotonicMs() < dueMs) {
    if ((state()?.schemaVersion ?? 0) >= change.schemaVersion)
      return { ...change, kind: 'applied' };
    await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
  }
  return change;
}

function inProgress(state: ReplicatedState | null): string {
  const preparation = state?.preparation ?? null;
  if (preparation === null) return 'another model change is under way';
  const { schemaVersion, prepared, total } = preparation;
  return `another model change is being prepared: version ${schemaVersion}, ${prepared} of ${total} rows`;
}

function sentence(reasons: readonly Problem[]): string {
  return reasons.map((reason) => `${reason.path}: ${reason.message}`).join('; ');
}

function detail(problem: Problem): AdminProblemDetail {
  return { pointer: problem.pointer, code: problem.code, message: problem.message };
}
