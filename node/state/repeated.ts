import type { Outcome } from '../ports/index.ts';
import type { DedupRecord } from './dedup.ts';

/** What a request gets whose scope is known: the kept outcome, if it is the same request. */
export function replay(known: DedupRecord, fingerprint: string): Outcome {
  if (known.fingerprint === fingerprint) return { ...known.outcome, replayed: true };
  return keyReuse();
}

/** The rejection of a request that uses the idempotency key of another. */
export function keyReuse(): Outcome {
  const message = 'this Idempotency-Key was used with another body';
  return { kind: 'rejected', code: 'idempotency_key_reuse', message, errors: [] };
}

/** The rejection of a command that was made under another schema. */
export function schemaChanged(): Outcome {
  const message = 'the model changed while the request was on its way; it can be sent again';
  return { kind: 'rejected', code: 'schema_changed', message, errors: [] };
}
