import type { FieldSpec, LithairModelSpec, ModelSpec } from '@lithair/crds';

/** A few requests that work on a model as it stands, for someone who has just started it. */
export function whatToTry(spec: LithairModelSpec, url: string): string {
  const model = spec.models.find((candidate) => !candidate.fields.some(isRequiredReference));
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

function isRequiredReference(field: FieldSpec): boolean {
  return field.type === 'reference' && field.required;
}

function exampleBody(model: ModelSpec): Record<string, unknown> {
  const wanted = model.fields.filter((field) => field.required && !field.primaryKey);
  return Object.fromEntries(wanted.map((field) => [field.name, exampleValue(field)]));
}

function exampleValue(field: FieldSpec): unknown {
  if (field.default !== undefined) return field.default;
  if (field.type === 'integer' || field.type === 'number') return Math.max(1, field.minimum ?? 1);
  if (field.type === 'decimal') return String(Math.max(12.5, field.minimum ?? 0));
  if (field.type === 'boolean') return true;
  if (field.type === 'enum') return field.values?.[0];
  if (field.type === 'date') return '2026-01-01';
  if (field.type === 'datetime') return '2026-01-01T12:00:00Z';
  if (field.type === 'uuid') return '00000000-0000-4000-8000-000000000000';
  if (field.type === 'array') return [];
  if (field.type === 'object') return {};
  return 'example'.padEnd(field.minLength ?? 0, '-').slice(0, field.maxLength ?? 200);
}
