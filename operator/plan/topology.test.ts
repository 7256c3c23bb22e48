import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../kubernetes/index.ts';
import { exampleSpec } from '../testing/examples.ts';
import { heldSpec, topologyOf } from './index.ts';

function setWith(size: string, storageClassName?: string): KubeObject {
  const spec = { resources: { requests: { storage: size } }, storageClassName };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'shop' },
    spec: { volumeClaimTemplates: [{ spec }] },
  };
}

test('before there is a cluster every spec is followed', () => {
  const spec = exampleSpec({ voters: 5 });
  assert.deepEqual(heldSpec('shop', spec, null, []), { spec, refused: [] });
});

test('another number of voters is refused with both numbers, the old one stays', () => {
  const topology = topologyOf('shop', exampleSpec({ voters: 3 }));
  const held = heldSpec('shop', exampleSpec({ voters: 5 }), topology, []);
  assert.equal(held.spec.cluster.voters, 3);
  assert.equal(held.refused.length, 1);
  assert.match(held.refused[0] ?? '', /changing voters is not supported yet.*3 voters.*5 voters/);
});

test('voters are not moved into a region', () => {
  const topology = topologyOf('shop', exampleSpec({ voters: 3 }));
  const regions = [{ name: 'eu', role: 'Voter', nodes: 3 }];
  const held = heldSpec('shop', exampleSpec({ regions }), topology, []);
  assert.equal(held.spec.cluster.voters, 3);
  assert.equal(held.spec.cluster.regions, undefined);
  assert.match(held.refused[0] ?? '', /3 voters in eu/);
});

test('a region that was built stays where the spec says voters', () => {
  const regions = [{ name: 'eu', role: 'Voter', nodes: 3 }];
  const topology = topologyOf('shop', exampleSpec({ regions }));
  const held = heldSpec('shop', exampleSpec({ voters: 3 }), topology, []);
  assert.deepEqual(held.spec.cluster.regions, regions);
  assert.equal(held.refused.length, 1);
});

test('the same size in other words is no change', () => {
  const spec = exampleSpec({ storage: { size: '1024Mi' } });
  assert.deepEqual(heldSpec('shop', spec, null, [setWith('1Gi')]).refused, []);
});

test('size and class of volumes stay, and both refusals are named', () => {
  const spec = exampleSpec({ storage: { size: '2Gi', className: 'fast' } });
  const held = heldSpec('shop', spec, null, [setWith('1Gi', 'slow')]);
  assert.equal(held.spec.cluster.storage.size, '1Gi');
  assert.equal(held.spec.cluster.storage.className, 'slow');
  assert.deepEqual(
    held.refused.map((text) => text.split(':')[0]),
    ['spec.cluster.storage.size', 'spec.cluster.storage.className'],
  );
});

test('retain can always be changed', () => {
  const topology = topologyOf('shop', exampleSpec());
  const spec = exampleSpec({ storage: { size: '1Gi', retain: false } });
  const held = heldSpec('shop', spec, topology, [setWith('1Gi')]);
  assert.equal(held.spec.cluster.storage.retain, false);
  assert.deepEqual(held.refused, []);
});
