import type { ModelSchema } from '@lithair/crds';
import type { AuditEntry, Clock, Engine } from '../ports/index.ts';
import type { Exchange, Reply } from './exchange.ts';

interface AuditParts {
  readonly engine: Pick<Engine, 'audit'>;
  readonly clock: Clock;
}

const MAX_NAMES = 50;
const MAX_TEXT = 256;

/** Whether the request is about rows whose model audits all operations. */
export function mustAudit(exchange: Exchange): boolean {
  const { route, parent, expanded, operation } = exchange;
  if (route === null || operation === null || operation.kind === 'system') return false;
  if (route.model.auditAllOperations === true) return true;
  if (parent?.route.model.auditAllOperations === true) return true;
  return expanded.some(isAudited);
}

/**
 * Records a read before it is answered, where it must be.
 *
 * @throws EngineError: then it must not be answered
 */
export async function auditedReply(
  parts: AuditParts,
  exchange: Exchange,
  reply: Reply,
): Promise<Reply> {
  if (!mustAudit(exchange)) return reply;
  exchange.isAudited = true;
  await record(parts, exchange, outcomeOf(reply.status), reply.status);
  return reply;
}

/** Records a write before it takes effect. @throws EngineError: then it must not */
export function auditBegun(parts: AuditParts, exchange: Exchange): Promise<void> {
  return record(parts, exchange, 'begun', 0);
}

/** Records a request that ends in a problem. @throws EngineError */
export async function auditProblem(
  parts: AuditParts,
  exchange: Exchange,
  status: number,
): Promise<void> {
  exchange.isAudited = true;
  await record(parts, exchange, outcomeOf(status), status);
}

function outcomeOf(status: number): AuditEntry['outcome'] {
  if (status === 401 || status === 403) return 'denied';
  return status < 400 ? 'allowed' : 'refused';
}

async function record(
  { engine, clock }: AuditParts,
  exchange: Exchange,
  outcome: AuditEntry['outcome'],
  status: number,
): Promise<void> {
  const { operation, actor } = exchange;
  const base = {
    atMs: clock.nowMs(),
    operation: operation?.name ?? 'none',
    subject: actor.subject,
    method: actor.method,
    parameters: parameterNames(exchange),
    outcome,
    status,
  };
  const entries = subjectsOf(exchange).map((subject) => engine.audit({ ...base, ...subject }));
  await Promise.all(entries);
}

/** The audited models that the request is about, and the row of each where there is one. */
function subjectsOf({ route, parent, id, expanded }: Exchange): { model: string; id: string }[] {
  // Ids never begin with _; parts of routes such as _bulk do.
  const own = parent === null && !id.startsWith('_') ? id : '';
  const subjects = [
    ...(route === null ? [] : [{ model: route.model, id: own }]),
    ...(parent === null ? [] : [{ model: parent.route.model, id: parent.id }]),
    ...[...new Set(expanded)].map((model) => ({ model, id: '' })),
  ];
  const audited = subjects.filter(({ model }) => isAudited(model));
  return audited.map((subject) => ({
    model: subject.model.name,
    id: subject.id.slice(0, MAX_TEXT),
  }));
}

function isAudited({ auditAllOperations }: ModelSchema): boolean {
  return auditAllOperations === true;
}

/** None where the query cannot be read. */
function parameterNames(exchange: Exchange): readonly string[] {
  if (exchange.rawQuery === '') return [];
  try {
    const names = exchange.parameters.map(({ name }) => name.slice(0, MAX_TEXT));
    return [...new Set(names)].slice(0, MAX_NAMES);
  } catch {
    return [];
  }
}
