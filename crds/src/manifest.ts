// The CustomResourceDefinition, from the same shapes as the validator. It checks only shapes and
// what must hold at once in the API server: everything else is preserved and left to the operator,
// which can name the path and the reason in a condition.
import { resourceShape, specShape } from './language.ts';
import { DEFAULTS, LIMITS, SIZE_PATTERN, VOTER_COUNTS } from './language-terms.ts';
import { KIND } from './resource.ts';
import type { ListShape, RecordShape, Shape } from './shape.ts';

type Json = { [key: string]: unknown };

const PRESERVE = { 'x-kubernetes-preserve-unknown-fields': true };

/** Levels of nested fields that are spelled out; deeper ones are preserved as they are. */
const SPELLED_LEVELS = 2;

/** The manifest of lithairmodels.lithair.dev, apiextensions.k8s.io/v1. */
export function crdManifest(): object {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: 'lithairmodels.lithair.dev',
      annotations: { 'helm.sh/resource-policy': 'keep' },
    },
    spec: {
      group: 'lithair.dev',
      scope: 'Namespaced',
      names: {
        kind: KIND,
        listKind: `${KIND}List`,
        plural: 'lithairmodels',
        singular: 'lithairmodel',
        shortNames: ['lm'],
        categories: ['lithair'],
      },
      versions: [version()],
    },
  };
}

function version(): Json {
  return {
    name: 'v1alpha1',
    served: true,
    storage: true,
    subresources: {
      status: {},
      scale: {
        specReplicasPath: '.spec.cluster.readReplicas',
        statusReplicasPath: '.status.readReplicas',
        labelSelectorPath: '.status.readReplicaSelector',
      },
    },
    additionalPrinterColumns: [
      column('Ready', 'string', '.status.conditions[?(@.type=="Ready")].status'),
      column('Phase', 'string', '.status.phase'),
      column('Nodes', 'string', '.status.nodeSummary'),
      column('Leader', 'string', '.status.leader'),
      column('Schema', 'integer', '.status.schemaVersion'),
      column('Age', 'date', '.metadata.creationTimestamp'),
    ],
    schema: { openAPIV3Schema: rootSchema() },
  };
}

function column(name: string, type: string, jsonPath: string): Json {
  return { name, type, jsonPath };
}

function rootSchema(): Json {
  return {
    type: 'object',
    description: resourceShape.description,
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: { ...schemaOf(specShape, ['spec'], 0), 'x-kubernetes-validations': [NEVER_SHRINKS] },
      status: statusSchema(),
    },
  };
}

/** Size of the volumes, said or not, as a CEL expression over `self` or `oldSelf`. */
function sizeIn(spec: 'self' | 'oldSelf'): string {
  const chain = [`${spec}.cluster`, `${spec}.cluster.storage`, `${spec}.cluster.storage.size`];
  const given = chain.map((step) => `has(${step})`).join(' && ');
  return `quantity(${given} ? ${spec}.cluster.storage.size : '${DEFAULTS.storageSize}')`;
}

const NEVER_SHRINKS = {
  rule: `${sizeIn('self')}.compareTo(${sizeIn('oldSelf')}) >= 0`,
  message: 'cluster.storage.size may grow, never shrink',
};

const ONE_OF_THE_COUNTS = {
  rule: `self in [${VOTER_COUNTS.join(', ')}]`,
  message: `must be ${VOTER_COUNTS.slice(0, -1).join(', ')} or ${VOTER_COUNTS.at(-1)}`,
};

const VOTERS_ARE_ODD = {
  rule: [
    `!has(self.regions) || self.regions.filter(r, !has(r.role) || r.role == 'Voter')`,
    `.map(r, has(r.nodes) ? r.nodes : ${DEFAULTS.voters})`,
    `.sum() in [${VOTER_COUNTS.join(', ')}]`,
  ].join(''),
  message: 'the nodes of all Voter regions together must be 1, 3, 5 or 7',
};

/** What stands in the CRD beside an attribute's shape, by its place. */
const EXTRAS: Readonly<Record<string, Json | undefined>> = {
  'spec.cluster': {
    default: {},
    'x-kubernetes-validations': [
      {
        rule: '!(has(self.voters) && has(self.regions))',
        message: 'voters and regions exclude each other: give one of them',
      },
      VOTERS_ARE_ODD,
    ],
  },
  'spec.cluster.voters': { 'x-kubernetes-validations': [ONE_OF_THE_COUNTS] },
  // The scale subresource answers only where the field is there.
  'spec.cluster.readReplicas': { minimum: 0, maximum: LIMITS.nodes, default: 0 },
  'spec.cluster.regions.nodes': { minimum: 1, maximum: LIMITS.nodes },
  'spec.cluster.storage.size': { pattern: SIZE_PATTERN },
};

function schemaOf(shape: Shape, path: readonly string[], level: number): Json {
  const schema = { description: shape.description, ...bareSchema(shape, path, level) };
  return { ...schema, ...EXTRAS[path.join('.')] };
}

function bareSchema(shape: Shape, path: readonly string[], level: number): Json {
  if (shape.kind === 'text') return { type: 'string', maxLength: shape.maxLength };
  if (shape.kind === 'integer') return { type: 'integer', format: 'int64' };
  if (shape.kind === 'any') return PRESERVE;
  if (shape.kind === 'labels') {
    const additionalProperties = { type: 'string', maxLength: 63 };
    return { type: 'object', maxProperties: shape.maxItems, additionalProperties };
  }
  if (shape.kind === 'opaque') return { type: 'object', ...PRESERVE };
  if (shape.kind === 'list') return listSchema(shape, path, level);
  if (shape.kind === 'record') return recordSchema(shape, path, level);
  return { type: shape.kind };
}

function listSchema(shape: ListShape, path: readonly string[], level: number): Json {
  const of = shape.of();
  const keyed = of.kind === 'record' && of.key !== undefined && isSpelled(of, level);
  return {
    type: 'array',
    maxItems: shape.maxItems,
    ...(keyed && { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
    items: schemaOf(of, path, level),
  };
}

function recordSchema(shape: RecordShape, path: readonly string[], level: number): Json {
  if (!isSpelled(shape, level)) return { type: 'object', ...PRESERVE };
  const inner = shape.nests ? level + 1 : level;
  const properties = Object.entries(shape.attributes).map(
    ([name, attribute]) => [name, schemaOf(attribute, [...path, name], inner)] as const,
  );
  return {
    type: 'object',
    ...(shape.key && { required: [shape.key] }),
    ...PRESERVE,
    properties: Object.fromEntries(properties),
  };
}

function isSpelled(shape: RecordShape, level: number): boolean {
  return !shape.nests || level < SPELLED_LEVELS;
}

function text(maxLength: number): Json {
  return { type: 'string', maxLength };
}

function statusSchema(): Json {
  const integer = { type: 'integer', format: 'int64' };
  return {
    type: 'object',
    description: 'What is observed.',
    ...PRESERVE,
    properties: {
      observedGeneration: integer,
      phase: text(64),
      schemaVersion: integer,
      clusterId: text(64),
      endpoint: text(512),
      leader: text(253),
      term: integer,
      image: text(512),
      nodeSummary: text(32),
      nodes: keyedList('name', 64, {
        name: text(253),
        memberId: text(64),
        role: text(32),
        region: text(63),
        ready: { type: 'boolean' },
        lag: integer,
        lagBytes: integer,
        lagSeconds: integer,
        version: text(64),
      }),
      readReplicas: { type: 'integer', format: 'int32' },
      readReplicaSelector: text(512),
      conditions: keyedList('type', 32, {
        type: text(316),
        status: text(16),
        observedGeneration: integer,
        lastTransitionTime: { type: 'string', format: 'date-time' },
        reason: text(1024),
        message: text(32768),
      }),
    },
  };
}

function keyedList(key: string, maxItems: number, properties: Json): Json {
  return {
    type: 'array',
    maxItems,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': [key],
    items: { type: 'object', required: [key], ...PRESERVE, properties },
  };
}
