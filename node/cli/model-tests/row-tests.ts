// What holds of a row among others: its key, unique values, references, what never changes.
import { type FieldSchema, type ModelSchema, relatedRows, type Schema } from '@lithair/crds';
import { answerTests } from './answer-tests.ts';
import { changedBody } from './changed-body.ts';
import { expiryTests } from './expiry-tests.ts';
import { keyTests } from './key-tests.ts';
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
import type { SampleRow } from './sample-rows.ts';
import { sampleUuid } from './sample-values.ts';
import { stateTests } from './state-tests.ts';
import { hasStates } from './state-walks.ts';
import { uniqueTests } from './unique-tests.ts';

export function rowTests(bench: Bench, schema: Schema): ModelTest[] {
  const { model } = bench;
  const isFixed = (field: FieldSchema) =>
    field.immutable && field.name !== model.primaryKey && isSent(field);
  return [
    ...keyTests(bench),
    ...model.fields.filter(isFixed).map((field) => immutable(bench, field)),
    ...changeTests(bench),
    ...model.fields.filter(hasStates).flatMap((field) => stateTests(bench, field)),
    ...uniqueTests(bench),
    ...lookupTests(bench),
    ...answerTests(bench),
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
      const isReference = field.type === 'reference' && isSent(field);
      const given = isReference ? { [field.name]: await rows.referred(field) } : {};
      const { id, row } = await rows.create(model, given);
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
  const segment = field.inverse ?? related.segment;
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
