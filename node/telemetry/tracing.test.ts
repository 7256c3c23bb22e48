import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualWorld } from '../consensus/testing/virtual-world.ts';
import {
  OtlpSink,
  otlpSettings,
  serviceName,
  silentLogger,
  Tracer,
  TraceSettingsError,
} from './index.ts';
import type { FinishedTrace, TraceSink } from './span.ts';
import { callerTrace, isSampled } from './trace-context.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

class Kept implements TraceSink {
  readonly traces: FinishedTrace[] = [];
  readonly counts = { queued: 0, told: 0, dropped: 0 };
  take(trace: FinishedTrace): void {
    this.traces.push(trace);
  }
  async close(): Promise<void> {}
}

test('a traceparent is understood as W3C has it, and no other', () => {
  const caller = callerTrace(`00-${TRACE}-${SPAN}-01`, 'a=b');
  assert.deepEqual(caller, { traceId: TRACE, spanId: SPAN, sampled: true, state: 'a=b' });
  assert.equal(callerTrace(`00-${TRACE}-${SPAN}-00`, undefined)?.sampled, false);
  // A later version may say more.
  assert.equal(callerTrace(`cc-${TRACE}-${SPAN}-01-more`, undefined)?.sampled, true);
  for (const wrong of [
    '',
    TRACE,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  ]) {
    assert.equal(callerTrace(wrong, undefined), null, wrong);
  }
});

test('the id decides alone, as often as the rate says', () => {
  const ids = Array.from({ length: 4000 }, (_, i) =>
    BigInt.asUintN(128, (BigInt(i) + 1n) * 0x9e3779b97f4a7c15f39cc0605cedc835n)
      .toString(16)
      .padStart(32, '0'),
  );
  for (const rate of [0, 0.1, 0.5, 1]) {
    const sampled = ids.filter((id) => isSampled(id, rate)).length;
    assert.ok(Math.abs(sampled / ids.length - rate) < 0.03, `${sampled} at ${rate}`);
  }
  // Whoever is recorded at a low rate is at a higher one, too.
  for (const id of ids) if (isSampled(id, 0.1)) assert.ok(isSampled(id, 0.5));
});

test('the flag of the caller goes before the rate', () => {
  const { clock, random } = new VirtualWorld(1);
  const tracer = new Tracer(clock, random, new Kept());
  const asked = (flag: string) => ({ traceparent: `00-${TRACE}-${SPAN}-${flag}` });
  assert.equal(tracer.begin(1, asked('00'), 0), null);
  const trace = tracer.begin(0, asked('01'), 0);
  assert.equal(trace?.traceId, TRACE);
  assert.equal(tracer.begin(0, {}, 0), null);
  assert.notEqual(tracer.begin(1, {}, 0), null);
  assert.equal(tracer.identify(asked('00')).traceId, TRACE);
});

test('phases follow each other, and what goes on elsewhere is part of one', () => {
  const { clock, random } = new VirtualWorld(2);
  const sink = new Kept();
  const tracer = new Tracer(clock, random, sink);
  const trace = tracer.begin(1, {}, clock.monotonicMs());
  assert.ok(trace !== null);
  trace.enter('submit');
  const elsewhere = tracer.resume(trace.context, 'execute');
  elsewhere.enter('commit');
  elsewhere.finish({ failed: false });
  trace.enter('answer');
  trace.finish({ name: 'POST /api/products', failed: false });
  trace.finish({ failed: true });
  const [inner, outer] = sink.traces;
  assert.ok(inner !== undefined && outer !== undefined && sink.traces.length === 2);
  const [submit] = outer.phases;
  assert.deepEqual(
    outer.phases.map(({ name }) => name),
    ['submit', 'answer'],
  );
  assert.equal(submit?.parentSpanId, outer.root.spanId);
  assert.equal(inner.root.parentSpanId, submit?.spanId);
  assert.deepEqual([inner.root.traceId, outer.root.failed], [outer.root.traceId, false]);
});

function sinkTo(post: (body: string) => Promise<number>, limits = {}) {
  const world = new VirtualWorld(3);
  const { clock, random } = world;
  const resource = { 'service.name': 'shop' };
  const parts = { clock, logger: silentLogger, resource, version: '1.2.3', post };
  const sink = new OtlpSink({ ...parts, limits: { delayMs: 5, closeMs: 50, ...limits } });
  const tracer = new Tracer(clock, random, sink);
  const request = () => {
    const trace = tracer.begin(1, { tracestate: 'ignored' }, clock.monotonicMs());
    trace?.note('lithair.model', 'Product');
    trace?.note('http.response.status_code', 201);
    trace?.enter('validation');
    trace?.finish({ name: 'POST /api/products', failed: true });
  };
  return { sink, request, world };
}

test('spans go out as OTLP has them in JSON', async () => {
  const bodies: string[] = [];
  const { sink, request } = sinkTo(async (body) => {
    bodies.push(body);
    return 200;
  });
  request();
  await sink.close();
  assert.deepEqual(sink.counts, { queued: 0, told: 2, dropped: 0 });
  const [resourceSpans] = JSON.parse(bodies[0] ?? '').resourceSpans;
  assert.deepEqual(resourceSpans.resource.attributes, [
    { key: 'service.name', value: { stringValue: 'shop' } },
  ]);
  const [{ scope, spans }] = resourceSpans.scopeSpans;
  assert.deepEqual(scope, { name: 'lithair', version: '1.2.3' });
  const [root, phase] = spans;
  assert.match(root.traceId, /^[0-9a-f]{32}$/);
  assert.match(root.startTimeUnixNano, /^\d{16,}000$/);
  assert.deepEqual([root.kind, phase.kind, root.status], [2, 1, { code: 2 }]);
  assert.deepEqual(root.attributes, [
    { key: 'lithair.model', value: { stringValue: 'Product' } },
    { key: 'http.response.status_code', value: { intValue: '201' } },
  ]);
  assert.equal(phase.parentSpanId, root.spanId);
  assert.equal(phase.name, 'validation');
});

test('what does not fit into the queue is counted, and nobody waits', () => {
  const { sink, request } = sinkTo(() => new Promise(() => {}), {
    queueSpans: 10,
    batchSpans: 100,
  });
  for (let i = 0; i < 50; i++) request();
  assert.deepEqual(sink.counts, { queued: 10, told: 0, dropped: 90 });
});

test('a collector that is away is asked again, and then its batch is dropped', async () => {
  let asked = 0;
  const { sink, request, world } = sinkTo(async () => {
    asked += 1;
    return 503;
  });
  request();
  await world.run(1_000);
  assert.deepEqual([asked, sink.counts.dropped, sink.counts.queued], [3, 2, 0]);
});

test('what a collector refuses is not sent again', async () => {
  let asked = 0;
  const { sink, request, world } = sinkTo(async () => {
    asked += 1;
    return 400;
  });
  request();
  await world.run(1_000);
  assert.deepEqual([asked, sink.counts.dropped], [1, 2]);
});

test('settings come from the command line, then from the environment', () => {
  const nothing = { endpoint: null, serviceName: null };
  assert.equal(otlpSettings({}, nothing), null);
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/',
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc, x-team = shop',
    OTEL_EXPORTER_OTLP_TIMEOUT: '250',
    OTEL_SERVICE_NAME: 'shop',
  };
  assert.deepEqual(otlpSettings(env, nothing), {
    url: 'http://collector:4318/v1/traces',
    headers: { authorization: 'Bearer abc', 'x-team': 'shop' },
    timeoutMs: 250,
  });
  const own = { ...env, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://other:1/traces' };
  assert.equal(otlpSettings(own, nothing)?.url, 'http://other:1/traces');
  const said = { endpoint: 'http://said:2', serviceName: 'said' };
  assert.equal(otlpSettings(own, said)?.url, 'http://said:2/v1/traces');
  assert.deepEqual(
    [serviceName({}, nothing), serviceName(env, nothing), serviceName(env, said)],
    ['lithair', 'shop', 'said'],
  );
});

for (const [name, value] of [
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://user:secret@collector'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://:secret@collector'],
  ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'secret'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'a=secret%0d%0ax: y'],
  ['OTEL_EXPORTER_OTLP_TIMEOUT', 'soon'],
] as const) {
  test(`${name} is refused as ${value}, without telling a secret`, () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', [name]: value };
    assert.throws(
      () => otlpSettings(env, { endpoint: null, serviceName: null }),
      (error: unknown) =>
        error instanceof TraceSettingsError &&
        error.message.includes(name) &&
        !error.message.includes('secret'),
    );
  });
}
