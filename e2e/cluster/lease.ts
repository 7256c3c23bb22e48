import { OPERATOR_NAMESPACE } from './helm.ts';
import { get, text } from './kubectl.ts';

const LEASE = 'lithair-operator';

/** Who holds the operators' lease, as `<pod>-<random>`; empty for nobody. */
export function leaseHolder(): string {
  return text(get(OPERATOR_NAMESPACE, 'lease', LEASE), 'spec.holderIdentity');
}

/** The pod of a holder of the lease. */
export function podOfHolder(holder: string): string {
  return holder.slice(0, holder.lastIndexOf('-'));
}
