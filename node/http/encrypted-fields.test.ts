import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { EncryptionError } from '../encryption/index.ts';
import { encodeEntry } from '../entry/index.ts';
import type { Logger } from '../ports/index.ts';
import { silentLogger } from '../telemetry/index.ts';
import { type Answer, type SendOptions, type ServedApi, serveApi } from './testing/served-api.ts';
import { schemaOf } from './testing/single-node.ts';

const encrypted = true;
const MODELS = [
  {
    name: 'Patient',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'ward', type: 'string', index: 'hash' },
      { name: 'diagnosis', type: 'text', maxLength: 40, required: true, encrypted },
      { name: 'weight', type: 'decimal', representation: 'number', minimum: 1, encrypted },
      { name: 'visits', type: 'integer', default: 1, encrypted },
      { name: 'risk', type: 'enum', values: ['low', 'high'], nullable: true, encrypted },
      { name: 'insured', type: 'boolean', encrypted },
      { name: 'notes', type: 'array', items: { type: 'string' }, encrypted },
      {
        name: 'contact',
        type: 'object',
        fields: [{ name: 'mail', type: 'string', format: 'email' }],
        encrypted,
      },
      { name: 'birth', type: 'date', immutable: true, encrypted },
    ],
    lifecycle: { audited: true, versioned: 10, softDelete: true },
    events: [{ type: 'Rediagnosed', when: 'update', fields: ['diagnosis'] }],
  },
  {
    name: 'Invoice',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      {
        name: 'patient',
        type: 'reference',
        to: 'Patient',
        inverse: 'invoices',
        onDelete: 'setNull',
      },
      { name: 'iban', type: 'string', nullable: true, encrypted },
    ],
  },
  { name: 'Tag', fields: [{ name: 'id', type: 'string', primaryKey: true }] },
];

const MARK = 'zq-secret';
const PATIENT = {
  id: 'p1',
  ward: 'A',
  diagnosis: `${MARK} measles`,
  weight: 71.5,
  visits: 3,
  risk: 'high',
  insured: true,
  notes: [`${MARK} one`, `${MARK} two`],
  contact: { mail: `${MARK}@example.com` },
  birth: '1990-02-03',
};

const errors: string[] = [];
const logger: Logger = {
  ...silentLogger,
  error: (context: object, message: string) =>
    void errors.push(`${JSON.stringify(context)} ${message}`),
};
let api: ServedApi;
before(async () => {
  api = await serveApi(MODELS, {}, undefined, {}, { logger });
});
after(() => api.close());

async function ok(method: string, path: string, options: SendOptions = {}): Promise<Answer> {
  const answer = await api.send(method, path, options);
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
  return answer;
}

const json = { 'content-type': 'application/json' };
const create = (row: object) => ok('POST', '/api/patients', { body: row });
const stored = (model: string, id: string) => api.engine.current.find(model, id)?.json ?? '';

test('answers hold values, and the state holds ciphertexts', async () => {
  assert.deepEqual((await create(PATIENT)).json, PATIENT);
  assert.deepEqual((await ok('GET', '/api/patients/p1')).json, PATIENT);
  const row: Record<string, unknown> = JSON.parse(stored('Patient', 'p1'));
  assert.deepEqual([row['id'], row['ward']], ['p1', 'A']);
  for (const name of Object.keys(PATIENT).filter((each) => !['id', 'ward'].includes(each))) {
    assert.match(String(row[name]), /^lithair:aes256gcm:[0-9a-f]{16}:[\w-]{38,}$/, name);
  }
});

test('lists, lines, projections, expansions and related rows show values', async () => {
  await ok('POST', '/api/invoices', { body: { id: 'i1', patient: 'p1', iban: 'DE12' } });
  const list = await ok('GET', '/api/patients?ward=A');
  assert.deepEqual(list.json['data'], [PATIENT]);
  const part = await ok('GET', '/api/patients?fields=diagnosis,weight');
  assert.deepEqual(part.json['data'], [{ diagnosis: PATIENT.diagnosis, weight: 71.5 }]);
  const one = await ok('GET', '/api/patients/p1?fields=notes');
  assert.deepEqual(one.json, { notes: PATIENT.notes });
  const lines = await ok('GET', '/api/patients', { headers: { accept: 'application/x-ndjson' } });
  assert.deepEqual(JSON.parse(lines.text), PATIENT);
  const expanded = await ok('GET', '/api/invoices/i1?expand=patient');
  assert.deepEqual(expanded.json, {
    id: 'i1',
    patient: 'p1',
    iban: 'DE12',
    expand: { patient: PATIENT },
  });
  const related = await ok('GET', '/api/patients/p1/invoices');
  assert.deepEqual(related.json['data'], [{ id: 'i1', patient: 'p1', iban: 'DE12' }]);
});

test('null stays null, absent stays absent, and a default is encrypted', async () => {
  await create({ id: 'p2', diagnosis: 'none', risk: null });
  const row: Record<string, unknown> = JSON.parse(stored('Patient', 'p2'));
  assert.equal(row['risk'], null);
  assert.equal(row['weight'], null);
  assert.match(String(row['visits']), /^lithair:/);
  assert.equal((await ok('GET', '/api/patients/p2')).json['visits'], 1);
  const without = await ok('GET', '/api/patients?risk[null]=true&fields=id');
  assert.deepEqual(without.json['data'], [{ id: 'p2' }]);
});

const REFUSED: [string, object, string][] = [
  ['too long', { id: 'x', diagnosis: 'x'.repeat(41) }, '/diagnosis'],
  ['too small', { id: 'x', diagnosis: 'x', weight: 0 }, '/weight'],
  ['not of the enum', { id: 'x', diagnosis: 'x', risk: 'some' }, '/risk'],
  ['no address', { id: 'x', diagnosis: 'x', contact: { mail: 'x' } }, '/contact/mail'],
  ['missing', { id: 'x' }, '/diagnosis'],
];
for (const [what, body, pointer] of REFUSED) {
  test(`a value that is ${what} is refused in plain`, async () => {
    const answer = await api.send('POST', '/api/patients', { body });
    assert.equal(answer.status, 400);
    assert.match(answer.text, new RegExp(`"pointer":"${pointer}"`));
  });
}

test('what stays as it is keeps its ciphertext: no change, no event', async () => {
  const before = stored('Patient', 'p1');
  const same = await ok('PUT', '/api/patients/p1', { body: PATIENT });
  assert.equal(same.headers.get('lithair-version'), '1');
  assert.deepEqual(same.json, PATIENT);
  assert.equal(stored('Patient', 'p1'), before);
  const merge = { 'content-type': 'application/merge-patch+json' };
  const moved = await ok('PATCH', '/api/patients/p1', { body: '{"ward":"B"}', headers: merge });
  assert.deepEqual(moved.json, { ...PATIENT, ward: 'B' });
  const [was, is]: Record<string, unknown>[] = [before, stored('Patient', 'p1')].map((row) =>
    JSON.parse(row),
  );
  assert.deepEqual({ ...is, ward: 'A' }, was);
});

test('patches work on values', async () => {
  const headers = { 'content-type': 'application/json-patch+json' };
  const body = JSON.stringify([
    { op: 'test', path: '/notes/1', value: PATIENT.notes[1] },
    { op: 'add', path: '/notes/-', value: `${MARK} three` },
    { op: 'replace', path: '/contact/mail', value: `${MARK}2@example.com` },
  ]);
  const { json: patched } = await ok('PATCH', '/api/patients/p1', { body, headers });
  assert.deepEqual(patched['notes'], [...PATIENT.notes, `${MARK} three`]);
  const merge = { 'content-type': 'application/merge-patch+json' };
  const diagnosis = `${MARK} mumps`;
  const merged = await ok('PATCH', '/api/patients/p1', { body: { diagnosis }, headers: merge });
  assert.equal(merged.json['diagnosis'], diagnosis);
  const frozen = await api.send('PATCH', '/api/patients/p1', {
    body: { birth: '1990-02-04' },
    headers: merge,
  });
  assert.equal(frozen.status, 422);
  await ok('PATCH', '/api/patients/p1', { body: { birth: PATIENT.birth }, headers: merge });
});

test('versions, events and the past show values', async () => {
  const { json: first } = await ok('GET', '/api/patients/p1?version=1');
  assert.deepEqual(first, PATIENT);
  const projected = await ok('GET', '/api/patients/p1?version=1&fields=weight');
  assert.deepEqual(projected.json, { weight: 71.5 });
  const history = await ok('GET', '/api/patients/p1/history');
  assert.match(history.text, /zq-secret mumps/);
  assert.match(history.text, /"weight":71.5/);
  assert.ok(!history.text.includes('lithair:'));
  const events = await ok('GET', '/api/patients/p1/events');
  const items: { type: string; changes?: object }[] = JSON.parse(events.text).data;
  const told = items.find(({ type }) => type === 'Rediagnosed');
  assert.deepEqual(told?.changes, {
    diagnosis: { old: PATIENT.diagnosis, new: `${MARK} mumps` },
  });
  assert.equal(items.filter(({ type }) => type === 'Rediagnosed').length, 1);
  assert.ok(!events.text.includes('lithair:'));
});

test('bulk writes and repeated requests are answered with values', async () => {
  const rows = [
    { ...PATIENT, id: 'b1' },
    { ...PATIENT, id: 'b2' },
  ];
  const bulk = await ok('POST', '/api/patients/_bulk', { body: rows });
  assert.deepEqual(bulk.json['data'], rows);
  const options = { body: { ...PATIENT, id: 'k1' }, headers: { 'idempotency-key': 'k1' } };
  const first = await ok('POST', '/api/patients', options);
  const again = await ok('POST', '/api/patients', options);
  assert.equal(again.headers.get('idempotency-replayed'), 'true');
  assert.deepEqual(again.json, first.json);
  const other = { ...options, body: { ...options.body, ward: 'Z' } };
  assert.equal((await api.send('POST', '/api/patients', other)).status, 422);
  const put = { body: options.body, headers: { ...json, 'idempotency-key': 'k2' } };
  assert.deepEqual((await ok('PUT', '/api/patients/k1', put)).json, options.body);
  assert.deepEqual((await ok('PUT', '/api/patients/k1', put)).json, options.body);
  const lines = await ok('POST', '/api/patients/_bulk', {
    body: `${JSON.stringify({ ...PATIENT, id: 'l1' })}\n`,
    headers: { 'content-type': 'application/x-ndjson' },
  });
  assert.equal(lines.json['id'], 'l1');
  assert.deepEqual((await ok('GET', '/api/patients/l1')).json, { ...PATIENT, id: 'l1' });
});

test('a deleted row shows its values, and comes back with them', async () => {
  const { diagnosis } = JSON.parse(stored('Patient', 'b1'));
  await ok('DELETE', '/api/patients/b1');
  const { json: deleted } = await ok('GET', '/api/patients/_deleted/b1');
  assert.equal(deleted['diagnosis'], PATIENT.diagnosis);
  assert.equal(JSON.parse(stored('PatientDeleted', 'b1')).diagnosis, diagnosis);
  assert.match(diagnosis, /^lithair:/);
  await ok('POST', '/api/patients/_deleted/b1/restore');
  assert.deepEqual((await ok('GET', '/api/patients/b1')).json, { ...PATIENT, id: 'b1' });
});

test('nobody can filter or sort by it', async () => {
  const queries = [
    'diagnosis=x',
    'diagnosis[ne]=x',
    'diagnosis[contains]=x',
    'diagnosis[startsWith]=x',
    'visits[gt]=1',
    'visits[in]=1,2',
    'notes[contains]=x',
    'or=ward=A,visits=3',
    'sort=visits',
    'sort=-risk',
  ];
  for (const query of queries) {
    const answer = await api.send('GET', `/api/patients?${query}`);
    assert.equal(answer.status, 400, query);
    assert.match(answer.text, /unknown_filter/, query);
  }
  const related = await api.send('GET', '/api/patients/p1/invoices?iban=DE12');
  assert.equal(related.status, 400);
});

test('values are nowhere in what is stored, nor a hash that tells of a request', async () => {
  const snapshot = Buffer.concat([...api.engine.current.snapshot()]);
  assert.ok(snapshot.includes('lithair:aes256gcm:'));
  assert.ok(!snapshot.includes(MARK));
  const kept = [...api.engine.current.outcomes()].map(({ fingerprint }) => fingerprint);
  const body = JSON.stringify({ ...PATIENT, id: 'k1' });
  assert.ok(kept.length > 0);
  assert.ok(!kept.includes(hash('sha256', body, 'hex')));
});

test('a ciphertext that stands in another row is an error, never a value', async () => {
  const { current } = api.engine;
  const taken: Record<string, unknown> = JSON.parse(stored('Patient', 'p2'));
  const { diagnosis } = JSON.parse(stored('Patient', 'p1'));
  const change = {
    effect: 'updated',
    model: 'Patient',
    id: 'p2',
    expectedVersion: 1,
    json: JSON.stringify({ ...taken, diagnosis }),
    keys: current.model('Patient')?.get('p2')?.keys ?? [],
  } as const;
  api.engine.inject(
    encodeEntry({
      kind: 'write',
      memberId: 1,
      timestampMs: Date.now(),
      schemaVersion: current.schemaVersion,
      actor: { subject: 'thief', method: 'none' },
      idempotency: null,
      changes: [change],
    }),
  );
  errors.length = 0;
  for (const path of ['/api/patients/p2', '/api/patients', '/api/patients?fields=diagnosis']) {
    const answer = await api.send('GET', path);
    assert.equal(answer.status, 500, path);
    assert.ok(!answer.text.includes(MARK), path);
  }
  assert.equal(errors.length, 3);
  assert.match(errors[0] ?? '', /diagnosis of Patient .*p2.* is not what was encrypted for it/);
  const headers = { 'content-type': 'application/merge-patch+json' };
  const written = await api.send('PATCH', '/api/patients/p2', { body: { ward: 'C' }, headers });
  assert.equal(written.status, 500);
});

test('a row that does not open can be deleted, and for good', async () => {
  assert.equal((await api.send('GET', '/api/patients/p2')).status, 500);
  await ok('DELETE', '/api/patients/p2');
  assert.equal((await api.send('GET', '/api/patients/_deleted/p2')).status, 500);
  await ok('DELETE', '/api/patients/_deleted/p2');
  await ok('GET', '/api/patients');
  await ok('GET', '/api/patients/_deleted');
});

const inner = (...names: string[]) =>
  names.map((name) => ({ name, type: 'string', ...(name === 'kind' && { default: 'home' }) }));

/** A model with one encrypted object and one encrypted array of objects, of these members. */
const shaped = (...names: string[]) => [
  {
    name: 'Person',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'open', type: 'string' },
      { name: 'contact', type: 'object', fields: inner(...names), immutable: true, encrypted },
      {
        name: 'places',
        type: 'array',
        items: { type: 'object', fields: inner(...names) },
        encrypted,
      },
    ],
    lifecycle: { audited: true, versioned: 10, softDelete: true },
  },
];

test('members that are new in an encrypted object or array are there, and change no row', async () => {
  const own = await serveApi(shaped('town', 'street'));
  const stored = () => own.engine.current.find('Person', 'p')?.json;
  try {
    const place = { town: 'Rom', street: 'Via' };
    const body = { id: 'p', open: 'a', contact: place, places: [place] };
    assert.equal((await own.send('POST', '/api/people', { body })).status, 201);
    const before = stored();
    own.engine.changeSchema(schemaOf(shaped('street', 'kind', 'town')));
    const moved = { street: 'Via', kind: 'home', town: 'Rom' };
    const now = { ...body, contact: moved, places: [moved] };
    const read = await own.send('GET', '/api/people/p');
    assert.equal(read.text, JSON.stringify(now));
    const same = await own.send('PUT', '/api/people/p', { body: now });
    assert.equal(same.status, 200, same.text);
    assert.equal(same.headers.get('lithair-version'), '1');
    assert.equal(stored(), before);
    const headers = { 'content-type': 'application/merge-patch+json' };
    const patched = await own.send('PATCH', '/api/people/p', { body: { open: 'b' }, headers });
    assert.deepEqual(patched.json, { ...now, open: 'b' });
    const past = await own.send('GET', '/api/people/p?version=1');
    assert.deepEqual(past.json, now);
    const added = { ...moved, kind: 'work' };
    const places = [moved, added];
    const written = await own.send('PATCH', '/api/people/p', { body: { places }, headers });
    assert.deepEqual(written.json, { ...now, open: 'b', places });
  } finally {
    await own.close();
  }
});

test('while the key does not open, only what has encrypted fields cannot be answered', async () => {
  const own = await serveApi(MODELS);
  const { fieldKeys } = own.engine;
  fieldKeys.of = () => {
    throw new EncryptionError('KEY_MISSING', 'it needs key 1, which /etc/keys.json does not hold');
  };
  const refused = async (method: string, path: string, options: SendOptions = {}) => {
    const answer = await own.send(method, path, options);
    assert.equal(answer.status, 503, `${method} ${path}: ${answer.text}`);
    assert.equal(answer.json['code'], 'unavailable');
    assert.ok(!answer.text.includes('keys.json'));
  };
  const served = async (path: string) => assert.equal((await own.send('GET', path)).status, 200);
  try {
    const body = { id: 't1' };
    assert.equal((await own.send('POST', '/api/tags', { body })).status, 201);
    for (const path of ['/healthz', '/openapi.json', '/api/tags', '/api/tags/t1']) {
      await served(path);
    }
    await refused('GET', '/api/patients');
    await refused('GET', '/api/patients/p1');
    const headers = { 'idempotency-key': 'k' };
    await refused('POST', '/api/patients', { body: PATIENT, headers });
    Reflect.deleteProperty(fieldKeys, 'of');
    await served('/api/patients');
    assert.equal((await own.send('POST', '/api/patients', { body: PATIENT })).status, 201);
  } finally {
    await own.close();
  }
});
