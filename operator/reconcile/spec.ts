import { type LithairModelSpec, type Problem, validateResource, validateSpec } from '@lithair/crds';
import { isRecord, type KubeObject } from '../kubernetes/index.ts';
import type { Verdict } from '../status/index.ts';

/** A spec that can be followed, or why it cannot. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly spec: LithairModelSpec | null;
}

// An object of a cache is never changed in place, so what was found out about it stays true.
const judged = new WeakMap<KubeObject, Judgement>();
const accepted = new WeakMap<KubeObject, LithairModelSpec | null>();

/**
 * Validates the spec of a resource. The API server adds to metadata and status what the model
 * language need not know, so only name and spec are judged.
 */
export function judge(resource: KubeObject): Judgement {
  const known = judged.get(resource);
  if (known !== undefined) return known;
  const judgement = validate(resource);
  judged.set(resource, judgement);
  return judgement;
}

function validate(resource: KubeObject): Judgement {
  const { apiVersion, kind, metadata } = resource;
  const named = { apiVersion, kind, metadata: { name: metadata.name }, spec: resource['spec'] };
  const result = validateResource(named);
  if (!result.ok) return refuse('InvalidModel', result.problems.map(line));
  if (!result.authDeclared) {
    return refuse('AuthNotDeclared', [
      'spec.auth.mode: must be said in a cluster, where everyone could call: say auth: {mode: open}',
    ]);
  }
  if (result.value.spec.store.cold?.type === 'directory') {
    return refuse('InvalidModel', [
      'spec.store.cold.type: members in a cluster share no directory: say s3, with a bucket that all of them reach',
    ]);
  }
  return { verdict: { kind: 'accepted' }, spec: result.value.spec };
}

function refuse(
  reason: 'InvalidModel' | 'AuthNotDeclared',
  problems: readonly string[],
): Judgement {
  return { verdict: { kind: 'refused', reason, problems }, spec: null };
}

function line({ path, message }: Problem): string {
  return path === '' ? message : `${path}: ${message}`;
}

/** The spec that was accepted last, from the model ConfigMap; null where there is none to read. */
export function acceptedSpec(configMap: KubeObject | undefined): LithairModelSpec | null {
  if (configMap === undefined) return null;
  const known = accepted.get(configMap);
  if (known !== undefined) return known;
  const spec = readSpec(configMap);
  accepted.set(configMap, spec);
  return spec;
}

function readSpec(configMap: KubeObject): LithairModelSpec | null {
  const data = configMap['data'];
  const text = isRecord(data) ? data['model.json'] : undefined;
  if (typeof text !== 'string') return null;
  try {
    const result = validateSpec(JSON.parse(text));
    return result.ok ? result.value : null;
  } catch {
    return null;
  }
}
