import type { JsonValue, ModelSchema } from '@lithair/crds';

interface Caller {
  readonly subject: string;
  readonly method: string;
}

/**
 * Whether the caller is whom the row names as its owner. Nobody is who has proved no subject, and
 * nobody is where the row does not say: its owner is not kept, or it has none.
 */
export function ownsRow(
  { permissions }: ModelSchema,
  row: { readonly [field: string]: JsonValue },
  { subject, method }: Caller,
): boolean {
  const owner = permissions?.owner;
  return owner !== undefined && method !== 'none' && row[owner] === subject;
}
