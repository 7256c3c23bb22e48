import { parseArgs } from 'node:util';

/** How the operator is to run. */
export interface OperatorOptions {
  /** Image of new clusters whose spec names none. */
  readonly nodeImage: string;
  /** Empty: the whole cluster. */
  readonly watchNamespaces: readonly string[];
  /** Where the Lease is; null: the pod's own namespace. */
  readonly namespace: string | null;
  readonly opsHost: string;
  readonly opsPort: number;
  readonly concurrency: number;
  readonly logLevel: string;
}

export const USAGE = `lithair-operator: makes LithairModels into running clusters

  --node-image IMAGE         image of nodes where spec.cluster.image is not said (required)
  --watch-namespaces A,B     watch these namespaces only (default: all)
  --namespace NAME           namespace of the lease (default: the pod's own)
  --ops-host HOST            where /healthz, /readyz and /metrics listen (default 0.0.0.0)
  --ops-port PORT            (default 9080)
  --concurrency N            resources reconciled at the same time (default 4)
  --log-level LEVEL          trace, debug, info, warn, error (default info)
`;

const LEVELS = new Set(['trace', 'debug', 'info', 'warn', 'error', 'fatal']);

/** Reads the command line. @throws TypeError naming what is wrong with it. */
export function readOptions(args: readonly string[]): OperatorOptions {
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: false,
    options: {
      'node-image': { type: 'string' },
      'watch-namespaces': { type: 'string', default: '' },
      namespace: { type: 'string' },
      'ops-host': { type: 'string', default: '0.0.0.0' },
      'ops-port': { type: 'string', default: '9080' },
      concurrency: { type: 'string', default: '4' },
      'log-level': { type: 'string', default: 'info' },
    },
  });
  const nodeImage = values['node-image'] ?? '';
  if (nodeImage === '') throw new TypeError('--node-image must be said');
  const logLevel = values['log-level'];
  if (!LEVELS.has(logLevel)) throw new TypeError(`--log-level: no such level: ${logLevel}`);
  return {
    nodeImage,
    watchNamespaces: namespacesOf(values['watch-namespaces']),
    namespace: values.namespace ?? null,
    opsHost: values['ops-host'],
    opsPort: whole('--ops-port', values['ops-port'], 0, 65_535),
    concurrency: whole('--concurrency', values.concurrency, 1, 64),
    logLevel,
  };
}

function namespacesOf(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  const wrong = names.find(
    (name) => name !== '' && !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name),
  );
  if (wrong !== undefined) throw new TypeError(`--watch-namespaces: not a namespace: ${wrong}`);
  return [...new Set(names.filter((name) => name !== ''))];
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most && text !== '') return value;
  throw new TypeError(`${name}: a whole number from ${least} to ${most}, not ${text}`);
}
