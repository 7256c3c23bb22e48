import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { after, before, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import {
  type CertificateAuthority,
  createAuthority,
  identityOf,
  issueCertificate,
} from '@lithair/crds/certificates';
import { exampleStatus } from '../testing/examples.ts';
import { AdminClient } from './index.ts';

let authority: CertificateAuthority;
let client: AdminClient;
const cleanups: (() => void)[] = [];

before(async () => {
  authority = await createAuthority('shop', Date.now());
  const admin = { kind: 'admin', name: 'operator' } as const;
  client = new AdminClient(
    authority.certificatePem,
    await issueCertificate(authority, admin, Date.now()),
  );
});

after(() => {
  client.close();
  for (const cleanup of cleanups) cleanup();
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A member's peer port: mutual TLS with a certificate of its own. */
async function member(name: string, handler: Handler, issuer = authority): Promise<number> {
  const issued = await issueCertificate(issuer, { kind: 'member', name }, Date.now());
  const server = createServer(
    {
      ca: issuer.certificatePem,
      cert: issued.certificatePem,
      key: issued.privateKeyPem,
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: ['lithair-raft/1', 'http/1.1'],
    },
    handler,
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

test('a member is asked as an administrator, over HTTP/1.1 on the peer port', async () => {
  let asked: unknown;
  const port = await member('shop-0', (request, response) => {
    const socket = request.socket as TLSSocket;
    const names = socket.getPeerCertificate().subjectaltname;
    asked = [request.url, socket.alpnProtocol, identityOf(names)];
    json(response, 200, exampleStatus());
  });
  const answer = await client.status({ name: 'shop-0', ip: '127.0.0.1', port });
  assert.deepEqual(answer, { kind: 'serving', status: exampleStatus() });
  const identity = { kind: 'admin', name: 'operator' };
  assert.deepEqual(asked, ['/_admin/status', 'http/1.1', identity]);
});

test('a member that has no disk yet is waiting', async () => {
  const body = { waiting: true, name: 'shop-0', version: '0.1.0' };
  const port = await member('shop-0', (_, response) => json(response, 503, body));
  const answer = await client.status({ name: 'shop-0', ip: '127.0.0.1', port });
  assert.deepEqual(answer, { kind: 'waiting' });
});

test('another member at the address of this one is not believed', async () => {
  const port = await member('shop-1', (_, response) => json(response, 200, exampleStatus()));
  const answer = await client.status({ name: 'shop-0', ip: '127.0.0.1', port });
  assert.equal(answer.kind, 'unreachable');
  assert.match(
    answer.kind === 'unreachable' ? answer.reason : '',
    /expected member shop-0, got shop-1/,
  );
});

test('a member of another authority is not believed', async () => {
  const other = await createAuthority('other', Date.now());
  const port = await member('shop-0', (_, r) => json(r, 200, exampleStatus()), other);
  const answer = await client.status({ name: 'shop-0', ip: '127.0.0.1', port });
  assert.equal(answer.kind, 'unreachable');
});

test('an answer in another shape is no status', async () => {
  const port = await member('shop-0', (_, response) => json(response, 200, { clusterId: 1 }));
  const answer = await client.status({ name: 'shop-0', ip: '127.0.0.1', port });
  assert.equal(answer.kind, 'unreachable');
});

const MODEL_ANSWERS: readonly [string, number, unknown, unknown][] = [
  [
    'a change that was applied',
    200,
    { result: 'applied', schemaVersion: 2, changes: ['Product.color added'] },
    {
      kind: 'accepted',
      change: { result: 'applied', schemaVersion: 2, changes: ['Product.color added'] },
    },
  ],
  [
    'a breaking change, with its places',
    409,
    { title: 'breaking', errors: [{ pointer: '/models/0', code: 'x', message: 'removed' }] },
    { kind: 'refused', reasons: ['/models/0: removed'] },
  ],
  ['a refusal with one reason', 422, { detail: 'no' }, { kind: 'refused', reasons: ['no'] }],
  [
    'a member that has no keys yet',
    409,
    { code: 'keys_missing', detail: 'member shop-1 was given no keys' },
    { kind: 'waiting', reason: 'member shop-1 was given no keys' },
  ],
  ['no quorum', 503, { title: 'no leader' }, { kind: 'unavailable', reason: 'no leader' }],
];

for (const [name, status, body, expected] of MODEL_ANSWERS) {
  test(`the answer to a model: ${name}`, async () => {
    let sent = '';
    const port = await member('shop-0', (request, response) => {
      request.on('data', (chunk: Buffer) => {
        sent += chunk.toString('utf8');
      });
      request.on('end', () => json(response, status, body));
    });
    const address = { name: 'shop-0', ip: '127.0.0.1', port };
    assert.deepEqual(await client.putModel(address, { models: [] }, true), expected);
    assert.equal(sent, '{"models":[]}');
  });
}

const CHANGES: readonly [string, number, unknown, string][] = [
  ['it was made', 204, undefined, 'done'],
  ['the member is gone already', 404, { detail: 'there is no member 7' }, 'done'],
  ['the cluster refuses it', 409, { detail: 'only 1 of 2' }, 'refused only 1 of 2'],
  ['nobody leads', 503, { detail: 'no leader' }, 'unavailable no leader'],
];

for (const [name, status, body, expected] of CHANGES) {
  test(`a member is taken out: ${name}`, async () => {
    const asked: string[] = [];
    const port = await member('shop-1', (request, response) => {
      asked.push(`${request.method} ${request.url}`);
      if (body === undefined) response.writeHead(status).end();
      else json(response, status, body);
    });
    const answer = await client.removeMember({ name: 'shop-1', ip: '127.0.0.1', port }, 7);
    const reason = answer.kind === 'done' ? '' : ` ${answer.reason}`;
    assert.equal(`${answer.kind}${reason}`, expected);
    assert.deepEqual(asked, ['DELETE /_admin/members/7']);
  });
}

test('leadership is handed to a member by its id', async () => {
  const bodies: string[] = [];
  const port = await member('shop-1', (request, response) => {
    request.setEncoding('utf8').on('data', (part: string) => bodies.push(part));
    request.on('end', () => json(response, 200, { leader: 3 }));
  });
  const answer = await client.transferLeadership({ name: 'shop-1', ip: '127.0.0.1', port }, 3);
  assert.deepEqual([answer, bodies], [{ kind: 'done' }, ['{"to":3}']]);
});
