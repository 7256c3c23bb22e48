import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  agentNodes,
  applyModel,
  at,
  ClientPod,
  exampleModel,
  execute,
  get,
  killNode,
  kubectl,
  membersOf,
  patch,
  portForward,
  scenario,
  seconds,
  startNode,
  text,
  waitFor,
  waitReady,
} from '../cluster/index.ts';

const CLI = join(import.meta.dirname, '..', '..', 'node', 'cli', 'main.ts');
const PLACE = 'lithair.dev/e2e-region';
const PEER_PORT = 10080;
const STORAGE = { size: '256Mi' };

scenario(
  'when the voters are lost, the region of learners is promoted as the procedure says',
  async ({ namespace, say }) => {
    const [lost, kept] = agentNodes();
    assert.ok(lost !== undefined && kept !== undefined);
    kubectl(['label', 'node', lost, `${PLACE}=eu`, '--overwrite']);
    kubectl(['label', 'node', kept, `${PLACE}=us`, '--overwrite']);
    const regions = [
      { name: 'eu', role: 'Voter', nodes: 1, nodeSelector: { [PLACE]: 'eu' } },
      { name: 'us', role: 'Learner', nodes: 1, nodeSelector: { [PLACE]: 'us' } },
    ];
    await applyModel(namespace, exampleModel('shop', { cluster: { regions, storage: STORAGE } }));
    const client = new ClientPod(namespace);
    await client.start();
    const products = `http://shop.${namespace}.svc/api/products`;
    const created = client.request('POST', products, { name: 'Lamp' });
    assert.equal(created.status, 201);
    const one = `${products}/${text(created.body, 'id')}`;
    const learner = `http://${text(get(namespace, 'pod', 'shop-us-0'), 'status.podIP')}:8080`;
    await waitFor('the learner to have the row', () => {
      const url = `${learner}/api/products?limit=1&count=true&consistency=eventual`;
      return Number(at(client.request('GET', url).body, 'page.total')) === 1;
    });

    killNode(lost);
    try {
      await waitFor('the quorum to be gone', () => {
        const conditions = JSON.stringify(at(get(namespace, 'lithairmodel', 'shop'), 'status'));
        return conditions.includes('NoLeader');
      });
      const startedMs = performance.now();
      await promote(namespace, say);
      const next = [{ name: 'us', role: 'Voter', nodes: 1, nodeSelector: { [PLACE]: 'us' } }];
      patch(namespace, 'lithairmodel', 'shop', { spec: { cluster: { regions: next } } });
      const model = await waitReady(namespace, 'shop', 180_000);
      say(`${membersOf(model).join(', ')} after ${seconds(performance.now() - startedMs)}`);
      assert.deepEqual(membersOf(model), ['shop-us-0 leader ready']);
      const read = await waitFor('the Service to lead there', () => {
        const answer = client.request('GET', one);
        return answer.status === 200 ? answer : null;
      });
      assert.equal(text(read.body, 'name'), 'Lamp');
      assert.equal(client.request('POST', products, { name: 'Desk' }).status, 201);
    } finally {
      startNode(lost);
    }
    await waitFor('the old voter to be taken away', () => {
      return get(namespace, 'pod', 'shop-eu-0') === null;
    });
    await waitReady(namespace, 'shop');
    assert.equal(client.request('GET', one).status, 200);
    say('the machine of the old voter came back, and its pod went');
  },
);

function lithair(...words: string[]): string {
  return execute(process.execPath, [CLI, ...words]).stdout;
}

/** What docs/operations.md says: an administrator's certificate, a way to the survivor, two questions. */
async function promote(namespace: string, say: (message: string) => void): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'lithair-promote-'));
  const certificates = join(dir, 'certs');
  mkdirSync(certificates);
  const secret = get(namespace, 'secret', 'shop-ca');
  for (const file of ['ca.crt', 'ca.key']) {
    const data = at(secret, 'data');
    assert.ok(typeof data === 'object' && data !== null && !Array.isArray(data));
    const encoded = data[file];
    assert.ok(typeof encoded === 'string', file);
    const bytes = Buffer.from(encoded, 'base64');
    writeFileSync(join(certificates, file), bytes, { mode: 0o600 });
  }
  lithair('certs', certificates);
  const forward = await portForward(namespace, 'pod/shop-us-0', PEER_PORT);
  try {
    const address = forward.url.replace('http://', '');
    const how = ['--address', address, '--peer-tls', join(certificates, 'admin')];
    const trial = lithair('member', 'promote-region', 'us', ...how);
    say(trial.trim());
    const [, confirm] = /--confirm (\S+\/\d+)/.exec(trial) ?? [];
    assert.ok(confirm !== undefined, trial);
    say(lithair('member', 'promote-region', 'us', ...how, '--confirm', confirm).trim());
  } finally {
    forward.close();
    rmSync(dir, { recursive: true, force: true });
  }
}
