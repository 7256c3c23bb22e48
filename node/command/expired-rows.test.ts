import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { schemaOf } from '../http/testing/single-node.ts';
import { mergePatch } from '../merge-patch.ts';
import type { Command, JsonObject } from '../ports/index.ts';
import { createState, type ReplicatedState, restoreState, stateHash } from '../state/index.ts';
import { LeaderSession } from './index.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const SECOND_MS = 1000;

const key = { name: 'id', type: 'string', primaryKey: true };
const SCHEMA = schemaOf([
  {
    name: 'Lease',
    fields: [
      key,
      { name: 'until', type: 'datetime' },
      { name: 'parent', type: 'reference', to: 'Lease', onDelete: 'cascade' },
    ],
    lifecycle: { ttl: { field: 'until', after: '10s' } },
  },
  {
    name: 'Paper',
    fields: [
      key,
      { name: 'lease', type: 'reference', to: 'Lease', onDelete: 'setNull' },
      { name: 'text', type: 'text' },
    ],
  },
  {
    name: 'Item',
    fields: [
      key,
      { name: 'lease', type: 'reference', to: 'Lease', onDelete: 'cascade' },
      { name: 'seen', type: 'reference', to: 'Lease', onDelete: 'setNull' },
    ],
    lifecycle: { softDelete: true, purgeAfter: '20s' },
  },
]);

/** A paper that lost its lease has a title of its own, which may keep the lease. */
const KEEPING = schemaOf([
  {
    name: 'Lease',
    fields: [key, { name: 'until', type: 'datetime' }],
    lifecycle: { ttl: { field: 'until' } },
  },
  {
    name: 'Paper',
    fields: [
      key,
      { name: 'lease', type: 'reference', to: 'Lease', onDelete: 'setNull' },
      { name: 'title', type: 'string' },
    ],
    indexes: [{ fields: ['title'], unique: 'live', where: '!has(self.lease)' }],
  },
]);

/** A paper cannot be written without a lease. */
const RULED = schemaOf([
  {
    name: 'Lease',
    fields: [key, { name: 'until', type: 'datetime' }],
    lifecycle: { ttl: { field: 'until' } },
  },
  {
    name: 'Paper',
    fields: [
      key,
      { name: 'lease', type: 'reference', to: 'Lease', onDelete: 'setNull' },
      { name: 'text', type: 'text' },
    ],
    rules: [{ expr: 'has(self.lease)', message: 'A paper has a lease.' }],
  },
]);

/** A leader whose entries are applied some time after it proposed them. */
class Cluster {
  readonly state: ReplicatedState;
  readonly log: Uint8Array[] = [];
  nowMs = NOW_MS;
  readonly #session: LeaderSession;

  constructor(schema = SCHEMA) {
    this.state = founded(schema);
    this.#session = new LeaderSession(this.state, 1, mergePatch);
  }

  run(command: Command): void {
    this.expire('id' in command ? command : null);
    const actor = { subject: 'ann', method: 'none', roles: [] } as const;
    const envelope = { command, actor, schemaVersion: 1, idempotency: null, timeoutMs: 1000 };
    const done = this.#session.execute(envelope, this.nowMs, (size) => new Uint8Array(size));
    if (done.kind === 'propose') this.#place(done);
  }

  expire(about: { readonly model: string; readonly id: string } | null = null): boolean {
    const done = this.#session.proposeExpiry(this.nowMs, about);
    if (done !== null) this.#place(done);
    return done !== null;
  }

  applyAll(): void {
    while (this.state.appliedIndex < this.log.length) {
      const index = this.state.appliedIndex + 1;
      const data = this.log[index - 1] ?? assert.fail('it has a place in the log');
      const result = this.state.apply(index, 1, data);
      assert.ok(result.kind === 'write' && result.outcome.kind === 'applied');
      this.#session.applied(index);
    }
  }

  #place({ data, ticket }: { data: Uint8Array; ticket: Parameters<LeaderSession['dropped']>[0] }) {
    this.log.push(data);
    this.#session.proposed(ticket, this.log.length);
  }
}

function founded(schema = SCHEMA): ReplicatedState {
  const members = [
    { id: 1, name: 'n1', address: '127.0.0.1:1', diskUuid: 'disk', intent: 'voter' } as const,
  ];
  return createState({ clusterId: 'test', epoch: 1, schema, members, nowMs: NOW_MS });
}

const id = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const until = fc.option(
  fc.integer({ min: -15, max: 30 }).map((s) => new Date(NOW_MS + s * SECOND_MS).toISOString()),
);
const lease = fc.tuple(id, until, fc.option(id)).map(([name, time, parent]): Command => {
  const body: JsonObject = { id: name, until: time, parent };
  return { kind: 'create', model: 'Lease', body };
});
const prolonged = fc.tuple(id, until).map(([name, time]): Command => {
  const patch = JSON.stringify({ until: time });
  return { kind: 'patch', model: 'Lease', id: name, format: 'merge', patch, ifMatch: null };
});
const item = fc.tuple(id, fc.option(id), fc.option(id)).map(([name, of, seen]): Command => {
  const body: JsonObject = { id: name, lease: of, seen };
  return { kind: 'create', model: 'Item', body };
});
const gone = fc
  .tuple(id, fc.constantFrom('Lease', 'Item', 'ItemDeleted'))
  .map(([name, model]): Command => ({ kind: 'delete', model, id: name, ifMatch: null }));
const steps = fc.array(fc.tuple(fc.oneof(lease, prolonged, item, gone), fc.nat(5), fc.boolean()), {
  maxLength: 60,
  size: 'max',
});

function leftover({ state, nowMs }: Cluster): string[] {
  const due = (model: string, field: string, afterMs: number) =>
    Array.from(state.model(model)?.scan({ descending: false }) ?? [])
      .filter(({ json }) => Date.parse(String(JSON.parse(json)[field])) + afterMs <= nowMs)
      .map((row) => `${model} ${row.id}`);
  return [
    ...due('Lease', 'until', 10 * SECOND_MS),
    ...due('ItemDeleted', 'deletedAt', 20 * SECOND_MS),
  ];
}

function assertLinked({ state }: Cluster): void {
  for (const { json } of state.model('Item')?.scan({ descending: false }) ?? []) {
    const { lease: of, seen } = JSON.parse(json);
    for (const target of [of, seen]) {
      assert.ok(target === null || state.versionOf('Lease', target) > 0, json);
    }
  }
}

describe('rows whose time has come', () => {
  it('are all gone after a sweep, with what refers to them, on every member alike', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        const cluster = new Cluster();
        for (const [command, seconds, applies] of sequence) {
          cluster.run(command);
          cluster.nowMs += seconds * SECOND_MS;
          if (applies) cluster.applyAll();
        }
        cluster.applyAll();
        while (cluster.expire()) cluster.applyAll();
        assert.deepEqual(leftover(cluster), []);
        assertLinked(cluster);
        const replayed = founded();
        for (const [at, data] of cluster.log.entries()) replayed.apply(at + 1, 1, data);
        assert.equal(stateHash(replayed), stateHash(cluster.state));
        const restored = await restoreState(replayed.snapshot());
        assert.equal(stateHash(restored), stateHash(cluster.state));
      }),
      { numRuns: 200 },
    );
  });

  it('go whatever rules the rows have that refer to them; a deletion asks these', () => {
    const cluster = new Cluster(RULED);
    const until = new Date(NOW_MS + SECOND_MS).toISOString();
    cluster.run({ kind: 'create', model: 'Lease', body: { id: 'a', until } });
    cluster.run({ kind: 'create', model: 'Paper', body: { id: 'p', lease: 'a' } });
    cluster.applyAll();
    const before = cluster.log.length;
    cluster.run({ kind: 'delete', model: 'Lease', id: 'a', ifMatch: null });
    assert.equal(cluster.log.length, before, 'the deletion is refused');
    cluster.nowMs += 2 * SECOND_MS;
    assert.ok(cluster.expire());
    cluster.applyAll();
    assert.equal(cluster.state.versionOf('Lease', 'a'), 0);
    const paper = cluster.state.find('Paper', 'p');
    assert.equal(JSON.parse(paper?.json ?? '{}').lease, null);
    const patch = JSON.stringify({ text: 'x' });
    cluster.run({ kind: 'patch', model: 'Paper', id: 'p', format: 'merge', patch, ifMatch: null });
    cluster.applyAll();
    assert.equal(
      cluster.state.versionOf('Paper', 'p'),
      paper?.version,
      'its next write must meet them',
    );
  });

  it('go in entries of a bounded size, the one that a command is about first', () => {
    const cluster = new Cluster();
    const until = new Date(NOW_MS).toISOString();
    const bodies = Array.from({ length: 500 }, (_, at) => ({ id: `r${at}`, until }));
    cluster.run({ kind: 'createMany', model: 'Lease', bodies });
    cluster.applyAll();
    cluster.nowMs += 11 * SECOND_MS;
    cluster.expire({ model: 'Lease', id: 'r499' });
    cluster.applyAll();
    assert.equal(cluster.state.versionOf('Lease', 'r499'), 0);
    assert.equal(cluster.state.model('Lease')?.size, 300);
    let entries = 1;
    for (; cluster.expire(); entries++) cluster.applyAll();
    assert.equal(entries, 3);
    assert.equal(cluster.state.model('Lease')?.size, 0);
  });

  it('go in entries of a bounded number of bytes, however large what refers to them', () => {
    const cluster = new Cluster();
    const names = Array.from({ length: 110 }, (_, at) => `r${at}`);
    const until = new Date(NOW_MS).toISOString();
    const bodies = names.map((name) => ({ id: name, until }));
    cluster.run({ kind: 'createMany', model: 'Lease', bodies });
    const text = '\u6f22'.repeat(60_000);
    for (const name of names) {
      const body = { id: name, lease: name, text };
      cluster.run({ kind: 'create', model: 'Paper', body });
    }
    cluster.applyAll();
    cluster.nowMs += 11 * SECOND_MS;
    const before = cluster.log.length;
    while (cluster.expire()) cluster.applyAll();
    const sizes = cluster.log.slice(before).map(({ length }) => length);
    const bound = 17 * 1024 * 1024;
    assert.ok(
      sizes.every((size) => size < bound),
      sizes.join(),
    );
    assert.equal(sizes.length, 2);
    assert.equal(cluster.state.model('Lease')?.size, 0);
    assert.equal(cluster.state.model('Paper')?.size, 110);
  });

  it('are not looked into in front of each command where they cannot go', () => {
    const cluster = new Cluster();
    const until = new Date(NOW_MS).toISOString();
    cluster.run({ kind: 'create', model: 'Lease', body: { id: 'root', until } });
    for (const size of [999, 1]) {
      const bodies = Array.from({ length: size }, (_, at) => ({
        id: `${size}-${at}`,
        parent: 'root',
      }));
      cluster.run({ kind: 'createMany', model: 'Lease', bodies });
    }
    cluster.applyAll();
    cluster.nowMs += 11 * SECOND_MS;
    let asked = 0;
    const { state } = cluster;
    const holders = state.holders.bind(state);
    state.holders = (...of) => {
      asked += of[0] === 'Lease' && of[2].includes('root') ? 1 : 0;
      return holders(...of);
    };
    for (let at = 0; at < 50; at++) {
      cluster.run({ kind: 'create', model: 'Paper', body: { id: `p${at}` } });
    }
    assert.equal(asked, 1);
    const patch = '{}';
    const about = { model: 'Lease', id: 'root', ifMatch: null };
    cluster.run({ kind: 'patch', ...about, format: 'merge', patch });
    assert.equal(asked, 2);
    cluster.run({ kind: 'delete', ...about, id: '1-0' });
    cluster.applyAll();
    cluster.nowMs += SECOND_MS;
    while (cluster.expire()) cluster.applyAll();
    assert.equal(state.model('Lease')?.size, 0);
  });

  it('do not keep later ones from going where they cannot', () => {
    const cluster = new Cluster(KEEPING);
    const create = (model: string, bodies: JsonObject[]) =>
      cluster.run({ kind: 'createMany', model, bodies });
    const first = new Date(NOW_MS + 1).toISOString();
    const later = new Date(NOW_MS + 2).toISOString();
    create('Paper', [{ id: 'free', title: 'one' }]);
    for (let at = 0; at < 1200; at++) {
      create('Lease', [{ id: `r${at}`, until: first }]);
      create('Paper', [{ id: `p${at}`, lease: `r${at}`, title: 'one' }]);
    }
    create('Lease', [{ id: 'later', until: later }]);
    cluster.applyAll();
    for (let second = 0; second < 15; second++) {
      cluster.nowMs += SECOND_MS;
      while (cluster.expire()) cluster.applyAll();
    }
    assert.equal(cluster.state.versionOf('Lease', 'later'), 0);
    assert.equal(cluster.state.model('Lease')?.size, 1200);
    cluster.run({ kind: 'delete', model: 'Paper', id: 'free', ifMatch: null });
    for (let second = 0; second < 130; second++) {
      cluster.nowMs += SECOND_MS;
      while (cluster.expire()) cluster.applyAll();
    }
    assert.equal(cluster.state.model('Lease')?.size, 1199);
  });

  it('go by themselves where what follows from one collides with what follows from another', () => {
    const cluster = new Cluster(KEEPING);
    const until = new Date(NOW_MS + 1).toISOString();
    for (const id of ['a', 'b', 'c']) {
      cluster.run({ kind: 'create', model: 'Lease', body: { id, until } });
      const title = id === 'c' ? 'two' : 'one';
      cluster.run({ kind: 'create', model: 'Paper', body: { id, lease: id, title } });
    }
    cluster.applyAll();
    cluster.nowMs += SECOND_MS;
    while (cluster.expire()) cluster.applyAll();
    const left = Array.from(cluster.state.model('Lease')?.scan({ descending: false }) ?? []);
    assert.deepEqual(
      left.map(({ id }) => id),
      ['b'],
    );
  });
});
