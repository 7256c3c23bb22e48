import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLogger, createMetrics, defaultLogFormat, type LoggerOptions } from './index.ts';

function written(options: Pick<LoggerOptions, 'level' | 'format'>): string {
  const directory = mkdtempSync(join(tmpdir(), 'lithair-log-'));
  const fd = openSync(join(directory, 'log'), 'w');
  try {
    const logger = createLogger({ ...options, fd, base: { node: 'n1' } });
    logger.debug({ term: 1 }, 'a detail');
    logger.info({ term: 2 }, 'it happened');
    return readFileSync(join(directory, 'log'), 'utf8');
  } finally {
    closeSync(fd);
    rmSync(directory, { recursive: true });
  }
}

test('a line is one JSON object, on disk when the call returns', () => {
  const lines = written({ level: 'info', format: 'json' }).trim().split('\n');
  assert.equal(lines.length, 1, 'debug is below the level');
  const { level, node, term, msg, time } = JSON.parse(lines[0] ?? '');
  assert.deepEqual([level, node, term, msg], ['info', 'n1', 2, 'it happened']);
  assert.ok(!Number.isNaN(Date.parse(time)));
});

test('a terminal gets lines for people, everything else JSON', () => {
  const text = written({ level: 'debug', format: 'pretty' });
  assert.match(text, /a detail/);
  assert.match(text, /it happened/);
  assert.doesNotMatch(text, /^\{/);
  assert.equal(defaultLogFormat({ isTTY: true }), 'pretty');
  assert.equal(defaultLogFormat({}), 'json');
});

test('durations become a cumulative histogram by model, operation and status', async () => {
  const metrics = createMetrics({ processMetrics: false });
  const series = metrics.requests.series('Product', 'read');
  assert.equal(metrics.requests.series('Product', 'read'), series);
  for (const durationMs of [0.4, 3, 3, 20_000]) series.observe(200, durationMs);
  const text = await metrics.text();
  const labels = 'model="Product",operation="read",status="200"';
  const name = 'lithair_http_request_duration_seconds';
  for (const [bound, count] of [
    ['0.0005', 1],
    ['0.0025', 1],
    ['0.005', 3],
    ['10', 3],
    ['+Inf', 4],
  ]) {
    assert.ok(text.includes(`${name}_bucket{${labels},le="${bound}"} ${count}\n`), String(bound));
  }
  assert.ok(text.includes(`${name}_count{${labels}} 4\n`));
});

test('other rooms add gauges that are read when somebody asks', async () => {
  const metrics = createMetrics({ processMetrics: true });
  let applied = 1;
  metrics.gauge('lithair_applied_index', 'Last applied entry.', () => applied);
  applied = 7;
  const text = await metrics.text();
  assert.match(text, /^lithair_applied_index 7$/m);
  assert.match(text, /^process_resident_memory_bytes /m);
});

test('a gauge has one value for each model, as many as there are at the time', async () => {
  const metrics = createMetrics({ processMetrics: false });
  let rows: [string, number][] = [
    ['Brand', 2],
    ['Product', 3],
  ];
  metrics.gaugeBy('rows', 'Rows.', 'model', () => rows);
  assert.match(await metrics.text(), /rows\{model="Brand"\} 2\nrows\{model="Product"\} 3/);
  rows = [['Product', 4]];
  const text = await metrics.text();
  assert.match(text, /rows\{model="Product"\} 4/);
  assert.doesNotMatch(text, /Brand/);
});
