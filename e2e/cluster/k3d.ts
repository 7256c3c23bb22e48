import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { controlPlaneNode, installOperator } from './helm.ts';
import { kubectl } from './kubectl.ts';
import { execute } from './shell.ts';
import { seconds } from './wait.ts';

const K3S_IMAGE = process.env['K3S_IMAGE'] ?? 'rancher/k3s:v1.34.4-k3s1';
const DOCKER = process.env['DOCKER'] ?? 'docker';
const IMAGES = ['lithair/node:dev', 'lithair/operator:dev'];
const TAINT = 'node-role.kubernetes.io/control-plane=true:NoSchedule';

/** A k3d cluster with the operator in it. */
export interface TestCluster {
  readonly name: string;
  /** What a behaviour's process needs to reach it. */
  readonly environment: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

/** Creates a cluster with three agents and installs the operator; cleans up where that fails. */
export async function createCluster(): Promise<TestCluster> {
  requireTools();
  const name = `lithair-${randomBytes(3).toString('hex')}`;
  const folder = mkdtempSync(join(tmpdir(), 'lithair-e2e-'));
  const kubeconfig = join(folder, 'kubeconfig');
  const environment = { KUBECONFIG: kubeconfig, E2E_CLUSTER: name };
  const cluster = { name, environment, remove: () => remove(name, folder) };
  try {
    const startedMs = performance.now();
    console.log(`e2e: creating k3d cluster ${name} (${K3S_IMAGE}, 1 server, 3 agents)`);
    execute('k3d', createArguments(name), { timeoutMs: 300_000 });
    writeFileSync(kubeconfig, execute('k3d', ['kubeconfig', 'get', name]).stdout, { mode: 0o600 });
    Object.assign(process.env, environment);
    keepDnsOffAgents();
    execute('k3d', ['image', 'import', '--mode', 'direct', '-c', name, ...IMAGES], {
      timeoutMs: 300_000,
    });
    installOperator();
    console.log(`e2e: cluster and operator ready after ${seconds(performance.now() - startedMs)}`);
    return cluster;
  } catch (error) {
    await cluster.remove();
    throw error;
  }
}

function createArguments(name: string): string[] {
  const nodes = '--no-lb --servers 1 --agents 3 --wait --timeout 240s';
  const quiet = '--kubeconfig-update-default=false';
  const words = `cluster create ${name} --image ${K3S_IMAGE} ${nodes} ${quiet}`;
  return [...words.split(' '), '--k3s-arg', `--node-taint=${TAINT}@server:0`];
}

function requireTools(): void {
  for (const [tool, ...args] of [
    ['k3d', 'version'],
    ['helm', 'version'],
    ['kubectl', 'version', '--client'],
    [DOCKER, 'info'],
  ]) {
    if (tool === undefined) continue;
    if (execute(tool, args, { mayFail: true }).status !== 0) {
      throw new Error(`${tool} is needed and does not answer to \`${tool} ${args.join(' ')}\``);
    }
  }
  for (const image of IMAGES) {
    if (execute(DOCKER, ['image', 'inspect', image], { mayFail: true }).status !== 0) {
      throw new Error(`the image ${image} is not there: make images`);
    }
  }
}

/** A killed agent must not take the cluster's DNS with it: that is not what is tested. */
function keepDnsOffAgents(): void {
  const spec = {
    nodeName: controlPlaneNode(),
    tolerations: [{ operator: 'Exists' }],
  };
  const change = JSON.stringify({ spec: { template: { spec } } });
  const coredns = ['-n', 'kube-system', 'deployment', 'coredns'];
  kubectl(['patch', ...coredns, '--type', 'merge', '-p', change]);
  kubectl(['rollout', 'status', '-n', 'kube-system', 'deployment/coredns', '--timeout', '120s']);
}

/** Kills a node like a power cut. */
export function killNode(name: string): void {
  execute(DOCKER, ['kill', name]);
}

/** Starts a killed node again. */
export function startNode(name: string): void {
  execute(DOCKER, ['start', name]);
}

async function remove(name: string, folder: string): Promise<void> {
  if (process.env['E2E_KEEP'] === '1') {
    const again = `KUBECONFIG=${join(folder, 'kubeconfig')} E2E_CLUSTER=${name}`;
    console.log(`e2e: kept cluster ${name}; ${again} node e2e/behaviours/... runs one file`);
    return;
  }
  execute('k3d', ['cluster', 'delete', name], { mayFail: true, timeoutMs: 180_000 });
  rmSync(folder, { recursive: true, force: true });
  console.log(`e2e: deleted cluster ${name}`);
}
