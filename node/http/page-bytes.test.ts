import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { type Answer, type ServedApi, serveApi } from './testing/served-api.ts';

const NOTE = {
  name: 'Note',
  fields: [
    { name: 'id', type: 'string', primaryKey: true },
    { name: 'run', type: 'integer', index: 'hash' },
    { name: 'title', type: 'string', collation: 'ci-ai', index: 'ordered', nullable: true },
    { name: 'text', type: 'text', nullable: true },
  ],
};

const texts = fc.oneof(
  fc.constantFrom('', 'plain', 'é', '\u{1f600}', '\ufffd', '\u2028', '"\\"', '\u007f'),
  fc.string({ maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 60 }).map((text) => text.toWellFormed()),
);
const notes = fc.array(fc.record({ title: texts, text: texts }), { minLength: 1, maxLength: 12 });

describe('a page of rows', () => {
  let api: ServedApi;
  let run = 0;
  before(async () => {
    api = await serveApi([NOTE]);
  });
  after(() => api.close());

  async function create(given: readonly object[]): Promise<object[]> {
    run += 1;
    const made = given.map((note, at) => ({
      id: `${run}-${String(at).padStart(4, '0')}`,
      run,
      ...note,
    }));
    const { status, text } = await api.send('POST', '/api/notes/_bulk', { body: made });
    assert.equal(status, 201, text);
    return made;
  }

  /** HEAD says the same of it. */
  async function page(query: string): Promise<Answer> {
    const path = `/api/notes?run=${run}${query}`;
    const [answer, head] = [await api.send('GET', path), await api.send('HEAD', path)];
    assert.equal(answer.status, 200, answer.text);
    const length = String(Buffer.byteLength(answer.text));
    assert.equal(answer.headers.get('content-length'), length);
    assert.equal(head.headers.get('content-length'), length);
    assert.equal(head.text, '');
    return answer;
  }

  it('is as long as it says, and its rows are what was written, whatever letters they have', async () => {
    const asserted = fc.asyncProperty(notes, async (given) => {
      const made = await create(given);
      for (const query of ['', '&sort=title', '&fields=id,text', '&count=true&limit=3']) {
        const { json } = await page(query);
        const rows = json['data'];
        assert.ok(Array.isArray(rows));
        if (query === '') assert.deepEqual(rows, made);
        assert.equal(rows.length, query.includes('limit') ? Math.min(3, made.length) : made.length);
      }
    });
    await fc.assert(asserted, { numRuns: 40 });
  });

  it('is so with a thousand rows, of which some have other letters than ASCII', async () => {
    for (const others of [0, 1, 7, 400]) {
      const made = await create(
        Array.from({ length: 1000 }, (_, at) => {
          const text = 'some prose of a row '.repeat(1 + (at % 20));
          return { title: `title ${at}`, text: at % 400 < others ? `${text} \u{1f600} é` : text };
        }),
      );
      const answer = await page('&limit=1000');
      assert.deepEqual(answer.json['data'], made);
    }
  });
});
