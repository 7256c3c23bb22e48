import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ClientPod,
  execute,
  kubectl,
  portForward,
  scenario,
  seconds,
  text,
  waitReady,
} from '../cluster/index.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const EXAMPLES = join(ROOT, 'docs', 'examples');
const CLI = join(ROOT, 'node', 'cli', 'main.ts');
const MOVIES = join(ROOT, 'node_modules', 'vega-datasets', 'data', 'movies.json');

interface Expected {
  readonly accepted: number;
  readonly rejected: readonly { readonly row: number; readonly line: number }[];
}

scenario(
  'the films are imported from outside, with exactly the expected refusals',
  async (scenario) => {
    const { namespace, say } = scenario;
    const names: Record<string, string> = JSON.parse(readText('movies.map.json'));
    const expected: Expected = JSON.parse(readText('movies.rejected.json'));
    kubectl(['apply', '-n', namespace, '-f', '-'], readText('movies.yaml'));
    await waitReady(namespace, 'movies');
    const forward = await portForward(namespace, 'service/movies', 80);
    const startedMs = performance.now();
    try {
      const maps = Object.entries(names).flatMap(([from, to]) => ['--map', `${from}=${to}`]);
      const words = [CLI, 'import', forward.url, 'Movie', MOVIES, ...maps];
      const { status, stdout, stderr } = execute(process.execPath, words, {
        mayFail: true,
        timeoutMs: 180_000,
      });
      const refused = [...stdout.matchAll(/:(\d+): row (\d+): /g)];
      assert.equal(status, 1, 'refused rows end in 1');
      assert.deepEqual(
        refused.map(([, line, row]) => [Number(row), Number(line)]),
        expected.rejected.map(({ row, line }) => [row, line]),
        stderr,
      );
    } finally {
      forward.close();
    }
    const tookMs = performance.now() - startedMs;
    say(
      `${expected.accepted} films accepted, ${expected.rejected.length} refused in ${seconds(tookMs)}`,
    );
    const client = new ClientPod(namespace);
    await client.start();
    const url = `http://movies.${namespace}.svc/api/movies?count=true&limit=1`;
    const page = client.request('GET', url);
    assert.equal(text(page.body, 'page.total'), String(expected.accepted));
  },
);

function readText(name: string): string {
  return readFileSync(join(EXAMPLES, name), 'utf8');
}
