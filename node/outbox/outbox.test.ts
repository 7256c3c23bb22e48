import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { canonicalJson } from '@lithair/crds';
import { EngineError, type Outcome } from '../ports/index.ts';
import { stateHash } from '../state/index.ts';
import { indexKey } from '../values/index.ts';
import { OutboxError } from './index.ts';
import { LocalNode, MEMBERS, memoModel, Order, schemaOf } from './testing/local-node.ts';

const A = '018f0000-0000-7000-8000-00000000000a';
const B = '018f0000-0000-7000-8000-00000000000b';

async function started(memberId = 1, order = new Order()): Promise<LocalNode> {
  const node = new LocalNode(memberId, order);
  await node.start();
  return node;
}

/** Lets a node send what it has, and waits until all of it is ordered. */
async function drained(node: LocalNode): Promise<void> {
  node.connected = true;
  node.outbox.kick();
  while (node.outbox.status.writes > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  node.connected = false;
}

function rowOf(outcome: Outcome) {
  assert.equal(outcome.kind, 'applied');
  const [row] = outcome.kind === 'applied' ? outcome.aggregates : [];
  assert.ok(row !== undefined);
  return row;
}

function codeOf(outcome: Outcome): string {
  return outcome.kind === 'rejected' ? outcome.code : outcome.effect;
}

function keyOf(text: string) {
  return indexKey({ type: 'string', nullable: false }, text);
}

void describe('an outbox', () => {
  void it('answers a write once it is on the disk, and shows it from then on', async () => {
    const node = await started();
    const pending = node.create(A, 'one');
    // Nothing that a crash could take back may be shown.
    assert.equal(node.text(A), null);
    const outcome = await pending;
    assert.ok(outcome.kind === 'applied');
    assert.equal(outcome.durability, 'local');
    assert.equal(rowOf(outcome).version, 0);
    assert.equal(node.text(A), 'one');
    assert.equal(node.outbox.status.writes, 1);
  });

  void it('knows what is not there of what it took itself, too', async () => {
    const tag = { name: 'tag', type: 'string', index: 'bloom' };
    const node = new LocalNode(1, new Order(), schemaOf([memoModel([tag])]));
    await node.start();
    const body = { id: A, text: 'one', tag: 'seen' };
    const lacks = (text: string) =>
      node.outbox.view(node.state).model('Memo')?.lacks('tag', keyOf(text));
    assert.deepEqual([lacks('seen'), lacks('unseen')], [true, true]);
    await node.submit({ kind: 'create', model: 'Memo', body });
    assert.deepEqual([lacks('seen'), lacks('unseen')], [false, true]);
    await drained(node);
    node.catchUp();
    assert.deepEqual([lacks('seen'), lacks('unseen')], [false, true]);
  });

  void it('keeps what it answered through a power cut', async () => {
    const node = await started();
    for (let at = 0; at < 20; at++) await node.create(idOf(at), `text ${at}`);
    await node.submit({ kind: 'delete', model: 'Memo', id: idOf(3), ifMatch: null });
    await node.restart();
    for (let at = 0; at < 20; at++)
      assert.equal(node.text(idOf(at)), at === 3 ? null : `text ${at}`);
    assert.equal(node.outbox.status.writes, 21);
  });

  void it('builds each write on the ones before, also on those that are not on the disk yet', async () => {
    const node = await started();
    const body = { id: A, text: 'one', kind: 'x' };
    const creating = node.submit({ kind: 'create', model: 'Memo', body });
    const patch = '{"text":"two"}';
    const command = { kind: 'patch', model: 'Memo', id: A, format: 'merge', patch } as const;
    const patching = node.submit({ ...command, ifMatch: null });
    assert.equal(codeOf(await creating), 'created');
    assert.equal(rowOf(await patching).json, `{"id":"${A}","text":"two","kind":"x"}`);
    assert.equal(codeOf(await node.create(A, 'again')), 'already_exists');
    const gone = { kind: 'delete', model: 'Memo', id: B, ifMatch: null } as const;
    assert.equal(codeOf(await node.submit(gone)), 'not_found');
  });

  void it('records a write that changes nothing, which must win over earlier ones elsewhere', async () => {
    const order = new Order();
    const [near, far] = [await started(1, order), await started(2, order)];
    await near.create(A, 'one');
    await drained(near);
    far.catchUp();
    await far.submit(replaceOf('two'));
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(codeOf(await near.submit(replaceOf('one'))), 'updated');
    await drained(near);
    await drained(far);
    near.catchUp();
    assert.deepEqual([near.text(A), far.text(A)], ['one', 'one']);
  });

  void it('sends what it has in batches, once, and forgets it when it is ordered', async () => {
    const node = new LocalNode(1, new Order(), undefined, { batchWrites: 8 });
    await node.start();
    await Promise.all(Array.from({ length: 50 }, (_, at) => node.create(idOf(at), String(at))));
    await drained(node);
    assert.deepEqual(
      node.sent.map(({ writes }) => writes.length).filter((length) => length > 8),
      [],
    );
    assert.equal(node.state.localWrites.sequenceOf(1), 50);
    assert.deepEqual(node.outbox.status.writes, 0);
    assert.equal(node.state.model('Memo')?.size, 50);
    assert.equal(node.outbox.view(node.state), node.state, 'nothing is overlaid any more');
  });

  void it('that starts with an older state shows what it took all the same', async () => {
    const node = await started();
    await node.create(A, 'one');
    const applied = node.state.appliedIndex;
    node.knowsCommit = false;
    await drained(node);
    await node.restart(applied);
    assert.equal(node.text(A), 'one');
    node.catchUp();
    assert.equal(node.outbox.status.writes, 0);
    assert.equal(node.text(A), 'one');
  });

  void it('goes on behind its last stamp, whatever its clock says', async () => {
    const node = await started();
    const { clock } = node;
    await node.create(A, 'one');
    node.clock = { ...clock, nowMs: () => clock.nowMs() - 3_600_000 };
    await node.submit(replaceOf('two'));
    assert.equal(node.text(A), 'two');
    await drained(node);
    await node.submit(replaceOf('three'));
    assert.equal(node.text(A), 'three', 'after it was ordered');
    await drained(node);
    assert.equal(node.text(A), 'three');
  });

  void it('yields to a later write of another node as soon as that is ordered', async () => {
    const order = new Order();
    const [near, far] = [await started(1, order), await started(2, order)];
    await near.create(A, 'earlier');
    await new Promise((resolve) => setTimeout(resolve, 5));
    await far.create(A, 'later');
    await drained(far);
    near.catchUp();
    assert.equal(near.text(A), 'later');
    await drained(near);
    far.catchUp();
    assert.deepEqual([near.text(A), far.text(A)], ['later', 'later']);
    assert.equal(near.outbox.status.conflicts, 1);
    assert.equal(stateHash(near.state), stateHash(far.state));
  });
});

function replaceOf(text: string) {
  const body = { id: A, text };
  const command = { kind: 'replace', model: 'Memo', id: A, body, onlyIfAbsent: false } as const;
  return { ...command, ifMatch: null };
}

function idOf(at: number): string {
  return `018f0000-0000-7000-8000-${String(at).padStart(12, '0')}`;
}

void describe('an outbox in need', () => {
  void it('refuses writes when it is full, and takes them again when some are ordered', async () => {
    const node = new LocalNode(1, new Order(), undefined, { maxWrites: 3 });
    await node.start();
    for (let at = 0; at < 3; at++) await node.create(idOf(at), 'x');
    await assert.rejects(node.create(idOf(3), 'x'), hasCode('overloaded'));
    await drained(node);
    assert.equal(codeOf(await node.create(idOf(3), 'x')), 'created');
  });

  void it('refuses writes while its disk is below the reserve', async () => {
    const node = await started();
    node.spaceIsLow = true;
    await assert.rejects(node.create(A, 'x'), hasCode('out_of_space'));
    assert.equal(node.outbox.status.writes, 0);
  });

  void it('that was lost is noticed, and never begun anew', async () => {
    const order = new Order();
    const node = await started(1, order);
    await node.create(A, 'one');
    await drained(node);
    const other = new LocalNode(1, order);
    other.catchUp();
    await assert.rejects(other.start(), (error) => {
      assert.ok(error instanceof OutboxError);
      assert.match(error.message, /has ordered 1 writes of member 1, and its outbox ends at 0/);
      return true;
    });
  });

  void it('ends the node where its disk fails', async () => {
    const node = await started();
    await node.create(A, 'one');
    node.fs.injectFaults(({ kind }) => (kind === 'sync' ? new Error('EIO') : null));
    void node.create(B, 'two');
    while (node.failure === null) await new Promise((resolve) => setImmediate(resolve));
    await assert.rejects(node.create(idOf(1), 'x'), hasCode('unavailable'));
    assert.equal(node.text(B), null);
  });

  void it('leaves its file alone once it is stopped, though the log still has news for it', async () => {
    const node = await started();
    const news: (() => void)[] = [];
    node.onceDurable = (done) => void news.push(done);
    await node.create(A, 'one');
    await drained(node);
    node.catchUp();
    assert.equal(news.length, 1, 'what is ordered is about to be given up');
    await node.stop();
    for (const done of news) done();
    assert.equal(node.failure, null);
  });

  void it('leaves its file alone once its disk has failed', async () => {
    const node = await started();
    const news: (() => void)[] = [];
    node.onceDurable = (done) => void news.push(done);
    await node.create(A, 'one');
    await drained(node);
    node.fs.injectFaults(({ kind }) => (kind === 'sync' ? new Error('EIO') : null));
    void node.create(B, 'two');
    while (node.failure === null) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(news.length, 1, 'what is ordered is about to be given up');
    for (const done of news) done();
  });
});

function hasCode(code: string) {
  return (error: unknown) => error instanceof EngineError && error.code === code;
}

void describe('a request with an idempotency key', () => {
  const creation = { kind: 'create', model: 'Memo', body: { text: 'x' } } as const;

  void it('is done once by a node, before and after it was ordered', async () => {
    const node = await started();
    const first = await node.submit(creation, 'key');
    const again = await node.submit(creation, 'key');
    assert.ok(again.kind === 'applied' && again.replayed);
    assert.equal(rowOf(again).id, rowOf(first).id);
    assert.equal(codeOf(await node.submit(creation, 'key', 'other')), 'idempotency_key_reuse');
    await node.restart();
    assert.equal(rowOf(await node.submit(creation, 'key')).id, rowOf(first).id);
    await drained(node);
    const ordered = await node.submit(creation, 'key');
    assert.ok(ordered.kind === 'applied' && ordered.replayed && ordered.durability === undefined);
    assert.equal(node.state.model('Memo')?.size, 1);
  });

  void it('is the same row on a node that does not know of it yet, and done once in the order', async () => {
    const order = new Order();
    const [near, far] = [await started(1, order), await started(2, order)];
    const [one, two] = [await near.submit(creation, 'key'), await far.submit(creation, 'key')];
    assert.equal(rowOf(one).id, rowOf(two).id);
    await drained(near);
    await drained(far);
    near.catchUp();
    assert.equal(near.state.model('Memo')?.size, 1);
    assert.equal(near.state.model('Memo')?.versionOf(rowOf(one).id), 1);
    assert.equal(stateHash(near.state), stateHash(far.state));
  });
});

void describe('a model that changes while writes wait', () => {
  void it('is followed: new fields get what old rows get', async () => {
    const order = new Order();
    const node = await started(1, order);
    await node.create(A, 'one');
    changeModel(order, [{ name: 'size', type: 'integer', default: 7, index: 'ordered' }]);
    node.catchUp();
    const view = () => node.outbox.view(node.state).model('Memo');
    const wanted = `{"id":"${A}","text":"one","kind":null,"size":7}`;
    assert.equal(view()?.get(A)?.json, wanted);
    await drained(node);
    assert.equal(view()?.get(A)?.json, wanted);
    assert.equal(node.state.model('Memo')?.size, 1);
  });

  void it('has an answer for a client that sent its write under the old one', async () => {
    const order = new Order();
    const node = await started(1, order);
    changeModel(order, [{ name: 'size', type: 'integer' }]);
    const sent = node.state.schemaVersion;
    node.catchUp();
    assert.equal(node.state.schemaVersion, sent + 1);
    const outcome = await node.outbox.submit({
      command: { kind: 'create', model: 'Memo', body: { id: A, text: 'x' } },
      actor: { subject: 's', method: 'none', roles: [] },
      schemaVersion: sent,
      idempotency: null,
      timeoutMs: 1000,
    });
    assert.equal(codeOf(outcome), 'schema_changed');
  });
});

function changeModel(order: Order, fields: readonly object[]): void {
  order.append({
    kind: 'schema',
    memberId: 1,
    timestampMs: 1,
    expectedSchemaVersion: 1,
    schemaJson: canonicalJson(schemaOf([memoModel(fields)])),
  });
}

void describe('members that write without hearing of each other', () => {
  void it('come to the same state, whatever each of them saw in between', async () => {
    const order = new Order();
    const nodes = await Promise.all(MEMBERS.map((id) => started(id, order)));
    const ids = Array.from({ length: 6 }, (_, at) => idOf(at));
    let writes = 0;
    for (let round = 0; round < 60; round++) {
      for (const node of nodes) {
        const id = ids[(round * node.memberId) % ids.length] ?? A;
        const text = `${node.memberId}.${round}`;
        const isThere = node.text(id) !== null;
        const command = isThere ? { ...replaceOf(text), id, body: { id, text } } : null;
        const outcome = command === null ? await node.create(id, text) : await node.submit(command);
        assert.equal(outcome.kind, 'applied');
        assert.equal(node.text(id), text, 'a node shows what it took');
        writes += 1;
        if ((round + node.memberId) % 7 === 0) await drained(node);
        if ((round + node.memberId) % 5 === 0) node.catchUp();
      }
    }
    for (const node of nodes) await drained(node);
    for (const node of nodes) node.catchUp();
    assert.equal(new Set(nodes.map(({ state }) => stateHash(state))).size, 1);
    const [first] = nodes;
    const remembered = ids.flatMap(
      (id) => first?.state.history.versions('Memo', id, Infinity, 1e6) ?? [],
    );
    assert.equal(remembered.length, writes, 'every write is in the history');
  });
});
