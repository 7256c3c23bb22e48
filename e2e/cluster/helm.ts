import { join } from 'node:path';
import { execute } from './shell.ts';

export const CHART = join(import.meta.dirname, '..', '..', 'charts', 'lithair');
export const RELEASE = 'lithair';
export const OPERATOR_NAMESPACE = 'lithair-system';

const ON_THE_CONTROL_PLANE = JSON.stringify([
  { key: 'node-role.kubernetes.io/control-plane', operator: 'Exists', effect: 'NoSchedule' },
]);

/**
 * Installs or upgrades the operator from the checkout's chart. It runs beside the control plane, so
 * that killing an agent takes a member only; a status without an operator is another test.
 */
export function installOperator(...more: readonly string[]): void {
  const install = `upgrade --install ${RELEASE} ${CHART} --namespace ${OPERATOR_NAMESPACE}`;
  const words = `${install} --create-namespace --wait --timeout 120s`.split(' ');
  const place = [
    '--set-json',
    `tolerations=${ON_THE_CONTROL_PLANE}`,
    '--set-string',
    'nodeSelector.node-role\\.kubernetes\\.io/control-plane=true',
  ];
  execute('helm', [...words, ...place, ...more], { timeoutMs: 180_000 });
}
