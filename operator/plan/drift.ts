import { createHash } from 'node:crypto';
import { isRecord, type KubeObject } from '../kubernetes/index.ts';
import { sameQuantity } from '../manifests/index.ts';

const HASH_ANNOTATION = 'lithair.dev/applied-hash';
const AMOUNTS = new Set(['requests', 'limits']);
/** Fixed when a StatefulSet is created; what is there stays. */
const FIXED_IN_STATEFUL_SET = [
  'volumeClaimTemplates',
  'selector',
  'serviceName',
  'podManagementPolicy',
] as const;

/**
 * Puts a hash of the object on it. Comparing with what is there finds changed fields; the hash
 * finds fields that are no longer wanted, which server-side apply then takes away.
 */
export function withAppliedHash(object: KubeObject): KubeObject {
  const hash = createHash('sha256').update(canonical(object)).digest('hex').slice(0, 32);
  const annotations = { ...object.metadata.annotations, [HASH_ANNOTATION]: hash };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

/**
 * The object to apply so that `observed` becomes `wanted`; null where it is so already. What the
 * server filled in and what other managers added is left alone.
 */
export function drifted(wanted: KubeObject, observed: KubeObject | undefined): KubeObject | null {
  if (observed === undefined) return wanted;
  const target = withFixedParts(wanted, observed);
  return isPartOf(target, observed, '') ? null : target;
}

function withFixedParts(wanted: KubeObject, observed: KubeObject): KubeObject {
  const spec = wanted['spec'];
  const seen = observed['spec'];
  if (wanted.kind !== 'StatefulSet' || !isRecord(spec) || !isRecord(seen)) return wanted;
  const fixed = FIXED_IN_STATEFUL_SET.filter((part) => seen[part] !== undefined);
  return {
    ...wanted,
    spec: { ...spec, ...Object.fromEntries(fixed.map((part) => [part, seen[part]])) },
  };
}

/** Whether everything in `wanted` is in `seen`, with the same value. */
function isPartOf(wanted: unknown, seen: unknown, key: string): boolean {
  if (wanted === undefined) return true;
  if (Array.isArray(wanted)) return isListPartOf(wanted, seen, key);
  if (!isRecord(wanted)) return wanted === seen;
  if (!isRecord(seen)) return Object.keys(wanted).length === 0 && seen === undefined;
  return Object.entries(wanted).every(([name, value]) => {
    const other = seen[name];
    if (AMOUNTS.has(key) && typeof value === 'string' && typeof other === 'string') {
      return sameQuantity(value, other);
    }
    return isPartOf(value, other, name);
  });
}

function isListPartOf(wanted: readonly unknown[], seen: unknown, key: string): boolean {
  if (!Array.isArray(seen)) return wanted.length === 0 && seen === undefined;
  // Owners of an earlier life stand beside ours until the garbage collector takes them away.
  if (key === 'ownerReferences') {
    return wanted.every((owner) => seen.some((other) => isPartOf(owner, other, '')));
  }
  return wanted.length === seen.length && wanted.every((item, i) => isPartOf(item, seen[i], ''));
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    isRecord(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
