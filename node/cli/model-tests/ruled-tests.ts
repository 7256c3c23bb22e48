// Rights on some rows: each operation is tried on rows that it is open for, and on others.
import type { JsonValue, ModelSchema } from '@lithair/crds';
import { compileExpression } from '@lithair/crds';
import type { JsonObject } from '../../ports/index.ts';
import { expectStatus, type ModelTest, NotDerived, told, Unmet } from './model-test.ts';
import {
  type AccessBench,
  conditionsOf,
  lets,
  mayField,
  type Operation,
  opens,
  storedRow,
} from './row-rights.ts';
import { completed, searchBody } from './row-search.ts';
import type { SampleRow } from './sample-rows.ts';
import type { Answer } from './throw-away-node.ts';

/** Tests of an operation that a role may do with some rows. */
export function ruledTests(bench: AccessBench, role: string, operation: Operation): ModelTest[] {
  const test = (what: string, run: () => Promise<void>): ModelTest => ({
    model: bench.model.name,
    name: `${role} ${what}`,
    async run() {
      requireMethod(bench.model, operation);
      await run();
    },
  });
  switch (operation) {
    case 'read':
      return [test('may read some rows, and no others', () => reads(bench, role))];
    case 'create':
      return [
        test('may create some rows', () => creates(bench, role, true)),
        test('may not create others', () => creates(bench, role, false)),
      ];
    case 'update':
      return [
        test('may update some rows', () => updates(bench, role)),
        test('may not update others', () => refusesUpdate(bench, role)),
        test('may not leave a row as others alone may', () => refusesLeaving(bench, role)),
      ];
    case 'delete':
      return [
        test('may not delete other rows than some', () => refusesDeletion(bench, role)),
        test('may delete some rows', () => deletes(bench, role)),
      ];
  }
}

const METHODS_OF = {
  create: ['POST'],
  read: ['GET'],
  update: ['PATCH', 'PUT'],
  delete: ['DELETE'],
} as const;

export function hasMethod({ methods }: ModelSchema, operation: Operation): boolean {
  return methods === undefined || METHODS_OF[operation].some((method) => methods.includes(method));
}

/** @throws NotDerived where the model takes no method of an operation */
export function requireMethod(model: ModelSchema, operation: Operation): void {
  if (hasMethod(model, operation)) return;
  throw new NotDerived(`the model has no ${METHODS_OF[operation].join(' and no ')}`);
}

/** Changes a row as a role, by PATCH, or by PUT where that is what the model takes. */
export async function updated(
  bench: AccessBench,
  role: string,
  { path, row }: SampleRow,
  change: JsonObject,
): Promise<Answer> {
  const { node, model, callers } = bench;
  const key = callers.keyOf(role);
  if (model.methods?.includes('PATCH') !== false) return node.patch(path, change, key);
  const { [model.primaryKey]: _, ...whole } = sendable(bench, role, storedRow(model, row));
  return node.send('PUT', path, { body: { ...whole, ...change }, key });
}

async function reads(bench: AccessBench, role: string): Promise<void> {
  const { model, node, callers, stock } = bench;
  const verdicts = new Set<boolean>();
  for (const { path, row } of stock) {
    const isOpen = opens(bench, role, 'read', storedRow(model, row));
    const { status } = await node.send('GET', path, { key: callers.keyOf(role) });
    if (status === 404 && isOpen) throw new Unmet(`a row that is open is not there: ${path}`);
    if (status === 200 && !isOpen) throw new Unmet(`a row that is closed is shown: ${path}`);
    if (status === 200 || status === 404) verdicts.add(isOpen);
  }
  if (verdicts.size < 2) throw new NotDerived('no row was found that is open, or none that is not');
}

async function updates(bench: AccessBench, role: string): Promise<void> {
  const { model } = bench;
  const row = found(bench, bench.stock, (self) => {
    return opens(bench, role, 'update', self) && lets(bench, role, self, self);
  });
  const answer = await updated(bench, role, row, {});
  expectStatus(answer, 200);
  if (answer.json[model.primaryKey] !== row.id) throw new Unmet(`another row: ${told(answer)}`);
}

async function refusesUpdate(bench: AccessBench, role: string): Promise<void> {
  const row = found(bench, bench.stock, (self) => !opens(bench, role, 'update', self));
  const answer = await updated(bench, role, row, {});
  expectClosed(bench, role, row, answer);
}

async function refusesDeletion(bench: AccessBench, role: string): Promise<void> {
  const { node, callers } = bench;
  const row = found(bench, bench.stock, (self) => !opens(bench, role, 'delete', self));
  const answer = await node.send('DELETE', row.path, { key: callers.keyOf(role) });
  expectClosed(bench, role, row, answer);
}

async function deletes(bench: AccessBench, role: string): Promise<void> {
  const { node, callers, doomed } = bench;
  // One that may not be read is not known to be there, but may go.
  const row = found(bench, doomed, (self) => {
    return opens(bench, role, 'delete', self) && opens(bench, role, 'read', self);
  });
  const key = callers.keyOf(role);
  const answer = await node.send('DELETE', row.path, { key });
  expectStatus(answer, 204);
  doomed.splice(doomed.indexOf(row), 1);
  expectStatus(await node.send('GET', row.path, { key }), 404);
}

/** A row that may not be read is one that is not there. */
function expectClosed(bench: AccessBench, role: string, row: SampleRow, answer: Answer): void {
  const isShown = opens(bench, role, 'read', storedRow(bench.model, row.row));
  expectStatus(answer, ...(isShown ? denied(role) : [404]));
}

function denied(role: string): number[] {
  return role === 'Public' ? [401, 403] : [403];
}

function found(
  { model }: AccessBench,
  rows: readonly SampleRow[],
  isWanted: (row: JsonObject) => boolean,
): SampleRow {
  const row = rows.find((each) => isWanted(storedRow(model, each.row)));
  if (row !== undefined) return row;
  throw new NotDerived('no such row was found among the samples');
}

/** A change after which the row would be one that the role may not leave like this. */
async function refusesLeaving(bench: AccessBench, role: string): Promise<void> {
  const { model } = bench;
  for (const row of bench.stock) {
    const old = storedRow(model, row.row);
    if (!opens(bench, role, 'update', old) || !opens(bench, role, 'read', old)) continue;
    const changes = variations(bench, role, 'update', sendable(bench, role, old))
      .filter((body) => !lets(bench, role, { ...old, ...body }, old))
      .map((body) => difference(body, old));
    // What changes nothing leaves the row as it is, whoever may.
    const change = changes.find((each) => Object.keys(each).length > 0);
    if (change === undefined) continue;
    return expectStatus(await updated(bench, role, row, change), ...denied(role));
  }
  throw new NotDerived('no change was found after which the row is not open');
}

async function creates(bench: AccessBench, role: string, may: boolean): Promise<void> {
  const { node, callers, model, bodies } = bench;
  for (const [at, given] of bodies.entries()) {
    const bare = sendable(bench, role, given);
    const choices = variations(bench, role, 'create', bare);
    const body = choices.find((each) => lets(bench, role, stored(bench, role, each), null) === may);
    if (body === undefined) continue;
    bodies.splice(at, 1);
    const answer = await node.send('POST', model.path, { body, key: callers.keyOf(role) });
    return expectStatus(answer, ...(may ? [201] : denied(role)));
  }
  throw new NotDerived(`no row was found that may ${may ? '' : 'not '}be created`);
}

/** What a role may send of a row. */
function sendable({ model }: AccessBench, role: string, row: JsonObject): JsonObject {
  const isSent = (name: string): boolean => {
    const field = model.fields.find((each) => each.name === name);
    const isMade = field === undefined || field.computed !== undefined || field.hidden === true;
    return !isMade && mayField(field, 'write', role);
  };
  return Object.fromEntries(Object.entries(row).filter(([name]) => isSent(name)));
}

function stored(bench: AccessBench, role: string, body: JsonObject): JsonObject {
  const { id } = { id: bench.callers.subjectOf(role) };
  const actors = bench.model.fields.filter(({ defaultFrom }) => defaultFrom === 'actor');
  const made = actors.map(({ name }): [string, JsonValue] => [name, body[name] ?? id]);
  return completed(bench.model, { ...body, ...Object.fromEntries(made) });
}

/** Bodies that differ in what the rules of a role speak of: other values, and other owners. */
function variations(
  bench: AccessBench,
  role: string,
  operation: 'create' | 'update',
  body: JsonObject,
): JsonObject[] {
  const { model, callers } = bench;
  const texts = conditionsOf(model, role, operation).flatMap(({ using, check }) =>
    [using, check].flatMap((text) => text ?? []),
  );
  const read = texts.flatMap((text) => [
    ...compileExpression(model, text, ['self', 'old', 'actor']).reads.self,
  ]);
  const free = [...new Set(read)].filter((name) => isFree(bench, role, operation, name));
  const owner = model.permissions?.owner;
  const owned = owner === undefined || !free.includes(owner) ? [] : callers.subjects;
  const bodies = [body, ...owned.map((subject) => ({ ...body, [owner ?? '']: subject }))];
  for (let skip = 1; skip <= MOST_VARIED; skip++) {
    let left = skip;
    const other = searchBody(model, body, free, texts, () => left-- === 0);
    if (other !== null) bodies.push(other);
  }
  return bodies;
}

const MOST_VARIED = 12;

function isFree({ model }: AccessBench, role: string, operation: string, name: string): boolean {
  const field = model.fields.find((each) => each.name === name);
  if (field === undefined || name === model.primaryKey || !mayField(field, 'write', role)) {
    return false;
  }
  const isFixed = operation === 'update' && field.immutable;
  return !isFixed && field.states === undefined && field.computed === undefined;
}

function difference(body: JsonObject, old: JsonObject): JsonObject {
  const others = Object.entries(body).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(old[name]),
  );
  return Object.fromEntries(others);
}
