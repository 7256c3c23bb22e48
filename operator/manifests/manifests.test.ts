import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRecord, type KubeObject } from '../kubernetes/index.ts';
import { exampleSpec } from '../testing/examples.ts';
import {
  allServices,
  authoritySecret,
  type ClusterPlan,
  clusterConfigMap,
  groupsOf,
  memberList,
  memberNames,
  modelConfigMap,
  peerTlsSecret,
  podDisruptionBudget,
  serviceAccount,
  statefulSet,
} from './index.ts';

function clusterOf(part: Record<string, unknown> = {}): ClusterPlan {
  return {
    name: 'shop',
    namespace: 'trade',
    uid: 'u1',
    spec: exampleSpec(part),
    image: 'lithair/node:dev',
    clusterId: 'cluster-1',
    hasKeys: false,
  };
}

function setOf(part: Record<string, unknown> = {}): KubeObject {
  const cluster = clusterOf(part);
  const groups = groupsOf(cluster.name, cluster.spec);
  const [group] = groups;
  assert.ok(group);
  return statefulSet(cluster, group);
}

/** Value at a path such as `spec.template.spec.containers.0.args`. */
function at(object: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, step) => {
    if (Array.isArray(value)) return value[Number(step)];
    return isRecord(value) ? value[step] : undefined;
  }, object);
}

const POD = 'spec.template.spec';
const CONTAINER = `${POD}.containers.0`;

const RESTRICTED: readonly [string, unknown][] = [
  [`${POD}.securityContext.runAsNonRoot`, true],
  [`${POD}.securityContext.runAsUser`, 65532],
  [`${POD}.securityContext.fsGroup`, 65532],
  [`${POD}.securityContext.seccompProfile.type`, 'RuntimeDefault'],
  [`${CONTAINER}.securityContext.allowPrivilegeEscalation`, false],
  [`${CONTAINER}.securityContext.readOnlyRootFilesystem`, true],
  [`${CONTAINER}.securityContext.capabilities`, { drop: ['ALL'] }],
  [`${POD}.automountServiceAccountToken`, false],
  [`${POD}.enableServiceLinks`, false],
  [`${POD}.hostNetwork`, undefined],
];

for (const [path, value] of RESTRICTED) {
  test(`a pod has ${path} = ${JSON.stringify(value)}`, () => {
    assert.deepEqual(at(setOf(), path), value);
  });
}

const SET: readonly [string, unknown][] = [
  ['spec.replicas', 3],
  ['spec.podManagementPolicy', 'Parallel'],
  ['spec.updateStrategy.type', 'OnDelete'],
  ['spec.serviceName', 'shop-peers'],
  ['spec.persistentVolumeClaimRetentionPolicy', { whenDeleted: 'Retain', whenScaled: 'Retain' }],
  ['spec.volumeClaimTemplates.0.metadata.name', 'data'],
  ['spec.volumeClaimTemplates.0.spec.storageClassName', undefined],
  ['spec.volumeClaimTemplates.0.spec.resources.requests.storage', '1Gi'],
  [`${CONTAINER}.resources`, { requests: { cpu: '100m', memory: '256Mi' } }],
  [`${CONTAINER}.readinessProbe.httpGet.path`, '/readyz'],
  [`${CONTAINER}.livenessProbe.httpGet.path`, '/healthz'],
  [`${POD}.terminationGracePeriodSeconds`, 30],
];

for (const [path, value] of SET) {
  test(`a StatefulSet has ${path} = ${JSON.stringify(value)}`, () => {
    assert.deepEqual(at(setOf(), path), value);
  });
}

test('a node is started with the words of the container contract', () => {
  assert.deepEqual(at(setOf({ voters: 1 }), `${CONTAINER}.args`), [
    '/app/lithair.mjs',
    'serve',
    '/etc/lithair/model/model.json',
    '--managed',
    '--name',
    '$(POD_NAME)',
    '--host',
    '0.0.0.0',
    '--data',
    '/var/lib/lithair',
    '--peer-tls',
    '/etc/lithair/peer-tls',
    '--cluster',
    '/etc/lithair/cluster',
    '--initial-cluster',
    '@/etc/lithair/cluster/members',
    '--address',
    '$(POD_NAME).shop-peers.trade.svc:10080',
  ]);
});

test('a node of a region is told where it is, and a learner what it is', () => {
  const cluster = clusterOf({
    regions: [
      { name: 'eu', role: 'Voter', nodes: 1 },
      { name: 'us', role: 'Learner', nodes: 2 },
    ],
    readReplicas: 1,
  });
  const last = groupsOf('shop', cluster.spec).map((group) => {
    const args = at(statefulSet(cluster, group), `${CONTAINER}.args`);
    return Array.isArray(args) ? args.slice(18).join(' ') : '';
  });
  assert.deepEqual(last, ['--region eu', '--role learner --region us', '--role learner']);
});

test('how many members there are changes no pod', () => {
  const many = at(setOf({ voters: 5, readReplicas: 2 }), 'spec.template');
  assert.deepEqual(many, at(setOf({ voters: 1 }), 'spec.template'));
});

test('those who vote are listed for members that start, the founder first', () => {
  const spec = exampleSpec({
    regions: [
      { name: 'far', role: 'Learner', nodes: 2 },
      { name: 'eu', role: 'Voter', nodes: 1 },
    ],
  });
  assert.equal(
    memberList({ name: 'shop', namespace: 'trade' }, groupsOf('shop', spec)),
    'shop-eu-0=shop-eu-0.shop-peers.trade.svc:10080\n',
  );
});

test('machines that a region must have are asked for, and its pods are spread over their zones', () => {
  const set = setOf({
    regions: [{ name: 'eu', role: 'Voter', nodes: 3, nodeSelector: { pool: 'big' } }],
  });
  assert.deepEqual(at(set, `${POD}.nodeSelector`), { pool: 'big' });
  assert.equal(at(set, `${POD}.affinity.nodeAffinity`), undefined);
  const spread = at(set, `${POD}.topologySpreadConstraints`);
  assert.ok(Array.isArray(spread));
  assert.deepEqual(
    spread.map((constraint: unknown) => [
      at(constraint, 'topologyKey'),
      JSON.stringify(at(constraint, 'labelSelector.matchLabels')).includes('shop-eu'),
    ]),
    [
      ['topology.kubernetes.io/zone', true],
      ['kubernetes.io/hostname', true],
    ],
  );
});

test('reads go to learners where there are some', () => {
  const services = allServices(clusterOf({ readReplicas: 2 }), 'learners');
  const read = services.find(({ metadata }) => metadata.name === 'shop-read');
  const selector = at(read, 'spec.selector');
  assert.ok(isRecord(selector));
  assert.equal(selector['lithair.dev/role'], 'learner');
});

test('a container listens on the three ports of the contract', () => {
  const ports = at(setOf(), `${CONTAINER}.ports`);
  assert.deepEqual(ports, [
    { name: 'api', containerPort: 8080, protocol: 'TCP' },
    { name: 'ops', containerPort: 9080, protocol: 'TCP' },
    { name: 'peer', containerPort: 10080, protocol: 'TCP' },
  ]);
});

test('a container sees the key of its own member only', () => {
  const mounts = at(setOf(), `${CONTAINER}.volumeMounts`);
  assert.ok(Array.isArray(mounts));
  const own = mounts.filter((entry: unknown) => at(entry, 'name') === 'peer-tls');
  assert.deepEqual(
    own.map((mount: unknown) => [
      at(mount, 'mountPath'),
      at(mount, 'subPathExpr'),
      at(mount, 'readOnly'),
    ]),
    [
      ['/etc/lithair/peer-tls/ca.crt', 'ca.crt', true],
      ['/etc/lithair/peer-tls/tls.crt', '$(POD_NAME).crt', true],
      ['/etc/lithair/peer-tls/tls.key', '$(POD_NAME).key', true],
    ],
  );
});

function fromSecret(name: string, more = {}) {
  return { name, valueFrom: { secretKeyRef: { name: 'past-keys', key: name, ...more } } };
}

test('credentials of the cold store come from the Secret that is named, and from nowhere else', () => {
  const cluster = clusterOf();
  const cold = { type: 's3', bucket: 'past', credentialsSecret: 'past-keys' } as const;
  const withCold = {
    ...cluster,
    spec: { ...cluster.spec, store: { ...cluster.spec.store, cold } },
  };
  const groups = groupsOf(cluster.name, cluster.spec);
  const [group] = groups;
  assert.ok(group);
  const env = at(statefulSet(withCold, group), `${CONTAINER}.env`);
  assert.deepEqual(Array.isArray(env) ? env.slice(-3) : [], [
    fromSecret('AWS_ACCESS_KEY_ID'),
    fromSecret('AWS_SECRET_ACCESS_KEY'),
    fromSecret('AWS_SESSION_TOKEN', { optional: true }),
  ]);
  assert.doesNotMatch(JSON.stringify(setOf()), /AWS_/);
});

const TRACES = {
  endpoint: 'http://collector.observability:4318',
  headersSecret: 'collector-headers',
  serviceName: 'checkout',
};

function traceVariables(traces: unknown, tracing?: { enabled: boolean }) {
  const cluster = clusterOf({ monitoring: { traces } });
  const { spec } = cluster;
  const models = spec.models.map((model) => ({
    ...model,
    ...(tracing && { tracing: { ...tracing, sampleRate: 1, includeBody: false } }),
  }));
  const [group] = groupsOf(cluster.name, spec);
  assert.ok(group);
  const env = at(statefulSet({ ...cluster, spec: { ...spec, models } }, group), `${CONTAINER}.env`);
  assert.ok(Array.isArray(env));
  return env.filter(({ name }) => String(name).startsWith('OTEL_'));
}

test('members with traced models send traces where the resource says, with headers of a Secret', () => {
  assert.deepEqual(traceVariables(TRACES, { enabled: true }), [
    { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: 'http://collector.observability:4318' },
    { name: 'OTEL_SERVICE_NAME', value: 'checkout' },
    {
      name: 'OTEL_EXPORTER_OTLP_HEADERS',
      valueFrom: { secretKeyRef: { name: 'collector-headers', key: 'headers' } },
    },
  ]);
  const { endpoint } = TRACES;
  assert.deepEqual(traceVariables({ endpoint }, { enabled: true }), [
    { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: endpoint },
    { name: 'OTEL_SERVICE_NAME', value: 'shop' },
  ]);
});

test('members without traced models, or that are not told where, have the pods that they had', () => {
  assert.deepEqual(traceVariables(TRACES), []);
  assert.deepEqual(traceVariables(TRACES, { enabled: false }), []);
  const plain = setOf();
  assert.deepEqual(setOf({ monitoring: { traces: TRACES } }), plain);
  assert.doesNotMatch(JSON.stringify(plain), /OTEL_/);
});

function replicas(part: Record<string, unknown>) {
  return groupsOf('shop', exampleSpec(part)).map((group) => [group.role, group.replicas]);
}

test('there are as many members as the resource says, in each group', () => {
  for (const voters of [1, 3, 5, 7]) assert.deepEqual(replicas({ voters }), [['voter', voters]]);
  const regions = [
    { name: 'eu', role: 'Voter', nodes: 5 },
    { name: 'us', role: 'Learner', nodes: 2 },
  ];
  assert.deepEqual(replicas({ regions, readReplicas: 4 }), [
    ['voter', 5],
    ['learner', 2],
    ['learner', 4],
  ]);
});

test('volumes are of the storage class that is said, and of the default one where none is', () => {
  const place = 'spec.volumeClaimTemplates.0.spec.storageClassName';
  assert.equal(at(setOf({ storage: { size: '1Gi', className: 'fast' } }), place), 'fast');
  assert.equal(at(setOf(), place), undefined);
});

test('declared resources are kept, and a small limit lowers the default request', () => {
  const limits = { cpu: '4', memory: '96Mi' };
  const set = setOf({ resources: { limits, requests: { cpu: '2' } } });
  assert.deepEqual(at(set, `${CONTAINER}.resources`), {
    requests: { cpu: '2', memory: '96Mi' },
    limits,
  });
});

test('a region names its StatefulSet, its pods and the machines it prefers', () => {
  const set = setOf({ regions: [{ name: 'eu-west', role: 'Voter', nodes: 3 }] });
  assert.equal(set.metadata.name, 'shop-eu-west');
  assert.equal(at(set, 'spec.selector.matchLabels')?.constructor, Object);
  const preferred = 'preferredDuringSchedulingIgnoredDuringExecution.0.preference.matchExpressions';
  assert.deepEqual(at(set, `${POD}.affinity.nodeAffinity.${preferred}.0.values`), ['eu-west']);
});

test('the selector of a StatefulSet picks the labels of its template', () => {
  for (const part of [{}, { regions: [{ name: 'eu', role: 'Voter', nodes: 1 }] }]) {
    const set = setOf(part);
    const selector = at(set, 'spec.selector.matchLabels');
    const labels = at(set, 'spec.template.metadata.labels');
    assert.ok(isRecord(selector) && isRecord(labels));
    for (const [key, value] of Object.entries(selector)) assert.equal(labels[key], value);
  }
});

const SERVICES: readonly [string, number, number, Record<string, string> | null][] = [
  ['shop', 80, 8080, null],
  ['shop-leader', 80, 8080, { 'lithair.dev/leader': 'true' }],
  ['shop-read', 80, 8080, null],
  ['shop-peers', 10080, 10080, null],
];

for (const [name, port, targetPort, extra] of SERVICES) {
  test(`Service ${name} leads from ${port} to ${targetPort}`, () => {
    const service = allServices(clusterOf(), 'all').find(({ metadata }) => metadata.name === name);
    assert.equal(at(service, 'spec.ports.0.port'), port);
    assert.equal(at(service, 'spec.ports.0.targetPort'), targetPort);
    assert.equal(at(service, 'spec.ports.1'), undefined);
    const common = { 'app.kubernetes.io/name': 'lithair', 'lithair.dev/cluster': 'shop' };
    assert.deepEqual(at(service, 'spec.selector'), { ...common, ...extra });
  });
}

test('the peers find each other before they are ready', () => {
  const peers = allServices(clusterOf(), 'all').find(
    ({ metadata }) => metadata.name === 'shop-peers',
  );
  assert.equal(at(peers, 'spec.clusterIP'), 'None');
  assert.equal(at(peers, 'spec.publishNotReadyAddresses'), true);
});

test('what has to outlive the resource has no owner, the rest has exactly one', () => {
  const cluster = clusterOf();
  const retained = [
    clusterConfigMap(cluster, 'cluster-1', false, groupsOf(cluster.name, cluster.spec)),
    authoritySecret(cluster, 'cert', 'key'),
    peerTlsSecret(cluster, 'cert', new Map()),
  ];
  const owned = [
    setOf(),
    serviceAccount(cluster),
    podDisruptionBudget(cluster),
    modelConfigMap(cluster, cluster.spec),
    ...allServices(cluster, 'all'),
  ];
  for (const { metadata } of retained) assert.equal(metadata.ownerReferences, undefined);
  for (const { metadata } of owned) {
    assert.deepEqual(
      metadata.ownerReferences?.map(({ uid, controller }) => [uid, controller]),
      [['u1', true]],
    );
  }
});

test('the pod depends on spec and image alone: same input, same bytes', () => {
  assert.equal(JSON.stringify(setOf()), JSON.stringify(setOf()));
  const text = JSON.stringify(at(setOf(), 'spec.template'));
  assert.doesNotMatch(text, /cluster-1|u1|annotations/);
});

test('members are named in the order in which the first one bootstraps', () => {
  assert.deepEqual(memberNames(groupsOf('shop', exampleSpec({ voters: 3 }))), [
    'shop-0',
    'shop-1',
    'shop-2',
  ]);
});

test('the model ConfigMap holds the whole spec as JSON', () => {
  const cluster = clusterOf();
  const text = at(modelConfigMap(cluster, cluster.spec), 'data');
  assert.ok(isRecord(text) && typeof text['model.json'] === 'string');
  assert.deepEqual(JSON.parse(text['model.json']), JSON.parse(JSON.stringify(cluster.spec)));
});

test('keys are mounted, read-only and for members alone, where there are any', () => {
  const secret = { ...clusterOf(), hasKeys: true };
  const [group] = groupsOf(secret.name, secret.spec);
  assert.ok(group);
  const set = JSON.stringify(statefulSet(secret, group));
  assert.match(set, /"--keys","\/etc\/lithair\/keys\/keys\.json"/);
  assert.match(set, /"name":"keys","mountPath":"\/etc\/lithair\/keys","readOnly":true/);
  assert.match(set, /"secretName":"shop-keys","defaultMode":288,"items":\[\{"key":"keys\.json"/);
  assert.doesNotMatch(JSON.stringify(setOf()), /keys/);
});
