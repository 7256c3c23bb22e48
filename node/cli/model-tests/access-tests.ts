// What callers of each role may do, with models and fields; methods and caching of routes.
import { type FieldSchema, METHODS, type ModelSchema } from '@lithair/crds';
import {
  expectProblem,
  expectStatus,
  type ModelTest,
  memberOf,
  NotDerived,
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
import { requireMethod, ruledTests } from './ruled-tests.ts';
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

function test({ name }: ModelSchema, what: string, run: () => Promise<void>): ModelTest {
  return { model: name, name: what, run };
}

function operationTests(bench: AccessBench, role: string, operation: Operation): ModelTest[] {
  const grant = grantOf(bench.model, role, operation);
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
  return test(model, `${role} ${may ? 'may' : 'may not'} ${operation}`, async () => {
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
    test(model, `${role} ${may ? 'may' : 'may not'} read the history`, async () => {
      requireMethod(model, 'read');
      const { path } = standing(bench);
      const answer = await node.send('GET', `${path}/history`, { key: callers.keyOf(role) });
      expectStatus(answer, may ? 200 : role === 'Public' ? 401 : 403);
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
  const { path } = operation === 'delete' ? taken(bench) : standing(bench);
  if (operation === 'read') return node.send('GET', path, { key });
  if (operation === 'delete') return node.send('DELETE', path, { key });
  return node.patch(path, {}, key);
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
  const { name, permissions } = field;
  const tests: ModelTest[] = [];
  const isRead = permissions?.read !== undefined && grantOf(model, role, 'read') === 'all';
  const isWritten = permissions?.write !== undefined && grantOf(model, role, 'update') === 'all';
  if (isRead && ownsAlone(field, 'read', role)) {
    tests.push(ownedReadTest(bench, role, field));
  } else if (isRead) {
    const may = mayField(field, 'read', role);
    tests.push(
      test(model, `${role} ${may ? 'may' : 'may not'} read ${name}`, async () => {
        requireMethod(model, 'read');
        const answer = await tried(bench, role, 'read');
        expectStatus(answer, 200);
        if (Object.hasOwn(answer.json, name) !== may) throw new Unmet(`the row is ${answer.text}`);
      }),
    );
  }
  if (isWritten && ownsAlone(field, 'write', role)) {
    tests.push(ownedWriteTest(bench, role, field));
  } else if (isWritten) tests.push(writeTest(bench, role, field));
  return tests;
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
  return test(model, `${role} may read ${name} of rows that they own, and no others`, async () => {
    requireMethod(model, 'read');
    const seen = new Set<boolean>();
    for (const sample of stock) {
      const answer = await node.send('GET', sample.path, { key: callers.keyOf(role) });
      if (answer.status === 404) continue;
      expectStatus(answer, 200);
      const isOwn = isOwnRow(bench, role, sample);
      seen.add(isOwn);
      if (Object.hasOwn(answer.json, name) !== isOwn) throw new Unmet(`the row is ${answer.text}`);
    }
    if (seen.size < 2)
      throw new NotDerived('no row was found that they own, or none that they do not');
  });
}

function ownedWriteTest(bench: AccessBench, role: string, { name }: FieldSchema): ModelTest {
  const { model, node, callers, stock } = bench;
  return test(model, `${role} may not write ${name} of rows of others`, async () => {
    requireMethod(model, 'update');
    const sample = stock.find((one) => !isOwnRow(bench, role, one));
    if (sample === undefined) throw new NotDerived('no row of somebody else was found');
    const { path, row } = sample;
    const value = bench.bodies.map((body) => body[name]).find((one) => isOther(one, row[name]));
    if (value === undefined) throw new NotDerived(`no other value of ${name} was found`);
    const answer = await node.patch(path, { [name]: value }, callers.keyOf(role));
    expectProblem(answer, 403, 'forbidden_field');
  });
}

function writeTest(bench: AccessBench, role: string, field: FieldSchema): ModelTest {
  const { model, node, callers } = bench;
  const { name } = field;
  const may = mayField(field, 'write', role);
  return test(model, `${role} ${may ? 'may' : 'may not'} write ${name}`, async () => {
    requireMethod(model, 'update');
    const { path, row } = standing(bench);
    const value = bench.bodies.map((body) => body[name]).find((one) => isOther(one, row[name]));
    if (value === undefined) throw new NotDerived(`no other value of ${name} was found`);
    const answer = await node.patch(path, { [name]: value }, callers.keyOf(role));
    if (!may && !mayField(field, 'read', role)) return expectProblem(answer, 400, 'invalid');
    if (!may) return expectProblem(answer, 403, 'forbidden_field');
    if (memberOf(answer.json, 'code') === 'immutable_field') return;
    expectStatus(answer, 200);
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
    test(model, `http.methods: ${method} is not taken`, async () => {
      const more = method === 'GET' || method === 'DELETE' ? {} : { body: {} };
      const sent = await node.send(method, path(method), { ...more, key });
      expectProblem(sent, 405, 'method_not_allowed');
    }),
  );
  if (model.cacheSeconds === undefined) return tests;
  const seconds = model.cacheSeconds;
  return [
    ...tests,
    test(model, `caching: what is read may be kept for ${seconds} s`, async () => {
      requireMethod(model, 'read');
      const answer = await node.send('GET', standing(bench).path, { key });
      const header = answer.headers.get('cache-control') ?? '';
      if (!header.includes(`max-age=${seconds}`)) throw new Unmet(`Cache-Control is ${header}`);
    }),
  ];
}
