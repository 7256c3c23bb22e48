import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { ServeCluster, type TestMember } from './serve-cluster.ts';
import { eventually } from './serve-process.ts';

const MODEL = join(import.meta.dirname, 'traced.yaml');
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const HEADERS = {
  'content-type': 'application/json',
  traceparent: `00-${TRACE}-${SPAN}-01`,
  tracestate: 'vendor=1',
};

interface Span {
  readonly node: string;
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
}

/** A collector that keeps what it is sent, by whoever has its key. */
async function collector(t: TestContext): Promise<{ url: string; spans: Span[] }> {
  const spans: Span[] = [];
  const server = createServer((req, res) => {
    if (req.headers.authorization !== 'Bearer a key') res.statusCode = 401;
    text(req).then((body) => res.end(res.statusCode === 200 ? keep(body) : ''), assert.ifError);
  });
  const keep = (body: string): string => {
    for (const { resource, scopeSpans } of JSON.parse(body).resourceSpans) {
      const said = Object.fromEntries(
        resource.attributes.map((a: { key: string; value: { stringValue: string } }) => [
          a.key,
          a.value.stringValue,
        ]),
      );
      const [node, service] = [said['service.instance.id'], said['service.name']];
      for (const span of scopeSpans[0].spans) spans.push({ node, service, ...span });
    }
    return '{}';
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, spans };
}

async function post(member: TestMember): Promise<string> {
  const response = await fetch(`${member.url}/api/notes`, {
    method: 'POST',
    headers: HEADERS,
    body: '{"text":"a note"}',
  });
  await response.arrayBuffer();
  assert.equal(response.status, 201);
  return response.headers.get('traceparent') ?? '';
}

test('a write that a follower forwards is one trace over both members', async (t) => {
  const { url, spans } = await collector(t);
  // As pods get it.
  const variables = {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20a%20key',
    OTEL_SERVICE_NAME: 'notes',
  };
  Object.assign(process.env, variables);
  t.after(() => {
    for (const name of Object.keys(variables)) delete process.env[name];
  });
  const cluster = await ServeCluster.start(MODEL, 3);
  t.after(() => cluster.stop());
  const leader = await cluster.leader();
  const follower = cluster.members.find(({ name }) => name !== leader.name);
  assert.ok(follower !== undefined);
  const answered = await post(follower);
  await eventually('the spans to arrive', async () => (spans.length >= 10 ? true : null));
  const named = (name: string) => {
    const found = spans.find((span) => span.name === name);
    assert.ok(found !== undefined, `${name} in ${spans.map((span) => span.name).join(' ')}`);
    return found;
  };
  const [request, submit, execute] = ['POST /api/notes', 'submit', 'execute'].map(named);
  assert.equal(answered, `00-${TRACE}-${request?.spanId}-01`);
  assert.equal(request?.parentSpanId, SPAN);
  assert.equal(submit?.parentSpanId, request?.spanId);
  assert.equal(execute?.parentSpanId, submit?.spanId);
  assert.deepEqual([request?.node, execute?.node], [follower.name, leader.name]);
  for (const phase of ['propose', 'commit', 'apply']) {
    assert.equal(named(phase).parentSpanId, execute?.spanId, phase);
    assert.equal(named(phase).node, leader.name);
  }
  for (const { traceId, service, traceState } of spans) {
    assert.deepEqual([traceId, service, traceState], [TRACE, 'notes', 'vendor=1']);
  }
  const metrics = await (await fetch(`${follower.opsUrl}/metrics`)).text();
  assert.match(metrics, /^lithair_trace_spans_told [1-9]/m);
  assert.match(metrics, /^lithair_trace_spans_dropped 0$/m);
});

test('where no collector listens, requests go on and lost spans are counted', async (t) => {
  const cluster = await ServeCluster.start(MODEL, 1, '--otlp-endpoint', 'http://127.0.0.1:1');
  t.after(() => cluster.stop());
  const [member] = cluster.members;
  assert.ok(member !== undefined);
  await post(member);
  await eventually('the spans to be given up', async () => {
    const metrics = await (await fetch(`${member.opsUrl}/metrics`)).text();
    return /^lithair_trace_spans_dropped [1-9]/m.test(metrics) ? true : null;
  });
  assert.match(member.process.output, /traces cannot be exported/);
  await post(member);
});

test('without a collector, each traced request is a line of the log', async (t) => {
  const cluster = await ServeCluster.start(MODEL, 1);
  t.after(() => cluster.stop());
  const [member] = cluster.members;
  assert.ok(member !== undefined);
  await post(member);
  await eventually('the lines', async () =>
    member.process.output.includes('"POST /api/notes"') ? true : null,
  );
  const lines = member.process.output.split('\n').filter((line) => line.includes(TRACE));
  const told = lines.map((line) => JSON.parse(line));
  const execute = told.find(({ msg }) => msg === 'execute');
  assert.ok(execute.context.commit_time_ms >= 0 && execute.context.apply_time_ms >= 0);
  const request = told.find(({ msg }) => msg === 'POST /api/notes');
  assert.deepEqual([request.parent_span_id, request.context.status], [SPAN, 201]);
});
