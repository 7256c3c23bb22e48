import type {
  V1Affinity,
  V1Container,
  V1EnvVar,
  V1PodTemplateSpec,
  V1Probe,
  V1ResourceRequirements,
  V1Volume,
  V1VolumeMount,
} from '@kubernetes/client-node';
import {
  API_PORT,
  CA_CERTIFICATE_FILE,
  MEMBER_CERTIFICATE_FILE,
  MEMBER_KEY_FILE,
  OPS_PORT_OFFSET,
} from '@lithair/crds/contract';
import { CLUSTER_FILES, KEYS_FILE } from './configuration.ts';
import { podSelector, SET_LABEL } from './labels.ts';
import { type ClusterPlan, type MemberGroup, namesOf, PEER_PORT, peerAddress } from './names.ts';
import { parseQuantity } from './quantity.ts';

/** Name of the volume claim template, so a claim is `data-<pod>`. */
export const DATA_VOLUME = 'data';

const USER_ID = 65532;
const PRE_STOP_SECONDS = 2;
const DATA_PATH = '/var/lib/lithair';
const MODEL_PATH = '/etc/lithair/model';
const CLUSTER_PATH = '/etc/lithair/cluster';
const PEER_TLS_PATH = '/etc/lithair/peer-tls';
const SECRETS_PATH = '/etc/lithair/secrets';
const KEYS_PATH = '/etc/lithair/keys';
/** Entry of the Secret with what a collector of traces wants as headers. */
const HEADERS_KEY = 'headers';

/**
 * The pod of a member. It depends on the spec, the image and whether there are keys alone, never on the
 * operator's version, on how many members there are, or on anything else that changes while a cluster
 * runs: what changes it has every pod replaced.
 */
export function podTemplate(
  cluster: ClusterPlan,
  group: MemberGroup,
  labels: Record<string, string>,
): V1PodTemplateSpec {
  const own = { matchLabels: { ...podSelector(cluster.name), [SET_LABEL]: group.statefulSet } };
  return {
    metadata: { labels },
    spec: {
      serviceAccountName: namesOf(cluster.name).serviceAccount,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 30,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: USER_ID,
        runAsGroup: USER_ID,
        fsGroup: USER_ID,
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
      ...(Object.keys(group.nodeSelector).length === 0
        ? {}
        : { nodeSelector: { ...group.nodeSelector } }),
      affinity: affinity(cluster.name, group),
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'topology.kubernetes.io/zone',
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: own,
        },
        {
          maxSkew: 1,
          topologyKey: 'kubernetes.io/hostname',
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: own,
        },
      ],
      containers: [container(cluster, group)],
      volumes: volumes(cluster),
    },
  };
}

function container(cluster: ClusterPlan, group: MemberGroup): V1Container {
  return {
    name: 'lithair',
    image: cluster.image,
    imagePullPolicy: 'IfNotPresent',
    args: nodeArguments(cluster, group),
    env: [
      {
        name: 'POD_NAME',
        valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } },
      },
      { name: 'LITHAIR_LOG', value: 'json' },
      ...coldCredentials(cluster),
      ...traceExport(cluster),
    ],
    ports: [
      { name: 'api', containerPort: API_PORT, protocol: 'TCP' },
      { name: 'ops', containerPort: API_PORT + OPS_PORT_OFFSET, protocol: 'TCP' },
      { name: 'peer', containerPort: PEER_PORT, protocol: 'TCP' },
    ],
    resources: resources(cluster),
    // Recovery of a large log comes before the listener; ten minutes is far beyond it.
    startupProbe: probe('/healthz', { periodSeconds: 2, failureThreshold: 300 }),
    livenessProbe: probe('/healthz', { periodSeconds: 10, failureThreshold: 3 }),
    readinessProbe: probe('/readyz', { periodSeconds: 2, failureThreshold: 2 }),
    // Services forget a pod that ends within moments; it answers until they have.
    lifecycle: { preStop: { sleep: { seconds: PRE_STOP_SECONDS } } },
    // Where a node ends with an error, its last words are shown in the status.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: volumeMounts(cluster),
  };
}

/** What the store of cold archives wants to know, from a Secret and never from the model. */
function coldCredentials({ spec }: ClusterPlan): V1EnvVar[] {
  const secret = spec.store.cold?.credentialsSecret;
  if (secret === undefined) return [];
  const of = (name: string, optional: boolean): V1EnvVar => {
    const secretKeyRef = { name: secret, key: name, ...(optional && { optional }) };
    return { name, valueFrom: { secretKeyRef } };
  };
  return [
    of('AWS_ACCESS_KEY_ID', false),
    of('AWS_SECRET_ACCESS_KEY', false),
    of('AWS_SESSION_TOKEN', true),
  ];
}

/** Where traces go, for nodes that make any; others are not replaced because it changes. */
function traceExport({ name, spec }: ClusterPlan): V1EnvVar[] {
  const traces = spec.cluster.monitoring?.traces;
  if (traces === undefined || !isTraced(spec)) return [];
  const { endpoint, headersSecret, serviceName = name } = traces;
  const secretKeyRef = { name: headersSecret ?? '', key: HEADERS_KEY };
  return [
    { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: endpoint },
    { name: 'OTEL_SERVICE_NAME', value: serviceName },
    ...(headersSecret === undefined
      ? []
      : [{ name: 'OTEL_EXPORTER_OTLP_HEADERS', valueFrom: { secretKeyRef } }]),
  ];
}

function isTraced({ models }: ClusterPlan['spec']): boolean {
  return models.some(({ tracing }) => tracing?.enabled === true);
}

function nodeArguments(cluster: ClusterPlan, group: MemberGroup): string[] {
  return [
    '/app/lithair.mjs',
    'serve',
    `${MODEL_PATH}/model.json`,
    '--managed',
    '--name',
    '$(POD_NAME)',
    '--host',
    '0.0.0.0',
    '--data',
    DATA_PATH,
    '--peer-tls',
    PEER_TLS_PATH,
    '--cluster',
    CLUSTER_PATH,
    '--initial-cluster',
    `@${CLUSTER_PATH}/${CLUSTER_FILES.members}`,
    '--address',
    peerAddress(cluster, '$(POD_NAME)'),
    ...(group.role === 'learner' ? ['--role', 'learner'] : []),
    ...(group.region === null ? [] : ['--region', group.region]),
    ...(secretNames(cluster).length === 0 ? [] : ['--secrets', SECRETS_PATH]),
    ...(cluster.hasKeys ? ['--keys', `${KEYS_PATH}/${KEYS_FILE}`] : []),
  ];
}

function probe(
  path: string,
  times: { readonly periodSeconds: number; readonly failureThreshold: number },
): V1Probe {
  const httpGet = { path, port: 'api', scheme: 'HTTP' };
  return { httpGet, timeoutSeconds: 3, successThreshold: 1, ...times };
}

/** What the spec says; a request above its limit, which Kubernetes refuses, is the limit. */
function resources(cluster: ClusterPlan): V1ResourceRequirements {
  const declared = cluster.spec.cluster.resources;
  const limits = defined(declared.limits);
  const requests = Object.fromEntries(
    Object.entries(defined(declared.requests)).map(([name, value]) => [
      name,
      smaller(value, limits[name]),
    ]),
  );
  return { requests, ...(Object.keys(limits).length === 0 ? {} : { limits }) };
}

function defined(amounts: { cpu?: string; memory?: string }): Record<string, string> {
  const entries = Object.entries(amounts).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries);
}

function smaller(value: string, limit: string | undefined): string {
  if (limit === undefined) return value;
  return (parseQuantity(limit) ?? 0) < (parseQuantity(value) ?? 0) ? limit : value;
}

/** Secrets that the model names; the node reads their entry `key`. */
function secretNames({ spec: { auth } }: ClusterPlan): string[] {
  return auth?.jwt?.secretName === undefined ? [] : [auth.jwt.secretName];
}

function volumeMounts(cluster: ClusterPlan): V1VolumeMount[] {
  return [
    { name: DATA_VOLUME, mountPath: DATA_PATH },
    { name: 'model', mountPath: MODEL_PATH, readOnly: true },
    { name: 'cluster', mountPath: CLUSTER_PATH, readOnly: true },
    // File by file: a container sees its own key and nobody else's.
    ownFile(CA_CERTIFICATE_FILE, CA_CERTIFICATE_FILE),
    ownFile(MEMBER_CERTIFICATE_FILE, '$(POD_NAME).crt'),
    ownFile(MEMBER_KEY_FILE, '$(POD_NAME).key'),
    { name: 'tmp', mountPath: '/tmp' },
    ...secretNames(cluster).map((name) => ({
      name: `secret-${name}`,
      mountPath: `${SECRETS_PATH}/${name}`,
      readOnly: true,
    })),
    // As a directory, so that a rotated key gets there by itself.
    ...(cluster.hasKeys ? [{ name: 'keys', mountPath: KEYS_PATH, readOnly: true }] : []),
  ];
}

function ownFile(file: string, subPathExpr: string): V1VolumeMount {
  return { name: 'peer-tls', mountPath: `${PEER_TLS_PATH}/${file}`, readOnly: true, subPathExpr };
}

function volumes(cluster: ClusterPlan): V1Volume[] {
  const keysItems = [{ key: KEYS_FILE, path: KEYS_FILE }];
  const names = namesOf(cluster.name);
  return [
    { name: 'model', configMap: { name: names.model, defaultMode: 0o444 } },
    { name: 'cluster', configMap: { name: names.cluster, defaultMode: 0o444 } },
    { name: 'peer-tls', secret: { secretName: names.peerTls, defaultMode: 0o440 } },
    { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } },
    ...secretNames(cluster).map((secretName) => ({
      name: `secret-${secretName}`,
      secret: { secretName, defaultMode: 0o440, items: [{ key: 'key', path: 'key' }] },
    })),
    ...(cluster.hasKeys
      ? [{ name: 'keys', secret: { secretName: names.keys, defaultMode: 0o440, items: keysItems } }]
      : []),
  ];
}

/** Prefers one member per machine, and machines of the declared region; never insists. */
function affinity(name: string, group: MemberGroup): V1Affinity {
  const podAntiAffinity = {
    preferredDuringSchedulingIgnoredDuringExecution: [
      {
        weight: 100,
        podAffinityTerm: {
          topologyKey: 'kubernetes.io/hostname',
          labelSelector: { matchLabels: podSelector(name) },
        },
      },
    ],
  };
  // Whoever says which machines to take has said it.
  if (group.region === null || Object.keys(group.nodeSelector).length > 0) {
    return { podAntiAffinity };
  }
  const key = 'topology.kubernetes.io/region';
  const preference = { matchExpressions: [{ key, operator: 'In', values: [group.region] }] };
  return {
    podAntiAffinity,
    nodeAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 50, preference }],
    },
  };
}
