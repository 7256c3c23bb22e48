import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { PeerKind } from '@lithair/crds/certificates';
import { PeerListener } from '../consensus/index.ts';
import { authority, materialOf } from '../consensus/testing/certificates.ts';
import type { Logger } from '../ports/index.ts';
import {
  AdminClient,
  type AdminHandler,
  AdminRefusedError,
  type AdminRequest,
  type AdminResponse,
  AdminUnreachableError,
  serveAdmin,
  waitingHandler,
} from './index.ts';

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const CA = await authority();
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

test('requests and answers make the round trip for administrators and members', async () => {
  const { requests, address } = await serve({ status: 200, body: { index: 7, term: 2 } });
  for (const kind of ['admin', 'member'] as const) {
    const client = await clientOf(address, kind);
    assert.deepEqual(await client.takeSnapshot(), { index: 7, term: 2 });
  }
  assert.deepEqual(requests[0], {
    method: 'POST',
    path: '/_admin/snapshot',
    query: '',
    body: undefined,
  });
});

test('a body and a query arrive as they were sent', async () => {
  const body = { result: 'would-apply', schemaVersion: 3, changes: ['a'] };
  const { requests, address } = await serve({ status: 200, body });
  const client = await clientOf(address, 'admin');
  const spec = { models: [{ name: 'É' }] };
  assert.deepEqual(await client.changeModel(spec, true), body);
  assert.deepEqual(requests[0]?.body, spec);
  assert.equal(requests[0]?.query, 'dryRun=true');
});

test('a refusal arrives with its status, code and reason', async () => {
  const problem = { status: 409, code: 'last_voter', detail: 'member 1 is the last voter' };
  const { address } = await serve({ status: 409, body: problem });
  const client = await clientOf(address, 'admin');
  await assert.rejects(client.removeMember(1), (error) => {
    assert.ok(error instanceof AdminRefusedError);
    assert.deepEqual([error.status, error.code], [409, 'last_voter']);
    assert.equal(error.message, 'member 1 is the last voter');
    return true;
  });
});

test('a node that waits for its cluster says so', async () => {
  const { address } = await serve(waitingHandler('n1', '0.1.0'));
  const client = await clientOf(address, 'admin');
  assert.deepEqual(await client.status(), { waiting: true, name: 'n1', version: '0.1.0' });
  await assert.rejects(client.members(), { code: 'no_cluster', status: 503 });
});

test('a body that is too long is refused', async () => {
  const { requests, address } = await serve({ status: 200, body: {} });
  const client = await clientOf(address, 'admin');
  const spec = { text: 'x'.repeat(5 * 1024 * 1024) };
  await assert.rejects(client.changeModel(spec, false));
  assert.equal(requests.length, 0);
});

test('a client of another authority, and a server of another name, are refused', async () => {
  const { address } = await serve({ status: 200, body: {} });
  const foreign = await materialOf(await authority(), 'admin', 'operator');
  const stranger = new AdminClient({ address, material: foreign, member: null });
  await assert.rejects(stranger.takeSnapshot(), AdminUnreachableError);
  const material = await materialOf(CA, 'admin', 'operator');
  const misled = new AdminClient({ address, material, member: 'n2' });
  await assert.rejects(misled.takeSnapshot(), /carries member n1, not member n2/);
});

test('nobody there, and no answer, are told apart from a refusal', async () => {
  const { address } = await serve({ handle: () => new Promise(() => {}) });
  const material = await materialOf(CA, 'admin', 'operator');
  const client = new AdminClient({ address, material, member: null, timeoutMs: 100 });
  await assert.rejects(client.status(), /no answer in time/);
  const nobody = new AdminClient({ address: '127.0.0.1:1', material, member: null });
  await assert.rejects(nobody.status(), AdminUnreachableError);
});

async function serve(
  answer: AdminResponse | AdminHandler,
): Promise<{ address: string; requests: AdminRequest[] }> {
  const requests: AdminRequest[] = [];
  const listener = new PeerListener(await materialOf(CA, 'member', 'n1'), SILENT);
  closers.push(() => listener.close());
  const handler: AdminHandler =
    'handle' in answer
      ? answer
      : {
          handle: (request) => {
            requests.push(request);
            return Promise.resolve(answer);
          },
        };
  serveAdmin(listener, handler, SILENT);
  return { address: `127.0.0.1:${await listener.listen('127.0.0.1', 0)}`, requests };
}

async function clientOf(address: string, kind: PeerKind): Promise<AdminClient> {
  const material = await materialOf(CA, kind, 'somebody');
  return new AdminClient({ address, material, member: 'n1' });
}
