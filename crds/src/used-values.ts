// Values that are never taken a second time: what was used is kept as rows of a model of its own, which
// follows from the one whose values they were.
import { type Path, type Problem, problem } from './problems.ts';
import { listAt, memberAt } from './raw-value.ts';
import type { FieldSchema, ModelSchema } from './schema.ts';
import { quote } from './structure.ts';

const OWNER: FieldSchema = {
  name: 'owner',
  type: 'string',
  nullable: false,
  required: true,
  immutable: true,
  unique: false,
  index: 'none',
};

const ID: FieldSchema = { ...OWNER, name: 'id' };

/** What the used values of a model are called. */
export function usedModelName(model: string): string {
  return `${model}UsedValues`;
}

/** The models, and behind them those of the used values of some of them. */
export function withUsedModels(models: readonly ModelSchema[]): ModelSchema[] {
  return [...models, ...models.filter(isForever).map(usedModel)];
}

function isForever({ indexes = [] }: ModelSchema): boolean {
  return indexes.some(({ unique }) => unique === 'forever');
}

/** No caller gets at it: it has no route. Its ids are hashes, so that no value is kept in it. */
function usedModel({
  name,
  path,
  encryptionAtRest,
  durability,
  adaptive,
}: ModelSchema): ModelSchema {
  return {
    name: usedModelName(name),
    path: `${path}/_used`,
    primaryKey: ID.name,
    fields: [ID, OWNER],
    methods: [],
    ...(encryptionAtRest && { encryptionAtRest }),
    ...(durability && { durability }),
    ...(adaptive && { adaptive }),
    usedBy: name,
  };
}

/** Refuses a model that is called as the used values of another one are. */
export function checkUsedValues(models: readonly { value: unknown; path: Path }[]): Problem[] {
  const names = models.map(({ value }) => memberAt(value, 'name'));
  return models.flatMap(({ value, path }) => {
    const name = memberAt(value, 'name');
    const at = listAt(value, 'indexes').findIndex(
      (index) => memberAt(index, 'unique') === 'forever',
    );
    if (at === -1 || typeof name !== 'string' || !names.includes(usedModelName(name))) return [];
    const message = `its used values are called ${quote(usedModelName(name))}, and a model is, too`;
    return [problem([...path, 'indexes', at, 'unique'], 'conflicting', message)];
  });
}
