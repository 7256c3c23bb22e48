import { compileSchema, type LithairModelSpec, type ModelSchema, type Schema } from '@lithair/crds';
import type { JsonObject } from '../../ports/index.ts';
import { type AccessBench, accessTests } from './access-tests.ts';
import { Callers } from './callers.ts';
import { type Bench, type ModelTest, NotDerived, Unmet } from './model-test.ts';
import { openedSpec, whatIsLeftOut, withoutPlaces } from './opened-spec.ts';
import type { Report } from './report.ts';
import { searchBody } from './row-search.ts';
import { rowTests } from './row-tests.ts';
import { ruleTests } from './rule-tests.ts';
import { type SampleRow, SampleRows } from './sample-rows.ts';
import { ThrowAwayNode } from './throw-away-node.ts';
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
    const models = schema.models.filter(({ deletedOf }) => deletedOf === undefined);
    for (const what of whatIsLeftOut(spec)) report.leftOut(what);
    for (const model of models) await runAll(dataTests({ node, rows, model }, schema));
    const callers = new Callers(spec);
    const benches: AccessBench[] = [];
    for (const model of models) benches.push(await stocked({ node, rows, model }, spec, callers));
    await node.become(callers.admitted(withoutPlaces(spec)));
    const real = compileSchema(callers.admitted(withoutPlaces(spec)));
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
): Promise<AccessBench> {
  const stock: SampleRow[] = [];
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
    await addOwned(bench, stock, rights.owner, callers);
    await addConditional(bench, stock, conditions);
  } catch (error) {
    if (!(error instanceof NotDerived)) throw error;
  }
  return { ...bench, callers, stock, bodies };
}

/** Put in front, since rows are taken from the end. */
async function addOwned(
  { rows, model }: Bench,
  stock: SampleRow[],
  owner: string | undefined,
  callers: Callers,
): Promise<void> {
  const field = model.fields.find(({ name }) => name === owner);
  if (field === undefined || field.type === 'reference') return;
  for (const subject of callers.subjects) {
    stock.unshift(await rows.create(model, { [field.name]: subject }));
  }
}

async function addConditional(
  { rows, model }: Bench,
  stock: SampleRow[],
  conditions: readonly string[],
): Promise<void> {
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
