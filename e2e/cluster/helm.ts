import { join } from 'node:path';
import { execute } from './shell.ts';

const CHART = join(import.meta.dirname, '..', '..', 'charts', 'lithair');
export const RELEASE = 'lithair';
export const OPERATOR_NAMESPACE = 'lithair-system';

const ON_THE_CONTROL_PLANE = JSON.stringify([
  { key: 'node-role.kubernetes.io/control-plane', operator: 'Exists', effect: 'NoSchedule' },
]);

/** The node that is never killed; k3d names it after the cluster. */
export function controlPlaneNode(): string {
  const cluster = process.env['E2E_CLUSTER'];
  if (cluster === undefined) throw new Error('E2E_CLUSTER is not set: run this with e2e/run.ts');
  return `k3d-${cluster}-server-0`;
}

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
    `nodeSelector.kubernetes\\.io/hostname=${controlPlaneNode()}`,
  ];
  execute('helm', [...words, ...place, ...more], { timeoutMs: 180_000 });
}
