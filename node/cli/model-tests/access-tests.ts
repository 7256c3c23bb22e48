// What callers of each role may do, with models and fields; methods and caching of routes.
import { computedFields, type FieldSchema, METHODS, type ModelSchema } from '@lithair/crds';
import {
  expectProblem,
  expectStatus,
  type ModelTest,
  memberOf,
  NotDerived,
  testOf,
  Unmet,
} from './model-test.ts';
import {
  type AccessBench,
  grantOf,
  mayField,
  type Operation,
  rolesWith,
  storedRow,
} from './row-rights.ts';
import { hasMethod, requireMethod, ruledTests, updated } from './ruled-tests.ts';
import type { SampleRow } from './sample-rows.ts';
import { transitionTests } from './transition-tests.ts';

const OPERATIONS = ['create', 'read', 'update', 'delete'] as const;

export function accessTests(bench: AccessBench): ModelTest[] {
  const { callers, model } = bench;
  return [
    ...routeTests(bench),
    ...callers.roles.flatMap((role) => [
      ...OPERATIONS.flatMap((operation) => operationTests(bench, role, operation)),
      ...pastTests(bench, role),
      ...model.fields.flatMap((field) => fieldTests(bench, role, field)),
      ...transitionsOf(bench, role),
    ]),
  ];
}

/** Of who may update rows at all. */
function transitionsOf(bench: AccessBench, role: string): ModelTest[] {
  const may = grantOf(bench.model, role, 'update') !== 'none';
  return may ? transitionTests(bench, bench.moves, role) : [];
}

function operationTests(bench: AccessBench, role: string, operation: Operation): ModelTest[] {
  const grant = grantOf(bench.model, role, operation);
  // What no method does, nobody does: there is nothing to be denied.
  if (grant === 'none' && !hasMethod(bench.model, operation)) return [];
  if (grant === 'some') return ruledTests(bench, role, operation);
  return [operationTest(bench, role, operation, grant)];
}

function operationTest(
  bench: AccessBench,
  role: string,
  operation: Operation,
  grant: 'all' | 'none',
): ModelTest {
  const { model } = bench;
  const may = grant === 'all' && (operation !== 'create' || isComplete(model, role));
  return testOf(model, `${role} ${may ? 'may' : 'may not'} ${operation}`, async () => {
    requireMethod(model, operation);
    const answer = may
      ? await triedOften(bench, role, operation)
      : await tried(bench, role, operation);
    if (may) expectStatus(answer, 200, 201, 204);
    else expectStatus(answer, ...(role === 'Public' ? [401, 404] : [403, 404]));
  });
}

/** Who may read all rows, and their past or not. */
function pastTests(bench: AccessBench, role: string): ModelTest[] {
  const { model, node, callers } = bench;
  const named = model.permissions?.history;
  const isOwners = named?.includes('Owner') === true && role !== 'Public';
  if (named === undefined || grantOf(model, role, 'read') !== 'all') return [];
  const may = named.some((one) => rolesWith(role).includes(one));
  if (!may && isOwners) return [];
  return [
    testOf(model, `${role} ${may ? 'may' : 'may not'} read the history`, async () => {
      requireMethod(model, 'read');
      const { path } = standing(bench);
      const answer = await node.send('GET', `${path}/history`, { key: callers.keyOf(role) });
      const status = may ? 200 : role === 'Public' ? 401 : 403;
      expectStatus(answer, status);
      const first = await node.send('GET', `${path}?version=1`, { key: callers.keyOf(role) });
      expectStatus(first, status, ...(may ? [404, 410] : []));
    }),
  ];
}

/** Who may not give a value that each row needs cannot create one. */
function isComplete({ fields }: ModelSchema, role: string): boolean {
  return !fields.some(
    (field) =>
      field.required &&
      field.default === undefined &&
      field.defaultFrom === undefined &&
      !mayField(field, 'write', role),
  );
}

async function tried(bench: AccessBench, role: string, operation: Operation) {
  const { node, model, callers, bodies } = bench;
  const key = callers.keyOf(role);
  if (operation === 'create') {
    const body = bodies.pop();
    if (body === undefined) throw new NotDerived('no sample row is left to be made');
    const locked = model.fields.filter((field) => !mayField(field, 'write', role));
    const names = locked.map(({ name }) => name);
    const sent = Object.entries(body).filter(([name]) => !names.includes(name));
    return node.send('POST', model.path, { body: Object.fromEntries(sent), key });
  }
  const row = operation === 'delete' ? taken(bench) : standing(bench);
  if (operation === 'read') return node.send('GET', row.path, { key });
  if (operation === 'delete') return node.send('DELETE', row.path, { key });
  return updated(bench, role, row, {});
}

/** A sample may be taken already, of a field with few values. */
async function triedOften(bench: AccessBench, role: string, operation: Operation) {
  for (;;) {
    const answer = await tried(bench, role, operation);
    if (answer.status !== 409) return answer;
  }
}

function taken({ stock }: AccessBench): SampleRow {
  const row = stock.length > 1 ? stock.pop() : undefined;
  if (row === undefined) throw new NotDerived('no sample row is left');
  return row;
}

function standing({ stock }: AccessBench): SampleRow {
  const [row] = stock;
  if (row === undefined) throw new NotDerived('no sample row could be made');
  return row;
}

function fieldTests(bench: AccessBench, role: string, field: FieldSchema): ModelTest[] {
  const { model } = bench;
  if (field.hidden === true) return [];
  const isWritten = field.permissions?.write !== undefined;
  return [
    ...(grantOf(model, role, 'read') === 'all' ? readTests(bench, role, field) : []),
    ...(isWritten && grantOf(model, role, 'update') === 'all'
      ? [
          ownsAlone(field, 'write', role)
            ? ownedWriteTest(bench, role, field)
            : writeTest(bench, role, field),
        ]
      : []),
  ];
}

/** Of a field that not all may read who may read the row. */
function readTests(bench: AccessBench, role: string, field: FieldSchema): ModelTest[] {
  const sources = sourcesOf(bench.model, field);
  if (sources.every(({ permissions }) => permissions?.read === undefined)) return [];
  if (ownsAlone(field, 'read', role)) {
    return [ownedReadTest(bench, role, field), ownedFilterTest(bench, role, field)];
  }
  // What is made of fields that only owners read is theirs, too.
  if (sources.some((each) => ownsAlone(each, 'read', role))) return [];
  const may = sources.every((each) => mayField(each, 'read', role));
  return [readTest(bench, role, field, may)];
}

/** In rows and in filters. */
function readTest(bench: AccessBench, role: string, { name }: FieldSchema, may: boolean) {
  const { model, node, callers } = bench;
  return testOf(model, `${role} ${may ? 'may' : 'may not'} read ${name}`, async () => {
    requireMethod(model, 'read');
    const answer = await tried(bench, role, 'read');
    expectStatus(answer, 200);
    if (Object.hasOwn(answer.json, name) !== may) throw new Unmet(`the row is ${answer.text}`);
    const path = `${model.path}?${name}[null]=false`;
    const list = await node.send('GET', path, { key: callers.keyOf(role) });
    expectStatus(list, may ? 200 : 400);
  });
}

/** The field itself, and what it is computed of where nothing else says who reads it. */
function sourcesOf(model: ModelSchema, field: FieldSchema): FieldSchema[] {
  const made = computedFields(model).find(({ name }) => name === field.name);
  if (made === undefined || field.permissions?.read !== undefined) return [field];
  const read = model.fields.filter(({ name }) => made.computation.reads.self.has(name));
  return [field, ...read.flatMap((each) => sourcesOf(model, each))];
}

/** Whether callers of a role have a right on a field in the rows that they own alone. */
function ownsAlone(field: FieldSchema, right: 'read' | 'write', role: string): boolean {
  const isNamed = field.permissions?.[right]?.includes('Owner') === true;
  return isNamed && role !== 'Public' && !mayField(field, right, role);
}

function isOwnRow({ model, callers }: AccessBench, role: string, { row }: SampleRow): boolean {
  const owner = model.permissions?.owner;
  return owner !== undefined && storedRow(model, row)[owner] === callers.subjectOf(role);
}

function ownedReadTest(bench: AccessBench, role: string, { name }: FieldSchema): ModelTest {
  const { model, node, callers, stock } = bench;
  return testOf(
    model,
    `${role} may read ${name} of rows that they own, and no others`,
    async () => {
      requireMethod(model, 'read');
      const seen = new Set<boolean>();
      for (const sample of stock) {
        const answer = await node.send('GET', sample.path, { key: callers.keyOf(role) });
        if (answer.status === 404) continue;
        expectStatus(answer, 200);
        const isOwn = isOwnRow(bench, role, sample);
        seen.add(isOwn);
        if (Object.hasOwn(answer.json, name) !== isOwn)
          throw new Unmet(`the row is ${answer.text}`);
      }
      if (seen.size < 2)
        throw new NotDerived('no row was found that they own, or none that they do not');
    },
  );
}

/** In rows of others the field is one without a value. */
function ownedFilterTest(bench: AccessBench, role: string, { name }: FieldSchema): ModelTest {
  const { model, node, callers } = bench;
  return testOf(model, `${role} finds rows by ${name} among those that they own`, async () => {
    requireMethod(model, 'read');
    const path = `${model.path}?${name}[null]=false&limit=1000`;
    const answer = await node.send('GET', path, { key: callers.keyOf(role) });
    expectStatus(answer, 200);
    const { data } = answer.json;
    const rows = Array.isArray(data) ? data : [];
    const other = rows.find((row: unknown) => memberOf(row, name) === undefined);
    if (other !== undefined) throw new Unmet(`found by it: ${JSON.stringify(other)}`);
  });
}

function ownedWriteTest(bench: AccessBench, role: string, { name }: FieldSchema): ModelTest {
  const { model, stock } = bench;
  return testOf(model, `${role} may not write ${name} of rows of others`, async () => {
    requireMethod(model, 'update');
    const sample = stock.find((one) => !isOwnRow(bench, role, one));
    if (sample === undefined) throw new NotDerived('no row of somebody else was found');
    const { row } = sample;
    const value = bench.bodies.map((body) => body[name]).find((one) => isOther(one, row[name]));
    if (value === undefined) throw new NotDerived(`no other value of ${name} was found`);
    const answer = await updated(bench, role, sample, { [name]: value });
    expectProblem(answer, 403, 'forbidden_field');
  });
}

function writeTest(bench: AccessBench, role: string, field: FieldSchema): ModelTest {
  const { model } = bench;
  const { name } = field;
  const may = mayField(field, 'write', role);
  // What neither is read nor written is a name that the model does not have.
  const isKnown = mayField(field, 'read', role) || ownsAlone(field, 'read', role);
  return testOf(model, `${role} ${may ? 'may' : 'may not'} write ${name}`, async () => {
    requireMethod(model, 'update');
    const sample = standing(bench);
    const { row } = sample;
    const value = bench.bodies.map((body) => body[name]).find((one) => isOther(one, row[name]));
    if (value === undefined) throw new NotDerived(`no other value of ${name} was found`);
    const answer = await updated(bench, role, sample, { [name]: value });
    if (!may && !isKnown) return expectProblem(answer, 400, 'invalid');
    if (!may) return expectProblem(answer, 403, 'forbidden_field');
    if (memberOf(answer.json, 'code') === 'immutable_field') return;
    expectStatus(answer, 200);
    // Who comes next must send another value than the one that the row has now.
    bench.stock[0] = { ...sample, row: { ...row, [name]: value } };
  });
}

function isOther(one: unknown, other: unknown): boolean {
  return one !== undefined && one !== null && JSON.stringify(one) !== JSON.stringify(other);
}

/** Tried by somebody who has every role. */
function routeTests(bench: AccessBench): ModelTest[] {
  const { model, node, callers, stock } = bench;
  const key = callers.keyOf('everything');
  const path = (method: string) =>
    method === 'POST' ? model.path : `${model.path}/${stock[0]?.id ?? 'some-row'}`;
  const closed = METHODS.filter((method) => model.methods?.includes(method) === false);
  const tests = closed.map((method) =>
    testOf(model, `http.methods: ${method} is not taken`, async () => {
      const more = method === 'GET' || method === 'DELETE' ? {} : { body: {} };
      const sent = await node.send(method, path(method), { ...more, key });
      expectProblem(sent, 405, 'method_not_allowed');
    }),
  );
  const hidden = model.fields.filter((field) => field.hidden === true).map(({ name }) => name);
  for (const name of hidden) tests.push(hiddenTest(bench, name));
  if (model.cacheSeconds === undefined) return tests;
  const seconds = model.cacheSeconds;
  return [
    ...tests,
    testOf(model, `caching: what is read may be kept for ${seconds} s`, async () => {
      requireMethod(model, 'read');
      const answer = await node.send('GET', standing(bench).path, { key });
      const header = answer.headers.get('cache-control') ?? '';
      if (!header.includes(`max-age=${seconds}`)) throw new Unmet(`Cache-Control is ${header}`);
    }),
  ];
}

function hiddenTest(bench: AccessBench, name: string): ModelTest {
  const { model, node, callers } = bench;
  return testOf(model, `${name}: hidden: who has every role does not see it`, async () => {
    requireMethod(model, 'read');
    const key = callers.keyOf('everything');
    const answer = await node.send('GET', standing(bench).path, { key });
    if (Object.hasOwn(answer.json, name)) throw new Unmet(`the row is ${answer.text}`);
  });
}
