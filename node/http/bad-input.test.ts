import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PROBLEMS } from './problems.ts';
import { type SendOptions, type ServedApi, serveApi } from './testing/served-api.ts';

const MODELS = [
  {
    name: 'Brand',
    fields: [
      { name: 'id', type: 'string', primaryKey: true, maxLength: 60 },
      { name: 'name', type: 'string', required: true, unique: true },
    ],
  },
  {
    name: 'Product',
    fields: [
      { name: 'id', type: 'uuid', primaryKey: true },
      { name: 'name', type: 'string', required: true, minLength: 1, maxLength: 20 },
      { name: 'price', type: 'decimal', required: true, minimum: 0, index: 'ordered' },
      { name: 'stock', type: 'integer', default: 0 },
      { name: 'onSale', type: 'boolean', default: false },
      { name: 'status', type: 'enum', values: ['draft', 'live'], default: 'draft' },
      { name: 'brand', type: 'reference', to: 'Brand' },
      { name: 'tags', type: 'array', items: { type: 'string', maxLength: 5 } },
      { name: 'released', type: 'date', nullable: true },
      { name: 'notes', type: 'text', nullable: true },
    ],
  },
];

const ID = '018f2f2a-0000-7000-8000-000000000001';
const MISSING = '018f2f2a-0000-7000-8000-0000000000ff';
const LAMP = { name: 'Lamp', price: '12.50' };

interface Row {
  readonly what: string;
  readonly request: readonly [method: string, path: string, options?: SendOptions];
  readonly status: number;
  readonly code: string;
  /** `pointer code` of each error, in order; of a query, `?parameter code`. */
  readonly errors?: readonly string[];
}

const post = (body: unknown, headers?: Record<string, string>): Row['request'] => [
  'POST',
  '/api/products',
  { body, ...(headers && { headers }) },
];
const get = (path: string, headers?: Record<string, string>): Row['request'] => [
  'GET',
  path,
  headers ? { headers } : {},
];
const query = (text: string): Row['request'] => get(`/api/products?${text}`);
const refusesQuery = (what: string, text: string, error: string): Row => ({
  what,
  request: query(text),
  status: 400,
  code: 'invalid_query',
  errors: [error],
});
const refusesBody = (what: string, body: unknown, ...errors: string[]): Row => ({
  what,
  request: post(body),
  status: 400,
  code: 'invalid',
  errors,
});
const notYet = (what: string, ...request: Row['request']): Row => ({
  what,
  request,
  status: 400,
  code: 'not_supported_yet',
});

const ROWS: readonly Row[] = [
  // Bodies
  {
    what: 'malformed JSON',
    request: post('{"name": "Lamp", price: 1}'),
    status: 400,
    code: 'malformed_json',
    errors: [' syntax'],
  },
  {
    what: 'an empty body',
    request: post(''),
    status: 400,
    code: 'malformed_json',
    errors: [' syntax'],
  },
  {
    what: 'a body that is not UTF-8',
    request: post(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])),
    status: 400,
    code: 'malformed_json',
    errors: [' invalid_utf8'],
  },
  {
    what: 'a repeated key',
    request: post('{"name":"a","name":"b","price":1}'),
    status: 400,
    code: 'malformed_json',
    errors: ['/name duplicate_key'],
  },
  refusesBody('a body that is no object', '[1]', ' invalid_type'),
  refusesBody(
    'wrong types, all of them told at once',
    {
      name: 1,
      price: 'cheap',
      stock: 1.5,
      onSale: 'yes',
      status: 'gone',
      tags: 'a',
      released: '2026-02-30',
    },
    '/name invalid_type',
    '/price invalid_number',
    '/stock invalid_type',
    '/onSale invalid_type',
    '/status not_in_values',
    '/tags invalid_type',
    '/released invalid_date',
  ),
  refusesBody('missing fields', {}, '/name required', '/price required'),
  refusesBody('an unknown field', { ...LAMP, colour: 'red' }, '/colour unknown_field'),
  refusesBody(
    'a key that names a prototype',
    '{"name":"a","price":1,"__proto__":{"x":1}}',
    '/__proto__ unknown_field',
  ),
  refusesBody('a value below its minimum', { ...LAMP, price: '-0.01' }, '/price too_small'),
  refusesBody('a text that is too long', { ...LAMP, name: 'x'.repeat(21) }, '/name too_long'),
  refusesBody(
    'a wrong item of an array',
    { ...LAMP, tags: ['ok', 'too long'] },
    '/tags/1 too_long',
  ),
  refusesBody('an id that is no uuid', { ...LAMP, id: 'x' }, '/id invalid_uuid'),
  {
    what: 'a reserved id',
    request: ['POST', '/api/brands', { body: { id: '_bulk', name: 'x' } }],
    status: 400,
    code: 'invalid',
    errors: ['/id reserved_id'],
  },
  {
    what: 'a body that nests too deeply',
    request: post(`{"tags":${'['.repeat(40)}${']'.repeat(40)}}`),
    status: 400,
    code: 'too_deep',
  },
  {
    what: 'a body that is too large',
    request: post({ ...LAMP, notes: 'x'.repeat(1024 * 1024) }),
    status: 413,
    code: 'body_too_large',
  },
  {
    what: 'a bulk body with too many items',
    request: ['POST', '/api/products/_bulk', { body: Array(1001).fill(LAMP) }],
    status: 400,
    code: 'too_many_items',
  },
  {
    what: 'a bulk body with a wrong item',
    request: ['POST', '/api/products/_bulk', { body: [LAMP, { ...LAMP, stock: 'x' }] }],
    status: 400,
    code: 'invalid',
    errors: ['/1/stock invalid_number'],
  },
  {
    what: 'a body of another media type',
    request: post('name=Lamp', { 'content-type': 'application/x-www-form-urlencoded' }),
    status: 415,
    code: 'unsupported_media_type',
  },
  {
    what: 'a body of another charset',
    request: post('{}', { 'content-type': 'application/json; charset=utf-16' }),
    status: 415,
    code: 'unsupported_media_type',
  },
  {
    what: 'a compressed body',
    request: post('{}', { 'content-encoding': 'gzip' }),
    status: 415,
    code: 'unsupported_media_type',
  },
  {
    what: 'an Accept header that leaves JSON out',
    request: get('/api/products', { accept: 'text/html, application/json;q=0' }),
    status: 406,
    code: 'not_acceptable',
  },
  // Paths and methods
  { what: 'an unknown route', request: get('/api/unknown'), status: 404, code: 'unknown_route' },
  { what: 'a trailing slash', request: get('/api/products/'), status: 404, code: 'unknown_route' },
  {
    what: 'a path below an aggregate',
    request: get(`/api/products/${ID}/x`),
    status: 404,
    code: 'unknown_route',
  },
  {
    what: 'a missing id',
    request: get(`/api/products/${MISSING}`),
    status: 404,
    code: 'not_found',
  },
  {
    what: 'wrong percent-encoding of a path',
    request: get('/api/products/%zz'),
    status: 400,
    code: 'bad_percent_encoding',
  },
  {
    what: 'percent-encoding that is not UTF-8',
    request: get('/api/products/%ff'),
    status: 400,
    code: 'bad_percent_encoding',
  },
  {
    what: 'wrong percent-encoding of a query',
    request: query('name=%'),
    status: 400,
    code: 'bad_percent_encoding',
  },
  {
    what: 'a method that the collection does not take',
    request: ['DELETE', '/api/products'],
    status: 405,
    code: 'method_not_allowed',
  },
  {
    what: 'PATCH of a collection',
    request: ['PATCH', '/api/products', { body: {} }],
    status: 405,
    code: 'method_not_allowed',
  },
  {
    what: 'a merge patch that is no object',
    request: ['PATCH', `/api/products/${ID}`, { body: [] }],
    status: 400,
    code: 'invalid',
  },
  {
    what: 'a JSON Patch that is no array',
    request: [
      'PATCH',
      `/api/products/${ID}`,
      { body: {}, headers: { 'content-type': 'application/json-patch+json' } },
    ],
    status: 400,
    code: 'invalid',
  },
  {
    what: 'a URL that is too long',
    request: query(`name=${'x'.repeat(20_000)}`),
    status: 414,
    code: 'uri_too_long',
  },
  // Queries
  refusesQuery('an unknown filter', 'colour=red', '?colour unknown_filter'),
  refusesQuery('an unknown operator', 'price[like]=1', '?price[like] unknown_filter'),
  refusesQuery('an operator that the type does not take', 'tags[gt]=1', '?tags[gt] unknown_filter'),
  refusesQuery('a filter value of a wrong type', 'price[gte]=cheap', '?price[gte] invalid_number'),
  refusesQuery('a filter value that is no date', 'released=soon', '?released invalid_date'),
  refusesQuery('a filter value outside of the enum', 'status=x', '?status not_in_values'),
  refusesQuery('sorting by an unknown field', 'sort=colour', '?sort unknown_filter'),
  refusesQuery('sorting by a field twice', 'sort=price,-price', '?sort repeated'),
  refusesQuery('an unknown name in fields', 'fields=id,colour', '?fields unknown_filter'),
  refusesQuery('limit zero', 'limit=0', '?limit invalid_type'),
  refusesQuery('a negative limit', 'limit=-1', '?limit invalid_type'),
  refusesQuery('a limit that is no number', 'limit=many', '?limit invalid_type'),
  refusesQuery('a repeated limit', 'limit=1&limit=2', '?limit repeated'),
  refusesQuery('a count that is no flag', 'count=1', '?count invalid_type'),
  refusesQuery('an unknown consistency', 'consistency=weak', '?consistency not_in_values'),
  refusesQuery('freshness twice', 'consistency=strong&consistency=weak', '?consistency repeated'),
  {
    what: 'fields of one row, said twice',
    request: get(`/api/products/${ID}?fields=id&fields=name`),
    status: 400,
    code: 'invalid_query',
    errors: ['?fields repeated'],
  },
  {
    what: 'a byte order mark before the body',
    request: ['POST', '/api/products', { body: `\uFEFF${JSON.stringify(LAMP)}` }],
    status: 400,
    code: 'malformed_json',
    errors: [' syntax'],
  },
  {
    what: 'a parameter that a read does not take',
    request: get(`/api/products/${ID}?limit=1`),
    status: 400,
    code: 'invalid_query',
    errors: ['?limit unknown_parameter'],
  },
  {
    what: 'a parameter on a write',
    request: ['POST', '/api/products?dry=1', { body: LAMP }],
    status: 400,
    code: 'invalid_query',
    errors: ['?dry unknown_parameter'],
  },
  {
    what: 'a cursor that is none',
    request: query('cursor=abc'),
    status: 400,
    code: 'bad_cursor',
    errors: ['?cursor bad_cursor'],
  },
  // Headers
  {
    what: 'an unknown consistency in a header',
    request: get('/api/products', { 'lithair-consistency': 'weak' }),
    status: 400,
    code: 'bad_header',
  },
  {
    what: 'an unknown consistency in a header, beside a good parameter',
    request: get('/api/products?consistency=eventual', { 'lithair-consistency': 'weak' }),
    status: 400,
    code: 'bad_header',
  },
  {
    what: 'a session token that is none',
    request: get('/api/products', { 'lithair-min-index': 'abc' }),
    status: 400,
    code: 'bad_token',
  },
  {
    what: 'an Idempotency-Key that is too long',
    request: post(LAMP, { 'idempotency-key': 'x'.repeat(256) }),
    status: 400,
    code: 'bad_header',
  },
  {
    what: 'an If-Match that is no list of tags',
    request: ['PUT', `/api/products/${ID}`, { body: LAMP, headers: { 'if-match': '7' } }],
    status: 400,
    code: 'bad_header',
  },
  {
    what: 'an If-None-Match of a PUT that is no star',
    request: ['PUT', `/api/products/${ID}`, { body: LAMP, headers: { 'if-none-match': '"1.a"' } }],
    status: 400,
    code: 'bad_header',
  },
  // State
  {
    what: 'a duplicate id',
    request: post({ ...LAMP, id: ID }),
    status: 409,
    code: 'already_exists',
    errors: ['/id already_exists'],
  },
  {
    what: 'a duplicate unique value',
    request: ['POST', '/api/brands', { body: { id: 'other', name: 'Acme' } }],
    status: 409,
    code: 'unique_conflict',
    errors: ['/name unique_conflict'],
  },
  {
    what: 'a missing reference',
    request: post({ ...LAMP, brand: 'nobody' }),
    status: 409,
    code: 'missing_reference',
    errors: ['/brand missing_reference'],
  },
  {
    what: 'deleting what others refer to',
    request: ['DELETE', '/api/brands/acme'],
    status: 409,
    code: 'still_referenced',
  },
  {
    what: 'a stale If-Match',
    request: ['PUT', `/api/products/${ID}`, { body: LAMP, headers: { 'if-match': '"9.a"' } }],
    status: 412,
    code: 'precondition_failed',
  },
  {
    what: 'replacing what is not there',
    request: ['PUT', `/api/products/${MISSING}`, { body: LAMP }],
    status: 404,
    code: 'not_found',
  },
  {
    what: 'another id in the body of a PUT',
    request: ['PUT', `/api/products/${ID}`, { body: { ...LAMP, id: MISSING } }],
    status: 422,
    code: 'immutable_field',
    errors: ['/id immutable_field'],
  },
  // What a model that keeps no history does not have
  ...['at=2026-01-01T00:00:00Z', 'version=1'].map((query) => ({
    what: `${query} where no history is kept`,
    request: ['GET', `/api/products/${ID}?${query}`] as Row['request'],
    status: 400,
    code: 'invalid_query',
    errors: [`?${query.split('=')[0]} unknown_parameter`],
  })),
  ...['history', 'events'].map((route) => ({
    what: `${route} where no history is kept`,
    request: ['GET', `/api/products/${ID}/${route}`] as Row['request'],
    status: 404,
    code: 'unknown_route',
  })),
  // Parts of the contract that are not built yet
  notYet('at of a list', 'GET', '/api/products?at=2026-01-01T00:00:00Z'),
  notYet('version of a list', 'GET', '/api/products?version=1'),
  notYet('_stream', 'GET', '/api/products/_stream'),
  notYet('/api/_events', 'GET', '/api/_events'),
];

let api: ServedApi;
before(async () => {
  api = await serveApi(MODELS);
  await api.send('POST', '/api/brands', { body: { id: 'acme', name: 'Acme' } });
  const made = await api.send('POST', '/api/products', {
    body: { ...LAMP, id: ID, brand: 'acme' },
  });
  assert.equal(made.status, 201, made.text);
});
after(() => api.close());

for (const row of ROWS) {
  test(`${row.what}: ${row.status} ${row.code}`, async () => {
    const before = api.engine.current.appliedIndex;
    const answer = await api.send(...row.request);
    assert.equal(answer.status, row.status, answer.text);
    assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    const { code, status, title, detail, type } = answer.json;
    assert.equal(code, row.code, answer.text);
    assert.equal(status, row.status);
    assert.ok(typeof title === 'string' && typeof detail === 'string' && type === 'about:blank');
    if (row.errors !== undefined) assert.deepEqual(errorsOf(answer.json), row.errors);
    if (row.status === 405) assert.notEqual(answer.headers.get('allow'), null);
    assert.equal(api.engine.current.appliedIndex, before, 'nothing was changed');
  });
}

test('every code of the table has a status of the contract and a title of its own', () => {
  const kinds = Object.values(PROBLEMS);
  assert.equal(new Set(kinds.map((kind) => kind.title)).size, kinds.length);
  for (const [code, { status, title }] of Object.entries(PROBLEMS)) {
    assert.match(code, /^[a-z_]+$/);
    assert.ok(status >= 400 && status < 600 && title.length > 10, code);
  }
});

const STATUS_BY_CODE: Readonly<Record<number, readonly string[]>> = {
  400: [
    'malformed_request',
    'bad_percent_encoding',
    'bad_header',
    'bad_token',
    'bad_cursor',
    'malformed_json',
    'too_deep',
    'too_many_items',
    'invalid',
    'invalid_query',
    'not_kept',
    'not_supported_yet',
  ],
  401: ['unauthorized'],
  403: ['forbidden', 'forbidden_field'],
  404: ['not_found', 'unknown_route'],
  405: ['method_not_allowed'],
  406: ['not_acceptable'],
  408: ['request_timeout'],
  409: [
    'already_exists',
    'unique_conflict',
    'missing_reference',
    'patch_conflict',
    'still_referenced',
    'cascade_too_large',
    'sequence_exhausted',
    'transition_refused',
    'idempotency_in_progress',
    'version_conflict',
  ],
  410: ['pruned'],
  412: ['precondition_failed'],
  413: ['body_too_large'],
  414: ['uri_too_long'],
  415: ['unsupported_media_type'],
  422: ['computed_field', 'immutable_field', 'rule_broken', 'idempotency_key_reuse'],
  431: ['headers_too_large'],
  500: ['internal'],
  503: ['unavailable', 'overloaded', 'schema_changed'],
  504: ['outcome_unknown'],
  507: ['out_of_space'],
};

test('each code maps to the one status that clients rely on', () => {
  const told = Object.entries(PROBLEMS).map(([code, { status }]) => `${status} ${code}`);
  const wanted = Object.entries(STATUS_BY_CODE).flatMap(([status, codes]) =>
    codes.map((code) => `${status} ${code}`),
  );
  assert.deepEqual(told.sort(), wanted.sort());
});

function errorsOf(problem: Record<string, unknown>): string[] {
  const { errors } = problem;
  assert.ok(Array.isArray(errors), 'the problem lists its errors');
  return errors.map((error) =>
    error.parameter === undefined
      ? `${error.pointer} ${error.code}`
      : `?${error.parameter} ${error.code}`,
  );
}
