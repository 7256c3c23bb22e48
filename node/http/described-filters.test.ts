import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ServedApi, serveApi } from './testing/served-api.ts';

const OPERATORS = 'eq ne lt lte gt gte in nin contains startsWith null'.split(' ');

/** A value of each field, in the notation of a query string. */
const SAMPLES = {
  id: 'a',
  title: 'x',
  body: 'x',
  amount: '1.5',
  units: '1',
  big: '99999999999999999999',
  ratio: '0.5',
  done: 'true',
  day: '2026-01-01',
  moment: '2026-01-01T00:00:00Z',
  key: '018f2f2a-0000-7000-8000-000000000001',
  state: 'open',
  parent: 'a',
  tags: 'x',
  scores: '3',
  parts: 'x',
  place: 'x',
  secret: 'x',
};

const MODEL = {
  name: 'Thing',
  fields: [
    { name: 'id', type: 'string', primaryKey: true },
    { name: 'title', type: 'string', collation: 'ci' },
    { name: 'body', type: 'text', maxLength: 100 },
    { name: 'amount', type: 'decimal', index: 'ordered' },
    { name: 'units', type: 'integer', index: 'bloom' },
    { name: 'big', type: 'integer', nullable: true },
    { name: 'ratio', type: 'number' },
    { name: 'done', type: 'boolean' },
    { name: 'day', type: 'date' },
    { name: 'moment', type: 'datetime' },
    { name: 'key', type: 'uuid' },
    { name: 'state', type: 'enum', values: ['open', 'closed'] },
    { name: 'parent', type: 'reference', to: 'Thing' },
    { name: 'tags', type: 'array', items: { type: 'string' } },
    { name: 'scores', type: 'array', items: { type: 'integer' } },
    {
      name: 'parts',
      type: 'array',
      items: { type: 'object', fields: [{ name: 'a', type: 'string' }] },
    },
    { name: 'place', type: 'object', fields: [{ name: 'city', type: 'string' }] },
    { name: 'secret', type: 'string', encrypted: true },
  ],
};

interface Described {
  readonly name: string;
  readonly in: string;
  readonly description: string;
}

let api: ServedApi;
/** What the document says that a list takes: `field` for equality, `field[op]` for the others. */
const described = new Set<string>();

before(async () => {
  api = await serveApi([MODEL]);
  const { text } = await api.send('GET', '/openapi.json');
  const parameters: Described[] = JSON.parse(text).paths['/api/things'].get.parameters;
  for (const { name, in: place, description } of parameters) {
    if (place !== 'query') continue;
    described.add(name);
    const [, operators = ''] = /\[op\] with (.*)\.$/.exec(description) ?? [];
    for (const operator of operators.split(', ')) described.add(`${name}[${operator}]`);
  }
});
after(() => api.close());

for (const [field, sample] of Object.entries(SAMPLES)) {
  test(`filters of ${field} are described where a list takes them, and no others`, async () => {
    for (const operator of OPERATORS) {
      const name = operator === 'eq' ? field : `${field}[${operator}]`;
      const value = operator === 'null' ? 'true' : sample;
      const { status, json } = await api.send('GET', `/api/things?${name}=${value}`);
      if (described.has(name)) assert.equal(status, 200, `${name}: ${JSON.stringify(json)}`);
      else assert.deepEqual([status, json['code']], [400, 'invalid_query'], name);
    }
  });
}
