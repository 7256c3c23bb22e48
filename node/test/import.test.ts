import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ServeCluster } from './serve-cluster.ts';
import { eventually, LithairProcess } from './serve-process.ts';

const EXAMPLES = join(import.meta.dirname, '..', '..', 'docs', 'examples');
const DATA = join(import.meta.dirname, '..', '..', 'node_modules', 'vega-datasets', 'data');

type Row = Record<string, unknown>;

interface ExpectedRejections {
  readonly accepted: number;
  readonly rejected: readonly { readonly row: number; readonly line: number }[];
}

test('3,201 films with their dirt: the good rows equal the source, the bad ones are the expected', async (t) => {
  const names: Record<string, string> = JSON.parse(textOf(join(EXAMPLES, 'movies.map.json')));
  const maps = Object.entries(names).flatMap(([from, to]) => ['--map', `${from}=${to}`]);
  const expected: ExpectedRejections = JSON.parse(textOf(join(EXAMPLES, 'movies.rejected.json')));
  const file = join(DATA, 'movies.json');
  const cluster = await ServeCluster.start(join(EXAMPLES, 'movies.yaml'), 3);
  try {
    const output = await importWhileLeaderDies(t, cluster, '/api/movies', 'Movie', file, maps);
    const listed = [...output.matchAll(/:(\d+): row (\d+): /g)].map(([, line, row]) => [row, line]);
    assert.deepEqual(
      listed.map((pair) => pair.map(Number)),
      expected.rejected.map((rejection) => [rejection.row, rejection.line]),
    );
    const bad = new Set(expected.rejected.map((rejection) => rejection.row));
    const wanted = rowsOf(file)
      .filter((_row, i) => !bad.has(i + 1))
      .map((row) => rename(row, names));
    assert.equal(wanted.length, expected.accepted);
    for (const member of cluster.members) {
      assertSameRows(await allRows(member.url, '/api/movies'), wanted);
    }
    await assertQueries(cluster.members[1]?.url ?? '', wanted);
  } finally {
    await cluster.stop();
  }
});

test('20,000 flights arrive whole while the leader is killed', async (t) => {
  const file = join(DATA, 'flights-20k.json');
  const cluster = await ServeCluster.start(join(EXAMPLES, 'flights.yaml'), 3);
  try {
    const output = await importWhileLeaderDies(t, cluster, '/api/flights', 'Flight', file, []);
    assert.match(output, /20000 accepted, 0 rejected/);
    const found = await allRows(cluster.members[2]?.url ?? '', '/api/flights');
    assertSameRows(found, rowsOf(file));
  } finally {
    await cluster.stop();
  }
});

/** Imports through all members; the leader is killed once a tenth is there, and started again. */
async function importWhileLeaderDies(
  t: TestContext,
  cluster: ServeCluster,
  path: string,
  model: string,
  file: string,
  flags: readonly string[],
): Promise<string> {
  const urls = cluster.members.map((member) => member.url).join(',');
  const startedMs = performance.now();
  const running = new LithairProcess(['import', urls, model, file, ...flags]);
  const leader = await cluster.leader();
  const rows = rowsOf(file).length;
  await eventually('a tenth of the rows', async () =>
    (await count(leader.url, path)) > rows / 10 ? true : null,
  );
  await leader.process.kill('SIGKILL');
  const atKill = await eventually('the count at the kill', () =>
    count(cluster.members.find((member) => member !== leader)?.url ?? '', path),
  );
  cluster.restart(leader);
  const end = await running.ended;
  assert.equal(end.signal, null, running.output);
  const seconds = (performance.now() - startedMs) / 1000;
  t.diagnostic(`leader killed at ${atKill} of ${rows} rows; all in after ${seconds.toFixed(1)} s`);
  await cluster.allReady();
  return running.output;
}

async function assertQueries(url: string, wanted: readonly Row[]): Promise<void> {
  const drama = await page(url, '/api/movies?majorGenre=Drama&count=true&limit=1');
  assert.equal(drama.page.total, wanted.filter((row) => row['majorGenre'] === 'Drama').length);
  const best = await page(url, '/api/movies?imdbRating[gte]=9&sort=-imdbRating&limit=1000');
  const expected = wanted.filter((row) => Number(row['imdbRating'] ?? 0) >= 9);
  assert.equal(best.data.length, expected.length);
  const ratings = best.data.map((row) => Number(row['imdbRating']));
  assert.deepEqual(
    ratings,
    ratings.toSorted((a, b) => b - a),
  );
}

interface Page {
  readonly data: Row[];
  readonly page: { readonly next: string | null; readonly total?: number };
}

async function page(url: string, path: string): Promise<Page> {
  const response = await fetch(`${url}${path}`);
  const body: unknown = await response.json();
  if (!isPage(body))
    throw new Error(`${path} answered ${response.status}: ${JSON.stringify(body)}`);
  return body;
}

function isPage(body: unknown): body is Page {
  return typeof body === 'object' && body !== null && 'data' in body && 'page' in body;
}

async function count(url: string, path: string): Promise<number> {
  return (await page(url, `${path}?limit=1&count=true`)).page.total ?? 0;
}

async function allRows(url: string, path: string): Promise<Row[]> {
  const rows: Row[] = [];
  let next: string | null = '';
  while (next !== null) {
    const cursor: string = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`;
    const found = await page(url, `${path}?limit=1000${cursor}`);
    rows.push(...found.data);
    next = found.page.next;
  }
  return rows;
}

/** Compares as sets: the source has no key, so ids are not compared and order is free. */
function assertSameRows(found: readonly Row[], wanted: readonly Row[]): void {
  assert.equal(found.length, wanted.length);
  const text = (row: Row): string => JSON.stringify(row, Object.keys(row).sort());
  const withoutId = found.map(({ id: _id, ...row }) => text(row)).sort();
  assert.deepEqual(withoutId, wanted.map(text).sort());
}

function rename(row: Row, names: Record<string, string>): Row {
  return Object.fromEntries(Object.entries(row).map(([key, value]) => [names[key] ?? key, value]));
}

function rowsOf(path: string): Row[] {
  return JSON.parse(textOf(path));
}

function textOf(path: string): string {
  return readFileSync(path, 'utf8');
}
