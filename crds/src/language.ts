// The language itself: every attribute, where it stands, its shape and its bounds; and every
// attribute of the design that is known and not built yet.
import { FORMATS } from './formats.ts';
import { auth, fieldPermissions, modelPermissions } from './language-access.ts';
import { caching, modelHttp } from './language-http.ts';
import { indexes } from './language-indexes.ts';
import {
  cold,
  domainEvent,
  historize,
  lifecycle,
  security,
  versions,
} from './language-lifecycle.ts';
import { expression, rules } from './language-rules.ts';
import { states } from './language-states.ts';
import {
  bound,
  choice,
  duration,
  flag,
  LIMITS,
  NAME_RULES,
  name,
  QUANTITY_PATTERN,
  SEGMENT_RULE,
  SIZE_PATTERN,
  size,
  UPDATE_MODES,
  VOTER_COUNTS,
} from './language-terms.ts';
import { monitoring, tracing } from './language-tracing.ts';
import {
  COLLATIONS,
  DEFAULT_SOURCES,
  FIELD_TYPES,
  ON_DELETE,
  REPRESENTATIONS,
} from './resource.ts';
import type { ListShape, RecordShape, TextShape } from './shape.ts';

/** What fields, fields inside objects and items of arrays share. */
const valueAttributes = {
  type: {
    kind: 'text',
    required: true,
    maxLength: 32,
    choices: FIELD_TYPES,
    description: `One of ${FIELD_TYPES.join(', ')}.`,
  },
  nullable: flag('Whether null is a value of its own.'),
  minimum: bound('Smallest value (integer, number, decimal).'),
  maximum: bound('Largest value (integer, number, decimal).'),
  representation: choice(
    'As what answers hold digits that a double does not (decimal, integer).',
    REPRESENTATIONS,
    [],
  ),
  minLength: size('Fewest code points (string, text).', LIMITS.textLength),
  maxLength: size('Most code points (string, text).', LIMITS.textLength),
  pattern: {
    kind: 'text',
    maxLength: LIMITS.patternLength,
    description: 'Regular expression to be found in the value (string, text).',
  },
  format: {
    kind: 'text',
    maxLength: 32,
    choices: FORMATS,
    description: 'What the text is (string, text).',
  },
  values: {
    kind: 'list',
    minItems: 1,
    maxItems: LIMITS.values,
    noun: 'values',
    of: () => ({
      kind: 'text',
      maxLength: LIMITS.valueLength,
      description: 'One value of the enum.',
    }),
    description: 'The values of an enum.',
  },
  items: {
    kind: 'record',
    nests: true,
    get attributes(): RecordShape['attributes'] {
      return valueAttributes;
    },
    later: ['memory'],
    elsewhere: {
      attributes: [
        'name',
        'required',
        'default',
        'defaultFrom',
        'primaryKey',
        'template',
        'collation',
        'immutable',
        'unique',
        'index',
        'to',
        'onDelete',
        'inverse',
        'historize',
        'audited',
        'versioned',
        'permissions',
        'hidden',
        'states',
        'computed',
        'encrypted',
        'renamedFrom',
      ],
      says: 'does not apply to the items of an array',
    },
    description: 'What each item of an array is.',
  },
  minItems: size('Fewest items (array).', LIMITS.arrayItems),
  maxItems: size('Most items (array).', LIMITS.arrayItems),
  fields: {
    kind: 'list',
    minItems: 1,
    maxItems: LIMITS.fields,
    noun: 'fields',
    of: () => nestedField,
    description: 'The fields of an object.',
  },
} satisfies RecordShape['attributes'];

const presence = {
  required: flag('Whether the field must be there.'),
  default: { kind: 'any', description: 'Value of an absent field.' },
} satisfies RecordShape['attributes'];

/** Known to the design, refused by this version. */
const LATER_FIELD = ['memory', 'renamedFrom'];

const nestedField: RecordShape = {
  kind: 'record',
  key: 'name',
  nests: true,
  attributes: {
    name: name(NAME_RULES.field, 'field'),
    ...valueAttributes,
    ...presence,
  },
  later: LATER_FIELD,
  elsewhere: {
    attributes: [
      'primaryKey',
      'template',
      'collation',
      'immutable',
      'unique',
      'index',
      'defaultFrom',
      'to',
      'onDelete',
      'inverse',
      'historize',
      'audited',
      'versioned',
      'permissions',
      'hidden',
      'states',
      'computed',
      'encrypted',
    ],
    says: 'applies to a field of the model, not to one inside an object',
  },
  description: 'A field of an object.',
};

const field: RecordShape = {
  kind: 'record',
  key: 'name',
  nests: true,
  attributes: {
    name: name(NAME_RULES.field, 'field'),
    ...valueAttributes,
    ...presence,
    primaryKey: flag('Whether this is the key of the model (uuid or string).'),
    template: {
      kind: 'text',
      maxLength: LIMITS.templateLength,
      description: 'What a string key is made of: "{sku}-{warehouse}", or "INV-{sequence:6}".',
    },
    immutable: flag('Whether the value stays what it was when the row was created.'),
    unique: flag('Whether no two rows may have the same value.'),
    index: {
      kind: 'text',
      maxLength: 32,
      choices: ['none', 'hash', 'ordered', 'bloom'],
      description:
        'hash answers equality, ordered also ranges and sorting; bloom knows what is not there.',
    },
    defaultFrom: {
      kind: 'text',
      maxLength: 32,
      choices: DEFAULT_SOURCES,
      description: 'now: the time (date, datetime); uuid: a new one; actor: who creates the row.',
    },
    to: {
      kind: 'text',
      maxLength: 63,
      rule: NAME_RULES.model,
      description: 'The model that a reference points to.',
    },
    onDelete: {
      kind: 'text',
      maxLength: 32,
      choices: ON_DELETE,
      description:
        'restrict: a row that is referred to cannot be deleted; cascade: those that refer go with it; setNull: they stay and refer to nothing.',
    },
    inverse: {
      kind: 'text',
      maxLength: 63,
      rule: SEGMENT_RULE,
      description: 'Route below a row that is referred to, for the rows that refer to it.',
    },
    historize,
    audited: flag('Whether events tell who changed the value, the old one and the new one.'),
    versioned: versions('How many versions keep the value: as historize with mode versions.'),
    collation: choice(
      'ci: texts compare without regard to case; ci-ai: nor to accents. Exactly where absent.',
      COLLATIONS,
      [],
    ),
    states,
    hidden: flag('Whether the field is absent from the API altogether.'),
    permissions: fieldPermissions,
    computed: expression('CEL over self, the row, that makes the value; it cannot be sent.'),
    encrypted: flag('Whether the value is stored as ciphertext wherever it is stored.'),
  },
  later: LATER_FIELD,
  description: 'A field of the model.',
};

const model: RecordShape = {
  kind: 'record',
  key: 'name',
  attributes: {
    name: name(NAME_RULES.model, 'model'),
    path: {
      kind: 'text',
      maxLength: 200,
      description: 'Route of the collection; /api/<plural, kebab-case> by default.',
    },
    fields: {
      kind: 'list',
      required: true,
      minItems: 1,
      maxItems: LIMITS.fields,
      noun: 'fields',
      of: () => field,
      description: 'The fields of the model, one of them the primary key.',
    },
    persistence: {
      kind: 'record',
      attributes: {
        durability: choice('When a write is answered.', ['quorum', 'leader', 'periodic'], []),
        consistency: choice(
          'What a read promises; eventual: every node takes writes by itself, the last one wins.',
          ['strong', 'sequential', 'eventual'],
          [],
        ),
        memory: choice('Which rows are in memory.', ['eager', 'adaptive'], []),
        cacheMiB: {
          kind: 'integer',
          minimum: 1,
          maximum: 65536,
          description: 'adaptive: memory for rows that were read lately, 64 unless said.',
        },
        asynchronous: flag('As durability: leader.'),
        writeBehind: flag('As durability: periodic.'),
        optimizedForRead: flag('Whether every row stays in memory, as with memory: eager.'),
        replicate: flag('True of every model: all members hold it.'),
        eventSourced: flag('True of every model: its events are the truth.'),
      },
      later: [],
      description: 'What a write promises.',
    },
    indexes,
    permissions: modelPermissions,
    http: modelHttp,
    caching,
    lifecycle,
    security,
    events: {
      kind: 'list',
      minItems: 1,
      maxItems: LIMITS.events,
      noun: 'events',
      of: () => domainEvent,
      description: 'Names of changes; otherwise ProductCreated, ProductUpdated, ProductDeleted.',
    },
    rules,
    tracing,
  },
  later: ['historize', 'states', 'relations', 'renamedFrom', 'migrations'],
  description: 'A model: one kind of row with its route.',
};

const quantity = (description: string): TextShape => ({
  kind: 'text',
  maxLength: 32,
  rule: {
    pattern: QUANTITY_PATTERN,
    says: 'must be a Kubernetes quantity in quotes, such as "500m" or "1Gi"',
    code: 'invalid_value',
  },
  description,
});

const resourceList = (description: string): RecordShape => ({
  kind: 'record',
  attributes: { cpu: quantity('CPU.'), memory: quantity('Memory.') },
  later: [],
  description,
});

const region: RecordShape = {
  kind: 'record',
  key: 'name',
  attributes: {
    name: { ...name(NAME_RULES.region, 'region'), maxLength: 20 },
    role: choice('What its nodes are: Voter (the default) or Learner.', ['Voter', 'Learner'], []),
    nodes: {
      kind: 'integer',
      minimum: 1,
      maximum: LIMITS.nodes,
      description: 'Nodes in the region: 3 voters or 1 learner where absent.',
    },
    nodeSelector: {
      kind: 'labels',
      maxItems: LIMITS.nodeLabels,
      description: 'Labels of the machines that its nodes run on.',
    },
  },
  later: [],
  description: 'A region: one StatefulSet.',
};

const cluster: RecordShape = {
  kind: 'record',
  attributes: {
    voters: {
      kind: 'integer',
      minimum: 1,
      maximum: 7,
      choices: VOTER_COUNTS,
      description: 'Voting nodes: 1, 3 (the default), 5 or 7.',
    },
    regions: {
      kind: 'list',
      minItems: 1,
      maxItems: LIMITS.regions,
      noun: 'regions',
      of: () => region,
      description: 'Instead of voters: the nodes of each region. Voters are odd altogether.',
    },
    readReplicas: {
      kind: 'integer',
      minimum: 0,
      maximum: LIMITS.nodes,
      description:
        'Nodes without a vote that serve reads, outside of regions; kubectl scale sets it.',
    },
    storage: {
      kind: 'record',
      attributes: {
        size: {
          kind: 'text',
          maxLength: 20,
          rule: {
            pattern: SIZE_PATTERN,
            says: 'must be a whole number with a unit, such as "10Gi"',
            code: 'invalid_value',
          },
          description: 'Size of each volume; it may grow, never shrink.',
        },
        className: {
          kind: 'text',
          maxLength: 253,
          rule: {
            pattern: '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$',
            says: 'must be the name of a storage class',
            code: 'invalid_name',
          },
          description: 'Storage class; the default one where absent.',
        },
        retain: flag('Keep the volumes when the resource is deleted (the default).'),
      },
      later: [],
      description: 'The volume of each node.',
    },
    image: {
      kind: 'text',
      maxLength: 512,
      rule: {
        pattern: '^[A-Za-z0-9][A-Za-z0-9._:/@-]*$',
        says: 'must be an image reference',
        code: 'invalid_value',
      },
      description: 'Image of the nodes; the one of the operator where absent.',
    },
    resources: {
      kind: 'record',
      attributes: {
        requests: resourceList('What each node is guaranteed.'),
        limits: resourceList('What each node may use.'),
      },
      later: [],
      description: 'CPU and memory of each node.',
    },
    updatePolicy: {
      kind: 'record',
      attributes: {
        mode: choice(
          'Who replaces them: the operator (Rolling, the default), the operator all but the ' +
            'pod of the leader (Supervised), or whoever deletes them (OnDelete).',
          UPDATE_MODES,
          [],
        ),
      },
      later: [],
      description: 'What becomes of pods of an older template or image.',
    },
    monitoring,
  },
  later: ['tls', 'expose', 'backup', 'scheduling'],
  description: 'The nodes that run the models.',
};

const models: ListShape = {
  kind: 'list',
  required: true,
  minItems: 1,
  maxItems: LIMITS.models,
  noun: 'models',
  of: () => model,
  description: 'The models of the cluster.',
};

export const specShape: RecordShape = {
  kind: 'record',
  required: true,
  attributes: {
    models,
    store: {
      kind: 'record',
      attributes: {
        snapshotEvery: {
          kind: 'integer',
          minimum: 1,
          maximum: 1_000_000_000,
          description: 'Applied entries between two snapshots.',
        },
        batchSize: {
          kind: 'integer',
          minimum: 1,
          maximum: 10_000,
          description: 'Most entries in one append.',
        },
        codec: choice(
          'How the log writes rows: their JSON as it is, or packed.',
          ['json', 'binary'],
          [],
        ),
        auditRetention: duration('How long entries of audit logs are kept; for ever unless said.'),
        syncMode: choice('How writes reach the disk.', ['group'], ['always', 'periodic', 'none']),
        idempotency: {
          kind: 'record',
          attributes: {
            window: duration('How long the outcome of a request with an Idempotency-Key is kept.'),
            maxOutcomes: {
              kind: 'integer',
              minimum: 1,
              maximum: 10_000_000,
              description: 'Most outcomes that are kept; the oldest goes first.',
            },
          },
          later: [],
          description: 'How long a repeated request is recognized.',
        },
        cold,
      },
      later: [],
      description: 'Settings of the log and the state, for the whole cluster.',
    },
    auth,
    cluster,
  },
  later: ['projections', 'gateway'],
  description: 'What is wanted.',
};

export const resourceShape: RecordShape = {
  kind: 'record',
  attributes: {
    apiVersion: { kind: 'text', required: true, maxLength: 64, description: 'API version.' },
    kind: { kind: 'text', required: true, maxLength: 64, description: 'Kind.' },
    metadata: { kind: 'opaque', required: true, description: 'Name and namespace.' },
    spec: specShape,
    status: { kind: 'opaque', description: 'What is observed.' },
  },
  later: [],
  description: 'A declarative model and the cluster that serves it.',
};
