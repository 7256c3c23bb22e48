import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { BodyFile } from '../state/index.ts';
import { type ServedApi, serveApi } from './testing/served-api.ts';

const NOTE = {
  name: 'Note',
  persistence: { memory: 'adaptive', cacheMiB: 1 },
  fields: [
    { name: 'id', type: 'string', primaryKey: true },
    { name: 'text', type: 'string' },
    { name: 'shelf', type: 'string', nullable: true, index: 'ordered' },
  ],
};

const TIMEOUT_MS = 1500;

/** A snapshot whose disk answers when the test says so. */
class SlowFile implements BodyFile {
  readonly appliedIndex: number;
  readonly #content: Buffer;
  #waiting: (() => void)[] = [];
  asked = 0;
  reads = 0;
  isOpen = true;

  constructor(content: Buffer, appliedIndex: number) {
    this.#content = content;
    this.appliedIndex = appliedIndex;
  }

  read(target: Uint8Array, position: number): number {
    assert.ok(this.isOpen, 'a closed file is read');
    this.reads += 1;
    return this.#content.copy(target, 0, position);
  }

  readAhead(): Promise<void> {
    this.asked += 1;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  answer(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  damaged(position: number): never {
    throw new Error(`damaged at ${position}`);
  }

  close(): void {
    this.isOpen = false;
  }
}

async function asked(file: SlowFile, times: number): Promise<void> {
  for (let waited = 0; file.asked < times && waited < 2000; waited++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.equal(file.asked, times, 'the disk is not asked');
}

describe('a row that is left to a snapshot', () => {
  let served: ServedApi;
  before(async () => {
    served = await serveApi([NOTE], { engineTimeoutMs: TIMEOUT_MS });
  });
  after(() => served.close());

  async function create(id: string, text: string, shelf = null as string | null): Promise<void> {
    const { status } = await served.send('POST', '/api/notes', { body: { id, text, shelf } });
    assert.equal(status, 201);
  }

  function leaveToFile(): SlowFile {
    const { current } = served.engine;
    const snapshot = current.snapshot();
    const chunks = Array.from(snapshot, (chunk) => [Buffer.alloc(8), chunk.slice()]);
    const file = new SlowFile(Buffer.concat(chunks.flat()), current.appliedIndex);
    snapshot.leaveTo(file);
    while (!current.coolSome());
    return file;
  }

  it('is read once the disk has it at hand, and others are answered meanwhile', async () => {
    await create('one', 'first');
    const file = leaveToFile();
    await create('two', 'in memory');
    const cold = served.send('GET', '/api/notes/one');
    await asked(file, 1);
    assert.equal((await served.send('GET', '/api/notes/two')).json['text'], 'in memory');
    assert.equal(file.reads, 0);
    file.answer();
    assert.equal((await cold).json['text'], 'first');
    assert.equal(file.reads, 1);
    assert.equal((await served.send('GET', '/api/notes/one')).json['text'], 'first');
    assert.equal((await served.send('GET', '/api/notes/none')).status, 404);
    assert.deepEqual([file.asked, file.reads], [1, 1], 'what is at hand waits for nothing');
  });

  it('is answered as it is when the disk has answered', async () => {
    await create('three', 'before');
    await create('four', 'before');
    const file = leaveToFile();
    const [changed, deleted] = ['three', 'four'].map((id) => {
      return served.send('GET', `/api/notes/${id}`);
    });
    await asked(file, 2);
    const body = { id: 'three', text: 'after' };
    assert.equal((await served.send('PUT', '/api/notes/three', { body })).status, 200);
    await served.send('DELETE', '/api/notes/four');
    file.answer();
    assert.equal((await changed)?.json['text'], 'after');
    assert.equal((await deleted)?.status, 404);
  });

  it('keeps its file open until the disk has answered', async () => {
    await create('five', 'five');
    const file = leaveToFile();
    const cold = served.send('GET', '/api/notes/five');
    await asked(file, 1);
    leaveToFile();
    assert.ok(file.isOpen);
    file.answer();
    // The next file has it, and is not asked twice.
    assert.equal((await cold).json['text'], 'five');
    assert.equal(file.isOpen, false);
  });

  for (const [query, count] of [
    ['sort=-text&', 5],
    ['', 5],
    ['sort=shelf,text&text[startsWith]=text&', 5],
    ['limit=2&count=true&', 2],
  ] as const) {
    it(`is in a list (${query}) once the disk has it at hand, and others are answered`, async () => {
      const shelf = `of ${query}`;
      for (let n = 0; n < 5; n++) await create(`${query}-${n}`, `text ${n}`, shelf);
      const file = leaveToFile();
      await create(`beside ${query}`, 'in memory');
      const path = `/api/notes?${query}shelf=${encodeURIComponent(shelf)}`;
      const listed = served.send('GET', path);
      await asked(file, 1);
      const beside = `/api/notes/${encodeURIComponent(`beside ${query}`)}`;
      assert.equal((await served.send('GET', beside)).status, 200);
      assert.equal(file.reads, 0, 'it is not waited for in the event loop');
      file.answer();
      const { data } = (await listed).json;
      assert.ok(Array.isArray(data));
      assert.equal(data.length, count);
      assert.deepEqual([file.asked, file.reads > 0], [1, true], 'rows that lie together at once');
    });
  }

  it('is 503 in time where the disk does not bring the rows of a list', async () => {
    await create('late', 'late', 'late');
    const file = leaveToFile();
    const { status, json } = await served.send('GET', '/api/notes?shelf=late');
    assert.deepEqual([status, json['code']], [503, 'unavailable']);
    assert.equal(json['detail'], `the disk did not bring rows within ${TIMEOUT_MS} ms`);
    file.answer();
  });

  it('is 503 in time where the disk does not answer, and is there when it does', async () => {
    await create('six', 'six');
    const file = leaveToFile();
    const hanging = served.send('GET', '/api/notes/six');
    await asked(file, 1);
    const { status, json, headers } = await hanging;
    assert.deepEqual([status, json['code']], [503, 'unavailable']);
    assert.equal(json['detail'], `the disk did not bring the row within ${TIMEOUT_MS} ms`);
    assert.equal(headers.get('retry-after'), '1');
    file.answer();
    const again = served.send('GET', '/api/notes/six');
    for (let turn = 0; turn < 200 && file.asked < 2; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    file.answer();
    assert.equal((await again).json['text'], 'six');
  });
});
