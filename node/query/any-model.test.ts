import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Schema } from '@lithair/crds';
import fc from 'fast-check';
import { SingleNode, schemaOf } from '../http/testing/single-node.ts';
import { LocalModel } from '../outbox/local-model.ts';
import type { LocalRow } from '../outbox/local-rows.ts';
import type { JsonObject } from '../ports/index.ts';
import type { BodyFile, ModelState } from '../state/index.ts';
import type { RowScope } from './index.ts';
import {
  anyList,
  anyModel,
  anyRows,
  type SampleList,
  type SampleModel,
} from './testing/any-model.ts';
import { CheckedLists } from './testing/checked-lists.ts';
import { conditionOf, FIELDS, ID } from './testing/sample-fields.ts';

const limits = fc.integer({ min: 1, max: 6 });

function withLists(sample: SampleModel) {
  const lists = fc.array(anyList(sample), { minLength: 4, maxLength: 8 });
  return fc.record({ model: fc.constant(sample.model), lists });
}

function nodeWith(schema: Schema, rows: readonly JsonObject[]): SingleNode {
  const node = new SingleNode(schema);
  put(node, rows);
  return node;
}

function put(node: SingleNode, rows: readonly JsonObject[]): void {
  for (const body of rows) {
    const { schemaVersion } = node.current;
    const command = { kind: 'create', model: 'Thing', body } as const;
    const actor = { subject: 'test', method: 'none', roles: [] } as const;
    const given = { command, actor, schemaVersion, idempotency: null, timeoutMs: 1000 };
    const outcome = node.execute(given);
    assert.equal(outcome.kind, 'applied', JSON.stringify(outcome));
  }
}

function modelOf(node: SingleNode): ModelState {
  const model = node.current.model('Thing');
  assert.ok(model);
  return model;
}

function checked(node: SingleNode): CheckedLists {
  return new CheckedLists(modelOf(node), node.current.schema);
}

const samples = anyModel.chain(withLists);

test('lists are what comparing row by row gives, whatever indexes there are', async () => {
  const runs = fc.asyncProperty(samples, anyRows, limits, async ({ model, lists }, rows, limit) => {
    const node = nodeWith(schemaOf([model]), rows);
    for (const list of lists) await checked(node).agree(rows, list, limit);
  });
  await fc.assert(runs, { numRuns: 150 });
});

/** A field that rows get later: they read otherwise than they were written. */
const MORE = { name: 'more', type: 'string', default: 'é' };

test('so they are of rows that were written under other indexes', async () => {
  const runs = fc.asyncProperty(
    fc.record({ before: anyModel, sample: samples, hasMore: fc.boolean() }),
    anyRows,
    limits,
    async ({ before, sample: { model, lists }, hasMore }, rows, limit) => {
      const first = schemaOf([before.model]);
      const fields = hasMore ? [...model.fields, MORE] : model.fields;
      const next = schemaOf([{ ...model, fields }]);
      const half = rows.length >> 1;
      const node = nodeWith(first, rows.slice(0, half));
      if (JSON.stringify(first) !== JSON.stringify(next)) node.changeSchema(next);
      put(node, rows.slice(half));
      for (const list of lists) await checked(node).agree(rows, list, limit);
    },
  );
  await fc.assert(runs, { numRuns: 60 });
});

/** Leaves the rows that there are to a snapshot in memory. */
function leaveRows({ current }: SingleNode): void {
  const snapshot = current.snapshot();
  const chunks = Array.from(snapshot, (chunk) => [Buffer.alloc(8), chunk.slice()]);
  const content = Buffer.concat(chunks.flat());
  const file: BodyFile = {
    appliedIndex: current.appliedIndex,
    read: (target, position) => content.copy(target, 0, position),
    readAhead: async () => {},
    damaged: (position) => assert.fail(`damaged at ${position}`),
    close: () => {},
  };
  snapshot.leaveTo(file);
  while (!current.coolSome());
}

test('so they are of rows that are in a file', async () => {
  const runs = fc.asyncProperty(samples, anyRows, limits, async ({ model, lists }, rows, limit) => {
    const adaptive = { ...model, persistence: { memory: 'adaptive', cacheMiB: 1 } };
    const half = rows.length >> 1;
    const node = nodeWith(schemaOf([adaptive]), rows.slice(0, half));
    leaveRows(node);
    put(node, rows.slice(half));
    for (const list of lists) await checked(node).agree(rows, list, limit);
  });
  await fc.assert(runs, { numRuns: 60 });
});

/** What a node took by itself over what is ordered: rows, and rows that it deleted. */
function overlaid(node: SingleNode, own: SingleNode, gone: readonly string[]): LocalModel {
  const stamp = { wallMs: 2 ** 44, counter: 0, memberId: 1 };
  const rows = new Map<string, LocalRow>();
  for (const id of gone) rows.set(id, { id, sequence: 1, stamp, json: null, keys: [] });
  for (const { id, json, keys } of modelOf(own).scan({ descending: false })) {
    rows.set(id, { id, sequence: 2, stamp, json, keys });
  }
  return new LocalModel(modelOf(node), rows);
}

test('so they are of rows that a node took by itself', async () => {
  const runs = fc.asyncProperty(
    samples,
    anyRows,
    anyRows,
    limits,
    async ({ model, lists }, ordered, local, limit) => {
      const schema = schemaOf([model]);
      const [node, own] = [nodeWith(schema, ordered), nodeWith(schema, local)];
      const gone = ordered.filter((_, at) => at % 5 === 0).map(({ id }) => id);
      const hidden = new Set([...gone, ...local.map(({ id }) => id)]);
      const rows = [...ordered.filter(({ id }) => !hidden.has(id)), ...local];
      const all = new CheckedLists(overlaid(node, own, gone), schema);
      for (const list of lists) await all.agree(rows, list, limit);
    },
  );
  await fc.assert(runs, { numRuns: 60 });
});

/** Rows with one of some values in one of some fields, which is what those conditions say. */
const anyScope = fc
  .array(
    fc.constantFrom(...[ID, ...FIELDS].filter(({ isExact }) => isExact)).chain((field) =>
      fc.subarray([...field.values], { minLength: 1, maxLength: 2 }).map((values) => {
        return {
          way: { field: field.name, values },
          condition: conditionOf(field, 'in', values.map(String)),
        };
      }),
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((parts): { scope: RowScope; holds: SampleList['conditions'][number]['holds'] } => {
    const holds = (row: JsonObject) => parts.some(({ condition }) => condition.holds(row));
    return { scope: { lets: holds, ways: parts.map(({ way }) => [way]) }, holds };
  });

test('so they are of the rows that a caller may read', async () => {
  const runs = fc.asyncProperty(
    samples,
    anyScope,
    anyRows,
    limits,
    async ({ model, lists }, { scope, holds }, rows, limit) => {
      const node = nodeWith(schemaOf([model]), rows);
      const own = rows.filter(holds);
      for (const list of lists) await checked(node).agree(own, list, limit, scope);
    },
  );
  await fc.assert(runs, { numRuns: 80 });
});
