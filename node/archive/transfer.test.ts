import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ArchivedHistory, fetchArchive, serveArchive } from './index.ts';
import { openArchive, Shop } from './testing/products.ts';

const versionsIn = (records: readonly { readonly version: number }[]): number[] =>
  records.map(({ version }) => version);

/** A member with three archives. */
async function giver(): Promise<Shop> {
  const shop = await Shop.open();
  for (let round = 0; round < 3; round++) {
    for (let at = 0; at < 50; at++) shop.change(`p${at}`);
    await shop.seal();
  }
  return shop;
}

describe('a member that fetches archives', () => {
  test('has what the other one has', async () => {
    const from = await giver();
    const to = await Shop.open();
    const ask = async (request: Uint8Array) => serveArchive(from.archive, request, true);
    assert.equal(await fetchArchive(to.archive, 4, ask), 'later', 'it does not reach so far');
    assert.equal(await fetchArchive(to.archive, 3, ask), 'fetched');
    to.hot.begin(4);
    const history = new ArchivedHistory(to.hot, to.archive);
    assert.deepEqual(versionsIn(await history.versions('Product', 'p7', Infinity, 9)), [3, 2, 1]);
  });

  test('leaves nothing on the disk of an attempt that fails', async () => {
    const from = await giver();
    const to = await Shop.open();
    const last = from.archive.files.at(-1)?.name ?? '';
    const ask = async (request: Uint8Array) => {
      const piece = await serveArchive(from.archive, request, true);
      const isLast = new TextDecoder().decode(request).includes(last);
      return isLast ? piece.map((byte, at) => (at === 40 ? byte ^ 1 : byte)) : piece;
    };
    await assert.rejects(fetchArchive(to.archive, 3, ask), /corrupt/);
    assert.deepEqual(await to.fs.list('/data/archive'), []);
  });

  test('takes no path for the name of a file', async () => {
    const to = await Shop.open();
    for (const name of ['../../escape-1-1-1.arc', 'a/b-1-1-1.arc', 'Product.arc', '']) {
      const ask = async () =>
        new TextEncoder().encode(JSON.stringify({ generation: 3, files: [{ name, bytes: 9 }] }));
      await assert.rejects(fetchArchive(to.archive, 3, ask), { code: 'ARCHIVE_FORMAT' });
    }
    assert.deepEqual(await to.fs.list('/data/archive'), []);
  });

  test('is refused an offset that is none', async () => {
    const { archive } = await giver();
    const name = archive.files[0]?.name;
    for (const offset of [-1, 0.5, '0', null, 1e300]) {
      const request = new TextEncoder().encode(JSON.stringify({ want: 'piece', name, offset }));
      await assert.rejects(serveArchive(archive, request, true), { code: 'ARCHIVE_MISSING' });
    }
  });
});

test('a generation that cannot be stored as a whole leaves nothing, and is stored later', async () => {
  const shop = await Shop.open();
  shop.change('lamp');
  shop.hot.seal(shop.nowMs, []);
  const [sealed] = shop.hot.pending;
  assert.ok(sealed);
  let isBroken = true;
  const rulesOf = (model: string) => {
    if (model === 'Second' && isBroken) throw new Error('the disk is broken');
    return shop.hot.rulesOf(model === 'Second' ? 'Product' : model);
  };
  const [version] = sealed.chain('Product', 'lamp');
  assert.ok(version);
  sealed.add('Second', version);
  await assert.rejects(shop.archive.store(sealed, rulesOf), /broken/);
  assert.deepEqual(await shop.fs.list('/data/archive'), []);
  isBroken = false;
  await shop.archive.store(sealed, rulesOf);
  assert.equal((await openArchive(shop.fs)).files.length, 2);
});

test('what is held stays readable, however often archives are written anew', async () => {
  const shop = await giver();
  const held = shop.archive.hold();
  for (let round = 0; round < 3; round++) {
    shop.change('p1');
    await shop.seal();
    assert.ok((await shop.archive.fold(shop.expiry, true)) > 0);
  }
  for (const file of held.files) await file.verify();
  held.release();
  held.release();
  await shop.archive.fold(shop.expiry, true);
  const [first] = held.files;
  await assert.rejects(async () => first?.verify(), 'files are closed when nobody holds them');
});
