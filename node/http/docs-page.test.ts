import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { JSDOM, type PageElement, type PageWindow, VirtualConsole } from 'jsdom';
import { apiKeyHash, apiKeyOf } from '../auth/index.ts';
import { type ServedApi, serveApi } from './testing/served-api.ts';

const KEY = apiKeyOf(new Uint8Array(32).fill(9));
const MODELS = [
  {
    name: 'Lamp',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'watts', type: 'integer', required: true, minimum: 1 },
      { name: 'cost', type: 'decimal', permissions: { read: ['Admin'], write: ['Admin'] } },
    ],
    permissions: { create: ['Admin'], read: ['Public'], update: ['Admin'], delete: ['Admin'] },
  },
  {
    name: 'Reading',
    fields: [
      { name: 'id', type: 'string', primaryKey: true, pattern: '^r' },
      { name: 'by', type: 'string', required: true, format: 'email', minLength: 7 },
    ],
    permissions: { read: ['Public'] },
    persistence: { consistency: 'eventual' },
  },
];

let api: ServedApi;
before(async () => {
  const keys = [{ name: 'boss', sha256: apiKeyHash(KEY), roles: ['Admin'] }];
  api = await serveApi(MODELS, {}, { mode: 'tokens', apiKeys: { keys } });
});
after(() => api.close());

test('the page describes what anybody may use, field by field', async () => {
  await using page = await openDocs();
  await page.shows(/GET\/api\/lamps List Lamp/);
  // Paths say more than operations: their model, their parameters.
  assert.doesNotMatch(page.text(), /POST|PATCH|DELETE|cost|X-LITHAIR|PARAMETERS/);
  assert.match(page.text(), /wattsinteger or LargePositiveInteger/);
});

test('a model that every node writes is described beside others, and texts with more than one rule', async () => {
  await using page = await openDocs();
  await page.shows(/GET\/api\/readings List Reading/);
  assert.match(page.text(), /bystring \(email\)required; minLength 7; maxLength/);
});

test('with a token, the page describes what its holder may use', async () => {
  await using page = await openDocs();
  await page.signIn(KEY);
  await page.shows(/POST\/api\/lamps Create a Lamp/);
  assert.match(page.text(), /cost/);
  assert.match(page.text(), /wattsinteger or LargePositiveIntegerrequired; minimum 1/);
});

test('a token that nobody knows is told of', async () => {
  await using page = await openDocs();
  await page.signIn('lk_nobody');
  await page.shows(/could not be described: The credentials are not those of a known caller/);
});

test('requests are sent from the page as the caller, with an example to begin with', async () => {
  await using page = await openDocs();
  await page.signIn(KEY);
  await page.shows(/POST\/api\/lamps Create/);
  const create = page.operation('POST/api/lamps Create a Lamp');
  const body = create.querySelector('textarea');
  assert.deepEqual(JSON.parse(body?.value ?? ''), { id: '', watts: 1 });
  if (body !== null) body.value = '{"id": "desk", "watts": 7, "cost": "3.50"}';
  page.submit(create.querySelector('form'));
  await page.shows(/201 Created.*"cost":"3.50"/s);

  const change = page.operation('PATCH/api/lamps/{id}');
  const [id, patch] = [change.querySelector('input'), change.querySelector('textarea')];
  if (id !== null) id.value = 'desk';
  if (patch !== null) patch.value = '{"watts": 0}';
  page.submit(change.querySelector('form'));
  await page.shows(/400 Bad Request.*\/watts must be at least 1/s);
});

test('the browser is allowed to run the script and the style of the page, and no other', async () => {
  const { text, headers } = await api.send('GET', '/docs');
  const policy = headers.get('content-security-policy') ?? '';
  for (const tag of ['script', 'style']) {
    const source = text.match(new RegExp(`<${tag}>(.*)</${tag}>`, 's'))?.[1] ?? '';
    assert.ok(source.length > 100);
    assert.match(policy, new RegExp(`${tag}-src 'sha256-`));
    assert.ok(policy.includes(hash('sha256', source, 'base64')), `the ${tag} is another one`);
  }
});

/** The page as a browser has it: its script runs, and its requests reach the API. */
async function openDocs(): Promise<Docs> {
  const url = `http://127.0.0.1:${api.port}/docs`;
  const { text } = await api.send('GET', '/docs');
  const errors: Error[] = [];
  const virtualConsole = new VirtualConsole().on('jsdomError', (error) => errors.push(error));
  const { window } = new JSDOM(text, {
    url,
    runScripts: 'dangerously',
    virtualConsole,
    beforeParse(opened) {
      opened.fetch = (path, init) => fetch(new URL(path, url), init);
    },
  });
  return new Docs(window, errors);
}

class Docs {
  readonly #window: PageWindow;
  readonly #errors: readonly Error[];

  constructor(window: PageWindow, errors: readonly Error[]) {
    this.#window = window;
    this.#errors = errors;
  }

  text(): string {
    return this.#window.document.querySelector('main')?.textContent ?? '';
  }

  async shows(wanted: RegExp): Promise<void> {
    for (let tries = 0; tries < 500 && !wanted.test(this.text()); tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.match(this.text(), wanted);
    assert.deepEqual(this.#errors, []);
  }

  async signIn(token: string): Promise<void> {
    await this.shows(/GET/);
    const field = this.#window.document.querySelector('#token');
    if (field !== null) field.value = token;
    this.submit(this.#window.document.querySelector('#caller'));
  }

  operation(heading: string): PageElement {
    const all = [...this.#window.document.querySelectorAll('main > details')];
    const found = all.find(({ textContent }) => textContent?.startsWith(heading));
    assert.ok(found !== undefined, `${heading} is not there`);
    return found;
  }

  submit(form: PageElement | null): void {
    const event = new this.#window.Event('submit', { bubbles: true, cancelable: true });
    assert.equal(form?.dispatchEvent(event), false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#window.close();
  }
}
