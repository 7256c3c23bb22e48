import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ArchivedHistory } from './index.ts';
import { openArchive, Shop, valueOf } from './testing/products.ts';

const ROWS = ['lamp', 'desk', 'chair'];
const ROUNDS = 4;

/** Archives and folds, round by round; tells after each step what is acknowledged. */
async function workload(shop: Shop, acknowledged: (generation: number) => void): Promise<void> {
  for (let round = 1; round <= ROUNDS; round++) {
    for (const row of ROWS) shop.change(row);
    await shop.seal();
    acknowledged(round);
    if (round % 2 === 0) await shop.archive.fold(shop.expiry, true);
  }
}

/** Runs until an operation of the disk never returns, then cuts the power. */
async function cutAt(operation: number, fraction: () => number) {
  const shop = await Shop.open();
  const reached = new Promise<false>((resolve) => {
    shop.fs.injectFaults(({ number }) => {
      if (number < operation) return null;
      resolve(false);
      return 'halt';
    });
  });
  let acknowledged = 0;
  const work = workload(shop, (generation) => (acknowledged = generation));
  const ended = await Promise.race([work.then(() => true), reached]);
  await nextTurn();
  return { shop, disk: shop.fs.crash('power', fraction), acknowledged, ended };
}

test('power that is cut at any operation leaves every generation that was acknowledged, whole', async () => {
  let [operations, cuts] = [1, 0];
  for (; ; operations++) {
    let state = operations;
    const fraction = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    const { shop, disk, acknowledged, ended } = await cutAt(operations, fraction);
    const archive = await openArchive(disk);
    assert.ok(archive.generation >= acknowledged, `operation ${operations}`);
    for (const file of archive.files) await file.verify();
    shop.hot.begin(archive.generation + 1);
    for (let number = 1; number <= archive.generation; number++) shop.hot.archived(number);
    const history = new ArchivedHistory(shop.hot, archive);
    for (const row of ROWS) {
      const found = await history.versions('Product', row, archive.generation + 1, 100);
      assert.equal(found.length, archive.generation, `operation ${operations}`);
      for (const { version, json } of found) {
        assert.ok(json?.includes(valueOf('price', row, version)));
      }
    }
    const names = archive.files.map(({ name }) => name).sort();
    assert.deepEqual(await disk.list('/data/archive'), names);
    await archive.close();
    cuts += 1;
    if (ended) break;
  }
  assert.ok(cuts > 60, `${cuts} operations`);
});
