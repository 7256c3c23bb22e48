import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { after, describe, test } from 'node:test';
import { readFile, replaceFile, syncFile, writeAt } from './file-steps.ts';
import { seeded } from './fixture.ts';
import { type FileSystem, MemoryFileSystem, NodeFileSystem } from './index.ts';

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'lithair-fs-'));
after(() => fs.rmSync(root, { recursive: true }));
let directories = 0;

const disks: Record<string, () => FileSystem> = {
  'the real disk': () => new NodeFileSystem(),
  'the disk in memory': () => new MemoryFileSystem(),
};
const bytes = (text: string) => new TextEncoder().encode(text);

async function begin(disk: FileSystem) {
  directories += 1;
  const dir = path.join(root, `d${directories}/inner`);
  await disk.makeDirectory(dir);
  return { disk, dir };
}

for (const [name, make] of Object.entries(disks)) {
  describe(name, () => {
    test('gives back what was written, anywhere in a file', async () => {
      const { disk, dir } = await begin(make());
      const file = await disk.open(`${dir}/a`, 'create');
      await writeAt(file, bytes('world'), 6);
      await writeAt(file, bytes('hello '), 0);
      await syncFile(file);
      const target = new Uint8Array(20);
      assert.equal(file.read(target, 0), 11);
      assert.equal(new TextDecoder().decode(target.subarray(0, 11)), 'hello world');
      assert.equal(file.read(target, 11), 0);
      assert.equal(file.size(), 11);
      await file.close();
    });

    test('calls back after the call has returned', async () => {
      const { disk, dir } = await begin(make());
      const file = await disk.open(`${dir}/a`, 'create');
      let returned = false;
      await new Promise<void>((resolve) => {
        file.write(bytes('x'), 0, (error) => {
          assert.ok(returned && error === null);
          resolve();
        });
        returned = true;
      });
      await file.close();
    });

    test('creating empties an existing file, opening keeps it, opening nothing fails', async () => {
      const { disk, dir } = await begin(make());
      await replaceFile(disk, dir, 'a', bytes('content'));
      assert.deepEqual(await readFile(disk, `${dir}/a`), bytes('content'));
      const file = await disk.open(`${dir}/a`, 'create');
      assert.equal(file.size(), 0);
      await file.close();
      await assert.rejects(disk.open(`${dir}/b`, 'write'), { code: 'ENOENT' });
      await assert.rejects(disk.open(`${dir}/b`, 'read'), { code: 'ENOENT' });
    });

    test('lists, renames over and removes', async () => {
      const { disk, dir } = await begin(make());
      await replaceFile(disk, dir, 'b', bytes('b'));
      await replaceFile(disk, dir, 'a', bytes('a'));
      assert.deepEqual(await disk.list(dir), ['a', 'b']);
      await disk.rename(`${dir}/a`, `${dir}/b`);
      assert.deepEqual(await readFile(disk, `${dir}/b`), bytes('a'));
      assert.equal(await disk.stat(`${dir}/a`), null);
      assert.deepEqual(await disk.stat(`${dir}/b`), { size: 1, kind: 'file' });
      assert.equal((await disk.stat(dir))?.kind, 'directory');
      await disk.remove(`${dir}/b`);
      assert.deepEqual(await disk.list(dir), []);
      await assert.rejects(disk.remove(`${dir}/b`), { code: 'ENOENT' });
      await assert.rejects(disk.list(`${dir}/none`), { code: 'ENOENT' });
    });

    test('an open file stays the same when another is renamed over it', async () => {
      const { disk, dir } = await begin(make());
      await replaceFile(disk, dir, 'a', bytes('old'));
      const file = await disk.open(`${dir}/a`, 'read');
      await replaceFile(disk, dir, 'a', bytes('new'));
      const target = new Uint8Array(3);
      file.read(target, 0);
      assert.deepEqual(target, bytes('old'));
      await file.close();
    });

    test('a lock has one holder at a time', async () => {
      const { disk, dir } = await begin(make());
      const lock = disk.lock(`${dir}/lock`);
      assert.ok(lock);
      assert.equal(disk.lock(`${dir}/lock`), null);
      lock.release();
      lock.release();
      const next = disk.lock(`${dir}/lock`);
      assert.ok(next);
      next.release();
    });
  });
}

describe('a few bytes', () => {
  test('are on the real disk before the call returns, which says of which file it cannot', async () => {
    const { disk, dir } = await begin(new NodeFileSystem());
    const file = await disk.open(`${dir}/a`, 'create');
    assert.ok(file.writeNow !== undefined);
    file.writeNow(bytes('world'), 6);
    const target = new Uint8Array(20);
    assert.equal(file.read(target, 0), 11);
    assert.equal(new TextDecoder().decode(target.subarray(6, 11)), 'world');
    await file.close();
    const reading = await disk.open(`${dir}/a`, 'read');
    assert.throws(() => reading.writeNow?.(bytes('x'), 0), { code: 'EBADF', path: `${dir}/a` });
    await reading.close();
  });

  test('are in the cache of the disk in memory, which loses them with the power', async () => {
    const disk = new MemoryFileSystem({ writesNow: true });
    const { dir } = await begin(disk);
    const file = await disk.open(`${dir}/a`, 'create');
    await disk.syncDirectory(dir);
    file.writeNow?.(bytes('kept'), 0);
    await syncFile(file);
    file.writeNow?.(bytes('LOST'), 0);
    const text = async (kind: 'process' | 'power') => {
      const next = disk.crash(kind, () => 0.9);
      return Buffer.from(await readFile(next, `${dir}/a`)).toString();
    };
    assert.equal(await text('process'), 'LOST');
    assert.equal(await text('power'), 'kept');
  });

  test('meet the faults of the disk in memory, and its end', async () => {
    const disk = new MemoryFileSystem({ writesNow: true });
    const { dir } = await begin(disk);
    const file = await disk.open(`${dir}/a`, 'create');
    disk.injectFaults(() => new Error('EIO'));
    assert.throws(() => file.writeNow?.(bytes('x'), 0), /EIO/);
    assert.equal(file.size(), 0);
    // As with any write, it may still have got there.
    disk.injectFaults(() => 'halt');
    file.writeNow?.(bytes('x'), 0);
    file.writeNow?.(bytes('y'), 0);
    assert.deepEqual([disk.halted, file.size()], [true, 1]);
    const target = new Uint8Array(1);
    file.read(target, 0);
    assert.equal(new TextDecoder().decode(target), 'x');
  });
});

describe('a power cut of the disk in memory', () => {
  test('keeps what was synced and may lose each unsynced sector and the newest names', async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const disk = new MemoryFileSystem();
      await disk.makeDirectory('/d');
      await replaceFile(disk, '/d', 'a', new Uint8Array(1024).fill(1));
      const file = await disk.open('/d/a', 'write');
      await writeAt(file, new Uint8Array(1024).fill(2), 0);
      await disk.open('/d/b', 'create');
      const random = seeded(seed);
      const found = disk.crash('power', () => random.fraction());
      const content = await readFile(found, '/d/a');
      const names = (await found.list('/d')).join();
      assert.ok(['a', 'a,b'].includes(names));
      outcomes.add(`${content[0]}${content[600]} ${names}`);
    }
    assert.ok(outcomes.size >= 6, [...outcomes].join());
  });
});

test('a directory that is created is durable in all of its new parents', async () => {
  const synced: string[] = [];
  class Recording extends NodeFileSystem {
    override syncDirectory(at: string): Promise<void> {
      synced.push(path.relative(root, at));
      return super.syncDirectory(at);
    }
  }
  const disk = new Recording();
  await disk.makeDirectory(path.join(root, 'new/and/deep'));
  assert.deepEqual(synced, ['', 'new', 'new/and']);
  await disk.makeDirectory(path.join(root, 'new/and/deep'));
  assert.equal(synced.length, 3);
});

test('a directory that cannot be made is refused with the reason, and made by two at a time', async () => {
  const disk = new NodeFileSystem();
  fs.writeFileSync(path.join(root, 'file'), '');
  await assert.rejects(disk.makeDirectory(path.join(root, 'file')), { code: 'EEXIST' });
  await assert.rejects(disk.makeDirectory(path.join(root, 'file/below/it')), { code: 'ENOTDIR' });
  // Where nothing can be made although its directory is there.
  if (process.platform === 'linux') {
    await assert.rejects(disk.makeDirectory('/proc/lithair/below'), { code: 'ENOENT' });
  }
  const places = ['a/b/c', 'a/b/c', 'a/b/d'].map((place) => path.join(root, place));
  await Promise.all(places.map((place) => disk.makeDirectory(place)));
});

describe('a process that is killed', () => {
  test('leaves what it wrote to the next one, still in danger of a power cut', async () => {
    const disk = new MemoryFileSystem();
    const file = await disk.open('/a', 'create');
    await writeAt(file, new Uint8Array(600).fill(1), 0);
    const next = disk.crash('process', () => 0);
    assert.equal((await next.stat('/a'))?.size, 600);
    const afterwards = next.crash('power', () => 0.999);
    assert.equal((await afterwards.stat('/a'))?.size ?? 0, 0);
  });

  test('takes what a failed sync left in the cache along', async () => {
    const disk = new MemoryFileSystem();
    const file = await disk.open('/a', 'create');
    await writeAt(file, new Uint8Array(600).fill(1), 0);
    await syncFile(file);
    await disk.syncDirectory('/');
    await writeAt(file, new Uint8Array(600).fill(2), 0);
    disk.injectFaults(({ kind }) => (kind === 'sync' ? new Error('EIO') : null));
    await assert.rejects(syncFile(file));
    const next = disk.crash('process', () => 0);
    assert.deepEqual(new Set(next.contentOf('/a')), new Set([1]));
  });
});
