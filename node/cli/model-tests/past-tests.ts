// What is remembered of a row: versions, events, and who it was.
import { setTimeout as sleep } from 'node:timers/promises';
import type { FieldSchema, ModelSchema } from '@lithair/crds';
import { changedBody } from './changed-body.ts';
import {
  type Bench,
  expectSame,
  expectStatus,
  type ModelTest,
  memberOf,
  NotDerived,
  Unmet,
} from './model-test.ts';
import type { SampleRow } from './sample-rows.ts';

export function pastTests(bench: Bench): ModelTest[] {
  const { node, rows, model } = bench;
  const test = (name: string, run: () => Promise<void>) => ({ model: model.name, name, run });
  if (!keepsPast(model)) {
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
  const changes = Object.keys(objectOf(memberOf(event, 'changes')));
  if (!changes.includes(field)) throw new Unmet(`the newest event tells of no change of ${field}`);
  const isAudited = (name: string) =>
    bench.model.fields.some((one) => one.name === name && one.audited);
  const untold = changes.find((name) => !isAudited(name));
  if (untold !== undefined) throw new Unmet(`${untold} is told of, and is not audited`);
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

export async function listed(bench: Bench, path: string): Promise<readonly unknown[]> {
  await ordered(bench, path);
  const { node } = bench;
  const answer = await node.send('GET', path);
  expectStatus(answer, 200);
  const { data } = answer.json;
  if (Array.isArray(data)) return data;
  throw new Unmet(`${path} lists nothing`);
}

/** Named events, each after the change that it is, and after another one. */
function eventTests(bench: Bench): ModelTest[] {
  const { node, rows, model } = bench;
  const test = (name: string, run: () => Promise<void>) => ({ model: model.name, name, run });
  return (model.events ?? []).flatMap(({ type, when, fields }) => {
    if (when === 'update' && fields === undefined && !hasChange(model)) return [];
    const what = `event ${type}: when ${when}${fields === undefined ? '' : ` of ${fields.join(', ')}`}`;
    const told = test(what, async () => {
      const row = await rows.create(model);
      if (when === 'delete') expectStatus(await node.send('DELETE', row.path), 204);
      if (when === 'update') await change(bench, row, fields);
      const types = await newestTypes(bench, row);
      if (!types.includes(type)) throw new Unmet(`the events are ${types.join(', ')}`);
    });
    const untold = test(`${what}, and no other change`, async () => {
      const row = await rows.create(model);
      if (when === 'update' && fields !== undefined) await changeOthers(bench, row, fields);
      else if (when !== 'update') await change(bench, row);
      const types = await newestTypes(bench, row);
      if (types.includes(type)) throw new Unmet(`the events are ${types.join(', ')}`);
    });
    return when === 'update' || hasChange(model) ? [told, untold] : [told];
  });
}

/** What the newest change of a row is called. */
export async function newestTypes(bench: Bench, { path }: Pick<SampleRow, 'path'>) {
  const events = await listed(bench, `${path}/events`);
  const newest = memberOf(events[0], 'version');
  const ofNewest = events.filter((event) => memberOf(event, 'version') === newest);
  return ofNewest.map((event) => memberOf(event, 'type'));
}

/** Changes a row in none of these fields. */
async function changeOthers(bench: Bench, row: SampleRow, fields: readonly string[]) {
  const kept = Object.fromEntries(
    Object.entries(row.body).filter(([name]) => fields.includes(name)),
  );
  for (let tried = 0; tried < 6; tried++) {
    const body = { ...(await changedBody(bench, row)), ...kept };
    for (const name of fields) if (kept[name] === undefined) delete body[name];
    const answer = await bench.node.send('PUT', row.path, { body });
    const isSame = fields.every(
      (name) => JSON.stringify(answer.json[name]) === JSON.stringify(row.row[name]),
    );
    if (answer.json['code'] === 'rule_broken' || !isSame) continue;
    return expectStatus(answer, 200);
  }
  throw new NotDerived('no change of other fields was found');
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
/** Of fields that are kept in every version. */
const CHANGES = 3;

/** Values of versions that are older than those that keep them are gone; others are there. */
function versionTests(bench: Bench): ModelTest[] {
  const { rows, model } = bench;
  return model.fields.flatMap((field): ModelTest[] => {
    const { name, hidden } = field;
    if (hidden === true || name === model.primaryKey || !hasChange(model)) return [];
    const most = depthOf(model, field);
    return [
      {
        model: model.name,
        name: `${name}: ${depthInWords(most)} kept`,
        async run() {
          if (most !== Infinity && most > MOST_VERSIONS) {
            throw new NotDerived(`${most} versions are too many to try`);
          }
          const row = await rows.create(model);
          const changes = most === Infinity ? CHANGES : most;
          for (let n = 0; n < changes; n++) await change(bench, row);
          const versions = await listed(bench, `${row.path}/history?limit=100`);
          const kept = versions.filter((version) => hasValue(version, name)).length;
          if (kept > most) throw new Unmet(`${kept} versions keep a value of ${name}`);
          if (kept < Math.min(most, versions.length)) throw new Unmet(`${kept} versions keep one`);
          const oldest = versions.at(-1);
          if (most < Infinity || name === model.primaryKey) return;
          expectSame(
            `${name} of the first version`,
            memberOf(memberOf(oldest, 'data'), name),
            row.row[name],
          );
        },
      },
    ];
  });
}

function depthInWords(depth: number): string {
  if (depth === Infinity) return 'every version is';
  return depth === 1 ? 'the present value alone' : `${depth} versions`;
}

/** In how many versions a value can be read: what the field says goes before what its model says. */
function depthOf({ lifecycle }: ModelSchema, { historize, audited }: FieldSchema): number {
  if (historize?.mode === 'full') return Infinity;
  if (historize?.mode === 'never') return 1;
  return historize?.versions ?? lifecycle?.versioned ?? keptDepth(lifecycle, audited);
}

/** Where nothing says how many versions. */
function keptDepth(lifecycle: ModelSchema['lifecycle'], audited: boolean | undefined): number {
  const isKept = audited === true || lifecycle?.audited === true;
  return isKept || lifecycle?.retention !== undefined ? Infinity : 1;
}

/** Whether the model says of anything that its past is kept. */
export function keepsPast({ lifecycle, fields }: ModelSchema): boolean {
  const { versioned, audited, retention } = lifecycle ?? {};
  if (versioned !== undefined || audited === true || retention !== undefined) return true;
  return fields.some(
    ({ historize, audited: isAudited }) =>
      isAudited === true || (historize !== undefined && historize.mode !== 'never'),
  );
}

function hasValue(version: unknown, name: string): boolean {
  return memberOf(memberOf(version, 'data'), name) !== undefined;
}

function objectOf(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}
