import assert from 'node:assert/strict';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServeCluster, type TestMember } from './serve-cluster.ts';

const MODEL = join(import.meta.dirname, 'products.yaml');
const PHASES = [
  'metadata',
  'joining',
  'log',
  'snapshot',
  'replay',
  'dedup',
  'indexes',
  'http',
  'ready',
];

interface Line {
  readonly msg?: string;
  readonly phase?: string;
  readonly tookMs?: number;
  readonly sinceStartMs?: number;
  readonly [count: string]: unknown;
}

function linesOf({ process }: TestMember): Line[] {
  const lines = process.output.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line): Line => JSON.parse(line)).filter(({ phase }) => phase !== undefined);
}

async function create(url: string, id: string, key: string): Promise<Response> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': key };
  const body = JSON.stringify({ id, name: 'lamp', price: '10', notes: '', stock: '' });
  return fetch(`${url}/api/products`, { method: 'POST', headers, body });
}

/** Bytes of the files that say what the others are. */
async function metadataOf(dir: string): Promise<number> {
  const archive: string[] = await readdir(join(dir, 'archive'));
  const ends = archive.filter((name) => name.endsWith('.end')).map((name) => `archive/${name}`);
  let bytes = 0;
  for (const name of ['node.json', 'lifecycle.meta', ...ends]) {
    bytes += (await stat(join(dir, name)).catch(() => ({ size: 0 }))).size;
  }
  return bytes;
}

/** Each phase in its turn, with what it came to. */
function requirePhases(member: TestMember): void {
  const lines = linesOf(member);
  const entered = lines.filter(({ sinceStartMs }) => sinceStartMs !== undefined);
  const order = entered.map(({ phase }) => phase);
  assert.deepEqual(order, PHASES.slice(1));
  const done = new Map(
    lines.flatMap((line) => (line.msg === 'done' ? [[line.phase, line] as const] : [])),
  );
  for (const phase of PHASES.filter((name) => name !== 'joining' && name !== 'ready')) {
    assert.equal(typeof done.get(phase)?.tookMs, 'number', `${phase} tells how long it took`);
  }
  assert.equal(done.get('metadata')?.['isNew'], false);
  assert.ok(Number(done.get('log')?.['records']) > 0);
  assert.equal(done.get('snapshot')?.['aggregates'], 5);
  assert.ok(Number(done.get('replay')?.['entries']) >= 3);
  assert.equal(done.get('dedup')?.['outcomes'], 8);
  assert.equal(done.get('indexes')?.['models'], 1);
  assert.equal(done.get('http')?.['models'], 1);
}

/** How the storage is distributed. */
async function requireStorage(member: TestMember): Promise<void> {
  const metrics = await (await fetch(`${member.opsUrl}/metrics`)).text();
  const gauge = (what: string) =>
    Number(new RegExp(`^lithair_storage_${what}_bytes (\\S+)$`, 'm').exec(metrics)?.[1]);
  for (const what of ['events', 'snapshots', 'indexes', 'metadata']) {
    assert.ok(gauge(what) > 0, `${what}: ${gauge(what)}`);
  }
  assert.equal(gauge('metadata'), await metadataOf(member.dataDir));
}

test('a start goes through metadata, log, snapshot, replay, dedup, indexes and HTTP, and tells of each', async () => {
  const cluster = await ServeCluster.start(MODEL, 1);
  const [member] = cluster.members;
  assert.ok(member);
  try {
    for (let at = 0; at < 5; at++) {
      assert.equal((await create(member.url, `p${at}`, `k${at}`)).status, 201);
    }
    assert.equal((await cluster.admin(member, 'snapshot')).code, 0);
    for (let at = 5; at < 8; at++) {
      assert.equal((await create(member.url, `p${at}`, `k${at}`)).status, 201);
    }
    await member.process.kill('SIGKILL');
    cluster.restart(member);
    await cluster.allReady();

    requirePhases(member);

    // Once, across snapshot, log and restart.
    const again = await create(member.url, 'p6', 'k6');
    assert.equal(again.headers.get('idempotency-replayed'), 'true');
    assert.equal((await fetch(`${member.url}/readyz`)).status, 200);

    await requireStorage(member);
  } finally {
    await cluster.stop();
  }
});
