// Rules between fields, computed fields, and what is remembered of a row.
import { setTimeout as sleep } from 'node:timers/promises';
import { computedFields, type ModelSchema } from '@lithair/crds';
import { historyRules } from '../../history/index.ts';
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
import { type CompiledRule, completed, holdsOfNew, rulesOf, searchBody } from './row-search.ts';
import { changedBody } from './row-tests.ts';
import type { SampleRow } from './sample-rows.ts';
import { sampleValue } from './sample-values.ts';

export function ruleTests(bench: Bench): ModelTest[] {
  return [
    ...rulesOf(bench.model).map((rule) => ruleTest(bench, rule)),
    ...computedTests(bench),
    ...pastTests(bench),
    ...deletionTests(bench),
  ];
}

const NONE_FOUND = 'no row that breaks it was found by a bounded search';

function ruleTest(bench: Bench, rule: CompiledRule): ModelTest {
  const { node, model } = bench;
  const isOfChanges = rule.expression.reads.old.size > 0;
  return {
    model: model.name,
    name: `rule ${rule.expression.text}: refuses what breaks it`,
    async run() {
      const answer = isOfChanges ? await brokenChange(bench, rule) : await brokenRow(bench, rule);
      expectProblem(answer, 422, 'rule_broken');
      if (answer.text.includes(JSON.stringify(rule.message).slice(1, -1))) return;
      throw new Unmet(`the answer does not say ${JSON.stringify(rule.message)}`);
    },
  };

  async function brokenRow({ rows }: Bench, { expression }: CompiledRule) {
    const base = await rows.body(model);
    const others = rulesOf(model).filter(({ expression: other }) => other.text !== expression.text);
    const texts = [expression.text];
    const varied = [...expression.reads.self];
    const isBroken = (row: JsonObject) => !expression.holds({ self: row });
    const alone = searchBody(
      model,
      base,
      varied,
      texts,
      (row) => isBroken(row) && others.every((other) => holdsOfNew(other, row)),
    );
    const body = alone ?? searchBody(model, base, varied, texts, isBroken);
    if (body === null) throw new NotDerived(NONE_FOUND);
    return node.send('POST', model.path, { body });
  }

  async function brokenChange({ rows }: Bench, { expression }: CompiledRule) {
    const row = await rows.create(model);
    const old = completed(model, row.body);
    const base = await changedBody(bench, row);
    const fixed = model.fields.filter((field) => field.immutable).map(({ name }) => name);
    const varied = [...expression.reads.self].filter((name) => !fixed.includes(name));
    const body = searchBody(
      model,
      base,
      varied,
      [expression.text],
      (self) => !expression.holds({ self, old }),
    );
    if (body === null) throw new NotDerived(NONE_FOUND);
    return node.send('PUT', row.path, { body });
  }
}

function computedTests({ node, rows, model }: Bench): ModelTest[] {
  return computedFields(model).map(({ name, computation }) => ({
    model: model.name,
    name: `${name}: computed ${computation.text}: is what it says, and nothing else is taken`,
    async run() {
      const { row, body } = await rows.create(model);
      const fields = model.fields.filter((field) => field.hidden !== true);
      const stored = Object.fromEntries(fields.map((field) => [field.name, row[field.name]]));
      const whole = { ...completed(model, body), ...asJson(stored) };
      expectSame(name, row[name] ?? null, computation.valueOf(whole));
      const field = model.fields.find((each) => each.name === name);
      if (field === undefined || field.hidden === true) return;
      const other = [1, 2, 3]
        .map((n) => sampleValue(field, n))
        .find((value) => JSON.stringify(value) !== JSON.stringify(row[name]));
      if (other === undefined) return;
      const sent = { ...(await rows.body(model)), [name]: other };
      const answer = await node.send('POST', model.path, { body: sent });
      if (answer.status === 201) expectSame(name, answer.json[name], other);
      else expectProblem(answer, 422, 'computed_field', `/${name}`);
    },
  }));
}

function asJson(value: Readonly<Record<string, unknown>>): JsonObject {
  const parsed: JsonObject = JSON.parse(JSON.stringify(value));
  return parsed;
}

function pastTests(bench: Bench): ModelTest[] {
  const { node, rows, model } = bench;
  const test = (name: string, run: () => Promise<void>) => ({ model: model.name, name, run });
  if (historyRules(model) === null) {
    return [
      test('no history is kept', async () => {
        const { path } = await rows.create(model);
        expectStatus(await node.send('GET', `${path}/history`), 404);
      }),
    ];
  }
  return [
    test('history: a new row has its first version', async () => {
      const { path } = await rows.create(model);
      const [version] = await listed(bench, `${path}/history`);
      expectSame('the version', memberOf(version, 'version'), 1);
    }),
    ...(model.lifecycle?.audited === true
      ? [
          test('audited: events tell who changed a row', async () => {
            const { path } = await rows.create(model);
            const [event] = await listed(bench, `${path}/events`);
            expectSame('the subject', memberOf(memberOf(event, 'actor'), 'subject'), 'anonymous');
          }),
        ]
      : []),
    ...auditTests(bench),
    ...eventTests(bench),
    ...versionTests(bench),
  ];
}

/** Of fields that say it themselves. */
function auditTests(bench: Bench): ModelTest[] {
  const { model, rows } = bench;
  const fields = model.fields.filter(({ audited, hidden }) => audited === true && hidden !== true);
  return fields.map((field) => ({
    model: model.name,
    name: `${field.name}: audited: events tell who changed it`,
    async run() {
      const row = await rows.create(model);
      await expectTold(bench, row, field.name);
      if (field.immutable || field.computed !== undefined) return;
      await change(bench, row, [field.name]);
      await expectTold(bench, row, field.name);
    },
  }));
}

/** The newest event says that a field changed, and who changed it. */
async function expectTold(bench: Bench, { path }: SampleRow, field: string): Promise<void> {
  const [event] = await listed(bench, `${path}/events`);
  expectSame('the subject', memberOf(memberOf(event, 'actor'), 'subject'), 'anonymous');
  if (memberOf(memberOf(event, 'changes'), field) === undefined) {
    throw new Unmet(`the newest event tells of no change of ${field}`);
  }
}

const ORDERED_WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 20;

/**
 * Waits until what was written last to a row is ordered, where nodes take writes by themselves: before
 * that it has no place in the past.
 */
async function ordered({ node, model }: Bench, path: string): Promise<void> {
  if (model.consistency !== 'eventual') return;
  const row = path.slice(0, path.search(/\/(history|events)/));
  for (let waitedMs = 0; waitedMs < ORDERED_WITHIN_MS; waitedMs += LOOK_EVERY_MS) {
    const { status, headers } = await node.send('GET', row);
    if (headers.has('lithair-version')) return;
    const { data } = (await node.send('GET', `${row}/history?limit=1`)).json;
    const isGone = Array.isArray(data) && memberOf(data[0], 'data') === null;
    if (status === 404 && isGone) return;
    await sleep(LOOK_EVERY_MS);
  }
}

async function listed(bench: Bench, path: string): Promise<readonly unknown[]> {
  await ordered(bench, path);
  const { node } = bench;
  const answer = await node.send('GET', path);
  expectStatus(answer, 200);
  const { data } = answer.json;
  if (Array.isArray(data)) return data;
  throw new Unmet(`${path} lists nothing`);
}

/** Named events of creations and deletions; those of updates depend on what changed. */
function eventTests(bench: Bench): ModelTest[] {
  const { node, rows, model } = bench;
  return (model.events ?? []).flatMap(({ type, when, fields }) => {
    if (when === 'update' && fields === undefined && !hasChange(model)) return [];
    return [
      {
        model: model.name,
        name: `event ${type}: when ${when}${fields === undefined ? '' : ` of ${fields.join(', ')}`}`,
        async run() {
          const row = await rows.create(model);
          if (when === 'delete') expectStatus(await node.send('DELETE', row.path), 204);
          if (when === 'update') await change(bench, row, fields);
          const [newest] = await listed(bench, `${row.path}/events`);
          const events = await listed(bench, `${row.path}/events`);
          const newestVersion = memberOf(newest, 'version');
          const types = events
            .filter((event) => memberOf(event, 'version') === newestVersion)
            .map((event) => memberOf(event, 'type'));
          if (!types.includes(type)) throw new Unmet(`the events are ${types.join(', ')}`);
        },
      },
    ];
  });
}

function hasChange(model: ModelSchema): boolean {
  return model.fields.some((field) => !field.immutable);
}

/** Changes a row, at least in one of these fields. */
async function change(bench: Bench, row: SampleRow, fields?: readonly string[]) {
  for (let tried = 0; tried < 6; tried++) {
    const body = await changedBody(bench, row);
    const isOther = (name: string) => JSON.stringify(body[name]) !== JSON.stringify(row.body[name]);
    if (fields !== undefined && !fields.some(isOther)) continue;
    const answer = await bench.node.send('PUT', row.path, { body });
    if (answer.json['code'] === 'rule_broken') continue;
    return expectStatus(answer, 200);
  }
  throw new NotDerived('no change of these fields was found');
}

const MOST_VERSIONS = 25;

/** Values of versions that are older than those that keep them are gone. */
function versionTests(bench: Bench): ModelTest[] {
  const { rows, model } = bench;
  return model.fields.flatMap((field): ModelTest[] => {
    const { historize, name, hidden } = field;
    if (hidden === true || name === model.primaryKey || !hasChange(model)) return [];
    const most = historize === undefined ? model.lifecycle?.versioned : depthOf(historize);
    if (most === undefined) return [];
    return [
      {
        model: model.name,
        name: `${name}: ${most === 1 ? 'the present value alone' : `${most} versions`} kept`,
        async run() {
          if (most > MOST_VERSIONS) throw new NotDerived(`${most} versions are too many to try`);
          const row = await rows.create(model);
          for (let n = 0; n < most; n++) await change(bench, row);
          const versions = await listed(bench, `${row.path}/history?limit=100`);
          const kept = versions.filter((version) => hasValue(version, name)).length;
          if (kept > most) throw new Unmet(`${kept} versions keep a value of ${name}`);
          if (kept < Math.min(most, versions.length)) throw new Unmet(`${kept} versions keep one`);
        },
      },
    ];
  });
}

function depthOf({ mode, versions }: { mode: string; versions?: number }): number | undefined {
  if (mode === 'never') return 1;
  return mode === 'versions' ? versions : undefined;
}

function hasValue(version: unknown, name: string): boolean {
  return memberOf(memberOf(version, 'data'), name) !== undefined;
}

function deletionTests(bench: Bench): ModelTest[] {
  const { node, rows, model } = bench;
  const test = (name: string, run: () => Promise<void>) => ({ model: model.name, name, run });
  const deletes = test('a row is deleted', async () => {
    const { path } = await rows.create(model);
    expectStatus(await node.send('DELETE', path), 204);
    expectStatus(await node.send('GET', path), 404);
  });
  if (model.lifecycle?.softDelete !== true) return [deletes];
  const below = (row: SampleRow) => `${model.path}/_deleted/${encodeURIComponent(row.id)}`;
  return [
    deletes,
    test('softDelete: a deleted row is listed, and comes back', async () => {
      const row = await rows.create(model);
      expectStatus(await node.send('DELETE', row.path), 204);
      const deleted = await node.send('GET', below(row));
      expectStatus(deleted, 200);
      expectStatus(await node.send('POST', `${below(row)}/restore`), 200);
      expectSame('what came back', (await node.send('GET', row.path)).json, row.row);
      expectStatus(await node.send('GET', below(row)), 404);
    }),
    test('softDelete: a deleted row is removed for good', async () => {
      const row = await rows.create(model);
      expectStatus(await node.send('DELETE', row.path), 204);
      expectStatus(await node.send('DELETE', below(row)), 204);
      expectStatus(await node.send('POST', `${below(row)}/restore`), 404);
    }),
  ];
}
