import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../kubernetes/index.ts';
import { groupsOf } from '../manifests/index.ts';
import { exampleSpec } from '../testing/examples.ts';
import { groupsInForce, heldSpec, sameGroups, withSelectors, writeTopology } from './index.ts';

function setWith(size: string, storageClassName?: string): KubeObject {
  const spec = { resources: { requests: { storage: size } }, storageClassName };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'shop' },
    spec: { volumeClaimTemplates: [{ spec }] },
  };
}

function groupsWith(cluster: Record<string, unknown>) {
  return groupsOf('shop', exampleSpec(cluster));
}

const EU_AND_US = {
  regions: [
    { name: 'eu', role: 'Voter', nodes: 3 },
    { name: 'us', role: 'Learner', nodes: 2 },
  ],
  readReplicas: 1,
};

test('what is written down is read again, whatever the groups are', () => {
  for (const cluster of [{ voters: 5 }, EU_AND_US, { readReplicas: 2 }]) {
    const groups = groupsWith(cluster);
    assert.deepEqual(groupsInForce('shop', writeTopology(groups), []), groups);
  }
});

test('before anything is built nothing is in force', () => {
  assert.equal(groupsInForce('shop', null, []), null);
});

test('where the annotation is lost the StatefulSets say what they are', () => {
  const sets = ['eu', 'us'].map((region): KubeObject => {
    const role = region === 'eu' ? 'voter' : 'learner';
    const labels = { 'lithair.dev/region': region, 'lithair.dev/role': role };
    const metadata = { name: `shop-${region}`, labels };
    return { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata, spec: { replicas: 2 } };
  });
  assert.deepEqual(
    groupsInForce('shop', null, sets.toReversed())?.map(({ statefulSet, role, replicas }) => [
      statefulSet,
      role,
      replicas,
    ]),
    [
      ['shop-eu', 'voter', 2],
      ['shop-us', 'learner', 2],
    ],
  );
});

test('machines that the spec asks for are taken over without a change of members', () => {
  const wanted = groupsWith({
    regions: [{ name: 'eu', role: 'Voter', nodes: 3, nodeSelector: { pool: 'big' } }],
  });
  const inForce = groupsWith({ regions: [{ name: 'eu', role: 'Voter', nodes: 1 }] });
  const [group] = withSelectors(inForce, wanted);
  assert.deepEqual([group?.replicas, group?.nodeSelector], [1, { pool: 'big' }]);
  assert.equal(sameGroups(inForce, wanted), false);
});

test('before there is a cluster every spec is followed', () => {
  const spec = exampleSpec({ voters: 5 });
  const held = heldSpec('shop', spec, null, false, []);
  assert.deepEqual(held, { spec, wanted: groupsOf('shop', spec), refused: [] });
});

test('while a cluster is being founded its members stay, and both sides are named', () => {
  const inForce = groupsWith({ voters: 3 });
  const held = heldSpec('shop', exampleSpec({ voters: 5 }), inForce, false, []);
  assert.deepEqual(held.wanted, inForce);
  assert.match(held.refused[0] ?? '', /before the cluster is founded, with 3 voters.*5 voters/);
});

test('a founded cluster follows another number of voters, regions and read replicas', () => {
  const inForce = groupsWith({ voters: 3 });
  const held = heldSpec('shop', exampleSpec(EU_AND_US), inForce, true, []);
  assert.deepEqual(held.refused, []);
  assert.deepEqual(held.wanted, groupsWith(EU_AND_US));
});

test('voters do not become learners, and nothing else changes until that is taken back', () => {
  const inForce = groupsWith({
    regions: [
      { name: 'eu', role: 'Voter', nodes: 3 },
      { name: 'us', role: 'Voter', nodes: 2 },
    ],
  });
  const held = heldSpec('shop', exampleSpec(EU_AND_US), inForce, true, []);
  assert.deepEqual(held.wanted, inForce);
  assert.match(held.refused[0] ?? '', /voters cannot become learners \(us\)/);
});

test('the same size in other words is no change', () => {
  const spec = exampleSpec({ storage: { size: '1024Mi' } });
  assert.deepEqual(heldSpec('shop', spec, null, false, [setWith('1Gi')]).refused, []);
});

test('size and class of volumes stay, and both refusals are named', () => {
  const spec = exampleSpec({ storage: { size: '2Gi', className: 'fast' } });
  const held = heldSpec('shop', spec, null, true, [setWith('1Gi', 'slow')]);
  assert.equal(held.spec.cluster.storage.size, '1Gi');
  assert.equal(held.spec.cluster.storage.className, 'slow');
  assert.deepEqual(
    held.refused.map((text) => text.split(':')[0]),
    ['spec.cluster.storage.size', 'spec.cluster.storage.className'],
  );
});

test('retain can always be changed', () => {
  const spec = exampleSpec({ storage: { size: '1Gi', retain: false } });
  const held = heldSpec('shop', spec, groupsWith({}), true, [setWith('1Gi')]);
  assert.equal(held.spec.cluster.storage.retain, false);
  assert.deepEqual(held.refused, []);
});
