import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { controlPlaneNode, installOperator } from './helm.ts';
import { kubectl } from './kubectl.ts';
import { execute, executeLong, stopLongPrograms } from './shell.ts';
import { seconds } from './wait.ts';

const K3S_IMAGE = process.env['K3S_IMAGE'] ?? 'rancher/k3s:v1.34.4-k3s1';
const DOCKER = process.env['DOCKER'] ?? 'docker';
const IMAGES = ['lithair/node:dev', 'lithair/operator:dev'];
const TAINT = 'node-role.kubernetes.io/control-plane=true:NoSchedule';

const IMPORT_ATTEMPTS = 3;

/** A k3d cluster that is to be, with the operator in it. */
export interface TestCluster {
  readonly name: string;
  /** What a behaviour's process needs to reach it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Creates it with three agents and installs the operator. */
  create(): Promise<void>;
  /** Takes it away, also where it is only half there. */
  remove(): Promise<void>;
}

/** Names a cluster; nothing is there before `create`, and `remove` can be called at any time. */
export function nameCluster(): TestCluster {
  const name = `lithair-${randomBytes(3).toString('hex')}`;
  const folder = mkdtempSync(join(tmpdir(), 'lithair-e2e-'));
  const environment = { KUBECONFIG: join(folder, 'kubeconfig'), E2E_CLUSTER: name };
  return {
    name,
    environment,
    create: () => create(name, environment),
    remove: () => remove(name, folder),
  };
}

async function create(name: string, environment: TestCluster['environment']): Promise<void> {
  requireTools();
  const startedMs = performance.now();
  console.log(`e2e: creating k3d cluster ${name} (${K3S_IMAGE}, 1 server, 3 agents)`);
  await executeLong('k3d', createArguments(name), 300_000);
  const kubeconfig = execute('k3d', ['kubeconfig', 'get', name]).stdout;
  writeFileSync(environment['KUBECONFIG'] ?? '', kubeconfig, { mode: 0o600 });
  Object.assign(process.env, environment);
  keepDnsOffAgents();
  await importImages(name);
  installOperator();
  console.log(`e2e: cluster and operator ready after ${seconds(performance.now() - startedMs)}`);
}

/** Streaming an image into four nodes at once sometimes stalls; doing it again is harmless. */
async function importImages(name: string): Promise<void> {
  const words = ['image', 'import', '--mode', 'direct', '-c', name, ...IMAGES];
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await executeLong('k3d', words, 90_000);
    } catch (error) {
      if (attempt === IMPORT_ATTEMPTS) throw error;
      console.log(`e2e: importing the images again: ${String(error).slice(0, 300)}`);
    }
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

/** The machines that members run on. */
export function agentNodes(): string[] {
  const names = kubectl(['get', 'nodes', '-o', 'name']).trim().split('\n');
  return names
    .map((name) => name.replace(/^node\//, ''))
    .filter((name) => name.includes('-agent-'));
}

/**
 * Drops everything between the pods of one machine and those of others, both ways; the control
 * plane reaches all of them. Returns what ends it.
 */
export function cutOff(machine: string, others: readonly string[]): () => void {
  const rules = others.flatMap((other) => {
    const range = podRange(other);
    return [
      ['FORWARD', '-s', range],
      ['FORWARD', '-d', range],
    ];
  });
  const change = (how: '-I' | '-D'): void => {
    for (const [chain = '', ...match] of rules) {
      execute(DOCKER, ['exec', machine, 'iptables', how, chain, ...match, '-j', 'DROP']);
    }
  };
  change('-I');
  return () => change('-D');
}

function podRange(node: string): string {
  return kubectl(['get', 'node', node, '-o', 'jsonpath={.spec.podCIDR}']).trim();
}

async function remove(name: string, folder: string): Promise<void> {
  if (process.env['E2E_KEEP'] === '1') {
    const again = `KUBECONFIG=${join(folder, 'kubeconfig')} E2E_CLUSTER=${name}`;
    console.log(`e2e: kept cluster ${name}; ${again} node e2e/behaviours/... runs one file`);
    return;
  }
  stopLongPrograms();
  execute('k3d', ['cluster', 'delete', name], { mayFail: true, timeoutMs: 180_000 });
  rmSync(folder, { recursive: true, force: true });
  console.log(`e2e: deleted cluster ${name}`);
}
