import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileSchema, type Schema, validateSpec } from '@lithair/crds';
import fc from 'fast-check';
import {
  compareStamps,
  encodeEntry,
  type LocalChange,
  type LocalWrite,
  nextStamp,
  type Stamp,
} from '../entry/index.ts';
import type { VersionRecord } from '../ports/index.ts';
import { createState, MAX_AHEAD_MS, type ReplicatedState, restoreState, stampOf } from './index.ts';
import { stateHash } from './snapshot.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const MEMBERS = [1, 2, 3];
const ACTOR = { subject: 'anonymous', method: 'none' } as const;

function schemaOf(extra: object = {}): Schema {
  const fields = [
    { name: 'id', type: 'string', primaryKey: true },
    { name: 'text', type: 'string', index: 'ordered' },
  ];
  const memo = { name: 'Memo', fields, persistence: { consistency: 'eventual' }, ...extra };
  const spec = validateSpec({ auth: { mode: 'open' }, models: [memo] });
  if (!spec.ok) throw new Error(JSON.stringify(spec.problems));
  return compileSchema(spec.value);
}

function newState(schema = schemaOf({ lifecycle: { versioned: 1000 } })): ReplicatedState {
  const members = MEMBERS.map((id) => ({
    id,
    name: `n${id}`,
    address: `h:${id}`,
    diskUuid: `disk-${id}`,
    intent: 'voter' as const,
  }));
  return createState({ clusterId: 'c', epoch: 1, schema, members, nowMs: NOW_MS });
}

function put(id: string, text: string): LocalChange {
  return { effect: 'put', model: 'Memo', id, json: JSON.stringify({ id, text }), keys: [text] };
}

function remove(id: string): LocalChange {
  return { effect: 'deleted', model: 'Memo', id };
}

function writeAt(wallMs: number, change: LocalChange, counter = 0): LocalWrite {
  return { stamp: { wallMs, counter }, actor: ACTOR, idempotency: null, changes: [change] };
}

function order(
  state: ReplicatedState,
  origin: number,
  firstSequence: number,
  writes: readonly LocalWrite[],
  timestampMs = NOW_MS,
) {
  const data = encodeEntry({
    kind: 'localWrites',
    memberId: 1,
    timestampMs,
    schemaVersion: state.schemaVersion,
    origin,
    firstSequence,
    writes,
  });
  const result = state.apply(state.appliedIndex + 1, 1, data);
  if (result.kind !== 'localWrites') throw new Error(`applied as ${result.kind}`);
  return result.outcome;
}

function historyOf(state: ReplicatedState, id: string): readonly VersionRecord[] {
  return state.history.versions('Memo', id, Infinity, 1000).toReversed();
}

function textOf(state: ReplicatedState, id: string): string | undefined {
  const json = state.find('Memo', id)?.json;
  return json === undefined ? undefined : JSON.parse(json).text;
}

void describe('writes that members took by themselves', () => {
  void it('win by their stamp, whenever they are ordered, and the loser is in the history', () => {
    const state = newState();
    order(state, 1, 1, [writeAt(NOW_MS + 20, put('a', 'later'))]);
    const outcome = order(state, 2, 1, [writeAt(NOW_MS + 10, put('a', 'earlier'))]);
    assert.equal(outcome.kind === 'ordered' && outcome.conflicts, 1);
    assert.equal(textOf(state, 'a'), 'later');
    assert.equal(state.versionOf('Memo', 'a'), 2);
    const [won, lost] = historyOf(state, 'a');
    assert.deepEqual([won?.effect, won?.version], ['created', 1]);
    assert.deepEqual([lost?.effect, lost?.version], ['overridden', 2]);
    assert.deepEqual(lost?.events, ['MemoOverridden']);
    assert.match(lost?.json ?? '', /earlier/);
  });

  void it('win by their member where the times are equal', () => {
    const state = newState();
    order(state, 2, 1, [writeAt(NOW_MS, put('a', 'of 2'))]);
    order(state, 1, 1, [writeAt(NOW_MS, put('a', 'of 1'))]);
    order(state, 3, 1, [writeAt(NOW_MS, put('a', 'of 3'))]);
    assert.equal(textOf(state, 'a'), 'of 3');
  });

  void it('that delete hold against earlier writes, and versions go on', () => {
    const state = newState();
    order(state, 1, 1, [writeAt(NOW_MS, put('a', 'x')), writeAt(NOW_MS + 9, remove('a'))]);
    order(state, 2, 1, [writeAt(NOW_MS + 5, put('a', 'late'))]);
    assert.equal(textOf(state, 'a'), undefined);
    assert.equal(state.deletedVersion('Memo', 'a'), 3);
    order(state, 2, 2, [writeAt(NOW_MS + 10, put('a', 'again'))]);
    assert.equal(state.versionOf('Memo', 'a'), 4);
    assert.deepEqual(
      historyOf(state, 'a').map(({ effect }) => effect),
      ['created', 'deleted', 'overridden', 'created'],
    );
  });

  void it('are ordered once, however often they are sent, and none is skipped', () => {
    const state = newState();
    const writes = [1, 2, 3].map((n) => writeAt(NOW_MS + n, put('a', String(n))));
    order(state, 1, 1, writes.slice(0, 2));
    const again = order(state, 1, 1, writes);
    assert.equal(again.through, 3);
    assert.equal(historyOf(state, 'a').length, 3);
    const gap = order(state, 1, 5, [writeAt(NOW_MS + 5, put('a', '5'))]);
    assert.deepEqual([gap.kind === 'refused' && gap.code, gap.through], ['gap', 3]);
    assert.equal(textOf(state, 'a'), '3');
  });

  void it('are refused from who is no member, and under another schema', () => {
    const state = newState();
    const outcome = order(state, 9, 1, [writeAt(NOW_MS, put('a', 'x'))]);
    assert.equal(outcome.kind === 'refused' && outcome.code, 'not_a_member');
    const data = encodeEntry({
      kind: 'localWrites',
      memberId: 1,
      timestampMs: NOW_MS,
      schemaVersion: 7,
      origin: 1,
      firstSequence: 1,
      writes: [writeAt(NOW_MS, put('a', 'x'))],
    });
    const result = state.apply(state.appliedIndex + 1, 1, data);
    assert.ok(result.kind === 'localWrites' && result.outcome.kind === 'refused');
    assert.equal(result.outcome.code, 'schema_changed');
    assert.equal(state.find('Memo', 'a'), undefined);
  });

  void it('with a clock that runs ahead win no more than a minute', () => {
    const state = newState();
    const farMs = NOW_MS + 10 * 365 * 86_400_000;
    order(state, 1, 1, [
      writeAt(farMs, put('a', 'ahead')),
      writeAt(farMs + 1, put('a', 'ahead 2')),
    ]);
    assert.equal(textOf(state, 'a'), 'ahead 2');
    const mark = state.model('Memo')?.mark('a');
    assert.equal(mark && stampOf(mark).wallMs, NOW_MS + MAX_AHEAD_MS);
    order(state, 2, 1, [writeAt(NOW_MS + MAX_AHEAD_MS + 1, put('a', 'in time'))], NOW_MS + 10);
    assert.equal(textOf(state, 'a'), 'in time');
  });

  void it('of one member stay in their order, even where its clock went back', () => {
    const state = newState();
    order(state, 1, 1, [writeAt(NOW_MS + 100, put('a', 'first'))]);
    order(state, 1, 2, [writeAt(NOW_MS - 5000, put('a', 'second'))]);
    assert.equal(textOf(state, 'a'), 'second');
  });

  void it('that do not fit the model are remembered, and have no other effect', () => {
    const state = newState();
    order(state, 1, 1, [writeAt(NOW_MS, put('a', 'x'))]);
    const json = '{"id":"a","text":"old"}';
    const unfit: LocalChange = { effect: 'unfit', model: 'Memo', id: 'a', json };
    const outcome = order(state, 1, 2, [writeAt(NOW_MS + 1, unfit)]);
    assert.equal(outcome.kind === 'ordered' && outcome.unfit, 1);
    assert.equal(textOf(state, 'a'), 'x');
    assert.deepEqual(historyOf(state, 'a').at(-1)?.events, ['MemoRefused']);
    const unknown: LocalChange = { effect: 'unfit', model: 'Gone', id: 'a', json };
    assert.equal(order(state, 1, 3, [writeAt(NOW_MS + 2, unknown)]).through, 3);
  });

  void it('sent to two nodes under one idempotency key are done once', () => {
    const state = newState();
    const idempotency = { scope: 's', fingerprint: 'f' };
    const keyed = { ...writeAt(NOW_MS + 1, put('a', 'first')), idempotency };
    order(state, 1, 1, [keyed]);
    order(state, 2, 1, [writeAt(NOW_MS + 2, put('a', 'between'))]);
    const repeated = order(state, 3, 1, [{ ...keyed, stamp: { wallMs: NOW_MS + 3, counter: 0 } }]);
    assert.equal(repeated.kind === 'ordered' && repeated.repeated, 1);
    assert.equal(textOf(state, 'a'), 'between');
    assert.equal(state.outcomeOf('s')?.fingerprint, 'f');
  });

  void it('are kept in snapshots with what is needed to go on', async () => {
    const state = newState();
    order(state, 1, 1, [writeAt(NOW_MS + 50, put('a', 'x')), writeAt(NOW_MS + 60, remove('b'))]);
    const restored = await restoreState(state.snapshot());
    assert.equal(stateHash(restored), stateHash(state));
    assert.equal(restored.localWrites.sequenceOf(1), 2);
    for (const each of [state, restored]) {
      order(each, 1, 1, [writeAt(NOW_MS, put('a', 'repeated'))]);
      order(each, 2, 1, [
        writeAt(NOW_MS + 40, put('a', 'y')),
        writeAt(NOW_MS + 55, put('b', 'late')),
      ]);
    }
    assert.equal(stateHash(restored), stateHash(state));
    assert.equal(textOf(restored, 'a'), 'x');
    assert.equal(restored.find('Memo', 'b'), undefined);
    const refounded = restored.refounded({
      clusterId: 'd',
      epoch: 2,
      members: [],
      keepsArchives: false,
    });
    assert.equal(refounded.localWrites.sequenceOf(1), 0);
    assert.ok(refounded.localWrites.highest.wallMs >= NOW_MS + 55);
  });
});

/** What one member did: a row, a text or a deletion, and how its clock moved before. */
interface Step {
  readonly member: number;
  readonly id: string;
  readonly deletes: boolean;
  readonly clockMs: number;
}

const stepOf = fc.record({
  member: fc.constantFrom(...MEMBERS),
  id: fc.constantFrom('a', 'b', 'c'),
  deletes: fc.boolean(),
  clockMs: fc.integer({ min: -30, max: 30 }),
});

interface Outbox {
  readonly member: number;
  readonly writes: LocalWrite[];
  nowMs: number;
}

/** Three members that write without hearing of each other. */
function outboxesOf(steps: readonly Step[]): readonly Outbox[] {
  const outboxes = MEMBERS.map((member): Outbox => ({ member, writes: [], nowMs: NOW_MS }));
  for (const [at, { member, id, deletes, clockMs }] of steps.entries()) {
    const outbox = outboxes.find((each) => each.member === member);
    if (outbox === undefined) continue;
    outbox.nowMs += clockMs;
    const last = outbox.writes.at(-1)?.stamp ?? { wallMs: 0, counter: 0 };
    const { wallMs, counter } = nextStamp(last, outbox.nowMs, member);
    outbox.writes.push(writeAt(wallMs, deletes ? remove(id) : put(id, `${member}.${at}`), counter));
  }
  return outboxes;
}

/** Orders all outboxes in one of the ways in which batches may be cut, mixed and repeated. */
function orderAll(outboxes: readonly Outbox[], choices: readonly number[]): ReplicatedState {
  const state = newState();
  const isLeft = () =>
    outboxes.filter(({ member, writes }) => state.localWrites.sequenceOf(member) < writes.length);
  for (let turn = 0, left = isLeft(); left.length > 0; turn++, left = isLeft()) {
    const choice = choices[turn % choices.length] ?? 0;
    const outbox = left[choice % left.length];
    if (outbox === undefined) break;
    const done = state.localWrites.sequenceOf(outbox.member);
    const from = Math.max(0, done - (choice % 3));
    const count = 1 + done - from + (choice % 4);
    order(state, outbox.member, from + 1, outbox.writes.slice(from, from + count));
  }
  return state;
}

function stampsOf(outboxes: readonly Outbox[], id: string) {
  return outboxes.flatMap(({ member, writes }) =>
    writes.flatMap(({ stamp, changes: [change] }) => {
      const each: Stamp = { ...stamp, memberId: member };
      return change?.id === id ? [{ stamp: each, change }] : [];
    }),
  );
}

void describe('any order of the writes of several members', () => {
  const choices = fc.array(fc.nat(100), { minLength: 1, maxLength: 20 });
  const steps = fc.array(stepOf, { minLength: 1, maxLength: 40 });

  void it('comes to the same rows, the ones with the latest stamps, and remembers every write', () => {
    fc.assert(
      fc.property(steps, choices, choices, (given, one, other) => {
        const outboxes = outboxesOf(given);
        const states = [orderAll(outboxes, one), orderAll(outboxes, other)];
        for (const id of ['a', 'b', 'c']) {
          const all = stampsOf(outboxes, id).sort((a, b) => compareStamps(a.stamp, b.stamp));
          const winner = all.at(-1)?.change;
          const wanted = winner?.effect === 'put' ? winner.json : undefined;
          for (const state of states) {
            assert.equal(state.find('Memo', id)?.json, wanted);
            const found = historyOf(state, id).map(({ json }) => json ?? 'deleted');
            const written = all.map(({ change }) =>
              change.effect === 'put' ? change.json : 'deleted',
            );
            assert.deepEqual(found.toSorted(), written.toSorted());
          }
        }
      }),
    );
  });
});
