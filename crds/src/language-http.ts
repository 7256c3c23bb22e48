// What the language says of the routes of a model.
import type { RecordShape } from './shape.ts';

/** Methods that a model may have; HEAD comes with GET, OPTIONS always. */
export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

export const modelHttp: RecordShape = {
  kind: 'record',
  attributes: {
    methods: {
      kind: 'list',
      required: true,
      minItems: 1,
      maxItems: METHODS.length,
      noun: 'methods',
      of: () => ({ kind: 'text', maxLength: 8, choices: METHODS, description: 'A method.' }),
      description: 'Methods that the routes of the model take; all where it is not said.',
    },
  },
  later: [],
  description: 'How the model is served.',
};

export const caching: RecordShape = {
  kind: 'record',
  attributes: {
    ttlSeconds: {
      kind: 'integer',
      required: true,
      minimum: 1,
      maximum: 31_536_000,
      description: 'How long clients may keep what they read.',
    },
  },
  later: [],
  description: 'What clients may do with what they read.',
};
