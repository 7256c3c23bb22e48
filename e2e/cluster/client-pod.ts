import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { controlPlaneNode } from './helm.ts';
import { apply, get, type Json, kubectl, type Manifest, text } from './kubectl.ts';
import { waitFor } from './wait.ts';

const IMAGE = 'lithair/node:dev';
const NODE = '/nodejs/bin/node';
const LOAD_SCRIPT = join(import.meta.dirname, '..', 'load', 'load.mjs');

/** What one request was answered with. */
export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Json;
}

/** A pod inside the cluster that sends requests; it runs beside the control plane. */
export class ClientPod {
  readonly #namespace: string;
  readonly #name = 'client';

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  /** Starts the pod. */
  async start(): Promise<void> {
    const command = [NODE, '-e', 'process.on("SIGTERM",process.exit);setInterval(()=>{},1e9)'];
    apply(this.#namespace, clientPod(this.#name, { command }));
    await waitFor(
      'the client pod',
      () => text(get(this.#namespace, 'pod', this.#name), 'status.phase') === 'Running',
      60_000,
    );
  }

  /** Sends one request to a URL of the cluster. */
  request(method: string, url: string, body?: unknown, headers = {}, timeoutMs = 10_000): Answer {
    const script = `
      const response = await fetch(${JSON.stringify(url)}, {
        method: ${JSON.stringify(method)},
        headers: ${JSON.stringify({ 'content-type': 'application/json', ...headers })},
        body: ${body === undefined ? 'undefined' : JSON.stringify(JSON.stringify(body))},
        signal: AbortSignal.timeout(${timeoutMs}),
      });
      const text = await response.text();
      let body = text;
      try { body = JSON.parse(text); } catch {}
      const answer = { status: response.status, headers: Object.fromEntries(response.headers), body };
      console.log(JSON.stringify(answer));
    `;
    const answer: Answer = JSON.parse(this.run(script));
    return answer;
  }

  /** Runs a script in the pod and returns what it printed. */
  run(script: string): string {
    const exec = ['exec', '-i', '-n', this.#namespace, this.#name, '--'];
    return kubectl([...exec, NODE, '--input-type=module', '-'], script);
  }
}

/** What happened from one mark to the next. */
interface LoadPhase {
  readonly name: string;
  readonly acknowledged: number;
  /** Longest time in which none of the clients had a write acknowledged. */
  readonly longestGapMs: number;
}

/** What the load pod found out. */
export interface LoadReport {
  readonly acknowledged: number;
  readonly lost: readonly string[];
  readonly duplicates: number;
  readonly phases: readonly LoadPhase[];
  readonly errors: Readonly<Record<string, number>>;
}

/** A running load of eight clients. */
export interface Load {
  /** Acknowledged writes so far. */
  acknowledged(): number;
  /** Begins a new phase of the report. */
  mark(name: string): void;
  /** Stops writing, compares what was acknowledged with what is there, and reports. */
  stop(): Promise<LoadReport>;
}

/** Starts eight clients inside the cluster that write at a steady rate until they are stopped. */
export async function startLoad(
  namespace: string,
  url: string,
  writesPerSecond: number,
): Promise<Load> {
  const script = readFileSync(LOAD_SCRIPT, 'utf8');
  apply(
    namespace,
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'load' },
      data: { 'load.mjs': script },
    },
    clientPod('load', {
      command: [NODE, '/load/load.mjs', url, '8', String(writesPerSecond)],
      script: 'load',
    }),
  );
  const lines = (): string[] =>
    kubectl(['logs', '-n', namespace, 'load', '--tail=-1']).trim().split('\n');
  const control = (file: string): void => {
    const write = `require("fs").writeFileSync("/tmp/${file}","")`;
    kubectl(['exec', '-n', namespace, 'load', '--', NODE, '-e', write]);
  };
  const acknowledged = (): number => {
    const last = lines().findLast((line) => line.includes('"acknowledged"'));
    const progress: { acknowledged: number } = JSON.parse(last ?? '{"acknowledged":0}');
    return progress.acknowledged;
  };
  await waitFor('the load to write', () => acknowledged() >= writesPerSecond, 90_000, 1_000);
  return {
    acknowledged,
    mark: (name) => control(`mark-${name}`),
    async stop() {
      control('stop');
      const done = await waitFor(
        'the load to compare',
        () => lines().find((line) => line.includes('"done"')) ?? null,
        180_000,
        1_000,
      );
      const { report }: { report: LoadReport } = JSON.parse(done);
      return report;
    },
  };
}

/** Says what a load found, and that nothing acknowledged is missing or there twice. */
export function checkLoad(report: LoadReport, say: (message: string) => void): void {
  for (const { name, acknowledged, longestGapMs } of report.phases) {
    say(`${name}: ${acknowledged} acknowledged, longest gap ${longestGapMs} ms`);
  }
  say(`answers other than 201, all sent again: ${JSON.stringify(report.errors)}`);
  say(
    `${report.acknowledged} acknowledged, ${report.lost.length} lost, ${report.duplicates} twice`,
  );
  assert.ok(report.acknowledged > 300);
  assert.deepEqual(report.lost, []);
  assert.equal(report.duplicates, 0, 'a write that is sent again with its key is done once');
}

function clientPod(
  name: string,
  { command, script }: { readonly command: readonly string[]; readonly script?: string },
): Manifest {
  const scripts = script === undefined ? [] : [{ name: 'script', configMap: { name: script } }];
  const mounts = script === undefined ? [] : [{ name: 'script', mountPath: '/load' }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: {
      nodeName: controlPlaneNode(),
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      volumes: [{ name: 'tmp', emptyDir: {} }, ...scripts],
      containers: [
        {
          name,
          image: IMAGE,
          imagePullPolicy: 'IfNotPresent',
          command,
          volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }, ...mounts],
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    },
  };
}
