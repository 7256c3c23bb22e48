import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { eventually, freePortFlags, LithairProcess, lithair } from './serve-process.ts';

const MODEL = join(import.meta.dirname, 'notes.yaml');
const root = await mkdtemp(join(tmpdir(), 'lithair-backup-'));
after(() => rm(root, { recursive: true, force: true }));

/** A served directory. */
class Served {
  readonly dir: string;
  readonly api: string;
  readonly admin: string[];
  readonly #process: LithairProcess;

  private constructor(dir: string, words: string[]) {
    this.dir = dir;
    this.#process = new LithairProcess(['serve', MODEL, '--data', dir, ...words]);
    const at = (flag: string): string => `127.0.0.1:${words[words.indexOf(flag) + 1]}`;
    this.api = `http://${at('--port')}`;
    const certificates = join(dir, 'certs', 'admin');
    this.admin = ['--address', at('--peer-port'), '--peer-tls', certificates];
  }

  static async start(dir: string): Promise<Served> {
    const served = new Served(dir, await freePortFlags());
    await eventually('the node to serve', async () =>
      (await fetch(`${served.api}/readyz`)).ok ? true : null,
    );
    return served;
  }

  async write(text: string): Promise<{ id: string; token: string }> {
    const response = await fetch(`${this.api}/api/notes`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text, round: 1 }),
    });
    assert.equal(response.status, 201);
    const { id } = (await response.json()) as { id: string };
    return { id, token: response.headers.get('lithair-index') ?? '' };
  }

  async remove(id: string): Promise<void> {
    const response = await fetch(`${this.api}/api/notes/${id}`, { method: 'DELETE' });
    assert.equal(response.status, 204);
  }

  async texts(): Promise<string[]> {
    const response = await fetch(`${this.api}/api/notes?limit=1000&sort=text`);
    const page = (await response.json()) as { data: { text: string }[] };
    return page.data.map(({ text }) => text);
  }

  async backUp(into: string): Promise<string> {
    const { code, output } = await lithair('backup', into, ...this.admin);
    assert.equal(code, 0, output);
    return output;
  }

  async stop(): Promise<void> {
    await this.#process.kill('SIGTERM');
  }
}

test('a backup is taken step by step from a running node, and any moment of it can be restored', async () => {
  const backup = join(root, 'notes-backup');
  const original = await Served.start(join(root, 'original'));
  const restoredDirs: Served[] = [];
  try {
    for (const text of ['a', 'b', 'c']) await original.write(text);
    assert.match(await original.backUp(backup), /added a snapshot and \d+ entries/);

    const { id, token } = await original.write('d');
    const beforeDelete = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await original.remove(id);
    assert.match(await original.backUp(backup), /added 2 entries/);
    assert.match(await original.backUp(backup), /added 0 entries/);
    assert.match((await lithair('restore', backup, '--check')).output, /sound: cluster \S+/);

    const all = join(root, 'all');
    const done = await lithair('restore', backup, all);
    assert.equal(done.code, 0, done.output);
    assert.match(done.output, /epoch 2/);
    const whole = await Served.start(all);
    restoredDirs.push(whole);
    assert.deepEqual(await whole.texts(), ['a', 'b', 'c']);
    assert.equal(typeof (await whole.write('e')).id, 'string', 'it takes writes');

    const stale = await fetch(`${whole.api}/api/notes`, {
      headers: { 'lithair-consistency': 'sequential', 'lithair-min-index': token },
    });
    assert.equal(stale.status, 400, 'a token of the cluster before is refused');

    const earlier = join(root, 'earlier');
    const at = new Date(beforeDelete).toISOString();
    assert.equal((await lithair('restore', backup, earlier, '--at', at)).code, 0);
    const undone = await Served.start(earlier);
    restoredDirs.push(undone);
    assert.deepEqual(await undone.texts(), ['a', 'b', 'c', 'd']);

    const other = await lithair('backup', backup, ...undone.admin);
    assert.equal(other.code, 1);
    assert.match(other.output, /the backup is of cluster \S+, epoch 1; this is cluster/);
  } finally {
    await Promise.all([original, ...restoredDirs].map((served) => served.stop()));
  }

  const again = await lithair('restore', backup, join(root, 'all'));
  assert.equal(again.code, 3);
  assert.match(again.output, /is there already/);

  const beyond = await lithair('restore', backup, join(root, 'beyond'), '--at', '999999');
  assert.equal(beyond.code, 3);
  assert.match(beyond.output, /the backup ends at entry \d+/);

  await flipEachFile(backup);
});

/** A flipped bit anywhere is found, and named, before a directory is made. */
async function flipEachFile(backup: string): Promise<void> {
  for (const name of await readdir(backup)) {
    // It holds nothing, and is there for whoever writes.
    if (name === 'lock') continue;
    const path = join(backup, name);
    const sound = await readFile(path);
    const broken = Buffer.from(sound);
    const middle = Math.floor(broken.length / 2);
    broken[middle] = (broken[middle] ?? 0) ^ 1;
    await writeFile(path, broken);
    const into = join(root, `broken-${name}`);
    const { code, output } = await lithair('restore', backup, into);
    assert.equal(code, 3, `${name}: ${output}`);
    assert.match(output, new RegExp(name.replaceAll('.', '\\.')));
    assert.equal((await readdir(root)).includes(`broken-${name}`), false, 'nothing is half done');
    await writeFile(path, sound);
  }
}
