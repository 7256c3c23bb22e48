// What must hold of the audit of all operations.
import { type Path, type Problem, problem } from './problems.ts';
import { memberAt } from './raw-value.ts';

/** The audit log says nothing of what a write did: the events have to. */
export function checkAudit(model: unknown, path: Path): Problem[] {
  if (memberAt(memberAt(model, 'security'), 'auditAllOperations') !== true) return [];
  if (memberAt(memberAt(model, 'lifecycle'), 'audited') === true) return [];
  const place = [...path, 'security', 'auditAllOperations'];
  const why = 'it tells what writes changed';
  return [
    problem(place, 'conflicting', `auditAllOperations needs lifecycle.audited: true: ${why}`),
  ];
}
