// What holds of a row among others: its key, unique values, references, what never changes.
import {
  compileExpression,
  type FieldSchema,
  type ModelSchema,
  relatedRows,
  type Schema,
} from '@lithair/crds';
import type { JsonObject } from '../../ports/index.ts';
import {
  type Bench,
  expectProblem,
  expectSame,
  expectStatus,
  type ModelTest,
  memberOf,
  NotDerived,
  Unmet,
} from './model-test.ts';
import { searchBody } from './row-search.ts';
import type { SampleRow } from './sample-rows.ts';
import { sampleUuid } from './sample-values.ts';
import { uniqueTests } from './unique-tests.ts';

export function rowTests(bench: Bench, schema: Schema): ModelTest[] {
  const { model } = bench;
  const isFixed = (field: FieldSchema) =>
    field.immutable && field.name !== model.primaryKey && isSent(field);
  return [
    ...keyTests(bench),
    ...model.fields.filter(isFixed).map((field) => immutable(bench, field)),
    ...changeTests(bench),
    ...model.fields.flatMap((field) => stateTests(bench, field)),
    ...uniqueTests(bench),
    ...lookupTests(bench),
    ...expiryTests(bench),
    ...model.fields
      .filter((field) => field.type === 'reference' && isSent(field))
      .flatMap((field) => referenceTests(bench, schema, field)),
    ...model.fields.filter(({ hidden }) => hidden === true).map((field) => hidden(bench, field)),
  ];
}

function isSent({ computed, hidden }: FieldSchema): boolean {
  return computed === undefined && hidden !== true;
}

function testOf({ name }: ModelSchema, what: string, run: () => Promise<void>): ModelTest {
  return { model: name, name: what, run };
}

function keyTests({ node, rows, model }: Bench): ModelTest[] {
  const { primaryKey, path } = model;
  const key = model.fields.find(({ name }) => name === primaryKey);
  const made = key?.template;
  const taken = testOf(
    model,
    `${primaryKey}: primaryKey: refuses a second row with it`,
    async () => {
      if (made?.includes('{sequence') === true)
        throw new NotDerived('keys that count cannot be sent');
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
  return [
    taken,
    found,
    testOf(model, `${primaryKey}: template ${made}: refuses another key`, async () => {
      const body = { ...(await rows.body(model)), [primaryKey]: 'another-key' };
      expectProblem(await node.send('POST', path, { body }), 400, 'invalid', `/${primaryKey}`);
    }),
  ];
}

/** Another valid value of a field. */
async function otherValue({ rows, model }: Bench, row: SampleRow, field: FieldSchema) {
  for (let tried = 0; tried < 8; tried++) {
    const value = (await rows.body(model))[field.name];
    const isOther = JSON.stringify(value) !== JSON.stringify(row.row[field.name]);
    if (value !== undefined && value !== null && isOther) return value;
  }
  throw new NotDerived(`${field.name} has only one value`);
}

function immutable(bench: Bench, field: FieldSchema): ModelTest {
  const { node, rows, model } = bench;
  return testOf(model, `${field.name}: immutable: refuses another value`, async () => {
    const row = await rows.create(model);
    const value = await otherValue(bench, row, field);
    const patched = await node.patch(row.path, { [field.name]: value });
    expectProblem(patched, 422, 'immutable_field', `/${field.name}`);
    const after = await node.send('GET', row.path);
    expectSame(field.name, after.json[field.name], row.row[field.name]);
  });
}

/** Long enough ago for any duration that a model can name. */
const LONG_AGO: Readonly<Partial<Record<FieldSchema['type'], string>>> = {
  date: '1000-01-01',
  datetime: '1000-01-01T00:00:00.000Z',
};

function expiryTests({ node, rows, model }: Bench): ModelTest[] {
  const ttl = model.lifecycle?.ttl;
  const field = model.fields.find(({ name }) => name === ttl?.field);
  if (field === undefined) return [];
  return [
    testOf(model, `ttl: a row whose ${field.name} is long past is not there`, async () => {
      const past = LONG_AGO[field.type];
      if (past === undefined || !isSent(field)) throw new NotDerived(`${field.name} is not sent`);
      expectStatus(await node.send('GET', (await rows.create(model)).path), 200);
      const row = await rows.create(model, { [field.name]: past });
      expectStatus(await node.send('GET', row.path), 404);
    }),
  ];
}

function changeTests(bench: Bench): ModelTest[] {
  const { node, rows, model } = bench;
  const fields = model.fields.filter(
    (field) => !field.immutable && isSent(field) && field.name !== model.primaryKey,
  );
  if (fields.length === 0) return [];
  return [
    testOf(model, 'a row is replaced where it may change', async () => {
      const row = await rows.create(model);
      const body = await changedBody(bench, row);
      const answer = await node.send('PUT', row.path, { body });
      if (answer.json['code'] === 'rule_broken') {
        throw new NotDerived('no change was found for which the rules of the model hold');
      }
      expectStatus(answer, 200);
      expectSame('what is read', (await node.send('GET', row.path)).json, answer.json);
    }),
  ];
}

/** From the state in which rows begin, to each of the others. */
function stateTests(bench: Bench, field: FieldSchema): ModelTest[] {
  const { states, values = [] } = field;
  if (states === undefined || !isSent(field)) return [];
  const { initial, transitions } = states;
  const others = values.filter((value) => value !== initial);
  return others.flatMap((to) => {
    const ways = transitions.filter((way) => way.from.includes(initial) && way.to === to);
    const move = { name: field.name, from: initial, to };
    if (ways.length === 0) return [moveTest(bench, move, 'refuses', [])];
    const conditions = ways.flatMap(({ when }) => when ?? []);
    if (conditions.length < ways.length) return [moveTest(bench, move, 'takes', [])];
    const taken = moveTest(bench, move, 'takes', conditions.slice(0, 1));
    return [taken, moveTest(bench, move, 'refuses', conditions)];
  });
}

interface Move {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** Tries to take a row from one state to another, where the conditions hold or where none does. */
function moveTest(
  bench: Bench,
  move: Move,
  verb: 'takes' | 'refuses',
  conditions: readonly string[],
): ModelTest {
  const { node, rows, model } = bench;
  const { name, from, to } = move;
  const where = verb === 'takes' ? ' where ' : ' unless ';
  const when = conditions.length === 0 ? '' : `${where}${conditions.join(' or ')}`;
  return testOf(model, `${name}: states: ${verb} ${from} to ${to}${when}`, async () => {
    const given = await movedBody(bench, move, conditions, verb === 'takes');
    const { path } = await rows.create(model, given);
    const answer = await node.patch(path, { [name]: to });
    if (verb === 'refuses') return expectProblem(answer, 409, 'transition_refused', `/${name}`);
    if (answer.json['code'] === 'rule_broken') {
      throw new NotDerived('the rules of the model need more than the state to change');
    }
    expectStatus(answer, 200);
    expectSame(name, answer.json[name], to);
  });
}

/** Values of a row, in its first state, of which all of the conditions are true, or none is. */
async function movedBody(
  { rows, model }: Bench,
  { name, to }: Move,
  conditions: readonly string[],
  areMet: boolean,
): Promise<JsonObject> {
  const compiled = conditions.map((when) =>
    compileExpression(model, when, ['self', 'old', 'actor']),
  );
  const actor = { id: 'anonymous', roles: [] };
  const { [model.primaryKey]: _, ...base } = await rows.body(model);
  const spoken = compiled.flatMap(({ reads }) => [...reads.self, ...reads.old]);
  const body = searchBody(model, base, spoken, conditions, (old) =>
    compiled.every((each) => each.holds({ self: { ...old, [name]: to }, old, actor }) === areMet),
  );
  if (body === null) throw new NotDerived('no row was found for which the conditions are so');
  return Object.fromEntries(Object.entries(body).filter(([field]) => spoken.includes(field)));
}

/** A body that replaces a row: other values, but for those that never change. */
export async function changedBody({ rows, model }: Bench, row: SampleRow): Promise<JsonObject> {
  const kept = model.fields.filter(({ immutable }) => immutable).map(({ name }) => name);
  const fixed = Object.fromEntries(
    Object.entries(row.body).filter(([name]) => kept.includes(name)),
  );
  const { [model.primaryKey]: _, ...body } = await rows.body(model, fixed);
  for (const name of kept) if (fixed[name] === undefined) delete body[name];
  return body;
}

function lookupTests({ node, rows, model }: Bench): ModelTest[] {
  const looked = model.fields.filter(
    (field) =>
      field.hidden !== true &&
      field.name !== model.primaryKey &&
      (field.index !== 'none' || field.unique),
  );
  return looked.map((field) => {
    const how = field.index === 'none' ? 'unique' : `index ${field.index}`;
    return testOf(model, `${field.name}: ${how}: rows are found by it`, async () => {
      const { id, row } = await rows.create(model);
      const value = row[field.name];
      if (!isScalar(value)) {
        throw new NotDerived(`${field.name} has no value in the sample`);
      }
      const sought = encodeURIComponent(`${value}`);
      const key = `${encodeURIComponent(model.primaryKey)}=${encodeURIComponent(id)}`;
      const found = await node.send('GET', `${model.path}?${field.name}=${sought}&${key}`);
      expectStatus(found, 200);
      expectSame('the key that is found', keysIn(found.json, model), [id]);
      if (field.index !== 'ordered') return;
      expectStatus(await node.send('GET', `${model.path}?sort=-${field.name}`), 200);
    });
  });
}

function isScalar(value: unknown): value is string | number | boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

function keysIn(json: Readonly<Record<string, unknown>>, model: ModelSchema): unknown[] {
  const { data } = json;
  return Array.isArray(data) ? data.map((row) => memberOf(row, model.primaryKey)) : [];
}

function referenceTests(bench: Bench, schema: Schema, field: FieldSchema): ModelTest[] {
  const { node, rows, model } = bench;
  const target = schema.models.find(({ name }) => name === field.to);
  if (target === undefined) return [];
  const { name, onDelete = 'restrict' } = field;
  const missing = testOf(
    model,
    `${name}: to ${target.name}: refuses one that is not there`,
    async () => {
      const body = { ...(await rows.body(model)), [name]: await unknownId(bench, target) };
      const answer = await node.send('POST', model.path, { body });
      expectProblem(answer, 409, 'missing_reference', `/${name}`);
    },
  );
  const deleted = testOf(model, `${name}: onDelete ${onDelete}`, async () => {
    const pointed = await pointedRow(bench, target, field);
    const answer = await node.send('DELETE', pointed.target.path);
    const after = await node.send('GET', pointed.row.path);
    if (onDelete === 'restrict') {
      expectProblem(answer, 409, 'still_referenced');
      return expectStatus(after, 200);
    }
    expectStatus(answer, 204);
    if (onDelete === 'cascade') return expectStatus(after, 404);
    expectStatus(after, 200);
    expectSame(name, after.json[name], null);
  });
  return [missing, deleted, ...inverseTests(bench, schema, target, field)];
}

/** An id that no row of a model has. */
async function unknownId({ node, rows }: Bench, target: ModelSchema): Promise<string> {
  const key = target.fields.find((each) => each.name === target.primaryKey);
  if (key === undefined || key.type === 'uuid' || key.template !== undefined) {
    return sampleUuid(0xeee000 + rows.next());
  }
  for (let tried = 0; tried < 100; tried++) {
    const id = rows.key(key);
    const found = await node.send('GET', `${target.path}/${encodeURIComponent(id)}`);
    if (found.status === 404) return id;
  }
  throw new NotDerived(`every key of ${target.name} that was tried is taken`);
}

async function pointedRow({ rows, model }: Bench, target: ModelSchema, field: FieldSchema) {
  const to = await rows.create(target);
  return { target: to, row: await rows.create(model, { [field.name]: to.id }) };
}

function inverseTests(
  bench: Bench,
  schema: Schema,
  target: ModelSchema,
  field: FieldSchema,
): ModelTest[] {
  const { node, model } = bench;
  const related = relatedRows(schema).find(
    (each) => each.model === model.name && each.field === field.name,
  );
  if (related === undefined) return [];
  const { segment } = related;
  const what = `${field.name}: ${target.path}/{id}/${segment} lists the rows that refer to one`;
  return [
    testOf(model, what, async () => {
      const pointed = await pointedRow(bench, target, field);
      const answer = await node.send('GET', `${pointed.target.path}/${segment}`);
      expectStatus(answer, 200);
      expectSame('the keys that are listed', keysIn(answer.json, model), [pointed.row.id]);
    }),
  ];
}

function hidden({ node, rows, model }: Bench, field: FieldSchema): ModelTest {
  return testOf(model, `${field.name}: hidden: is neither shown nor taken`, async () => {
    const row = await rows.create(model);
    if (Object.hasOwn(row.row, field.name)) throw new Unmet(`${field.name} is in the answer`);
    const body = { ...(await rows.body(model)), [field.name]: null };
    const answer = await node.send('POST', model.path, { body });
    expectProblem(answer, 400, 'invalid', `/${field.name}`);
  });
}
