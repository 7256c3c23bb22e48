import type { Exchange, ReadView } from './exchange.ts';
import type { OperationContext } from './operations/operation.ts';
import { Problem } from './problems.ts';
import { isTableOf, type ModelRoute } from './route-table.ts';

/**
 * The state with the rows of a model, as long as the schema is the one that the request was routed by:
 * the query was planned with its indexes, and the caller was let in by its permissions.
 *
 * @throws Problem `schema_changed`
 */
export function viewOf(
  { table }: Exchange,
  context: OperationContext,
  { model: { name } }: ModelRoute,
): ReadView {
  const state = context.state();
  const model = state.model(name);
  if (model !== undefined && table !== null && isTableOf(table, state)) return { state, model };
  throw new Problem('schema_changed', 'The model changed meanwhile.');
}
