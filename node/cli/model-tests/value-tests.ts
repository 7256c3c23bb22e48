// What single fields take: boundaries, presence, defaults.
import type { FieldSchema, JsonValue } from '@lithair/crds';
import type { JsonObject } from '../../ports/index.ts';
import {
  type Bench,
  expectProblem,
  expectSame,
  expectStatus,
  type ModelTest,
  memberOf,
  NotDerived,
  shown,
  underivable,
  without,
} from './model-test.ts';
import type { Answer } from './throw-away-node.ts';
import { type ValueCase, valueCases } from './value-cases.ts';

export function valueTests(bench: Bench): ModelTest[] {
  return bench.model.fields.flatMap((field) => {
    if (field.hidden === true || field.computed !== undefined) return [];
    const isKey = field.name === bench.model.primaryKey;
    if (isKey && field.template !== undefined) return [];
    return [
      ...boundaries(bench, field),
      ...(isKey ? [] : presence(bench, field)),
      ...(isKey ? [] : defaults(bench, field)),
    ];
  });
}

function boundaries(bench: Bench, field: FieldSchema): ModelTest[] {
  if (field.type === 'reference') return [];
  try {
    const { states } = field;
    const isPossible = ({ code, value }: ValueCase) =>
      states === undefined || code !== null || value === states.initial;
    return valueCases(field)
      .filter(isPossible)
      .map((each) => boundary(bench, field, each));
  } catch (error) {
    if (!(error instanceof NotDerived)) throw error;
    return [underivable(bench.model, `${field.name}: values at its boundaries`, error.message)];
  }
}

function boundary(bench: Bench, field: FieldSchema, each: ValueCase): ModelTest {
  const { node, rows, model } = bench;
  const verb = each.code === null ? 'takes' : 'refuses';
  return {
    model: model.name,
    name: `${field.name}: ${each.rule}: ${verb} ${shown(each.value)}`,
    async run() {
      if (each.code !== null) {
        const body = { ...(await rows.body(model)), [field.name]: each.value };
        const answer = await node.send('POST', model.path, { body });
        return expectRefusal(answer, field, each);
      }
      const body = await rows.body(model, { [field.name]: each.value });
      await taken(bench, body);
    },
  };
}

/** An empty key is too short, and a key that cannot stand in a URL is refused as such. */
function expectRefusal(
  answer: Awaited<ReturnType<Bench['node']['send']>>,
  field: FieldSchema,
  { pointer, code }: ValueCase,
): void {
  expectProblem(answer, 400, 'invalid', `/${field.name}${pointer}`);
  const { errors } = answer.json;
  const codes = Array.isArray(errors) ? errors.map((error: unknown) => codeOf(error)) : [];
  if (codes.includes(code)) return;
  expectSame('the code of the error', codes[0], code);
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined;
}

/** The row that a body makes, which goes again: its values may be asked for by others. */
async function taken({ node, model }: Bench, body: JsonObject) {
  const answer = await node.send('POST', model.path, { body });
  requireFittingSubject(model, body, answer);
  expectStatus(answer, 201);
  const id = String(answer.json[model.primaryKey]);
  const path = `${model.path}/${encodeURIComponent(id)}`;
  const read = await node.send('GET', path);
  expectStatus(read, 200);
  expectSame('what is read', read.json, answer.json);
  await node.send('DELETE', path);
  return read.json;
}

/** Who calls in a test is somebody whom the model may not expect. */
function requireFittingSubject({ fields }: Bench['model'], body: JsonObject, answer: Answer): void {
  if (answer.status !== 400) return;
  const { errors } = answer.json;
  const places = Array.isArray(errors) ? errors.map((error) => memberOf(error, 'pointer')) : [];
  const unfit = fields.find(
    ({ name, defaultFrom }) =>
      defaultFrom === 'actor' && (body[name] ?? null) === null && places.includes(`/${name}`),
  );
  if (unfit !== undefined) {
    throw new NotDerived(`the subject that tests call as does not fit ${unfit.name}`);
  }
}

function presence(bench: Bench, field: FieldSchema): ModelTest[] {
  const { node, rows, model } = bench;
  const { name, required, nullable } = field;
  const test = (what: string, run: () => Promise<void>): ModelTest => ({
    model: model.name,
    name: `${name}: ${what}`,
    run,
  });
  const post = async (body: JsonObject) => node.send('POST', model.path, { body });
  const absent = required
    ? test('required: refuses a row without it', async () =>
        expectProblem(
          await post(without(await rows.body(model), name)),
          400,
          'invalid',
          `/${name}`,
        ))
    : test('not required: takes a row without it', async () => {
        await taken(bench, without(await fittingWithout(bench, field), name));
      });
  const isRefused = required && !nullable;
  const nothing = isRefused
    ? test('required: refuses null', async () =>
        expectProblem(
          await post({ ...(await rows.body(model)), [name]: null }),
          400,
          'invalid',
          `/${name}`,
        ))
    : test(nullable ? 'nullable: keeps null' : 'not nullable: takes null for absent', async () => {
        const row = await taken(bench, await rows.body(model, { [name]: null }));
        if (nullable) expectSame(name, row[name], null);
      });
  return [absent, nothing];
}

/** A body that fits the rules although the field is not sent. */
function fittingWithout({ rows, model }: Bench, field: FieldSchema): Promise<JsonObject> {
  const present: JsonValue = field.default ?? null;
  return rows.body(model, field.defaultFrom === undefined ? { [field.name]: present } : {});
}

function defaults(bench: Bench, field: FieldSchema): ModelTest[] {
  const { model } = bench;
  const { name, defaultFrom } = field;
  if (field.required || (field.default === undefined && defaultFrom === undefined)) return [];
  const what =
    defaultFrom === undefined ? `default ${shown(field.default)}` : `from ${defaultFrom}`;
  return [
    {
      model: model.name,
      name: `${name}: ${what}: is what an absent one becomes`,
      async run() {
        const row = await taken(bench, without(await fittingWithout(bench, field), name));
        if (defaultFrom === undefined) return expectSame(name, row[name], whole(field));
        expectMade(field, row[name]);
      },
    },
  ];
}

/** Fields of an object that the default leaves out are null in an answer. */
function whole(field: FieldSchema): JsonValue {
  const { fields, default: value = null } = field;
  if (fields === undefined || typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    fields.map((inner) => [inner.name, Reflect.get(value, inner.name) ?? inner.default ?? null]),
  );
}

const MADE = {
  now: /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?Z)?$/,
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/,
  actor: /./,
} as const;

function expectMade({ name, defaultFrom }: FieldSchema, value: unknown): void {
  if (defaultFrom === undefined) return;
  const isMade = typeof value === 'string' && MADE[defaultFrom].test(value);
  expectSame(`${name} looks like ${defaultFrom}`, isMade, true);
}
