import { type ModelSchema, relatedRows, type Schema } from '@lithair/crds';
import { NOT_OF_THE_QUERY, Problem, parseQuery } from '../http/index.ts';
import {
  compileQueries,
  explain,
  type Parameter,
  type QueryCompiler,
  QueryRefusal,
} from '../query/index.ts';
import { CliError } from './cli-error.ts';

/**
 * How a list of a model would be answered: a line with its route, then lines that say by what.
 *
 * @param target `/api/products?status=live&sort=-price`, also below a row, or a whole URL
 * @throws CliError where no model has the path, or the query does not fit
 */
export function explainedQuery(schema: Schema, target: string): readonly string[] {
  const mark = target.indexOf('?');
  const path = pathOf(mark === -1 ? target : target.slice(0, mark));
  const { model, given } = found(schema, path);
  const own = parametersOf(mark === -1 ? '' : target.slice(mark + 1));
  if (model.methods?.includes('GET') === false) {
    throw new CliError(`${model.name} takes no GET: http.methods of the model leaves it out`);
  }
  try {
    const query = queriesOf(schema, model).list([...own, ...given], null);
    return [`${model.name}: GET ${path}`, ...explain(query).map((line) => `  ${line}`)];
  } catch (error) {
    if (error instanceof QueryRefusal) throw new CliError(error.message);
    throw error;
  }
}

/** As whoever may read all that is not hidden. */
function queriesOf(schema: Schema, model: ModelSchema): QueryCompiler {
  const fields = model.fields.filter(({ hidden }) => hidden !== true);
  return compileQueries(schema, { ...model, fields }, fields.length < model.fields.length, model);
}

function parametersOf(text: string): Parameter[] {
  try {
    return parseQuery(text).filter(({ name }) => !NOT_OF_THE_QUERY.includes(name));
  } catch (error) {
    if (error instanceof Problem) throw new CliError(error.message);
    throw error;
  }
}

function pathOf(target: string): string {
  return /^https?:\/\/[^/]*(.*)$/i.exec(target)?.[1] ?? target;
}

/** The model of a collection, or the one whose rows refer to the row that the path names. */
function found(schema: Schema, path: string): { model: ModelSchema; given: Parameter[] } {
  const served = schema.models.filter(({ usedBy }) => usedBy === undefined);
  const model = served.find((each) => each.path === path);
  if (model !== undefined) return { model, given: [] };
  const [segment = '', id = '', ...above] = path.split('/').toReversed();
  const parent = schema.models.find((each) => each.path === above.toReversed().join('/'));
  const related = relatedRows(schema).find(
    (each) => each.target === parent?.name && each.segment === segment,
  );
  const rows = schema.models.find(({ name }) => name === related?.model);
  if (related === undefined || rows === undefined) throw unknownPath(schema, path);
  const value = decoded(id);
  return { model: rows, given: [{ name: related.field, value, parts: [value] }] };
}

function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    throw new CliError(`${JSON.stringify(id)} is no id of a URL`);
  }
}

function unknownPath({ models }: Schema, path: string): CliError {
  const known = models.map((model) => model.path).join(', ');
  return new CliError(`no model has the path ${JSON.stringify(path)}; there are ${known}`);
}
