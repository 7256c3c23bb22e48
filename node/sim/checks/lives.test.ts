import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LIFE_RULES, type LifeAttempt, type LifeCall } from '../workload/index.ts';
import { brokenBetween, brokenIn, type LifeRow, type LifeRows } from './life-step.ts';
import { checkLives } from './lives.ts';
import { idOf } from './row.ts';
import { tokenOf } from './testing/operations.ts';
import type { Row } from './types.ts';

const NOW = Date.UTC(2026, 0, 1);

function parcel(id: string, stamp: string, more: Row = {}): Row {
  return {
    id,
    stamp,
    status: 'open',
    units: 1,
    price: 2,
    total: 2,
    slot: null,
    code: null,
    ...more,
  };
}

function lease(id: string, stamp: string, ageMs: number): Row {
  return { id, stamp, seenAt: new Date(NOW - ageMs).toISOString(), code: null };
}

function deleted(row: Row, ageMs = 0): Row {
  return { ...row, deletedAt: new Date(NOW - ageMs).toISOString(), deletedBy: 'x' };
}

type Given = Partial<Record<keyof LifeRows['models'], readonly Row[]>>;

function rows(index: number, given: Given, version = 1): LifeRows {
  const of = (list: readonly Row[] = []): ReadonlyMap<string, LifeRow> =>
    new Map(list.map((row) => [idOf(row), { version, row }]));
  const { Parcel, ParcelDeleted, Lease, Remark } = given;
  const models = {
    Parcel: of(Parcel),
    ParcelDeleted: of(ParcelDeleted),
    Lease: of(Lease),
    Remark: of(Remark),
  };
  return { index, timeMs: NOW, models, used: 0 };
}

function state(given: Given): string {
  return brokenIn(rows(1, given)).join('; ');
}

function step(before: LifeRows, after: LifeRows): string {
  return brokenBetween(before, after, LIFE_RULES).join('; ');
}

function problems(given: Given, ...attempts: LifeAttempt[]): string {
  const tale = [rows(1, {}), rows(2, given)];
  const at = (index: number) => tale.find((one) => one.index === index) ?? null;
  return checkLives({ attempts, tale, isWhole: true, at, rules: LIFE_RULES }).join('; ');
}

describe('one state of rows with declared lives', () => {
  it('has computed values that follow from the others', () => {
    assert.equal(state({ Parcel: [parcel('a', '1')] }), '');
    assert.match(state({ Parcel: [parcel('a', '1', { total: 3 })] }), /has total 3/);
    const remark = { id: 'r', stamp: '2', parcel: null, lease: null, held: false };
    assert.equal(state({ Remark: [remark] }), '');
    assert.match(state({ Remark: [{ ...remark, held: true }] }), /says what is not so/);
  });

  it('has no reference to what is not there', () => {
    const remark = { id: 'r', stamp: '2', parcel: null, lease: 'l', held: true };
    assert.equal(state({ Remark: [remark], Lease: [lease('l', '3', 0)] }), '');
    assert.match(state({ Remark: [remark] }), /Remark r says what is not so/);
  });

  it('has a place once among open parcels, and a code once among all', () => {
    const one = parcel('a', '1', { slot: 's', code: 'c' });
    const other = parcel('b', '2', { slot: 's' });
    assert.match(state({ Parcel: [one, other] }), /a and b both have slot s/);
    assert.equal(state({ Parcel: [one, { ...other, status: 'sent' }] }), '');
    assert.match(state({ Parcel: [one, parcel('b', '2', { code: 'c' })] }), /both have code c/);
  });
});

describe('one step of rows with declared lives', () => {
  it('takes declared transitions alone, by one version', () => {
    const before = rows(1, { Parcel: [parcel('a', '1')] });
    const to = (more: Row, version = 2) =>
      step(before, rows(2, { Parcel: [parcel('a', '2', more)] }, version));
    assert.equal(to({ status: 'packed' }), '');
    assert.match(to({ status: 'sent' }), /went from open to sent/);
    assert.match(to({ status: 'packed', units: 0, total: 0 }), /went from open to packed/);
    assert.match(to({}, 3), /went from version 1 to 3/);
  });

  it('begins with the first state, or as the row was when it was deleted', () => {
    const none = rows(1, {});
    assert.equal(step(none, rows(2, { Parcel: [parcel('a', '1')] })), '');
    const sent = parcel('a', '1', { status: 'sent' });
    assert.match(step(none, rows(2, { Parcel: [sent] })), /began as sent/);
    const kept = rows(1, { ParcelDeleted: [deleted(sent)] });
    assert.equal(step(kept, rows(2, { Parcel: [sent] })), '');
    const other = { ...sent, units: 2, total: 4 };
    assert.match(step(kept, rows(2, { Parcel: [other] })), /came back as another/);
    const old = rows(1, { ParcelDeleted: [deleted(sent, 3_000)] });
    assert.match(step(old, rows(2, { Parcel: [sent] })), /came back when its time was over/);
  });

  it('keeps deleted rows as they were', () => {
    const row = parcel('a', '1');
    const before = rows(1, { Parcel: [row] });
    assert.equal(step(before, rows(2, { ParcelDeleted: [deleted(row)] })), '');
    assert.match(step(before, rows(2, {})), /was deleted, and is not kept/);
  });

  it('lets a lease go once its time has come, and not before', () => {
    const aged = (ageMs: number) => rows(1, { Lease: [lease('l', '1', ageMs)] });
    assert.equal(step(aged(2_000), rows(2, {})), '');
    assert.match(step(aged(1_999), rows(2, {})), /Lease l of .* went at/);
    const anew = rows(2, { Lease: [lease('l', '2', 0)] }, 3);
    assert.match(step(aged(0), anew), /Lease l of .* went at/);
  });
});

describe('what clients of rows with declared lives were told', () => {
  const row = parcel('a', '1');
  const create: LifeCall = {
    kind: 'write',
    verb: 'create',
    model: 'Parcel',
    id: 'a',
    body: { id: 'a', stamp: '1', units: 1, price: 2 },
  };
  const answer = {
    node: 1,
    reachedMs: NOW,
    status: 200,
    code: null,
    version: 1,
    token: tokenOf(2),
    rows: [row],
  };
  const done = (call: LifeCall, more: object = {}): LifeAttempt => ({
    call,
    result: 'done',
    answer: { ...answer, ...more },
  });
  it('is what the log says at the index of the answer', () => {
    assert.equal(problems({ Parcel: [row] }, done(create)), '');
    assert.match(problems({}, done(create)), /is done nowhere.*nothing is there/);
    assert.match(problems({ Parcel: [row] }, done(create, { version: 2 })), /version 2 is 1/);
    const other = parcel('a', '1', { slot: 's' });
    assert.match(problems({ Parcel: [other] }, done(create)), /was told, and/);
  });

  it('is no refusal of what was done', () => {
    const code = 'unique_conflict';
    const refused: LifeAttempt = {
      call: create,
      result: 'refused',
      answer: { ...answer, status: 409, code, rows: [] },
    };
    assert.equal(problems({}, refused), '');
    assert.match(problems({ Parcel: [row] }, refused), /was refused, and done/);
  });

  it('is no error that the request cannot have', () => {
    const failed = {
      ...done(create, { status: 500, code: 'internal' }),
      result: 'unknown' as const,
    };
    assert.match(problems({}, failed), /was answered with 500 internal/);
  });

  it('shows nothing that is over, and hides nothing that is not', () => {
    const read: LifeCall = { kind: 'read', model: 'Lease', id: 'l' };
    const [fresh, over] = [lease('l', '1', 0), lease('l', '1', 2_000)];
    assert.equal(problems({ Lease: [fresh] }, done(read, { rows: [fresh] })), '');
    assert.match(problems({ Lease: [fresh] }, done(read, { rows: [] })), /is there, and not shown/);
    assert.match(problems({ Lease: [over] }, done(read, { rows: [over] })), /is shown, and over/);
    const later = { rows: [], reachedMs: NOW + 2_000 };
    assert.equal(problems({ Lease: [fresh] }, done(read, later)), '');
  });

  it('lists what fits, in order', () => {
    const list: LifeCall = {
      kind: 'list',
      model: 'Parcel',
      where: { status: 'open' },
      sort: 'slot',
    };
    const [a, b] = [parcel('a', '1', { slot: 's1' }), parcel('b', '2', { slot: 's0' })];
    const given = { Parcel: [a, b, parcel('c', '3', { status: 'sent' })] };
    assert.equal(problems(given, done(list, { rows: [b, a] })), '');
    assert.match(problems(given, done(list, { rows: [a, b] })), /not in the order of slot/);
    assert.match(problems(given, done(list, { rows: [b] })), /is there, and not shown/);
  });
});
