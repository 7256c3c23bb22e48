import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareSchemas, compileSchema, validateSpec } from './index.ts';

function validated(model: Record<string, unknown>) {
  const fields = [{ name: 'id', type: 'uuid', primaryKey: true }];
  return validateSpec({ auth: { mode: 'open' }, models: [{ name: 'Reading', fields, ...model }] });
}

function compiled(tracing: unknown) {
  const result = validated({ tracing });
  assert.ok(result.ok, JSON.stringify(result));
  return compileSchema(result.value);
}

function problemsOf(model: Record<string, unknown>) {
  const result = validated(model);
  assert.ok(!result.ok, 'it was taken');
  return result.problems.map(({ path, code, message }) => [path, code, message]);
}

test('a model is traced where it says so, all requests unless it says a share', () => {
  assert.deepEqual(compiled({ enabled: true }).models[0]?.tracing, { sampleRate: 1 });
  const partly = { enabled: true, sampleRate: 0.1, includeBody: true };
  assert.deepEqual(compiled(partly).models[0]?.tracing, { sampleRate: 0.1, includeBody: true });
  const off = { enabled: false, sampleRate: 0.1, includeBody: true };
  assert.equal(compiled(off).models[0]?.tracing, undefined);
});

test('tracing may always change', () => {
  const [before, after] = [compiled({ enabled: true }), compiled({ enabled: false })];
  const comparison = compareSchemas(before, after);
  assert.equal(comparison.kind, 'additive');
  assert.match(JSON.stringify(comparison), /tracing .*becomes none/);
});

for (const sampleRate of [-0.1, 1.01, 10]) {
  test(`a rate of ${sampleRate} is no share`, () => {
    const [problem] = problemsOf({ tracing: { enabled: true, sampleRate } });
    assert.deepEqual(problem, [
      'models[0].tracing.sampleRate',
      'out_of_range',
      `must be between 0 and 1, not ${sampleRate}`,
    ]);
  });
}

test('it must be said whether a model is traced', () => {
  const [[path, code] = []] = problemsOf({ tracing: { sampleRate: 0.5 } });
  assert.deepEqual([path, code], ['models[0].tracing.enabled', 'missing_attribute']);
});

test('bodies that are encrypted at rest do not go into traces', () => {
  const tracing = { enabled: true, includeBody: true };
  const [[path, code, message] = []] = problemsOf({
    tracing,
    security: { encryptionAtRest: true },
  });
  assert.deepEqual([path, code], ['models[0].tracing.includeBody', 'conflicting']);
  assert.match(String(message), /encryptionAtRest/);
});

test('deleted rows are traced as their model is', () => {
  const result = validated({ tracing: { enabled: true }, lifecycle: { softDelete: true } });
  assert.ok(result.ok, JSON.stringify(result));
  const { models } = compileSchema(result.value);
  assert.deepEqual(
    models.map(({ tracing }) => tracing),
    [{ sampleRate: 1 }, { sampleRate: 1 }],
  );
});

function monitored(traces: unknown) {
  const fields = [{ name: 'id', type: 'uuid', primaryKey: true }];
  const models = [{ name: 'Reading', fields }];
  return validateSpec({ auth: { mode: 'open' }, models, cluster: { monitoring: { traces } } });
}

const COLLECTOR = { endpoint: 'http://collector.observability:4318' };

test('the resource says where traces go, and the schema does not know', () => {
  const traces = { ...COLLECTOR, headersSecret: 'collector-headers', serviceName: 'shop' };
  for (const said of [COLLECTOR, traces, { endpoint: 'https://otel.example/shop/' }]) {
    const result = monitored(said);
    assert.ok(result.ok, JSON.stringify(result));
    assert.deepEqual(result.value.cluster.monitoring, { traces: said });
    assert.doesNotMatch(JSON.stringify(compileSchema(result.value)), /collector|otel/);
  }
});

for (const [traces, path, message] of [
  [{}, 'endpoint', /is missing/],
  [{ endpoint: 'collector:4318' }, 'endpoint', /must be an http or https URL/],
  [{ endpoint: 'http://user:secret@collector' }, 'endpoint', /without user and query/],
  [{ endpoint: 'http://collector/?token=secret' }, 'endpoint', /without user and query/],
  [{ endpoint: 'http://$(POD_NAME):4318' }, 'endpoint', /must be an http or https URL/],
  [{ endpoint: 'http://collector:99999' }, 'endpoint', /is no URL: "http:/],
  [{ ...COLLECTOR, headersSecret: 'A Secret' }, 'headersSecret', /the name of a Secret/],
  [{ ...COLLECTOR, headers: 'a=b' }, 'headers', /headersSecret|unknown/],
  [{ ...COLLECTOR, serviceName: '$(POD_NAME)' }, 'serviceName', /only letters, digits/],
] as const) {
  test(`traces to ${JSON.stringify(traces)} are refused`, () => {
    const result = monitored(traces);
    assert.ok(!result.ok);
    const [problem] = result.problems;
    assert.equal(problem?.path, `cluster.monitoring.traces.${path}`);
    assert.match(problem?.message ?? '', message);
  });
}
