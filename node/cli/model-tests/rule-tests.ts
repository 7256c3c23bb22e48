// Rules between fields, computed fields, and what a deletion leaves.
import { computedFields } from '@lithair/crds';
import type { JsonObject } from '../../ports/index.ts';
import { changedBody } from './changed-body.ts';
import {
  type Bench,
  expectProblem,
  expectSame,
  expectStatus,
  type ModelTest,
  NotDerived,
  Unmet,
} from './model-test.ts';
import { pastTests } from './past-tests.ts';
import { type CompiledRule, completed, holdsOfNew, rulesOf, searchBody } from './row-search.ts';
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
    // Values beside those that the row has are tried, too.
    const texts = [expression.text, ...varied.map((name) => JSON.stringify(old[name] ?? null))];
    const isBroken = (self: JsonObject) => !expression.holds({ self, old });
    const body = searchBody(model, base, varied, texts, isBroken);
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
