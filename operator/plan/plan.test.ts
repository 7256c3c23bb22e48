import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isRecord, type KubeObject } from '../kubernetes/index.ts';
import { groupsOf } from '../manifests/index.ts';
import { examplePod, exampleSpec } from '../testing/examples.ts';
import {
  type Action,
  type Desired,
  type DesireInput,
  desire,
  FINALIZER,
  type Observed,
  objectKey,
  type PodView,
  plan,
  TOPOLOGY_ANNOTATION,
} from './index.ts';

function wanted(changes: Partial<DesireInput> = {}): Desired {
  const spec = changes.spec ?? exampleSpec();
  return desire({
    name: 'shop',
    namespace: 'trade',
    uid: 'u1',
    spec,
    modelInForce: spec,
    image: 'lithair/node:dev',
    hasKeys: false,
    identity: { id: 'cluster-1', bootstrapped: false, strangers: [] },
    leader: null,
    storageReady: true,
    groups: groupsOf('shop', spec),
    wanted: groupsOf('shop', spec),
    readers: 'all',
    ...changes,
  });
}

const NOTHING: Observed = {
  objects: new Map(),
  pods: [],
  finalizers: [],
  authority: 'missing',
  certificatesDue: ['shop-0', 'shop-1', 'shop-2'],
};

/** What an API server makes of the actions: it fills in fields of its own. */
function carryOut(observed: Observed, actions: readonly Action[]): Observed {
  return actions.reduce(step, observed);
}

function step(observed: Observed, action: Action): Observed {
  const objects = new Map(observed.objects);
  switch (action.do) {
    case 'setFinalizers':
      return { ...observed, finalizers: action.finalizers };
    case 'createAuthority':
      return { ...observed, authority: 'present' };
    case 'issueCertificates':
      return {
        ...observed,
        certificatesDue: observed.certificatesDue.filter((name) => !action.due.includes(name)),
      };
    case 'createClusterId':
    case 'apply':
      objects.set(
        objectKey(action.object.kind, action.object.metadata.name),
        served(action.object),
      );
      return { ...observed, objects };
    case 'patchClusterId':
      objects.set(objectKey('ConfigMap', action.name), patched(objects, action));
      return { ...observed, objects };
    case 'labelLeader':
      return { ...observed, pods: observed.pods.map((pod) => relabelled(pod, action)) };
    case 'delete':
      objects.delete(objectKey(action.kind, action.name));
      return { ...observed, objects };
    default:
      throw new assert.AssertionError({ message: `${action.do} is a matter of planChange` });
  }
}

function served(object: KubeObject): KubeObject {
  const copy: KubeObject = structuredClone(object);
  copy.metadata.uid = `uid-${copy.kind}-${copy.metadata.name}`;
  copy.metadata.resourceVersion = '1';
  const spec = copy['spec'];
  if (isRecord(spec)) spec['filledInByTheServer'] = { yes: true };
  return copy;
}

function patched(
  objects: ReadonlyMap<string, KubeObject>,
  action: Extract<Action, { do: 'patchClusterId' }>,
): KubeObject {
  const seen = objects.get(objectKey('ConfigMap', action.name));
  assert.ok(seen);
  assert.equal(seen.metadata.uid, action.patch.uid);
  const data = isRecord(seen['data']) ? seen['data'] : {};
  return {
    ...seen,
    metadata: { ...seen.metadata, annotations: { [TOPOLOGY_ANNOTATION]: action.patch.topology } },
    data: {
      ...data,
      bootstrapped: String(action.patch.bootstrapped),
      members: action.patch.members,
    },
  };
}

function relabelled(pod: PodView, action: Extract<Action, { do: 'labelLeader' }>): PodView {
  return pod.name === action.pod ? { ...pod, leaderLabel: action.leader } : pod;
}

const clusters = fc.record({
  voters: fc.constantFrom(1, 3, 5, 7),
  readReplicas: fc.nat(2),
  region: fc.option(fc.constantFrom('eu', 'us')),
  retain: fc.boolean(),
  memory: fc.option(fc.constantFrom('0.5Gi', '512Mi', '1G')),
});

const inputs = fc
  .record({
    cluster: clusters,
    bootstrapped: fc.boolean(),
    leader: fc.option(fc.nat(6)),
    storageReady: fc.boolean(),
    image: fc.constantFrom('lithair/node:dev', 'registry.example/node:1'),
  })
  .map(
    ({
      cluster: { voters, readReplicas, region, retain, memory },
      bootstrapped,
      leader,
      ...rest
    }) => {
      const spec = exampleSpec({
        ...(region === null
          ? { voters }
          : { regions: [{ name: region, role: 'Voter', nodes: voters }] }),
        readReplicas,
        storage: { size: '1Gi', retain },
        ...(memory === null ? {} : { resources: { limits: { memory } } }),
      });
      const set = region === null ? 'shop' : `shop-${region}`;
      return wanted({
        ...rest,
        spec,
        modelInForce: spec,
        identity: { id: 'cluster-1', bootstrapped, strangers: [] },
        leader: leader === null ? null : `${set}-${leader % voters}`,
      });
    },
  );

/** Anything that may be there: what an earlier spec left, pods with old labels, lost objects. */
const worlds = fc
  .record({
    before: inputs,
    lost: fc.array(fc.nat(20)),
    labels: fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }),
    finalizers: fc.subarray([FINALIZER, 'example.com/other']),
    authority: fc.constantFrom<Observed['authority']>('present', 'missing'),
    due: fc.subarray(['shop-0', 'shop-1', 'shop-2', 'shop-eu-0']),
  })
  .map(({ before, lost, labels, finalizers, authority, due }): Observed => {
    const full = carryOut(NOTHING, plan(NOTHING, before));
    const kept = [...full.objects].filter((_, i) => !lost.includes(i));
    const pods = before.members.map((name, i) =>
      examplePod(name, { leaderLabel: labels[i] === true }),
    );
    return { objects: new Map(kept), pods, finalizers, authority, certificatesDue: due };
  });

test('carrying out a plan leaves nothing to plan', () => {
  fc.assert(
    fc.property(worlds, inputs, (world, goal) => {
      const reached = carryOut(world, plan(world, goal));
      assert.deepEqual(plan(reached, goal), []);
    }),
    { numRuns: 300 },
  );
});

test('the same observation gives the same plan', () => {
  fc.assert(
    fc.property(worlds, inputs, (world, goal) => {
      assert.deepEqual(plan(world, goal), plan(world, goal));
    }),
  );
});

test('a plan deletes nothing that is wanted and never writes a Secret or a volume by itself', () => {
  fc.assert(
    fc.property(worlds, inputs, (world, goal) => {
      for (const action of plan(world, goal)) {
        if (action.do === 'delete') {
          assert.equal(action.kind, 'StatefulSet');
          assert.ok(goal.objects.every(({ metadata }) => metadata.name !== action.name));
          const set = world.objects.get(objectKey('StatefulSet', action.name));
          assert.ok(set !== undefined && isRecord(set['spec']));
          assert.equal(set['spec']['replicas'], 0);
        }
        if (action.do !== 'apply') continue;
        assert.notEqual(action.object.kind, 'Secret');
        assert.notEqual(action.object.kind, 'PersistentVolumeClaim');
      }
    }),
  );
});

test('a cluster id that is there is never created again, and never changed', () => {
  fc.assert(
    fc.property(worlds, inputs, (world, goal) => {
      const there = world.objects.has(objectKey('ConfigMap', 'shop-cluster'));
      const created = plan(world, goal).some((action) => action.do === 'createClusterId');
      assert.equal(created, !there);
    }),
  );
});

test('identities come before what needs them, and StatefulSets come last', () => {
  const names = plan(NOTHING, wanted()).map((action) =>
    action.do === 'apply' ? action.object.kind : action.do,
  );
  assert.deepEqual(names, [
    'createClusterId',
    'createAuthority',
    'issueCertificates',
    'ServiceAccount',
    'ConfigMap',
    'Service',
    'Service',
    'Service',
    'Service',
    'PodDisruptionBudget',
    'StatefulSet',
  ]);
});

test('who is to come gets its certificate before it is made', () => {
  const reached = carryOut(NOTHING, plan(NOTHING, wanted()));
  const goal = wanted({ wanted: groupsOf('shop', exampleSpec({ voters: 3, readReplicas: 1 })) });
  const due = { ...reached, certificatesDue: ['shop-read-0'] };
  assert.deepEqual(plan(due, goal), [
    {
      do: 'issueCertificates',
      members: ['shop-0', 'shop-1', 'shop-2', 'shop-read-0'],
      due: ['shop-read-0'],
    },
  ]);
});

test('no StatefulSet is made while its storage class is missing', () => {
  const kinds = plan(NOTHING, wanted({ storageReady: false })).flatMap((action) =>
    action.do === 'apply' ? [action.object.kind] : [],
  );
  assert.equal(kinds.includes('StatefulSet'), false);
  assert.equal(kinds.includes('Service'), true);
});

test('the label leaves the old leader before the new one gets it', () => {
  const pods = [examplePod('shop-0'), examplePod('shop-1', { leaderLabel: true })];
  const reached = carryOut(NOTHING, plan(NOTHING, wanted()));
  const actions = plan({ ...reached, pods }, wanted({ leader: 'shop-0' }));
  assert.deepEqual(
    actions.map((action) => action.do === 'labelLeader' && [action.pod, action.leader]),
    [
      ['shop-1', false],
      ['shop-0', true],
    ],
  );
});

test('where nobody knows the leader, labels stay as they are', () => {
  const pods = [examplePod('shop-0', { leaderLabel: true })];
  const reached = carryOut(NOTHING, plan(NOTHING, wanted()));
  assert.deepEqual(plan({ ...reached, pods }, wanted({ leader: null })), []);
});

test('a field that somebody changed is put back', () => {
  const reached = carryOut(NOTHING, plan(NOTHING, wanted()));
  const objects = new Map(reached.objects);
  const service = objects.get(objectKey('Service', 'shop'));
  assert.ok(service && isRecord(service['spec']));
  const spec = { ...service['spec'], selector: { app: 'other' } };
  objects.set(objectKey('Service', 'shop'), { ...service, spec });
  const actions = plan({ ...reached, objects }, wanted());
  assert.deepEqual(
    actions.map((action) => action.do === 'apply' && action.object.metadata.name),
    ['shop'],
  );
});

test('a field that is no longer wanted is found by the hash', () => {
  const limited = exampleSpec({ resources: { limits: { memory: '1Gi' } } });
  const before = carryOut(NOTHING, plan(NOTHING, wanted({ spec: limited })));
  const actions = plan(before, wanted({ modelInForce: limited }));
  assert.deepEqual(
    actions.map((action) => action.do === 'apply' && action.object.kind),
    ['StatefulSet'],
  );
});

test('a model that a running cluster does not serve replaces no pod, whatever it asks for or no more', () => {
  const spec = exampleSpec();
  const store = (credentialsSecret: string) => {
    const cold = { type: 's3', bucket: 'past', credentialsSecret } as const;
    return { ...spec.store, cold };
  };
  const modelInForce = { ...spec, store: store('own') };
  const before = carryOut(NOTHING, plan(NOTHING, wanted({ spec: modelInForce, hasKeys: true })));
  const refused = { ...spec, store: store('other') };
  const desired = wanted({ spec: refused, modelInForce, hasKeys: true });
  assert.deepEqual(plan(before, desired), []);
  const served = plan(before, wanted({ spec: refused, hasKeys: true }));
  assert.ok(served.some((action) => action.do === 'apply' && action.object.kind === 'StatefulSet'));
});

test('volume claims of a StatefulSet stay as they were created', () => {
  const before = carryOut(NOTHING, plan(NOTHING, wanted()));
  const grown = exampleSpec({ storage: { size: '5Gi' } });
  const [action] = plan(before, wanted({ spec: grown, modelInForce: exampleSpec() })).filter(
    (candidate) => candidate.do === 'apply',
  );
  const old = before.objects.get(objectKey('StatefulSet', 'shop'));
  assert.ok(old && isRecord(old['spec']));
  if (action === undefined) return;
  assert.ok(isRecord(action.object['spec']));
  assert.deepEqual(
    action.object['spec']['volumeClaimTemplates'],
    old['spec']['volumeClaimTemplates'],
  );
});

test('an object that is being deleted is left alone until it is gone', () => {
  const reached = carryOut(NOTHING, plan(NOTHING, wanted()));
  const objects = new Map(reached.objects);
  const key = objectKey('StatefulSet', 'shop');
  const set = objects.get(key);
  assert.ok(set);
  const deletionTimestamp = '2026-01-01T00:00:00Z';
  objects.set(key, { ...set, spec: {}, metadata: { ...set.metadata, deletionTimestamp } });
  assert.deepEqual(plan({ ...reached, objects }, wanted()), []);
  objects.delete(key);
  assert.equal(plan({ ...reached, objects }, wanted()).length, 1);
});

test('only a resource that gives its volumes up waits until they are deleted', () => {
  for (const retain of [true, false]) {
    const spec = exampleSpec({ storage: { size: '1Gi', retain } });
    const [first] = plan(NOTHING, wanted({ spec }));
    const held = { do: 'setFinalizers', finalizers: [FINALIZER] };
    assert.deepEqual(first?.do === 'setFinalizers' ? first : null, retain ? null : held);
  }
});
