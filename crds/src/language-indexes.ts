// Indexes over several fields of a model.
import { expression } from './language-rules.ts';
import { choice, LIMITS, NAME_RULES } from './language-terms.ts';
import type { ListShape, RecordShape } from './shape.ts';

const index: RecordShape = {
  kind: 'record',
  attributes: {
    fields: {
      kind: 'list',
      required: true,
      minItems: 1,
      maxItems: LIMITS.indexFields,
      noun: 'fields',
      of: () => ({
        kind: 'text',
        maxLength: 63,
        rule: NAME_RULES.field,
        description: 'Name of a field of the model.',
      }),
      description: 'What it is by: rows come in the order of the first field, then the next.',
    },
    unique: choice(
      'live: no two rows have the same values in all of the fields; forever: nor what another had.',
      ['live', 'forever'],
      [],
    ),
    where: expression('CEL over self, the row: only rows for which it holds are in the index.'),
  },
  later: ['kind'],
  description: 'An ordered index over several fields.',
};

export const indexes: ListShape = {
  kind: 'list',
  minItems: 1,
  maxItems: LIMITS.indexes,
  noun: 'indexes',
  of: () => index,
  description: 'Indexes over several fields; one over a single field is said of the field.',
};
