import { isIP } from 'node:net';
import { join } from 'node:path';
import { authDeclared, type LithairModel } from '@lithair/crds';
import { OPS_PORT_OFFSET, PEER_PORT_OFFSET } from '@lithair/crds/contract';
import { APPLY_VERSION, OLDEST_APPLY_VERSION } from '../../entry/index.ts';
import type { NodeOptions } from '../../options.ts';
import { CliError, EXIT } from '../cli-error.ts';
import type { CliCommand, CliInput } from '../command-line.ts';
import { requireNoLocalCluster } from '../data-layout.ts';
import { initialClusterOf, regionOf, roleOf } from '../member-options.ts';
import { readModel } from '../model-file.ts';

const MAX_NODES = 7;
const MAX_RESERVE_MIB = 1024 * 1024;
const MAX_SNAPSHOT_RATE_MIB = 100_000;
const MEMBER_OPTIONS = [
  'name',
  'initial-cluster',
  'address',
  'role',
  'region',
  'apply-version',
  'peer-tls',
  'cluster',
  'managed',
];
const MAX_PORT = 65_535 - PEER_PORT_OFFSET - MAX_NODES;

/** `lithair serve FILE`: one node, or with `--nodes N` a whole local cluster. */
export const serveCommand: CliCommand = {
  name: 'serve',
  positionals: 'FILE',
  options: {
    port: { value: 'PORT', help: 'API port (default 8080)' },
    data: { value: 'DIR', help: 'data directory (default ./data)' },
    host: { value: 'ADDRESS', help: 'address to listen on (default 127.0.0.1)' },
    nodes: { value: 'N', help: 'run 1, 3, 5 or 7 members as processes on ports PORT, PORT+1, …' },
    try: { help: 'print requests to try once it is ready' },
    'ops-port': { value: 'PORT', help: 'metrics and cluster status (default API port + 1000)' },
    'peer-port': { value: 'PORT', help: 'peer links and admin API (default API port + 2000)' },
    name: { value: 'NAME', help: 'name of this member (default n1)' },
    'initial-cluster': {
      value: 'LIST',
      help: 'n1=HOST:PORT,n2=… or @FILE with one a line: run one member of these by hand',
    },
    address: {
      value: 'HOST:PORT',
      help: 'where peers reach this member (default: what --initial-cluster says)',
    },
    'peer-tls': { value: 'DIR', help: 'certificates of this member (lithair certs makes them)' },
    role: {
      value: 'voter|learner',
      help: 'join with a vote (default), or only to follow and read',
    },
    'apply-version': {
      value: 'N',
      help: 'hold the cluster at the apply version before the latest, so that going back stays possible',
    },
    region: { value: 'REGION', help: 'the region that this member is in, such as eu-west' },
    reserve: {
      value: 'MIB',
      help: 'refuse writes below this much free space (default 512, or a tenth of the disk)',
    },
    keys: {
      value: 'FILE',
      help: 'keys for models that are encrypted at rest (lithair keys makes them)',
    },
    'snapshot-rate': {
      value: 'MIB',
      help: 'most that snapshots for other members take of the network each second (default 64)',
    },
    managed: { help: 'an operator decides on model changes; FILE only begins a new cluster' },
    secrets: {
      value: 'DIR',
      help: 'secrets that the model names, each a directory with a file key',
    },
    'otlp-endpoint': {
      value: 'URL',
      help: 'collector for traces (default OTEL_EXPORTER_OTLP_ENDPOINT, otherwise the log)',
    },
    'service-name': {
      value: 'NAME',
      help: 'what traces call the service (default OTEL_SERVICE_NAME, or lithair)',
    },
    cluster: { value: 'DIR', help: 'files id and bootstrapped, as the operator mounts them' },
  },
  details: [
    'Starting again with a changed FILE submits it as a model change; a breaking one exits 1.',
    'Example: lithair serve docs/examples/shop.yaml --nodes 3',
  ],
  async run(input) {
    const file = input.positionals[0] ?? '';
    const model = await modelOf(file);
    const host = hostOf(input, model);
    const nodes = input.integer('nodes', 1, MAX_NODES) ?? 1;
    if (nodes % 2 === 0) throw new CliError(`--nodes takes 1, 3, 5 or 7, not ${nodes}`, EXIT.usage);
    const ports = portsOf(input);
    if (nodes > 1) {
      refuseMemberOptions(input);
      const dataDir = input.text('data') ?? './data';
      const { runLocalCluster } = await import('../local-cluster/index.ts');
      reserveOf(input);
      const more = {
        keys: input.text('keys'),
        reserve: input.text('reserve'),
        secrets: input.text('secrets'),
        otlpEndpoint: input.text('otlp-endpoint'),
        serviceName: input.text('service-name'),
        tryIt: input.flag('try'),
      };
      return runLocalCluster({ file, nodes, host, dataDir, ...ports, ...more });
    }
    const onReady = input.flag('try')
      ? await tellingWhatToTry(model, `http://${host}:${ports.port}`)
      : undefined;
    const { serveUntilStopped } = await import('../serve-until-stopped.ts');
    return serveUntilStopped(await nodeOptions(input, model, host, ports), onReady);
  },
};

/** What makes examples is loaded only where somebody asks for them. */
async function tellingWhatToTry({ spec }: LithairModel, url: string): Promise<() => void> {
  const { whatToTry } = await import('../what-to-try.ts');
  return () => void process.stdout.write(whatToTry(spec, url));
}

interface Ports {
  readonly port: number;
  readonly opsPort: number;
  readonly peerPort: number;
}

function portsOf(input: CliInput): Ports {
  const port = input.integer('port', 1, MAX_PORT) ?? 8080;
  return {
    port,
    opsPort: input.integer('ops-port', 1, 65_535) ?? port + OPS_PORT_OFFSET,
    peerPort: input.integer('peer-port', 1, 65_535) ?? port + PEER_PORT_OFFSET,
  };
}

async function modelOf(file: string): Promise<LithairModel> {
  const read = await readModel(file);
  if (read.ok) return read.model;
  throw new CliError(`${file} is not a valid model: ${read.lines.join('; ')}`);
}

/** Closed by default: without a declared auth mode a node answers on loopback only. */
function hostOf(input: CliInput, model: LithairModel): string {
  const host = input.text('host') ?? '127.0.0.1';
  if (isIP(host) === 0 && host !== 'localhost') {
    throw new CliError(`--host takes an IP address or localhost, not ${host}`, EXIT.usage);
  }
  if (authDeclared(model.spec)) return host;
  const hint =
    'the model does not declare spec.auth.mode, so everyone who can connect may do anything';
  if (!isLoopback(host)) throw new CliError(`${hint}: refusing to listen on ${host}`);
  process.stderr.write(`warning: ${hint}; answering on loopback only\n`);
  return host;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

function refuseMemberOptions(input: CliInput): void {
  for (const option of MEMBER_OPTIONS) {
    if (input.text(option) !== undefined || input.flag(option)) {
      throw new CliError(
        `--${option} runs one member by hand; it does not go with --nodes`,
        EXIT.usage,
      );
    }
  }
}

async function nodeOptions(
  input: CliInput,
  model: LithairModel,
  host: string,
  ports: Ports,
): Promise<NodeOptions> {
  const name = input.text('name') ?? 'n1';
  const dataDir = input.text('data') ?? './data';
  const initialCluster = await initialClusterOf(input, name, ports.peerPort);
  if (input.text('initial-cluster') === undefined) await requireNoLocalCluster(dataDir);
  if (initialCluster.length > 1 && input.text('peer-tls') === undefined) {
    throw new CliError('--initial-cluster needs --peer-tls (lithair certs makes it)', EXIT.usage);
  }
  return {
    name,
    host,
    ...ports,
    peerHost: input.text('initial-cluster') === undefined ? '127.0.0.1' : host,
    dataDir,
    peerTlsDir: input.text('peer-tls') ?? (await ownCertificates(dataDir, name)),
    spec: model.spec,
    managed: input.flag('managed'),
    freeSpaceReserveBytes: reserveOf(input),
    keysFile: input.text('keys') ?? null,
    ...snapshotRateOf(input),
    clusterDir: input.text('cluster') ?? null,
    secretsDir: input.text('secrets') ?? null,
    traces: tracesOf(input),
    initialCluster,
    role: roleOf(input, name, initialCluster),
    region: regionOf(input),
    applyVersion: applyVersionOf(input),
  };
}

function applyVersionOf(input: CliInput): number | null {
  return input.integer('apply-version', OLDEST_APPLY_VERSION, APPLY_VERSION) ?? null;
}

function tracesOf(input: CliInput): NodeOptions['traces'] {
  const endpoint = input.text('otlp-endpoint') ?? null;
  return { endpoint, serviceName: input.text('service-name') ?? null };
}

function reserveOf(input: CliInput): number | null {
  const mebibytes = input.integer('reserve', 0, MAX_RESERVE_MIB);
  return mebibytes === undefined ? null : mebibytes * 1024 * 1024;
}

function snapshotRateOf(input: CliInput): Pick<NodeOptions, 'snapshotBytesPerSecond'> {
  const mebibytes = input.integer('snapshot-rate', 1, MAX_SNAPSHOT_RATE_MIB);
  return mebibytes === undefined ? {} : { snapshotBytesPerSecond: mebibytes * 1024 * 1024 };
}

/** A single node talks to its admin CLI over the same mutual TLS as members do. */
async function ownCertificates(dataDir: string, name: string): Promise<string> {
  const dir = join(dataDir, 'certs');
  // Only here: issuing certificates takes more memory than all the rest of a start.
  const { writeCertificates } = await import('../certificate-files.ts');
  await writeCertificates(dir, [name]);
  return join(dir, name);
}
