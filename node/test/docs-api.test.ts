// The commands that docs/api.md shows for the shop do what it says, in a shell.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ServeCluster } from './serve-cluster.ts';

const DOCS = join(import.meta.dirname, '..', '..', 'docs');
const text = readFileSync(join(DOCS, 'api.md'), 'utf8');
const BLOCKS = [...text.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) => block);

/** Of models that the shop does not have. */
const OTHERS =
  /customers|_deleted|\/history|\/events|readings|make run|lithair client|\$TOKEN|\$KEY/;

let shop: ServeCluster;
before(async () => {
  shop = await ServeCluster.start(join(DOCS, 'examples', 'shop.yaml'), 1);
  const lines = ['{"name":"A","price":"1"}', '{"name":"B","price":"2","sku":"B-1"}'];
  writeFileSync(join(shop.directory, 'products.ndjson'), lines.join('\n'));
});
after(() => shop.stop());

/** Runs a block as a reader pastes it, behind the lines that come before it in the text. */
function run(block: string): { status: number | null; output: string } {
  const api = `${shop.members[0]?.url}/api`;
  const prelude = `
    set -e
    api=${api}
    curl() { command curl -sS --fail-with-body "$@"; }
    id=$(curl "$api/products" -H 'Content-Type: application/json' -d '{"name":"Lamp","price":"1"}' | sed 's/^{"id":"\\([^"]*\\).*/\\1/')
    token=$(curl -i "$api/products/$id" | tr -d '\\r' | sed -n 's/^Lithair-Index: //ip')
    etag=$(curl -i "$api/products/$id" | tr -d '\\r' | sed -n 's/^ETag: //ip')
  `;
  // The tag of the text is that of a row of its own.
  const pasted = block.replace(`'If-Match: "1.k3j2h1"'`, '"If-Match: $etag"');
  const shell = spawnSync('bash', ['-c', prelude + pasted], {
    cwd: shop.directory,
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status: shell.status, output: shell.stdout + shell.stderr };
}

describe('the commands of docs/api.md', () => {
  const tried = BLOCKS.filter((block) => /curl/.test(block) && !OTHERS.test(block));
  it('are found', () => assert.ok(tried.length >= 6, String(tried.length)));

  for (const block of tried) {
    it(`work: ${block.split('\n').find((line) => line.startsWith('curl'))}`, () => {
      const { status, output } = run(block);
      assert.equal(status, 0, output);
      assert.doesNotMatch(output, /"status":[45]\d\d/);
    });
  }
});
