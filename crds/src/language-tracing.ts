// What the language says of the tracing of requests.

import { place, secretNamed } from './language-lifecycle.ts';
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

const traces: RecordShape = {
  kind: 'record',
  attributes: {
    endpoint: {
      // No `$`: Kubernetes would take what follows in parentheses for the name of a variable.
      ...place(
        'URL of an OTLP collector, as OTEL_EXPORTER_OTLP_ENDPOINT has it.',
        '^https?://[^ $/?#@]+(/[^ $?#@]*)?$',
        'must be an http or https URL such as http://collector:4318, without user and query',
      ),
      required: true,
    },
    headersSecret: secretNamed('Secret whose entry headers has what the collector wants to know.'),
    serviceName: place(
      'What traces call the service; the name of the resource where absent.',
      '^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$',
      'must hold only letters, digits and . _ -, and begin and end with a letter or digit',
    ),
  },
  later: [],
  description: 'Where traces of models with tracing go.',
};

export const monitoring: RecordShape = {
  kind: 'record',
  attributes: { traces },
  later: [],
  description: 'What the nodes tell of themselves, and to whom.',
};
