import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { eventually, freePortFlags, LithairProcess, lithair } from './serve-process.ts';

const MODEL = join(import.meta.dirname, 'accounts.yaml');
const root = await mkdtemp(join(tmpdir(), 'lithair-accounts-'));
after(() => rm(root, { recursive: true, force: true }));

/** A served directory. */
class Served {
  readonly admin: readonly string[];
  readonly #api: string;
  readonly #process: LithairProcess;

  private constructor(model: string, dir: string, words: string[]) {
    this.#process = new LithairProcess(['serve', model, '--data', dir, ...words]);
    const at = (flag: string): string => `127.0.0.1:${words[words.indexOf(flag) + 1]}`;
    this.#api = `http://${at('--port')}`;
    this.admin = ['--address', at('--peer-port'), '--peer-tls', join(dir, 'certs', 'admin')];
  }

  static async start(model: string, dir: string): Promise<Served> {
    const served = new Served(model, dir, await freePortFlags());
    await eventually('the node to serve', async () =>
      (await fetch(`${served.#api}/readyz`)).ok ? true : null,
    );
    return served;
  }

  async send(method: string, path: string, body?: object): Promise<[number, unknown]> {
    const response = await fetch(`${this.#api}/api/accounts${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return [response.status, text === '' ? null : JSON.parse(text)];
  }

  async code(method: string, path: string, body?: object): Promise<unknown> {
    const [status, json] = await this.send(method, path, body);
    return status < 400 ? status : Reflect.get(Object(json), 'code');
  }

  async kill(): Promise<void> {
    await this.#process.kill('SIGKILL');
  }
}

async function owed(served: Served): Promise<unknown> {
  const [, json] = await served.send('GET', '?sort=owed&fields=id,owed');
  return Reflect.get(Object(json), 'data');
}

test('numbers stay taken, and values computed, behind a crash, a model change and a restore', async () => {
  const dir = join(root, 'original');
  const first = await Served.start(MODEL, dir);
  const backup = join(root, 'backup');
  try {
    assert.equal(await first.code('POST', '', { id: 'a', number: 'n1', email: 'x' }), 201);
    assert.equal(await first.code('POST', '', { id: 'b', number: 'n2', paid: '2.5' }), 201);
    assert.equal(await first.code('DELETE', '/a'), 204);
    assert.equal(await first.code('PATCH', '/b', { number: 'n3' }), 200);
    assert.equal(await first.code('POST', '', { id: 'c', number: 'n4', email: 'x' }), 201);
    assert.equal(await first.code('PATCH', '/b', { email: 'x' }), 'unique_conflict');
    assert.equal(await first.code('PATCH', '/b', { email: 'x', open: false }), 200);
  } finally {
    await first.kill();
  }

  const other = join(root, 'other.yaml');
  const text = await readFile(MODEL, 'utf8');
  await writeFile(other, text.replace('decimal("10") -', 'decimal("20") -'));
  const second = await Served.start(other, dir);
  try {
    const computed = [
      { id: 'b', owed: '17.5' },
      { id: 'c', owed: '20' },
    ];
    assert.deepEqual(await owed(second), computed);
    for (const number of ['n1', 'n2']) {
      assert.equal(await second.code('POST', '', { id: 'd', number }), 'unique_conflict', number);
    }
    assert.equal(await second.code('PATCH', '/b', { open: true }), 'unique_conflict');
    const { code, output } = await lithair('backup', backup, ...second.admin);
    assert.equal(code, 0, output);
  } finally {
    await second.kill();
  }

  const restored = join(root, 'restored');
  assert.equal((await lithair('restore', backup, restored)).code, 0);
  const third = await Served.start(other, restored);
  try {
    assert.equal(await third.code('POST', '', { id: 'd', number: 'n1' }), 'unique_conflict');
    assert.equal(await third.code('PATCH', '/b', { number: 'n2' }), 200);
    assert.equal(
      await third.code('POST', '', { id: 'd', number: 'n5', owed: '1' }),
      'computed_field',
    );
  } finally {
    await third.kill();
  }
});
