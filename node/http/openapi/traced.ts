import type { JsonSchema } from './schemas.ts';

const HEADER = { traceparent: { $ref: '#/components/headers/traceparent' } };

/** Routes of a model that is traced: answers may say what trace they belong to. */
export function withTraces(paths: JsonSchema): JsonSchema {
  return mapped(paths, (route) =>
    mapped(route, (operation) => {
      const { responses } = operation;
      if (!isRecord(responses)) return operation;
      return { ...operation, responses: mapped(responses, withHeader) };
    }),
  );
}

/** Problems are described once for all models. */
function withHeader(response: JsonSchema): JsonSchema {
  if ('$ref' in response) return response;
  const { headers } = response;
  return { ...response, headers: { ...(isRecord(headers) ? headers : {}), ...HEADER } };
}

function mapped(record: JsonSchema, change: (value: JsonSchema) => JsonSchema): JsonSchema {
  const entries = Object.entries(record);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, isRecord(value) ? change(value) : value]),
  );
}

function isRecord(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
