// What the language says in expressions: conditions between the fields of a row.
import { MAX_EXPRESSION_LENGTH } from './expression/index.ts';
import { LIMITS } from './language-terms.ts';
import type { ListShape, RecordShape, TextShape } from './shape.ts';

export const expression = (description: string, required = false): TextShape => ({
  kind: 'text',
  required,
  maxLength: MAX_EXPRESSION_LENGTH,
  description,
});

const rule: RecordShape = {
  kind: 'record',
  attributes: {
    expr: expression('CEL over self, the row, and old, the row before; must be true.', true),
    message: {
      kind: 'text',
      required: true,
      maxLength: 500,
      description: 'What a client is told where it is not.',
    },
  },
  later: [],
  description: 'A condition that every row must meet.',
};

export const rules: ListShape = {
  kind: 'list',
  minItems: 1,
  maxItems: LIMITS.rules,
  noun: 'rules',
  of: () => rule,
  description: 'Conditions between the fields of a row.',
};
