// How values are answered and compared: collations, numbers with all of their digits, ciphertext.
import type { FieldSchema } from '@lithair/crds';
import {
  type Bench,
  expectProblem,
  expectSame,
  expectStatus,
  type ModelTest,
  memberOf,
  NotDerived,
  testOf,
  Unmet,
} from './model-test.ts';
import { isFitting } from './sample-values.ts';
import type { Answer } from './throw-away-node.ts';

export function answerTests(bench: Bench): ModelTest[] {
  const fields = bench.model.fields.filter(({ hidden }) => hidden !== true);
  const sent = fields.filter(({ computed }) => computed === undefined);
  return [
    ...sent.flatMap((field) => collationTests(bench, field)),
    ...sent.flatMap((field) => digitTests(bench, field)),
    ...fields.filter(({ encrypted }) => encrypted === true).map((field) => sealed(bench, field)),
  ];
}

function collationTests(bench: Bench, field: FieldSchema): ModelTest[] {
  const { name, collation } = field;
  if (collation === undefined) return [];
  const found = testOf(
    bench.model,
    `${name}: collation ${collation}: finds texts in any case`,
    () => foundBy(bench, field, (text) => [text, text.toUpperCase()]),
  );
  if (collation !== 'ci-ai') return [found];
  return [
    found,
    testOf(bench.model, `${name}: collation ci-ai: finds texts without their accents`, () =>
      foundBy(bench, field, (text) => [`é${text.slice(1)}`, `e${text.slice(1)}`]),
    ),
  ];
}

/** A row with one text is found by another. */
async function foundBy(
  { node, rows, model }: Bench,
  field: FieldSchema,
  pairOf: (text: string) => readonly [stored: string, sought: string],
): Promise<void> {
  const text = (await rows.body(model))[field.name];
  if (typeof text !== 'string') throw new NotDerived(`${field.name} has no value in the sample`);
  const [stored, sought] = pairOf(text);
  if (stored === sought || !isFitting(field, stored)) {
    throw new NotDerived('no text was found that differs so');
  }
  const { id } = await rows.create(model, { [field.name]: stored });
  const key = `${encodeURIComponent(model.primaryKey)}=${encodeURIComponent(id)}`;
  const path = `${model.path}?${field.name}=${encodeURIComponent(sought)}&${key}`;
  const { status, json, text: told } = await node.send('GET', path);
  const { data } = json;
  const ids = Array.isArray(data) ? data.map((row) => memberOf(row, model.primaryKey)) : [];
  if (status !== 200) throw new Unmet(told);
  expectSame('the key that is found', ids, [id]);
}

/** Beyond what a double holds, and for small fields less. */
const DIGITS: Readonly<Partial<Record<FieldSchema['type'], readonly string[]>>> = {
  integer: ['9007199254740993'],
  decimal: ['12345678901234567890.123', '7.25', '0.25'],
};

/** Integers that a double holds are numbers, whatever is said. */
function digitTests({ node, rows, model }: Bench, field: FieldSchema): ModelTest[] {
  const { name, type, representation = 'string' } = field;
  const tried = (DIGITS[type] ?? []).filter((digits) => isWithin(field, digits));
  if (tried.length === 0) return [];
  return [
    testOf(model, `${name}: representation ${representation}: has all digits`, async () => {
      for (const digits of tried) {
        const answer = await posted(digits);
        if (answer === null || answer.json['code'] === 'rule_broken') continue;
        expectStatus(answer, 201);
        const member = `"${name}":${representation === 'number' ? digits : `"${digits}"`}`;
        if (!answer.text.includes(member)) throw new Unmet(`${member} is not in ${answer.text}`);
        return;
      }
      throw new NotDerived('no number was found with which to try it');
    }),
  ];

  /** Null where no row with these digits is found for which the rules hold. */
  async function posted(digits: string): Promise<Answer | null> {
    try {
      const body = await rows.body(model, { [name]: digits });
      return await node.send('POST', model.path, { body });
    } catch (error) {
      if (error instanceof NotDerived) return null;
      throw error;
    }
  }
}

function isWithin({ minimum = -Infinity, maximum = Infinity }: FieldSchema, digits: string) {
  return Number(digits) >= Number(minimum) && Number(digits) <= Number(maximum);
}

/** What is stored as ciphertext comes back as it was sent, and can be asked for by nobody. */
function sealed({ node, rows, model }: Bench, { name }: FieldSchema): ModelTest {
  return testOf(
    model,
    `${name}: encrypted: is answered, and neither filtered nor sorted by`,
    async () => {
      const { row, path, body } = await rows.create(model);
      expectSame(name, row[name] ?? null, body[name] ?? row[name] ?? null);
      expectSame(name, (await node.send('GET', path)).json[name], row[name]);
      for (const query of [`${name}=x`, `sort=${name}`]) {
        const answer = await node.send('GET', `${model.path}?${query}`);
        expectProblem(answer, 400, 'invalid_query');
      }
    },
  );
}
