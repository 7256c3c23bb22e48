import { OPERATOR_NAMESPACE } from './helm.ts';
import type { TestCluster } from './k3d.ts';
import { execute } from './shell.ts';

/** What somebody wants to see when a behaviour failed. */
export function diagnose(cluster: Pick<TestCluster, 'environment'>, namespace?: string): string {
  const ask = (...args: string[]): string => {
    const { stdout, stderr } = execute('kubectl', args, {
      mayFail: true,
      env: cluster.environment,
    });
    return `$ kubectl ${args.join(' ')}\n${stdout}${stderr}`;
  };
  const selector = 'app.kubernetes.io/name=lithair-operator';
  const operator = ['logs', '-n', OPERATOR_NAMESPACE, '-l', selector, '--tail=40', '--prefix'];
  if (namespace === undefined)
    return [ask('get', 'pods', '-A', '-o', 'wide'), ask(...operator)].join('\n');
  const pods = 'app.kubernetes.io/name=lithair';
  return [
    ask('get', 'pods,statefulsets,services,pvc', '-n', namespace, '-o', 'wide'),
    ask('get', 'lithairmodels', '-n', namespace, '-o', 'yaml'),
    ask('get', 'events', '-n', namespace, '--sort-by=.lastTimestamp'),
    ask('logs', '-n', namespace, '-l', pods, '--tail=15', '--prefix', '--ignore-errors'),
    // Whoever wrote while it failed, where somebody did.
    ask('logs', '-n', namespace, 'load', '--tail=15'),
    ask(...operator),
  ].join('\n');
}
