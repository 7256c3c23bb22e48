import { CliError } from '../cli-error.ts';
import { type Api, describe } from './api.ts';

/** What the importer must know of a field to type a CSV cell. */
export interface TargetField {
  readonly numeric: boolean;
  readonly boolean: boolean;
}

/** The model that rows go to, as the server's own OpenAPI document describes it. */
export interface ImportTarget {
  readonly model: string;
  readonly path: string;
  readonly primaryKey: string;
  readonly primaryKeyIsUuid: boolean;
  readonly fields: ReadonlyMap<string, TargetField>;
}

interface PathItem {
  readonly 'x-lithair-model'?: string;
  readonly 'x-lithair-primary-key'?: string;
}

interface PropertySchema {
  readonly type?: string | readonly string[];
  readonly format?: string;
  /** How OpenAPI writes a field that may be null, or that takes a number or a string. */
  readonly anyOf?: readonly PropertySchema[];
}

interface OpenApi {
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly components: {
    readonly schemas: Readonly<
      Record<string, { readonly properties?: Readonly<Record<string, PropertySchema>> }>
    >;
  };
}

/** @throws CliError where the server does not answer, or does not serve the model */
export async function findTarget(api: Api, model: string): Promise<ImportTarget> {
  const answer = await api.get('/openapi.json');
  if (answer.status !== 200 || !isOpenApi(answer.body)) throw new CliError(describe(answer));
  const served = Object.entries(answer.body.paths).flatMap(([path, item]) =>
    item['x-lithair-model'] === undefined ? [] : [{ path, item, name: item['x-lithair-model'] }],
  );
  const found = served.find((candidate) => candidate.name === model);
  if (found === undefined) {
    const names = [...new Set(served.map((candidate) => candidate.name))].join(', ');
    throw new CliError(`the server has no model ${model}; it has ${names}`);
  }
  const properties = answer.body.components.schemas[`${model}Create`]?.properties ?? {};
  const primaryKey = found.item['x-lithair-primary-key'] ?? 'id';
  return {
    model,
    path: found.path,
    primaryKey,
    primaryKeyIsUuid: formsOf(properties[primaryKey]).some((form) => form.format === 'uuid'),
    fields: new Map(Object.entries(properties).map(([name, schema]) => [name, fieldOf(schema)])),
  };
}

function fieldOf(schema: PropertySchema): TargetField {
  const forms = formsOf(schema);
  const types = forms.flatMap((form) => form.type ?? []);
  // A decimal stays the text that it is: a number would lose its digits.
  const isDecimal = forms.some((form) => form.format === 'decimal');
  return {
    numeric: !isDecimal && (types.includes('number') || types.includes('integer')),
    boolean: types.includes('boolean'),
  };
}

/** The schemas of which a value meets one. */
function formsOf(schema: PropertySchema | undefined): readonly PropertySchema[] {
  if (schema === undefined) return [];
  return schema.anyOf === undefined ? [schema] : schema.anyOf.flatMap(formsOf);
}

function isOpenApi(body: unknown): body is OpenApi {
  return typeof body === 'object' && body !== null && 'paths' in body && 'components' in body;
}
