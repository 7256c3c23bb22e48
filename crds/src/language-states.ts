// What the language says of fields that go from one state to another.
import { roles } from './language-access.ts';
import { expression } from './language-rules.ts';
import { LIMITS, NAME_RULES, name } from './language-terms.ts';
import type { RecordShape, TextShape } from './shape.ts';

const state = (description: string): TextShape => ({
  kind: 'text',
  required: true,
  maxLength: LIMITS.valueLength,
  description,
});

const transition: RecordShape = {
  kind: 'record',
  attributes: {
    from: {
      kind: 'list',
      required: true,
      minItems: 1,
      maxItems: LIMITS.values,
      noun: 'states',
      of: () => state('A state that it begins in.'),
      description: 'The states that it begins in.',
    },
    to: state('The state that it ends in.'),
    roles: {
      ...roles('Roles that may take it; all that may write the field unless said.'),
      minItems: 1,
    },
    when: expression(
      'CEL over self, the row as it would be, old, the row that is there, and actor.',
    ),
    event: {
      ...name(NAME_RULES.model, 'event'),
      required: false,
      description: 'What a change is called that takes it, such as OrderShipped.',
    },
  },
  later: [],
  description: 'A way from some states to another.',
};

export const states: RecordShape = {
  kind: 'record',
  attributes: {
    initial: state('The state of every new row.'),
    transitions: {
      kind: 'list',
      required: true,
      minItems: 1,
      maxItems: LIMITS.transitions,
      noun: 'transitions',
      of: () => transition,
      description: 'The only ways from one state to another.',
    },
  },
  later: [],
  description: 'enum: its values are states; what is not declared as a transition is refused.',
};
