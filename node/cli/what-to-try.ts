import type { FieldSpec, LithairModelSpec, ModelSpec } from '@lithair/crds';

/** A few requests that work on a model as it stands, for someone who has just started it. */
export function whatToTry(spec: LithairModelSpec, url: string): string {
  const model = spec.models.find((candidate) => !candidate.fields.some(isHardToGuess));
  if (model === undefined) return `\nServing on ${url}. Try: curl ${url}/openapi.json\n`;
  const body = JSON.stringify(exampleBody(model));
  return [
    '',
    `Serving ${spec.models.map((m) => m.name).join(', ')} on ${url}. Try:`,
    '',
    `  curl -X POST ${url}${model.path} -H 'content-type: application/json' \\`,
    `    -d '${body.replaceAll("'", "'\\''")}'`,
    `  curl ${url}${model.path}`,
    `  curl ${url}/openapi.json`,
    '',
    'Stop with Ctrl-C; what was acknowledged is on disk.',
    '',
  ].join('\n');
}

/** A required value that has to match something which an example does not know. */
function isHardToGuess(field: FieldSpec): boolean {
  if (field.primaryKey) return field.type === 'string';
  return field.required && (field.type === 'reference' || field.pattern !== undefined);
}

function exampleBody(model: ModelSpec): Record<string, unknown> {
  const wanted = model.fields.filter((field) => field.required && !field.primaryKey);
  return Object.fromEntries(wanted.map((field) => [field.name, exampleValue(field)]));
}

const EXAMPLES: Partial<Record<FieldSpec['type'], unknown>> = {
  boolean: true,
  date: '2026-01-01',
  datetime: '2026-01-01T12:00:00Z',
  uuid: '00000000-0000-4000-8000-000000000000',
  array: [],
  object: {},
};

function exampleValue(field: FieldSpec): unknown {
  if (field.default !== undefined) return field.default;
  if (field.type in EXAMPLES) return EXAMPLES[field.type];
  if (field.type === 'enum') return field.values?.[0];
  if (field.type === 'decimal') return String(Math.max(12.5, field.minimum ?? 0));
  if (field.type === 'integer' || field.type === 'number') return Math.max(1, field.minimum ?? 1);
  return 'example'.padEnd(field.minLength ?? 0, '-').slice(0, field.maxLength ?? 200);
}
