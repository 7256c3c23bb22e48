import { compileSchema, type LithairModelSpec, schemaFingerprint } from '@lithair/crds';
import type { ModelChangeStatus } from '@lithair/crds/contract';
import type { AdminClient, ClusterView, MemberAddress, ModelAnswer } from '../admin/index.ts';
import type { SchemaState } from '../status/index.ts';

interface Decision {
  readonly submitted: string;
  readonly inForce: string;
  readonly state: SchemaState;
}

interface Change {
  readonly key: string;
  readonly spec: LithairModelSpec;
  readonly view: ClusterView;
  readonly admin: Pick<AdminClient, 'putModel'> | null;
  /** Where to ask: the leader, or a member that forwards to it. */
  readonly member: MemberAddress | null;
  /** Told once of a change that was applied. */
  readonly onApplied: (version: number, changes: readonly string[]) => void;
}

/** Fingerprint of the schema in a spec, as members report it. */
export function fingerprintOf(spec: LithairModelSpec): string {
  return schemaFingerprint(compileSchema(spec));
}

/**
 * Brings submitted models to a running cluster: a dry run, then the change. What was decided about
 * a pair of schemas is remembered, so a refused model is not submitted again and again.
 */
export class ModelChanges {
  readonly #decided = new Map<string, Decision>();
  /** What changes were that are being prepared, by resource: told once they are in force. */
  readonly #preparing = new Map<string, { submitted: string; changes: readonly string[] }>();

  /** How the submitted models stand after trying. Never throws for what a member answers. */
  async advance(change: Change): Promise<SchemaState> {
    const { key, spec, view, admin, member } = change;
    if (view.best === null || view.quorum !== true || admin === null || member === null) {
      return { kind: 'pending', reason: 'waiting for a leader' };
    }
    const submitted = fingerprintOf(spec);
    const inForce = view.best.schemaFingerprint;
    if (submitted === inForce) return this.#inForce(change, submitted, view.best.schemaVersion);
    const { modelChange } = view.best;
    if (modelChange?.schemaFingerprint === submitted) return preparing(modelChange);
    return this.#decidedBefore(key, submitted, inForce) ?? this.#decide(change, submitted, inForce);
  }

  #decidedBefore(key: string, submitted: string, inForce: string): SchemaState | null {
    const decided = this.#decided.get(key);
    return decided?.submitted === submitted && decided.inForce === inForce ? decided.state : null;
  }

  async #decide(change: Change, submitted: string, inForce: string): Promise<SchemaState> {
    const { key, admin, member } = change;
    if (admin === null || member === null)
      return { kind: 'pending', reason: 'waiting for a leader' };
    const remember = (changes: readonly string[]) => {
      this.#preparing.set(key, { submitted, changes });
    };
    const state = await submit({ ...change, onPreparing: remember }, admin, member);
    const isDecided = state.kind === 'applied' || state.kind === 'refused';
    if (isDecided) this.#decided.set(key, { submitted, inForce, state });
    return state;
  }

  forget(key: string): void {
    this.#decided.delete(key);
    this.#preparing.delete(key);
  }

  #inForce({ key, onApplied }: Change, submitted: string, version: number): SchemaState {
    const prepared = this.#preparing.get(key);
    this.#preparing.delete(key);
    if (prepared?.submitted === submitted) onApplied(version, prepared.changes);
    return { kind: 'applied', version };
  }
}

function preparing({ schemaVersion, prepared, total }: ModelChangeStatus): SchemaState {
  const progress = `schema version ${schemaVersion} is in force once its indexes have all rows: ${prepared} of ${total}`;
  return { kind: 'preparing', progress };
}

function unmade(answer: Exclude<ModelAnswer, { kind: 'accepted' }>): SchemaState {
  switch (answer.kind) {
    case 'refused':
      return { kind: 'refused', reasons: answer.reasons };
    case 'waiting':
      return { kind: 'preparing', progress: answer.reason };
    case 'unavailable':
      return { kind: 'pending', reason: answer.reason };
  }
}

async function submit(
  {
    spec,
    onApplied,
    onPreparing,
  }: Change & { readonly onPreparing: (changes: readonly string[]) => void },
  admin: Pick<AdminClient, 'putModel'>,
  member: MemberAddress,
): Promise<SchemaState> {
  const trial = await admin.putModel(member, spec, true);
  if (trial.kind !== 'accepted') return unmade(trial);
  if (trial.change.result === 'unchanged') {
    return { kind: 'applied', version: trial.change.schemaVersion };
  }
  const answer = await admin.putModel(member, spec, false);
  if (answer.kind !== 'accepted') return unmade(answer);
  const { schemaVersion: version, changes, result } = answer.change;
  if (result === 'preparing') {
    onPreparing(changes);
    return {
      kind: 'preparing',
      progress: `schema version ${version}: its indexes are being built`,
    };
  }
  if (result === 'applied') onApplied(version, changes);
  return { kind: 'applied', version };
}
