// What must hold of the audit of all operations.
import { type Path, type Problem, problem } from './problems.ts';
import { memberAt } from './raw-value.ts';

/** The audit log has ids in clear, and says nothing of what a write did: the events have to. */
export function checkAudit(model: unknown, path: Path): Problem[] {
  const security = memberAt(model, 'security');
  if (memberAt(security, 'auditAllOperations') !== true) return [];
  const place = [...path, 'security', 'auditAllOperations'];
  const isAudited = memberAt(memberAt(model, 'lifecycle'), 'audited') === true;
  const why = 'it tells what writes changed';
  return [
    ...(isAudited
      ? []
      : [
          problem(place, 'conflicting', `auditAllOperations needs lifecycle.audited: true: ${why}`),
        ]),
    ...checkEncryption(security, place),
  ];
}

function checkEncryption(security: unknown, place: Path): Problem[] {
  if (memberAt(security, 'encryptionAtRest') !== true) return [];
  const message = 'auditAllOperations with encryptionAtRest is not supported yet';
  return [problem(place, 'conflicting', `${message}: audit logs are not encrypted`)];
}
