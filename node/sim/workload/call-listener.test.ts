import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApi } from '../../http/index.ts';
import { SingleNode, schemaOf } from '../../http/testing/single-node.ts';
import { createMetrics, LogSink, silentLogger, Tracer } from '../../telemetry/index.ts';
import { systemClock, systemRandom } from '../../world.ts';
import { callListener } from './call-listener.ts';

const MODEL = {
  name: 'Note',
  fields: [
    { name: 'id', type: 'uuid', primaryKey: true },
    { name: 'text', type: 'string', required: true },
  ],
};

function listenerOf() {
  return createApi({
    engine: new SingleNode(schemaOf([MODEL])),
    readSecret: () => Promise.reject(new Error('there are no secrets')),
    logger: silentLogger,
    metrics: createMetrics({ processMetrics: false }),
    tracer: new Tracer(systemClock, systemRandom, new LogSink(silentLogger)),
    clock: systemClock,
    admit: () => {},
    version: '0.0.0',
  }).apiListener;
}

test('a request without a connection is answered as one over a connection', async () => {
  const listener = listenerOf();
  const created = await callListener(listener, {
    method: 'POST',
    target: '/api/notes',
    headers: { 'content-type': 'application/json' },
    body: '{"text":"a wörd"}',
  });
  assert.equal(created.status, 201);
  assert.equal(created.headers['lithair-version'], '1');
  const target = created.headers['location'] ?? '';
  const read = await callListener(listener, { method: 'GET', target, headers: {}, body: '' });
  assert.equal(read.status, 200);
  assert.equal(read.body, created.body);
  assert.match(read.body, /a wörd/);
});

test('a delete has an empty answer, and a read of what is gone a problem', async () => {
  const listener = listenerOf();
  const id = '018f0000-0000-7000-8000-000000000001';
  const target = `/api/notes/${id}`;
  const body = JSON.stringify({ id, text: 'x' });
  const headers = { 'content-type': 'application/json' };
  await callListener(listener, { method: 'POST', target: '/api/notes', headers, body });
  const gone = await callListener(listener, { method: 'DELETE', target, headers: {}, body: '' });
  assert.deepEqual([gone.status, gone.body], [204, '']);
  const absent = await callListener(listener, { method: 'GET', target, headers: {}, body: '' });
  assert.equal(absent.status, 404);
  assert.match(absent.body, /"code":"not_found"/);
});

test('a body that outgrows its limit is refused with 413', async () => {
  const answer = await callListener(listenerOf(), {
    method: 'POST',
    target: '/api/notes',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: 'x'.repeat(1024 * 1024) }),
  });
  assert.equal(answer.status, 413);
});
