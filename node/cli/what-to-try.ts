import { compileSchema, type LithairModelSpec, type ModelSchema } from '@lithair/crds';
import type { JsonObject } from '../ports/index.ts';
import { exampleBody } from './model-tests/index.ts';

interface Example {
  readonly model: ModelSchema;
  readonly body: JsonObject;
}

/** A few requests that work on a model as it stands, for someone who has just started it. */
export function whatToTry(spec: LithairModelSpec, url: string): string {
  const example = easiest(spec);
  const docs = `Open ${url}/docs in a browser, or try:`;
  const serving = [
    '',
    `Serving ${spec.models.map(({ name }) => name).join(', ')} on ${url}.`,
    docs,
  ];
  const stop = ['', 'Stop with Ctrl-C; what was acknowledged is on disk.', ''];
  const requests = example === null ? [] : requestsOf(spec, example, url);
  return [...serving, ...requests, `  curl ${url}/openapi.json`, ...stop].join('\n');
}

/** A model that a row can be made of by itself, if possible one of which anything can be guessed. */
function easiest(spec: LithairModelSpec): Example | null {
  const { models } = compileSchema(spec);
  const examples = models.flatMap((model) => {
    const isServed = (model.deletedOf ?? model.usedBy) === undefined;
    const body = isServed && takes(model, 'POST') ? exampleBody(model) : null;
    return body === null ? [] : [{ model, body }];
  });
  return examples.find(({ model }) => isPlain(model)) ?? examples[0] ?? null;
}

function takes({ methods }: ModelSchema, method: 'GET' | 'POST'): boolean {
  return methods?.includes(method) !== false;
}

/** Nothing that must be sent has to match something. */
function isPlain({ fields, primaryKey }: ModelSchema): boolean {
  return !fields.some(({ name, required, type, pattern }) =>
    name === primaryKey ? type === 'string' : required && pattern !== undefined,
  );
}

function requestsOf(spec: LithairModelSpec, { model, body }: Example, url: string): string[] {
  const { create = [], read = [] } = model.permissions ?? {};
  const isOpen = spec.auth?.mode !== 'tokens';
  const header = (roles: readonly string[]) =>
    isOpen || roles.includes('Public') ? '' : ` -H "X-API-Key: $KEY"`;
  const json = JSON.stringify(body).replaceAll("'", "'\\''");
  return [
    ...(isOpen ? [] : keyLines(create)),
    '',
    `  curl -X POST ${url}${model.path}${header(create)} -H 'content-type: application/json' \\`,
    `    -d '${json}'`,
    ...(takes(model, 'GET') ? [`  curl ${url}${model.path}${header(read)}`] : []),
  ];
}

/** What no permission grants is denied: who calls must be one whom the model knows. */
function keyLines(create: readonly string[]): string[] {
  const [role = 'ROLE'] = create.filter((one) => !['Public', 'Owner'].includes(one));
  const option = role === 'Authenticated' || create.includes('Owner') ? '' : ` --role ${role}`;
  return [
    '',
    `  KEY=$(lithair api-key me${option})   # put what it says into the model, and start again`,
  ];
}
