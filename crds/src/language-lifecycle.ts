// What the language says of the past of rows: which values are kept, for how long, and what changes
// are called.
import { choice, duration, flag, LIMITS, NAME_RULES, name } from './language-terms.ts';
import type { IntegerShape, RecordShape } from './shape.ts';

/** How many past values are kept, of a field or of all fields of a model. */
const versions = (description: string): IntegerShape => ({
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
  },
  later: ['cold'],
  description: 'For how long the past is kept, in log time.',
};

export const lifecycle: RecordShape = {
  kind: 'record',
  attributes: {
    audited: flag('Whether events tell who changed what: actor, old and new values.'),
    versioned: versions('How many versions keep the values of fields without historize.'),
    immutable: flag('Whether no field of a row ever changes.'),
    retention,
  },
  later: ['ttl', 'softDelete', 'expiry'],
  description: 'What is remembered of the past of a row.',
};

export const security: RecordShape = {
  kind: 'record',
  attributes: {
    encryptionAtRest: flag('Whether rows and their past are stored encrypted; needs keys.'),
    tamperEvidence: flag('Whether events are chained by hashes, so that a change of one shows.'),
  },
  later: [],
  description: 'What protects the stored rows and their past.',
};
