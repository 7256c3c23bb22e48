import { existsSync, readFileSync } from 'node:fs';
import type { Schema } from '@lithair/crds';
import { type NamedModel, namesOf } from './names.ts';
import { modelTypes } from './types.ts';

/**
 * The source of a client: one file without dependencies. It holds what all clients share, the types
 * of each model, and a function that makes the client.
 */
export function generateClient(schema: Schema, from: string): string {
  const runtime = runtimeSource();
  const offered = schema.models.filter(({ deletedOf }) => deletedOf === undefined);
  const models = namesOf(offered, runtime);
  return [
    `// Made by \`lithair client\` from ${from}. Make it again when the model changes.`,
    runtime,
    ...models.map(({ model, type }) => modelTypes(schema, model, type)),
    clientSource(models),
    '',
  ].join('\n\n');
}

function clientSource(models: readonly NamedModel[]): string {
  const members = models.map(({ type, member }) => `  readonly ${member}: ${collectionOf(type)};`);
  const makers = models.map(
    ({ model, member }) => `    ${member}: new Collection(sender, ${JSON.stringify(model.path)}),`,
  );
  return [
    '/** All models of the API. */',
    'export interface Client {',
    ...members,
    '}',
    '',
    '/** Makes a client; nothing is sent yet. */',
    'export function createClient(options: ClientOptions): Client {',
    '  const sender = new Sender(options);',
    '  return {',
    ...makers,
    '  };',
    '}',
  ].join('\n');
}

function collectionOf(type: string): string {
  return `Collection<${type}, ${type}Create, ${type}Replace, ${type}Patch>`;
}

/** Beside this file in a checkout, beside the program where all of it is bundled into one. */
function runtimeSource(): string {
  const places = ['./runtime.ts', './client-runtime.ts'];
  const found = places.map((name) => new URL(name, import.meta.url)).find((url) => existsSync(url));
  if (found === undefined) throw new Error('the source that clients share is not there');
  return readFileSync(found, 'utf8').trim();
}
