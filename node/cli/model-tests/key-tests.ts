// The key of a row: given, made, and nobody else's.
import { keyTemplate } from '@lithair/crds';
import {
  type Bench,
  expectProblem,
  expectSame,
  expectStatus,
  type ModelTest,
  NotDerived,
  testOf,
} from './model-test.ts';
import { sampleUuid } from './sample-values.ts';

export function keyTests(bench: Bench): ModelTest[] {
  const { node, rows, model } = bench;
  const { primaryKey, path } = model;
  const key = model.fields.find(({ name }) => name === primaryKey);
  const made = key?.template;
  const taken = testOf(
    model,
    `${primaryKey}: primaryKey: refuses a second row with it`,
    async () => {
      const { id, body } = await rows.create(model);
      const fresh = made === undefined ? await rows.body(model) : body;
      const answer = await node.send('POST', path, { body: { ...fresh, [primaryKey]: id } });
      expectProblem(answer, 409, 'already_exists');
    },
  );
  const found = testOf(model, `${primaryKey}: primaryKey: a row is read by it`, async () => {
    const row = await rows.create(model);
    const answer = await node.send('GET', row.path);
    expectStatus(answer, 200);
    expectSame('the row', answer.json, row.row);
    const none = `${path}/${key?.type === 'uuid' ? sampleUuid(999_999) : 'no-such-row'}`;
    expectStatus(await node.send('GET', none), 404);
  });
  if (made === undefined) return [taken, found];
  // Keys that count are sent by nobody.
  const isCounted = made.includes('{sequence');
  return [
    ...(isCounted ? [] : [taken]),
    found,
    testOf(model, `${primaryKey}: template ${made}: refuses another key`, async () => {
      const body = { ...(await rows.body(model)), [primaryKey]: 'another-key' };
      const [status, code] = isCounted ? [400, 'invalid'] : [422, 'computed_field'];
      expectProblem(await node.send('POST', path, { body }), status, code, `/${primaryKey}`);
    }),
    testOf(model, `${primaryKey}: template ${made}: is what a key is made of`, () =>
      expectMade(bench, made),
    ),
  ];
}

/** Characters that stand in a key as they are, but for the one that the template has behind them. */
const PLAIN = /^[A-Za-z0-9._~:-]+$/;

async function expectMade({ node, rows, model }: Bench, template: string): Promise<void> {
  const parts = keyTemplate(template);
  const { id, body, row } = await rows.create(model);
  const texts = parts.map((part, at) => {
    if (part.kind === 'text') return part.text;
    const behind = parts[at + 1];
    const end = behind?.kind === 'text' ? behind.text.charAt(0) : '';
    return part.kind === 'field' ? plainText(row[part.name], end) : '';
  });
  const [counted] = parts.filter((part) => part.kind === 'sequence');
  if (counted === undefined) return expectSame('the key', id, texts.join(''));
  const before = texts.join('');
  const first = id.slice(before.length);
  expectSame('what stands before the number', id.slice(0, before.length), before);
  expectSame('the number of digits', first.length, counted.digits);
  const named = parts.flatMap((part) => (part.kind === 'field' ? [part.name] : []));
  const kept = Object.entries(body).filter(([name]) => named.includes(name));
  const next = await node.send('POST', model.path, {
    body: await rows.body(model, Object.fromEntries(kept)),
  });
  if (next.status === 409) throw new NotDerived('no second row was found with these values');
  const wanted = String(Number(first) + 1).padStart(counted.digits, '0');
  expectSame('the next key', next.json[model.primaryKey], `${before}${wanted}`);
}

function plainText(value: unknown, end: string): string {
  const text = String(value);
  if (PLAIN.test(text) && (end === '' || !text.includes(end))) return text;
  throw new NotDerived('no value was found that stands in a key as it is');
}
