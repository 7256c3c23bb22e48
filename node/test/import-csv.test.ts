import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServeCluster } from './serve-cluster.ts';
import { lithair } from './serve-process.ts';

const SHOP = join(import.meta.dirname, '..', '..', 'docs', 'examples', 'shop.yaml');

const CSV = `Title,price,sku,stock,rating,featured
"Lamp, small",0.10,LAMP-1,5,4.5,true
short
Desk,12345678901234567890.5,DESK-1,,,false
Chair,1,CHAIR-1,many,,
`;

test('CSV cells become integers, numbers, booleans and exact decimals; a second run adds nothing', async () => {
  const cluster = await ServeCluster.start(SHOP, 1);
  try {
    const url = cluster.members[0]?.url ?? '';
    const file = join(cluster.directory, 'products.csv');
    await writeFile(file, CSV);
    const words = ['import', url, 'Product', file, '--map', 'Title=name', '--key', 'sku'];
    const first = await lithair(...words);
    assert.equal(first.code, 1, first.output);
    assert.match(first.output, /:3: row 2: has another number of columns/);
    assert.match(first.output, /:5: row 4: stock: must be an integer/);
    assert.match(first.output, /2 accepted, 2 rejected/);
    const rows = await products(url);
    assert.deepEqual(
      rows.map(({ name, price, stock, rating, featured }) => [
        name,
        price,
        stock,
        rating,
        featured,
      ]),
      [
        ['Desk', '12345678901234567890.5', 0, null, false],
        ['Lamp, small', '0.10', 5, 4.5, true],
      ],
    );

    await lithair(...words);
    assert.deepEqual(await products(url), rows);

    // A short row first: the columns are those of the header all the same.
    await writeFile(file, 'Title,price,made\nshort\nDesk,80,2020\n');
    const lost = await lithair('import', url, 'Product', file, '--map', 'Title=name');
    assert.equal(lost.code, 1, lost.output);
    assert.match(lost.output, /^lithair: .*: Product has no field made; it has id, name, /);
    assert.deepEqual(await products(url), rows);
  } finally {
    await cluster.stop();
  }
});

async function products(url: string): Promise<Record<string, unknown>[]> {
  const response = await fetch(`${url}/api/products?sort=sku,name`);
  const text = await response.text();
  const page: { data: Record<string, unknown>[] } = JSON.parse(text);
  return page.data;
}
