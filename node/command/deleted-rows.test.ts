import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_CHANGES } from '../entry/index.ts';
import { type SendOptions, serveApi } from '../http/testing/served-api.ts';
import { SingleNode, schemaOf } from '../http/testing/single-node.ts';
import type { Command, Outcome } from '../ports/index.ts';
import { neededBySchema, restoreState, stateHash } from '../state/index.ts';

const key = { name: 'id', type: 'string', primaryKey: true };
const name = { name: 'name', type: 'string', unique: true };
const tree = { name: 'under', type: 'reference', to: 'Node', onDelete: 'cascade' };
const HARD = { name: 'Node', fields: [key, name, tree] };
const SOFT = { ...HARD, lifecycle: { softDelete: true } };

function run(node: SingleNode, command: Command): Outcome {
  const actor = { subject: 'ann', method: 'none', roles: [] } as const;
  const { schemaVersion } = node.current;
  return node.execute({ command, actor, schemaVersion, idempotency: null, timeoutMs: 1000 });
}

function mustRun(node: SingleNode, command: Command): void {
  const outcome = run(node, command);
  assert.equal(outcome.kind, 'applied', JSON.stringify(outcome));
}

const create = (id: string, more: Record<string, string> = {}): Command => ({
  kind: 'create',
  model: 'Node',
  body: { id, ...more },
});
const remove = (id: string, model = 'Node'): Command => ({
  kind: 'delete',
  model,
  id,
  ifMatch: null,
});
const restore = (id: string): Command => ({
  kind: 'restore',
  model: 'NodeDeleted',
  id,
  ifMatch: null,
});

const idsOf = (node: SingleNode, model: string) =>
  Array.from(node.current.model(model)?.scan({ descending: false }) ?? [], ({ id }) => id);

describe('deleted rows', () => {
  it('tell one event for each thing that happens to them', () => {
    const told: string[] = [];
    const node = new SingleNode(schemaOf([SOFT]), {
      onEvent: ({ type, sequence }) => void told.push(`${sequence} ${type}`),
    });
    for (const command of [create('a'), remove('a'), restore('a'), remove('a')]) {
      mustRun(node, command);
    }
    mustRun(node, remove('a', 'NodeDeleted'));
    assert.deepEqual(told, [
      '1 NodeCreated',
      '2 NodeDeleted',
      '3 NodeRestored',
      '4 NodeDeleted',
      '5 NodePurged',
    ]);
  });

  it('are in snapshots, and come back from what was restored of one', async () => {
    const node = new SingleNode(schemaOf([SOFT]));
    mustRun(node, create('a', { name: 'A' }));
    mustRun(node, remove('a'));
    const restored = await restoreState(node.current.snapshot());
    assert.equal(stateHash(restored), stateHash(node.current));
    assert.equal(
      restored.find('NodeDeleted', 'a')?.json,
      node.current.find('NodeDeleted', 'a')?.json,
    );
  });

  it('begin to be kept when the model says so, and follow its later changes', () => {
    const node = new SingleNode(schemaOf([HARD]));
    mustRun(node, create('a', { name: 'A' }));
    mustRun(node, remove('a'));
    mustRun(node, create('b', { name: 'B' }));
    node.changeSchema(schemaOf([SOFT]));
    assert.equal(node.current.schemaVersion, 2);
    mustRun(node, remove('b'));
    assert.deepEqual(idsOf(node, 'NodeDeleted'), ['b']);
    const rank = { name: 'rank', type: 'integer', default: 7 };
    node.changeSchema(schemaOf([{ ...SOFT, fields: [...SOFT.fields, rank] }]));
    assert.equal(node.current.schemaVersion, 3);
    mustRun(node, restore('b'));
    assert.equal(
      node.current.find('Node', 'b')?.json,
      JSON.stringify({ id: 'b', name: 'B', under: null, rank: 7 }),
    );
  });

  it('of a cascade stand in one entry, which has its bound', () => {
    const node = new SingleNode(schemaOf([SOFT]));
    const bodies = Array.from({ length: MAX_CHANGES / 2 }, (_, at) => ({
      id: `n${at}`,
      ...(at > 0 && { under: 'n0' }),
    }));
    mustRun(node, { kind: 'createMany', model: 'Node', bodies });
    mustRun(node, create('more', { under: 'n0' }));
    const outcome = run(node, remove('n0'));
    assert.ok(outcome.kind === 'rejected');
    assert.equal(outcome.code, 'cascade_too_large');
    mustRun(node, remove('more'));
    mustRun(node, remove('n0'));
    assert.deepEqual(idsOf(node, 'Node'), []);
    assert.equal(idsOf(node, 'NodeDeleted').length, MAX_CHANGES / 2 + 1);
  });

  it('of a cascade have one bound of bytes with the rows that it sets to null', () => {
    const text = { name: 'text', type: 'text' };
    const owner = { name: 'of', type: 'reference', to: 'Node', onDelete: 'setNull' };
    const node = new SingleNode(
      schemaOf([
        { ...SOFT, fields: [...SOFT.fields, text] },
        { name: 'Memo', fields: [key, owner, text] },
      ]),
    );
    const long = 'x'.repeat(9_000_000);
    mustRun(node, create('a', { text: long }));
    mustRun(node, { kind: 'create', model: 'Memo', body: { id: 'm', of: 'a', text: long } });
    const outcome = run(node, remove('a'));
    assert.ok(outcome.kind === 'rejected' && outcome.code === 'cascade_too_large');
    mustRun(node, remove('m', 'Memo'));
    mustRun(node, remove('a'));
    assert.deepEqual(idsOf(node, 'NodeDeleted'), ['a']);
  });

  it('need members that know of them', () => {
    assert.equal(neededBySchema(schemaOf([SOFT])), 7);
    assert.ok(neededBySchema(schemaOf([HARD])) < 7);
  });

  it('are written about by nobody under the name of their model', async () => {
    const api = await serveApi([SOFT]);
    try {
      const send = (method: string, path: string, options?: SendOptions) =>
        api.send(method, path, options);
      await send('POST', '/api/nodes', { body: { id: 'a' } });
      await send('DELETE', '/api/nodes/a');
      assert.equal((await send('GET', '/api/nodes?deletedAt[null]=false')).status, 400);
      assert.equal((await send('GET', '/api/nodes/_deleted?deletedBy=anonymous')).status, 200);
    } finally {
      await api.close();
    }
  });
});
