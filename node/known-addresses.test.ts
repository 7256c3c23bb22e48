import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KnownAddresses } from './known-addresses.ts';

function peer(address: string, id = 2) {
  return { id, name: 'n2', address, diskUuid: 'd2' };
}

test('a peer is dialled where this node was told to find it, and else where the table says', () => {
  const known = new KnownAddresses([{ name: 'n2', address: 'new:1' }]);
  assert.deepEqual(known.of([peer('old:1')]), [{ ...peer('new:1'), otherAddress: 'old:1' }]);
  assert.deepEqual(known.of([peer('new:1')]), [peer('new:1')]);
});

test('what the member table says later counts more', () => {
  const known = new KnownAddresses([{ name: 'n2', address: 'given:1' }]);
  known.of([peer('old:1')]);
  assert.deepEqual(known.of([peer('moved:1')]), [{ ...peer('moved:1'), otherAddress: 'given:1' }]);
});

test('a member that takes the place of another of its name is dialled where the table says', () => {
  const known = new KnownAddresses([{ name: 'n2', address: 'given:1' }]);
  known.of([peer('given:1')]);
  const next = peer('moved:1', 4);
  assert.deepEqual(known.of([next]), [{ ...next, otherAddress: 'given:1' }]);
});

test('a peer that this node was not told about is dialled where the table says', () => {
  const known = new KnownAddresses([{ name: 'n1', address: 'given:1' }]);
  assert.deepEqual(known.of([peer('old:1')]), [peer('old:1')]);
});
