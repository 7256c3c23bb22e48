import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BloomFilter } from './bloom.ts';
import { ArchivedHistory } from './index.ts';
import { DAY_MS, openArchive, product, productSchema, Shop, valueOf } from './testing/products.ts';

const versionsIn = (records: readonly { readonly version: number }[]): number[] =>
  records.map(({ version }) => version);

describe('a sealed generation', () => {
  test('leaves memory for a file, and is read from there', async () => {
    const shop = await Shop.open();
    for (let round = 0; round < 3; round++) {
      for (const id of ['lamp', 'desk', 'chair']) shop.change(id);
      await shop.seal();
    }
    shop.change('lamp');
    const history = new ArchivedHistory(shop.hot, shop.archive);
    assert.deepEqual(
      versionsIn(await history.versions('Product', 'lamp', Infinity, 10)),
      [4, 3, 2, 1],
    );
    assert.deepEqual(versionsIn(await history.versions('Product', 'lamp', 4, 2)), [3, 2]);
    assert.deepEqual(
      versionsIn(await history.versions('Product', 'desk', Infinity, 10)),
      [3, 2, 1],
    );
    assert.deepEqual(await history.versions('Product', 'sofa', Infinity, 10), []);
    assert.equal(shop.hot.firstResident, 4);
  });

  test('is there after a restart, and what no catalog names is cleared away', async () => {
    const shop = await Shop.open();
    shop.change('lamp');
    await shop.seal();
    const left = await shop.fs.open('/data/archive/Product-9-9-9.arc', 'create');
    await left.close();
    const again = await openArchive(shop.fs);
    assert.equal(again.generation, 1);
    assert.deepEqual(
      again.files.map(({ name }) => name),
      ['Product-1-1-1.arc'],
    );
    assert.deepEqual(await shop.fs.list('/data/archive'), ['Product-1-1-1.arc']);
  });

  test('comes to the same text, and so to the same digest, on every member', async () => {
    const digests = await Promise.all(
      [0, 1].map(async () => {
        const shop = await Shop.open();
        for (let at = 0; at < 2000; at++) shop.change(`p${(at * 7919) % 500}`);
        return shop.seal();
      }),
    );
    assert.equal(digests[0], digests[1]);
    const other = await Shop.open();
    other.change('p1');
    assert.notEqual(await other.seal(), digests[0]);
  });

  test('keeps every version of many rows, over many blocks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat(60), { minLength: 1, maxLength: 300 }), { maxLength: 5 }),
        fc.boolean(),
        async (rounds, folds) => {
          const shop = await Shop.open();
          for (const round of rounds) {
            for (const row of round) shop.change(`row-${row}`);
            await shop.seal();
          }
          if (folds) await shop.archive.fold(shop.expiry, true);
          const history = new ArchivedHistory(shop.hot, shop.archive);
          for (const row of new Set(rounds.flat())) {
            const id = `row-${row}`;
            const newest = shop.newestOf(id);
            const found = versionsIn(await history.versions('Product', id, Infinity, 1000));
            assert.deepEqual(
              found,
              Array.from({ length: newest }, (_, at) => newest - at),
            );
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  test('of a time is found behind everything younger', async () => {
    const shop = await Shop.open();
    const startMs = shop.nowMs;
    for (let day = 0; day < 200; day++) {
      shop.nowMs = startMs + day * DAY_MS;
      shop.change('lamp');
      if (day % 30 === 29) await shop.seal();
    }
    const history = new ArchivedHistory(shop.hot, shop.archive);
    for (const day of [0, 17, 100, 199]) {
      const found = await history.asOf('Product', 'lamp', startMs + day * DAY_MS + 5);
      assert.equal(found?.version, day + 1);
    }
    assert.equal(await history.asOf('Product', 'lamp', startMs - 1), undefined);
  });
});

test('a restored cluster begins its archive where its history begins', async () => {
  const shop = await Shop.open();
  shop.hot.begin(5);
  shop.hot.forgetArchives();
  shop.change('lamp');
  await shop.archive.beginAt(5);
  await shop.seal();
  const history = new ArchivedHistory(shop.hot, shop.archive);
  assert.deepEqual(versionsIn(await history.versions('Product', 'lamp', Infinity, 10)), [1]);
  assert.equal((await openArchive(shop.fs)).generation, 5);
});

test('history that is on its way from another member is not mistaken for none', async () => {
  const shop = await Shop.open();
  shop.hot.begin(5);
  const history = new ArchivedHistory(shop.hot, shop.archive);
  await assert.rejects(async () => history.versions('Product', 'lamp', Infinity, 10), {
    code: 'unavailable',
  });
});

describe('folding', () => {
  test('joins files into one, and loses nothing that is kept', async () => {
    const shop = await Shop.open();
    for (let round = 0; round < 9; round++) {
      for (let row = 0; row < 40; row++) shop.change(`p${row}`);
      await shop.seal();
    }
    assert.equal(shop.archive.files.length, 9);
    assert.equal(await shop.archive.fold(shop.expiry, false), 9);
    assert.equal(shop.archive.files.length, 1);
    assert.deepEqual(
      await shop.fs.list('/data/archive'),
      shop.archive.files.map((f) => f.name),
    );
    const history = new ArchivedHistory(shop.hot, shop.archive);
    const found = await history.versions('Product', 'p7', Infinity, 100);
    assert.deepEqual(versionsIn(found), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    assert.match(found.at(-1)?.json ?? '', new RegExp(valueOf('price', 'p7', 1)));
  });

  test('removes exactly the values that the rules do not keep', async () => {
    const shop = await Shop.open();
    for (let round = 0; round < 5; round++) {
      shop.change('lamp');
      await shop.seal();
    }
    await shop.archive.fold(shop.expiry, true);
    const text = await shop.archivedText();
    const kept = (field: string) =>
      [1, 2, 3, 4, 5].filter((version) => text.includes(valueOf(field, 'lamp', version)));
    assert.deepEqual(kept('price'), [1, 2, 3, 4, 5]);
    assert.deepEqual(kept('stock'), [1, 2, 3, 4, 5]);
    assert.deepEqual(kept('name'), [3, 4, 5]);
    assert.deepEqual(kept('notes'), []);
  });

  test('removes what is older than the retention, unless a field says otherwise', async () => {
    const shop = await Shop.open(productSchema({ retention: { hot: '1d', warm: '9d' } }));
    shop.change('lamp');
    shop.change('lamp');
    await shop.seal();
    shop.nowMs += 11 * DAY_MS;
    shop.change('lamp');
    await shop.seal();
    assert.equal(await shop.archive.fold(shop.expiry, true), 2);
    const text = await shop.archivedText();
    assert.ok(!text.includes(valueOf('stock', 'lamp', 1)));
    assert.ok(!text.includes(valueOf('stock', 'lamp', 2)));
    assert.ok(text.includes(valueOf('stock', 'lamp', 3)));
    assert.ok(text.includes(valueOf('price', 'lamp', 1)));
    assert.equal(await shop.archive.fold(shop.expiry, true), 0, 'the second time nothing is left');
  });

  test('removes the whole past where a model keeps none any more', async () => {
    const shop = await Shop.open();
    shop.change('lamp');
    await shop.seal();
    await shop.archive.fold({ ...shop.expiry, rules: () => undefined }, true);
    assert.deepEqual(shop.archive.files, []);
    assert.deepEqual(await shop.fs.list('/data/archive'), []);
  });

  test('does not disturb a read that is under way', async () => {
    const shop = await Shop.open();
    for (let round = 0; round < 2; round++) {
      for (let at = 0; at < 400; at++) shop.change('lamp');
      await shop.seal();
    }
    const file = shop.archive.files.at(-1);
    assert.ok(file);
    const seen: number[] = [];
    for await (const records of file.newestFirst('lamp', Infinity)) {
      seen.push(...versionsIn(records));
      await shop.archive.fold(shop.expiry, true).catch(() => undefined);
      break;
    }
    assert.equal(seen[0], 800);
  });
});

/** Flips a bit of an archive, then reads it. */
async function flipped(at: (size: number) => number): Promise<unknown> {
  const shop = await Shop.open();
  for (let row = 0; row < 300; row++) shop.change(`p${row}`);
  await shop.seal();
  const file = await shop.fs.open('/data/archive/Product-1-1-1.arc', 'write');
  const place = at(file.size());
  const byte = new Uint8Array(1);
  file.read(byte, place);
  await new Promise((done) => file.write(new Uint8Array([(byte[0] ?? 0) ^ 1]), place, done));
  await file.close();
  const again = await openArchive(shop.fs);
  return again.files[0]?.block(0);
}

describe('what is not whole', () => {
  for (const [where, at] of [
    ['header', () => 3],
    ['block', () => 700],
    ['footer', (size: number) => size - 600],
    ['trailer', (size: number) => size - 30],
  ] as const) {
    test(`is refused by name: a flipped bit in the ${where}`, async () => {
      await assert.rejects(flipped(at), /Product-1-1-1\.arc is corrupt/);
    });
  }

  test('is refused by name: a file that is gone, a catalog that was changed', async () => {
    const shop = await Shop.open();
    shop.change('lamp');
    await shop.seal();
    await assert.rejects(openArchive(shop.fs, 'other'), /of cluster c1, not of other/);
    await shop.fs.remove('/data/archive/Product-1-1-1.arc');
    await assert.rejects(openArchive(shop.fs), /archive\/Product-1-1-1\.arc is gone/);
  });
});

test('a bloom filter never denies an id that it holds, and seldom affirms another', () => {
  const filter = BloomFilter.sizedFor(10_000);
  for (let at = 0; at < 10_000; at++) filter.add(`id-${at}`);
  for (let at = 0; at < 10_000; at++) assert.ok(filter.mayHold(`id-${at}`));
  let wrong = 0;
  for (let at = 0; at < 10_000; at++) if (filter.mayHold(`other-${at}`)) wrong += 1;
  assert.ok(wrong < 300, `${wrong} of 10,000`);
});

test('a version that was archived tells the fields that changed', async () => {
  const shop = await Shop.open();
  for (let at = 0; at < 4; at++) shop.change('lamp');
  await shop.seal();
  const [, , , first] = await new ArchivedHistory(shop.hot, shop.archive).versions(
    'Product',
    'lamp',
    Infinity,
    4,
  );
  assert.deepEqual(first?.changed, ['name', 'price', 'notes', 'stock']);
  assert.notEqual(first?.json, product('lamp', 1).json);
});
