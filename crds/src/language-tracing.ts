// What the language says of the tracing of requests.

import { flag } from './language-terms.ts';
import type { RecordShape } from './shape.ts';

export const tracing: RecordShape = {
  kind: 'record',
  attributes: {
    enabled: { ...flag('Whether requests to the model are traced.'), required: true },
    sampleRate: {
      kind: 'number',
      description: 'Share of the requests that bring no traceparent, from 0 to 1; 1 unless said.',
    },
    includeBody: flag(
      'Whether traces hold bodies of writes, without fields that not all may read.',
    ),
  },
  later: [],
  description: 'Which requests are traced, and what traces say.',
};
