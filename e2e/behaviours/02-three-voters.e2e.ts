import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { API_PORT, OPS_PORT_OFFSET } from '@lithair/crds/contract';
import {
  at,
  ClientPod,
  conditionOf,
  events,
  get,
  kubectl,
  list,
  membersOf,
  scenario,
  seconds,
  text,
  waitFor,
  waitReady,
} from '../cluster/index.ts';

const SHOP = join(import.meta.dirname, '..', '..', 'docs', 'examples', 'shop.yaml');

scenario('a model with three voters becomes Ready and serves its API', async (scenario) => {
  const { namespace, say } = scenario;
  const startedMs = performance.now();
  kubectl(['apply', '-n', namespace, '-f', '-'], readFileSync(SHOP, 'utf8'));
  const model = await waitReady(namespace, 'shop');
  say(`apply to Ready of three voters: ${seconds(performance.now() - startedMs)}`);
  say(`members: ${membersOf(model).join(', ')}`);
  checkStatus(model);
  say(`events: ${events(namespace, 'shop').join(' | ')}`);
  const client = new ClientPod(namespace);
  await client.start();
  crud(client, `http://shop.${namespace}.svc`, say);
  await checkServices(client, namespace, say);
  checkMemory(namespace, client, say);
});

function checkStatus(model: Parameters<typeof text>[0]): void {
  assert.equal(text(model, 'status.nodeSummary'), '3/3');
  assert.equal(text(model, 'status.phase'), 'Ready');
  assert.match(text(model, 'status.leader'), /^shop-[0-2]$/);
  assert.ok(Number(text(model, 'status.term')) >= 1);
  assert.equal(text(model, 'status.schemaVersion'), '1');
  assert.equal(text(model, 'status.image'), 'lithair/node:dev');
  assert.match(conditionOf(model, 'Ready'), /^True/);
  assert.match(conditionOf(model, 'QuorumAvailable'), /^True/);
  assert.match(conditionOf(model, 'SchemaApplied'), /^True/);
  assert.match(conditionOf(model, 'Degraded'), /^False/);
  assert.match(conditionOf(model, 'Progressing'), /^False/);
  assert.match(conditionOf(model, 'ClusterIDMismatch'), /^False/);
  assert.equal(membersOf(model).filter((member) => member.endsWith('leader ready')).length, 1);
}

function crud(client: ClientPod, base: string, say: (message: string) => void): void {
  const products = `${base}/api/products`;
  const created = client.request('POST', products, { name: 'Lamp', price: '19.90', sku: 'LAMP-1' });
  assert.equal(created.status, 201, JSON.stringify(created.body));
  const id = text(created.body, 'id');
  const one = `${products}/${id}`;
  const read = client.request('GET', one);
  assert.equal(read.status, 200);
  assert.equal(text(read.body, 'price'), '19.90');
  const stale = client.request('PUT', one, { name: 'x', price: '1' }, { 'if-match': '"9.x"' });
  assert.equal(stale.status, 412);
  const etag = created.headers['etag'] ?? '';
  const lamp = { name: 'Desk lamp', price: '21.00', sku: 'LAMP-1' };
  const replaced = client.request('PUT', one, lamp, { 'if-match': etag });
  assert.equal(replaced.status, 200, JSON.stringify(replaced.body));
  const clash = client.request('POST', products, { name: 'Other', price: '1', sku: 'LAMP-1' });
  assert.equal(clash.status, 409);
  const page = client.request('GET', `${products}?price[gte]=20&sort=-price`);
  assert.equal(text(page.body, 'data.0.name'), 'Desk lamp');
  assert.equal(client.request('DELETE', one).status, 204);
  assert.equal(client.request('GET', one).status, 404);
  say('created, read, replaced, refused (412, 409), listed, deleted through the Service');
}

async function checkServices(
  client: ClientPod,
  namespace: string,
  say: (message: string) => void,
): Promise<void> {
  const leader = await waitFor('the label of the leader', () => {
    const labelled = list(namespace, 'pods', 'lithair.dev/leader=true').map((pod) =>
      text(pod, 'metadata.name'),
    );
    const leads = text(get(namespace, 'lithairmodel', 'shop'), 'status.leader');
    return labelled.join() === leads ? leads : null;
  });
  for (const name of ['shop', 'shop-leader', 'shop-read']) {
    const url = `http://${name}.${namespace}.svc/api/products`;
    const answer = await waitFor(`Service ${name}`, () => {
      const { status } = client.request('GET', url);
      return status === 200 ? status : null;
    });
    assert.equal(answer, 200);
  }
  say(`Services shop, shop-leader (${leader}) and shop-read answer`);
}

function checkMemory(namespace: string, client: ClientPod, say: (message: string) => void): void {
  const sizes = list(namespace, 'pods', 'lithair.dev/cluster=shop').map((pod) => {
    const url = `http://${text(pod, 'status.podIP')}:${API_PORT + OPS_PORT_OFFSET}/metrics`;
    const { body } = client.request('GET', url);
    const [, bytes] =
      /^process_resident_memory_bytes (\d+)/m.exec(typeof body === 'string' ? body : '') ?? [];
    assert.equal(at(pod, 'spec.automountServiceAccountToken'), false);
    return Number(bytes) / 1024 / 1024;
  });
  say(`memory of the nodes: ${sizes.map((size) => `${size.toFixed(0)} MB`).join(', ')}`);
}
