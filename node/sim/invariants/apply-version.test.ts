import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requireAbleMembers } from './apply-version.ts';
import { BrokenPromise } from './index.ts';

const STATE = { applyVersion: 6, members: () => [{ id: 1 }, { id: 2 }] };

test('an apply version is in force that every member knows', () => {
  const able = { name: 'n1', memberId: 1, applyVersion: 6 };
  const old = { name: 'n2', memberId: 2, applyVersion: 5 };
  requireAbleMembers(STATE, [able, { ...old, applyVersion: 7 }]);
  requireAbleMembers({ ...STATE, applyVersion: 5 }, [able, old]);
  assert.throws(() => requireAbleMembers(STATE, [able, old]), BrokenPromise);
});

test('machines that are no members hold nothing back', () => {
  const other = { name: 'n3', memberId: 3, applyVersion: 5 };
  requireAbleMembers(STATE, [other, { ...other, memberId: null }]);
});
