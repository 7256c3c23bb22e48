import type { ModelSchema } from '@lithair/crds';

/** A model, and what it is called in a client. */
export interface NamedModel {
  readonly model: ModelSchema;
  /** Its type. */
  readonly type: string;
  /** Its member of the client. */
  readonly member: string;
}

/** What a client declares besides the models. */
const CLIENT_NAMES = ['Client', 'createClient'];
const SUFFIXES = ['', 'Create', 'Replace', 'Patch', 'References'];
const COMMENT = /\/\*\*[^]*?\*\//g;
const WORD = /[A-Za-z_$][\w$]*/g;

/**
 * Names for all models. A type that would hide a name which the runtime uses, or be the derived
 * type of another model, gets `Model` behind its name; two paths with the same end give members
 * that are called by their models.
 */
export function namesOf(models: readonly ModelSchema[], runtime: string): readonly NamedModel[] {
  const words = runtime.replaceAll(COMMENT, '').match(WORD) ?? [];
  const taken = new Set([...CLIENT_NAMES, ...words]);
  const members = models.map(memberOf);
  return models.map((model, at) => {
    const member = members[at] ?? '';
    const isShared = members.filter((other) => other === member).length > 1;
    return { model, type: typeOf(model, taken), member: isShared ? lowered(model.name) : member };
  });
}

/** Takes the name and those that are derived from it. */
function typeOf({ name }: ModelSchema, taken: Set<string>): string {
  let type = name;
  while (SUFFIXES.some((suffix) => taken.has(type + suffix))) type += 'Model';
  for (const suffix of SUFFIXES) taken.add(type + suffix);
  return type;
}

/** `/api/order-lines` is `orderLines`. */
function memberOf({ path, name }: ModelSchema): string {
  const member = camelCase(path.split('/').at(-1) ?? '');
  return /^[a-z]\w*$/.test(member) ? member : lowered(name);
}

/** Of the rows that refer to one: as their route is called, unless all models have such a method. */
export function relatedName(segment: string, methods: ReadonlySet<string>): string {
  const name = camelCase(segment);
  const isFree = /^[A-Za-z]\w*$/.test(name) && !methods.has(name);
  return isFree ? name : `${name.replaceAll(/\W/g, '')}Rows`;
}

function camelCase(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9]+([A-Za-z0-9])/g, (_, letter: string) =>
    letter.toUpperCase(),
  );
}

function lowered(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}
