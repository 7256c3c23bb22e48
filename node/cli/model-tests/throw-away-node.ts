import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonValue, LithairModelSpec } from '@lithair/crds';
import { type MasterKeys, memoryKeys } from '../../encryption/index.ts';
import { NodeFileSystem } from '../../log/index.ts';
import { LithairNode } from '../../node.ts';
import type { NodeOptions } from '../../options.ts';
import type { JsonObject } from '../../ports/index.ts';
import { LogSink, silentLogger, Tracer } from '../../telemetry/index.ts';
import { readTlsMaterial } from '../../tls-files.ts';
import { systemClock, systemRandom } from '../../world.ts';
import { writeCertificates } from '../certificate-files.ts';
import { CliError } from '../cli-error.ts';
import { VERSION } from '../version.ts';

const NAME = 'n1';
const HOST = '127.0.0.1';
const ANSWER_MS = 30_000;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** An empty object where the body is not a JSON object. */
  readonly json: Readonly<Record<string, unknown>>;
}

export interface Sent {
  readonly body?: JsonValue;
  /** The key of the caller; nobody where it is absent. */
  readonly key?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A whole node on loopback and a directory of its own, which goes with it. */
export class ThrowAwayNode {
  /** Paths of rows. */
  readonly #made: string[] = [];
  readonly #directory: string;
  readonly #certificates: string;
  /** What is encrypted outlasts a restart, and not the directory. */
  readonly #keys: MasterKeys;
  #running: { readonly node: LithairNode; readonly port: number };

  private constructor(directory: string, certificates: string, keys: MasterKeys, running: Running) {
    this.#directory = directory;
    this.#keys = keys;
    this.#certificates = certificates;
    this.#running = running;
  }

  static async start(spec: LithairModelSpec): Promise<ThrowAwayNode> {
    const directory = await mkdtemp(join(tmpdir(), 'lithair-test-'));
    const certificates = join(directory, 'certs');
    await writeCertificates(certificates, [NAME]);
    const keys = memoryKeys(systemRandom);
    const running = await run(directory, certificates, keys, spec);
    return new ThrowAwayNode(directory, certificates, keys, running);
  }

  /** Starts again on the same data, with a changed model. */
  async become(spec: LithairModelSpec): Promise<void> {
    await this.#running.node.stop();
    this.#running = await run(this.#directory, this.#certificates, this.#keys, spec);
  }

  async send(method: string, path: string, { body, key, headers }: Sent = {}): Promise<Answer> {
    const response = await fetch(`http://${HOST}:${this.#running.port}${path}`, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const text = await response.text();
    const place = response.headers.get('location');
    if (method === 'POST' && response.status === 201 && place !== null) this.#made.push(place);
    return { status: response.status, headers: response.headers, text, json: objectIn(text) };
  }

  /** Removes what was made since the last time: fields with few values have them free again. */
  async clear(): Promise<void> {
    // Those that refer to others came later; what cannot go stays.
    for (const path of this.#made.splice(0).toReversed()) await this.send('DELETE', path);
  }

  patch(path: string, body: JsonObject, key?: string): Promise<Answer> {
    const headers = { 'content-type': 'application/merge-patch+json' };
    return this.send('PATCH', path, { body, key, headers });
  }

  async close(): Promise<void> {
    await this.#running.node.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

type Running = { readonly node: LithairNode; readonly port: number };

async function run(
  directory: string,
  certs: string,
  keys: MasterKeys,
  spec: LithairModelSpec,
): Promise<Running> {
  const [port, opsPort, peerPort] = await freePorts();
  const peerTlsDir = join(certs, NAME);
  const { promise: failed, reject } = Promise.withResolvers<never>();
  const options: NodeOptions = {
    name: NAME,
    host: HOST,
    port,
    opsPort,
    peerHost: HOST,
    peerPort,
    peerTlsDir,
    spec,
    dataDir: join(directory, 'data'),
    managed: false,
    role: 'voter',
    region: null,
    keysFile: null,
    clusterDir: null,
    secretsDir: null,
    freeSpaceReserveBytes: 0,
    applyVersion: null,
    traces: { endpoint: null, serviceName: null },
    initialCluster: [{ name: NAME, address: `${HOST}:${peerPort}` }],
  };
  const world = {
    fs: new NodeFileSystem(),
    clock: systemClock,
    random: systemRandom,
    tracer: new Tracer(systemClock, systemRandom, new LogSink(silentLogger)),
    logger: silentLogger,
    tls: await readTlsMaterial(peerTlsDir),
    version: VERSION,
    keys,
  };
  const node = new LithairNode(options, world, (error) =>
    reject(new CliError(`the node under test ended: ${error.message}`)),
  );
  await Promise.race([node.start(), failed]);
  failed.catch(() => undefined);
  return { node, port };
}

/** Ports that were free a moment ago. */
async function freePorts(): Promise<[number, number, number]> {
  const servers = [createServer(), createServer(), createServer()];
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject).listen(0, HOST, () => {
            const address = server.address();
            resolve(typeof address === 'object' && address !== null ? address.port : 0);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  const [port = 0, opsPort = 0, peerPort = 0] = ports;
  return [port, opsPort, peerPort];
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
