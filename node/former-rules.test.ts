import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { canonicalJson, type Schema } from '@lithair/crds';
import { keptChanges, keptValues, momentOf, toldActor } from './history/index.ts';
import { restoreState, stateHash } from './state/index.ts';
import { KeptGroup, type KeptMember, noteSchema, priceOf } from './test/kept-history.ts';

const schema = (versioned: number) => noteSchema({ lifecycle: { versioned } });

/** All members change to other rules. */
function change(group: KeptGroup, versioned: number): void {
  changeTo(group, schema(versioned));
}

function changeTo(group: KeptGroup, next: Schema): void {
  const state = group.members[0]?.state;
  assert.ok(state);
  const result = group.apply({
    kind: 'schema',
    memberId: 1,
    timestampMs: group.clock.nowMs(),
    expectedSchemaVersion: state.schemaVersion,
    schemaJson: canonicalJson(next),
  });
  assert.equal(result.kind === 'schema' && result.outcome.kind, 'applied');
}

/** Versions whose price a member still shows. */
async function shown({ state, keeper }: KeptMember): Promise<number[]> {
  const reader = keeper.reader();
  const rules = state.history.rulesOf('Note');
  assert.ok(reader && rules);
  const newest = state.find('Note', 'a')?.version ?? 0;
  const moment = await momentOf(reader, rules, 'a', newest, state.logTimeMs);
  const records = await reader.versions('Note', 'a', newest, 100);
  return records
    .filter((record) => {
      const price = keptValues(rules, record, moment)?.['price'];
      return price === priceOf('a', record.version);
    })
    .map(({ version }) => version);
}

async function archive(group: KeptGroup): Promise<void> {
  await group.compact([]);
  for (let turn = 0; turn < 60; turn++) await nextTurn();
}

async function tightened(): Promise<{ group: KeptGroup; tidy: KeptMember; slow: KeptMember }> {
  const group = await KeptGroup.of(2, schema(100), { hotBytes: 1e9 });
  for (let version = 1; version <= 10; version++) group.change('a');
  await archive(group);
  change(group, 3);
  const [tidy, slow] = group.members;
  assert.ok(tidy && slow);
  await tidy.keeper.tidy();
  return { group, tidy, slow };
}

test('members show the same when rules get weaker, whether or not they had removed what was gone', async () => {
  const { group, tidy, slow } = await tightened();
  change(group, 100);
  assert.deepEqual(await shown(tidy), [9, 8]);
  assert.deepEqual(await shown(slow), [9, 8], 'what was gone once stays gone');
  for (let version = 11; version <= 14; version++) group.change('a');
  for (const member of group.members) {
    assert.deepEqual(await shown(member), [13, 12, 11, 10, 9, 8]);
  }
  await slow.keeper.tidy();
  assert.deepEqual(await shown(slow), [13, 12, 11, 10, 9, 8]);
  assert.equal(stateHash(tidy.state), stateHash(slow.state));
});

const partly = (audited: readonly string[]) => {
  const [model, ...others] = schema(100).models;
  assert.ok(model);
  const fields = model.fields.map((field) =>
    audited.includes(field.name) ? { ...field, audited: true } : field,
  );
  return { ...schema(100), models: [{ ...model, fields }, ...others] };
};

/** What a member tells of who changed what, newest first. */
async function toldBy({ state, keeper }: KeptMember): Promise<(readonly string[] | null)[]> {
  const reader = keeper.reader();
  const rules = state.history.rulesOf('Note');
  assert.ok(reader && rules);
  const newest = state.find('Note', 'a')?.version ?? 0;
  const moment = await momentOf(reader, rules, 'a', newest, state.logTimeMs);
  const records = await reader.versions('Note', 'a', newest + 1, 100);
  return records.map((record) => {
    if (toldActor(rules, record, moment) === null) return null;
    return Object.keys(keptChanges(rules, record, moment));
  });
}

test('a field that becomes audited tells of no change before, archived or not', async () => {
  const group = await KeptGroup.of(1, partly(['note']), { hotBytes: 1e9 });
  for (let version = 1; version <= 3; version++) group.change('a');
  const [member] = group.members;
  assert.ok(member);
  const before = await toldBy(member);
  assert.deepEqual(before, [['note'], ['note'], ['note']], 'each change is one of the price, too');
  await archive(group);
  assert.deepEqual(await toldBy(member), before);
  changeTo(group, partly(['note', 'price']));
  assert.deepEqual(await toldBy(member), before);
  group.change('a');
  const after = [['price', 'note'], ...before];
  assert.deepEqual(await toldBy(member), after);
  await archive(group);
  await member.keeper.tidy();
  assert.deepEqual(await toldBy(member), after);
  const restored = await restoreState(member.state.snapshot());
  assert.deepEqual(restored.history.formerRules, member.state.history.formerRules);
});

test('former rules are part of a snapshot, and forgotten where later ones are as strict', async () => {
  const { group, tidy } = await tightened();
  assert.equal(tidy.state.history.formerRules.length, 0, 'a stricter rule needs no memory');
  change(group, 100);
  const restored = await restoreState(tidy.state.snapshot());
  assert.deepEqual(restored.history.formerRules, tidy.state.history.formerRules);
  assert.equal(restored.history.formerRules.length, 1);
  change(group, 2);
  assert.equal(tidy.state.history.formerRules.length, 0);
});
