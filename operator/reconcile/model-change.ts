import { compileSchema, type LithairModelSpec, schemaFingerprint } from '@lithair/crds';
import type { AdminClient, ClusterView, MemberAddress } from '../admin/index.ts';
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
  readonly admin: AdminClient | null;
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

  /** How the submitted models stand after trying. Never throws for what a member answers. */
  async advance(change: Change): Promise<SchemaState> {
    const { key, spec, view, admin, member } = change;
    if (view.best === null || view.quorum !== true || admin === null || member === null) {
      return { kind: 'pending', reason: 'waiting for a leader' };
    }
    const submitted = fingerprintOf(spec);
    const inForce = view.best.schemaFingerprint;
    if (submitted === inForce) return { kind: 'applied', version: view.best.schemaVersion };
    const decided = this.#decided.get(key);
    if (decided?.submitted === submitted && decided.inForce === inForce) return decided.state;
    const state = await submit(change, admin, member);
    if (state.kind !== 'pending') this.#decided.set(key, { submitted, inForce, state });
    return state;
  }

  forget(key: string): void {
    this.#decided.delete(key);
  }
}

async function submit(
  { spec, onApplied }: Change,
  admin: AdminClient,
  member: MemberAddress,
): Promise<SchemaState> {
  const trial = await admin.putModel(member, spec, true);
  if (trial.kind === 'refused') return { kind: 'refused', reasons: trial.reasons };
  if (trial.kind === 'unavailable') return { kind: 'pending', reason: trial.reason };
  if (trial.change.result === 'unchanged') {
    return { kind: 'applied', version: trial.change.schemaVersion };
  }
  const answer = await admin.putModel(member, spec, false);
  if (answer.kind === 'refused') return { kind: 'refused', reasons: answer.reasons };
  if (answer.kind === 'unavailable') return { kind: 'pending', reason: answer.reason };
  const { schemaVersion: version, changes, result } = answer.change;
  if (result === 'applied') onApplied(version, changes);
  return { kind: 'applied', version };
}
