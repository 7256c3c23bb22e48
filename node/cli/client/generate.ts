import { existsSync, readFileSync } from 'node:fs';
import { deletedPath, type ModelSchema, relatedRows, type Schema } from '@lithair/crds';
import { historyRules } from '../../history/index.ts';
import { errorCodeSource } from './error-code.ts';
import { type NamedModel, namesOf, relatedName } from './names.ts';
import { modelTypes } from './types.ts';

/**
 * The source of a client: one file without dependencies. It holds what all clients share, the types
 * of each model, and a function that makes the client.
 */
export function generateClient(schema: Schema, from: string): string {
  const runtime = [errorCodeSource(), ...SHARED.map(sharedSource)].join('\n\n');
  const offered = schema.models.filter((model) => (model.deletedOf ?? model.usedBy) === undefined);
  const models = namesOf(offered, runtime);
  const typeNames = new Map(models.map(({ model, type }) => [model.name, type]));
  return [
    `// Made by \`lithair client\` from ${from}. Make it again when the model changes.`,
    runtime,
    ...models.map(({ model, type }) => modelTypes(schema, model, type, typeNames)),
    clientSource(schema, models),
    '',
  ].join('\n\n');
}

/** Rows that refer to one, as a method of the collection of that one. */
interface Related {
  readonly name: string;
  readonly segment: string;
  readonly type: string;
}

function clientSource(schema: Schema, models: readonly NamedModel[]): string {
  const described = models.map((model) => ({
    ...model,
    related: relatedTo(schema, model, models),
  }));
  return [
    '/** All models of the API. */',
    'export interface Client {',
    ...described.map(
      ({ model, type, member, related }) =>
        `  readonly ${member}: ${collectionOf(model, type)}${membersOf(model, type, related)};`,
    ),
    '}',
    '',
    '/** Makes a client; nothing is sent yet. */',
    'export function createClient(options: ClientOptions): Client {',
    '  const sender = new Sender(options);',
    '  return {',
    ...described.map(
      ({ model, type, member, related }) => `    ${member}: ${makerOf(model, type, related)},`,
    ),
    '  };',
    '}',
  ].join('\n');
}

function relatedTo(
  schema: Schema,
  { model }: NamedModel,
  models: readonly NamedModel[],
): readonly Related[] {
  return relatedRows(schema).flatMap(({ target, segment, model: referring }) => {
    const type = models.find((other) => other.model.name === referring)?.type;
    if (target !== model.name || type === undefined) return [];
    return [{ name: relatedName(segment, METHODS), segment, type }];
  });
}

function collectionOf(model: ModelSchema, type: string): string {
  const sent = `{ create: ${type}Create; replace: ${type}Replace; patch: ${type}Patch }`;
  return `${classOf(model)}<${type}, ${sent}, ${type}References>`;
}

function classOf(model: ModelSchema): string {
  return historyRules(model) === null ? 'Collection' : 'CollectionWithPast';
}

/** What the collection of a model has besides what all have. */
function membersOf(model: ModelSchema, type: string, related: readonly Related[]): string {
  const members = [
    ...(keepsDeleted(model) ? [`readonly deleted: DeletedRows<${type}>`] : []),
    ...related.map(
      ({ name, type: rows }) => `${name}(id: string): Rows<${rows}, ${rows}References>`,
    ),
  ];
  return members.length === 0 ? '' : ` & { ${members.join('; ')} }`;
}

function keepsDeleted({ lifecycle }: ModelSchema): boolean {
  return lifecycle?.softDelete === true;
}

function makerOf(model: ModelSchema, type: string, related: readonly Related[]): string {
  const collection = `new ${collectionOf(model, type)}(sender, ${JSON.stringify(model.path)})`;
  const below = JSON.stringify(deletedPath(model));
  const members = [
    ...(keepsDeleted(model) ? [`deleted: new DeletedRows<${type}>(sender, ${below})`] : []),
    ...related.map((one) => relatedMember(model, one)),
  ];
  return members.length === 0
    ? collection
    : `Object.assign(${collection}, { ${members.join(', ')} })`;
}

function relatedMember({ path: route }: ModelSchema, { name, segment, type }: Related): string {
  const [above, below] = [JSON.stringify(`${route}/`), JSON.stringify(`/${segment}`)];
  const path = `${above} + encodeURIComponent(id) + ${below}`;
  return `${name}: (id: string) => new Rows<${type}, ${type}References>(sender, ${path})`;
}

/** What collections have already. */
const METHODS: ReadonlySet<string> = new Set(
  [
    'constructor sender path reading sent item list all lines get refresh getPast history events',
    'create createMany bulk replace patch patchWith delete deleted',
  ].flatMap((names) => names.split(' ')),
);

/** What all clients share, in the order of one file. */
const SHARED = ['runtime.ts', 'collection.ts'] as const;
const IMPORT = /^import [^;]*;\n+/gm;

/** Beside this file in a checkout, beside the program where all of it is bundled into one. */
function sharedSource(name: (typeof SHARED)[number]): string {
  const places = [`./${name}`, `./client-${name}`];
  const found = places
    .map((place) => new URL(place, import.meta.url))
    .find((url) => existsSync(url));
  if (found === undefined) throw new Error('the source that clients share is not there');
  return readFileSync(found, 'utf8').replaceAll(IMPORT, '').trim();
}
