// What the language says of the past of rows: which values are kept, for how long, and what changes
// are called.
import { choice, duration, flag, LIMITS, NAME_RULES, name } from './language-terms.ts';
import type { IntegerShape, RecordShape, TextShape } from './shape.ts';

/** How many past values are kept, of a field or of all fields of a model. */
export const versions = (description: string): IntegerShape => ({
  kind: 'integer',
  minimum: 1,
  maximum: LIMITS.versions,
  description,
});

export const historize: RecordShape = {
  kind: 'record',
  attributes: {
    mode: {
      kind: 'text',
      required: true,
      maxLength: 32,
      choices: ['never', 'versions', 'full'],
      description: 'never: the present value alone; versions: the last ones; full: all.',
    },
    versions: versions('How many versions keep their value, the present one counted.'),
  },
  later: [],
  description: 'Which past values of the field are kept.',
};

export const domainEvent: RecordShape = {
  kind: 'record',
  attributes: {
    type: { ...name(NAME_RULES.model, 'event'), description: 'Such as PriceUpdated.' },
    when: {
      ...choice('Which change of a row it is.', ['create', 'update', 'delete'], []),
      required: true,
    },
    fields: {
      kind: 'list',
      minItems: 1,
      maxItems: LIMITS.fields,
      noun: 'fields',
      of: () => ({ kind: 'text', maxLength: 63, description: 'Name of a field of the model.' }),
      description: 'update: only where one of these fields changed.',
    },
  },
  later: [],
  description: 'A name for a change of a row.',
};

const retention: RecordShape = {
  kind: 'record',
  attributes: {
    hot: duration('How long a version stays in memory at most.'),
    warm: duration('How long it then stays in the archives on the disk.'),
    cold: duration('How long it then stays in the cold store; needs store.cold.'),
  },
  later: [],
  description: 'For how long the past is kept, in log time.',
};

const ttl: RecordShape = {
  kind: 'record',
  attributes: {
    field: {
      kind: 'text',
      required: true,
      maxLength: 63,
      description: 'A datetime of the model; a row without a value in it stays.',
    },
    after: duration('How long after that time the row goes; at that time unless said.'),
  },
  later: [],
  description: 'Rows go by themselves, when their time has come.',
};

export const lifecycle: RecordShape = {
  kind: 'record',
  attributes: {
    audited: flag('Whether events tell who changed what: actor, old and new values.'),
    versioned: versions('How many versions keep the values of fields without historize.'),
    immutable: flag('Whether no field of a row ever changes.'),
    retention,
    softDelete: flag('Whether deleted rows can be listed, restored and removed for good.'),
    purgeAfter: duration('softDelete: how long deleted rows can be restored; forever unless said.'),
    ttl,
  },
  later: ['expiry'],
  description: 'What is remembered of the past of a row.',
};

/** Text that is handed on to a store or to Kubernetes as it is. */
export const place = (description: string, pattern: string, says: string): TextShape => ({
  kind: 'text',
  maxLength: 512,
  rule: { pattern, says, code: 'invalid_value' },
  description,
});

/** A Secret in the namespace of the resource. */
export const secretNamed = (description: string): TextShape =>
  place(description, '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$', 'must be the name of a Secret');

export const cold: RecordShape = {
  kind: 'record',
  attributes: {
    type: {
      ...choice('What kind of store it is.', ['directory', 's3'], []),
      required: true,
    },
    directory: place(
      'directory: its path, which all members must share.',
      '^/',
      'must be an absolute path',
    ),
    bucket: place(
      's3: name of the bucket.',
      '^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$',
      'must be the name of a bucket: 3 to 63 small letters, digits, dots and dashes',
    ),
    prefix: place(
      's3: what names of objects begin with.',
      '^[A-Za-z0-9][A-Za-z0-9._/-]*$',
      'must hold only letters, digits and . _ - /, and begin with a letter or digit',
    ),
    endpoint: place(
      's3: URL of the service; that of AWS where nothing is said.',
      '^https?://[^ /?#]+/?$',
      'must be an http or https URL without a path',
    ),
    region: place(
      's3: region of the bucket.',
      '^[a-z0-9-]+$',
      'must hold only small letters, digits and dashes',
    ),
    pathStyle: flag('s3: whether the bucket stands in the path and not in the host name.'),
    credentialsSecret: secretNamed(
      's3, in Kubernetes: Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
    ),
  },
  later: [],
  description: 'Where history goes behind the archives on the disk.',
};

export const security: RecordShape = {
  kind: 'record',
  attributes: {
    encryptionAtRest: flag('Whether rows and their past are stored encrypted; needs keys.'),
    auditAllOperations: flag(
      'Whether every operation, reads included, leaves an entry in the audit log of its node.',
    ),
    tamperEvidence: flag('Whether events are chained by hashes, so that a change of one shows.'),
  },
  later: [],
  description: 'What protects the stored rows and their past.',
};
