import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { apiKeyHash, apiKeyOf } from '../auth/index.ts';
import type { LogFields } from '../ports/index.ts';
import { silentLogger } from '../telemetry/index.ts';
import { type ServedApi, serveApi } from './testing/served-api.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const SAMPLED = { traceparent: `00-${TRACE}-${SPAN}-01` };

const FIELDS = [
  { name: 'id', type: 'uuid', primaryKey: true },
  { name: 'name', type: 'string', required: true },
  { name: 'secret', type: 'string', hidden: true },
  { name: 'cost', type: 'integer', permissions: { read: ['Manager'] } },
  { name: 'twice', type: 'integer', computed: 'self.cost * 2' },
];
const MANAGER = apiKeyOf(Buffer.alloc(32, 'm'));
const PERMISSIONS = { create: ['Public'], read: ['Public'], update: ['Public'] };
const AUTH = {
  mode: 'tokens',
  apiKeys: { keys: [{ name: 'manager', sha256: apiKeyHash(MANAGER), roles: ['Manager'] }] },
};

interface Line {
  readonly level: string;
  readonly fields: LogFields;
  readonly message: string;
}

async function served(
  t: TestContext,
  tracing: unknown,
): Promise<{ api: ServedApi; lines: Line[]; told: () => Line[] }> {
  const lines: Line[] = [];
  const add = (level: string) => (fields: LogFields, message: string) =>
    void lines.push({ level, fields, message });
  const logger = { ...silentLogger, info: add('info'), error: add('error') };
  const model = { name: 'Product', fields: FIELDS, permissions: PERMISSIONS };
  const traced = tracing === null ? model : { ...model, tracing };
  const api = await serveApi([traced], {}, AUTH, {}, { logger });
  t.after(() => api.close());
  return { api, lines, told: () => lines.filter(({ level }) => level === 'info') };
}

function contextOf(line: Line | undefined): Record<string, unknown> {
  return { ...(line?.fields['context'] as Record<string, unknown> | undefined) };
}

test('a traced request is told of with its ids and the time of its phases', async (t) => {
  const { api, told } = await served(t, { enabled: true });
  const created = await api.send('POST', '/api/products', { body: { name: 'a' } });
  assert.equal(created.status, 201);
  const [line, ...others] = told();
  assert.equal(others.length, 0);
  assert.equal(line?.message, 'POST /api/products');
  const [, traceId, spanId] = (created.headers.get('traceparent') ?? '').split('-');
  assert.deepEqual([line?.fields['trace_id'], line?.fields['span_id']], [traceId, spanId]);
  const { model, operation, status, user_id, request_size, ...rest } = contextOf(line);
  assert.deepEqual(
    [model, operation, status, user_id, request_size],
    ['Product', 'create', 201, 'anonymous', 12],
  );
  for (const phase of ['access', 'receive', 'validation', 'submit', 'answer']) {
    assert.equal(typeof rest[`${phase}_time_ms`], 'number', phase);
  }
  assert.equal(rest['request_body'], undefined);
  const read = await api.send('GET', String(created.headers.get('location')));
  assert.ok(read.headers.has('traceparent'));
  const reading = contextOf(told()[1]);
  for (const phase of ['access', 'barrier', 'query', 'answer']) {
    assert.equal(typeof reading[`${phase}_time_ms`], 'number', phase);
  }
  assert.equal(reading['route'], '/api/products/{id}');
});

test('the trace of the caller goes on, and its flag decides', async (t) => {
  const { api, told } = await served(t, { enabled: true, sampleRate: 0 });
  assert.equal((await api.send('GET', '/api/products')).headers.get('traceparent'), null);
  const list = await api.send('GET', '/api/products', { headers: SAMPLED });
  assert.match(list.headers.get('traceparent') ?? '', new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
  assert.deepEqual(
    told().map(({ fields }) => [fields['trace_id'], fields['parent_span_id']]),
    [[TRACE, SPAN]],
  );
});

test('a caller who does not record is not recorded, whatever the rate', async (t) => {
  const { api, told } = await served(t, { enabled: true });
  const headers = { traceparent: `00-${TRACE}-${SPAN}-00` };
  const list = await api.send('GET', '/api/products', { headers });
  assert.equal(list.headers.get('traceparent'), null);
  assert.deepEqual(told(), []);
});

test('a model that is not traced never is', async (t) => {
  const { api, told } = await served(t, null);
  const list = await api.send('GET', '/api/products', { headers: SAMPLED });
  assert.equal(list.headers.get('traceparent'), null);
  assert.deepEqual(told(), []);
});

test('bodies come without what not everybody may read', async (t) => {
  const { api, told } = await served(t, { enabled: true, includeBody: true });
  const body = { name: 'n'.repeat(5000) };
  const long = await api.send('POST', '/api/products', { body });
  assert.equal(long.status, 201);
  const shown = String(contextOf(told()[0])['request_body']);
  assert.ok(shown.startsWith('{') && shown.length === 4097, String(shown.length));
  const path = String(long.headers.get('location'));
  const merge = {
    body: { name: 'b' },
    headers: { 'content-type': 'application/merge-patch+json' },
  };
  assert.equal((await api.send('PATCH', path, merge)).status, 200);
  assert.equal(contextOf(told()[1])['request_body'], '{"name":"b"}');
  const back = {
    body: { name: 'c', cost: 21, twice: 42 },
    headers: { authorization: `Bearer ${MANAGER}` },
  };
  assert.equal((await api.send('PUT', path, back)).status, 200);
  assert.match(String(contextOf(told()[2])['request_body']), /^{"name":"c","id":"[^"]*"}$/);
});

test('a problem of a traced request says its trace', async (t) => {
  const { api } = await served(t, { enabled: true });
  const refused = await api.send('POST', '/api/products', { body: {}, headers: SAMPLED });
  assert.equal(refused.status, 400);
  assert.equal(refused.json['trace_id'], TRACE);
  assert.ok(refused.headers.has('traceparent'));
});

test('an unexpected failure has ids in the log and in its problem, traced or not', async (t) => {
  const { api, lines } = await served(t, null);
  api.engine.submit = () => Promise.reject(new Error('a bug'));
  const post = (headers: Record<string, string>) =>
    api.send('POST', '/api/products', { body: { name: 'a' }, headers });
  for (const [headers, known] of [
    [{}, null],
    [SAMPLED, TRACE],
  ] as const) {
    const failed = await post(headers);
    assert.equal(failed.status, 500);
    const line = lines.findLast(({ level }) => level === 'error');
    const { trace_id, span_id } = line?.fields ?? {};
    assert.ok(typeof trace_id === 'string' && typeof span_id === 'string');
    assert.match(trace_id, /^[0-9a-f]{32}$/);
    assert.match(span_id, /^[0-9a-f]{16}$/);
    assert.equal(failed.json['trace_id'], trace_id);
    if (known !== null) assert.equal(trace_id, known);
    const { model, operation, user_id } = contextOf(line);
    assert.deepEqual([model, operation, user_id], ['Product', 'create', 'anonymous']);
  }
});
