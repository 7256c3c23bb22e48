import { compileSchema, type LithairModelSpec, type ModelSchema, type Schema } from '@lithair/crds';
import type { JsonObject } from '../../ports/index.ts';
import { accessTests } from './access-tests.ts';
import { Callers } from './callers.ts';
import { type Bench, type ModelTest, NotDerived, Unmet } from './model-test.ts';
import { openedSpec, spokenSpec, whatIsLeftOut } from './opened-spec.ts';
import type { Report } from './report.ts';
import type { AccessBench } from './row-rights.ts';
import { searchBody } from './row-search.ts';
import { rowTests } from './row-tests.ts';
import { ruleTests } from './rule-tests.ts';
import { type SampleRow, SampleRows } from './sample-rows.ts';
import { hasStates, pathTo, type StateField, walked } from './state-walks.ts';
import { ThrowAwayNode } from './throw-away-node.ts';
import { prepareMoves } from './transition-tests.ts';
import { valueTests } from './value-tests.ts';

export interface ModelTestOptions {
  /** Only tests whose model or name contains this. */
  readonly filter: string;
  readonly report: Report;
}

/** Rows of each model that permissions are tried with. */
const STOCK = 40;

/**
 * Derives the tests of all models, and runs them: what rows are first, on a node where everybody may
 * everything; then, on the same rows, who may do what.
 *
 * @throws CliError where the node itself fails
 */
export async function runModelTests(
  spec: LithairModelSpec,
  { filter, report }: ModelTestOptions,
): Promise<void> {
  const opened = openedSpec(spec);
  const node = await ThrowAwayNode.start(opened);
  try {
    const schema = compileSchema(opened);
    const rows = new SampleRows(node, schema);
    const models = schema.models.filter((model) => (model.deletedOf ?? model.usedBy) === undefined);
    for (const what of whatIsLeftOut(spec)) report.leftOut(what);
    for (const model of models) {
      for (const test of dataTests({ node, rows, model }, schema)) {
        await runAll([test]);
        await node.clear();
      }
    }
    const callers = new Callers(spec);
    const benches: AccessBench[] = [];
    for (const model of models)
      benches.push(await stocked({ node, rows, model }, spec, callers, schema));
    await node.become(callers.admitted(spokenSpec(spec)));
    const real = compileSchema(callers.admitted(spokenSpec(spec)));
    for (const bench of benches) {
      const model = real.models.find(({ name }) => name === bench.model.name) ?? bench.model;
      await runAll(accessTests({ ...bench, model }));
    }
  } finally {
    await node.close();
  }

  async function runAll(tests: readonly ModelTest[]): Promise<void> {
    for (const test of tests) {
      if (!`${test.model} ${test.name}`.includes(filter)) continue;
      await runOne(test, report);
    }
  }
}

function dataTests(bench: Bench, schema: Schema): ModelTest[] {
  return [...valueTests(bench), ...rowTests(bench, schema), ...ruleTests(bench)];
}

async function runOne(test: ModelTest, report: Report): Promise<void> {
  const { model, name } = test;
  const startedMs = performance.now();
  const elapsedMs = () => performance.now() - startedMs;
  try {
    await test.run();
    report.passed(model, name, elapsedMs());
  } catch (error) {
    if (error instanceof NotDerived) return report.notDerived(model, name, error.message);
    if (!(error instanceof Unmet)) throw error;
    report.failed(model, name, elapsedMs(), error.message);
  }
}

/** Rows of all kinds that rights may depend on, and bodies of rows that are not there yet. */
async function stocked(
  bench: Bench,
  spec: LithairModelSpec,
  callers: Callers,
  schema: Schema,
): Promise<AccessBench> {
  const stock: SampleRow[] = [];
  const doomed: SampleRow[] = [];
  const bodies: JsonObject[] = [];
  const model = spec.models.find(({ name }) => name === bench.model.name);
  const rights = model?.permissions ?? {};
  const conditions = [
    ...(rights.publicIf === undefined ? [] : [rights.publicIf]),
    ...(rights.rows ?? []).flatMap(({ using }) => (using === undefined ? [] : [using])),
  ];
  const wanted = callers.roles.length === 0 ? 2 : Math.min(STOCK, 4 + 3 * callers.roles.length);
  try {
    for (let n = 0; n < wanted; n++) stock.push(await bench.rows.create(bench.model));
    for (let n = 0; n < wanted; n++) bodies.push(await bench.rows.body(bench.model));
    for (const rows of [stock, doomed]) {
      await addOwned(bench, rows, rights.owner, callers, schema);
      await addConditional(bench, rows, conditions);
    }
  } catch (error) {
    if (!(error instanceof NotDerived)) throw error;
  }
  const moves = await movesOf(bench, spec, callers);
  return { ...bench, callers, stock, doomed, moves, bodies };
}

/** The model that is tried says nothing of roles; the one that is declared does. */
async function movesOf(bench: Bench, spec: LithairModelSpec, callers: Callers) {
  if (callers.roles.length === 0) return [];
  const { models } = compileSchema(callers.admitted(spokenSpec(spec)));
  const declared = models.find(({ name }) => name === bench.model.name);
  const subjects = callers.roles.map((role) => callers.subjectOf(role));
  return declared === undefined ? [] : prepareMoves(bench, declared, subjects);
}

/** Put in front, since rows are taken from the end. */
async function addOwned(
  { rows, model }: Bench,
  stock: SampleRow[],
  owner: string | undefined,
  callers: Callers,
  schema: Schema,
): Promise<void> {
  const field = model.fields.find(({ name }) => name === owner);
  if (field === undefined) return;
  const target = schema.models.find(({ name }) => name === field.to);
  for (const subject of callers.subjects) {
    if (target !== undefined) await addSubject(rows, target, subject);
    stock.unshift(await rows.create(model, { [field.name]: subject }));
  }
}

/** A row that stands for a caller, where an owner is a reference to one. */
async function addSubject(rows: SampleRows, target: ModelSchema, subject: string): Promise<void> {
  const isThere = await rows.has(target, subject);
  if (!isThere) await rows.create(target, { [target.primaryKey]: subject });
}

async function addConditional(
  { node, rows, model }: Bench,
  stock: SampleRow[],
  conditions: readonly string[],
): Promise<void> {
  for (const text of conditions) await addInStates({ node, rows, model }, stock, text);
  const names = model.fields.map(({ name }) => name);
  for (const text of conditions) {
    const varied = names.filter((name) => text.includes(`self.${name}`));
    // Different values of what a condition speaks of make both kinds of rows likely.
    for (let n = 0; n < 6; n++) {
      let skipped = 0;
      const base = await rows.body(model);
      const body = searchBody(model, base, varied, [text], () => skipped++ >= n * 7);
      if (body === null) continue;
      const given = Object.entries(body).filter(([name]) => varied.includes(name));
      stock.unshift(await createdOrFirst(rows, model, stock, Object.fromEntries(given)));
    }
  }
}

/** Rows begin in one state: those in others are brought there, where a condition speaks of states. */
async function addInStates(bench: Bench, stock: SampleRow[], condition: string): Promise<void> {
  const fields = bench.model.fields.filter(hasStates);
  for (const field of fields.filter(({ name }) => condition.includes(`self.${name}`))) {
    for (const to of field.values ?? []) stock.unshift(...(await inState(bench, field, to)));
  }
}

/** None where no way leads there. */
async function inState(bench: Bench, field: StateField, to: string): Promise<SampleRow[]> {
  const { initial, transitions } = field.states;
  try {
    const steps = pathTo(transitions, initial, to);
    const row = await walked(bench, field.name, { steps, from: to, to, last: [], given: {} });
    // What it has become, not as it was made.
    return [{ ...row, row: (await bench.node.send('GET', row.path)).json }];
  } catch (error) {
    if (error instanceof NotDerived) return [];
    throw error;
  }
}

async function createdOrFirst(
  rows: SampleRows,
  model: ModelSchema,
  [first]: readonly SampleRow[],
  given: JsonObject,
): Promise<SampleRow> {
  try {
    return await rows.create(model, given);
  } catch (error) {
    if (error instanceof NotDerived && first !== undefined) return first;
    throw error;
  }
}
