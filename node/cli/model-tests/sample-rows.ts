import { type FieldSchema, keyTemplate, type ModelSchema, type Schema } from '@lithair/crds';
import type { JsonObject } from '../../ports/index.ts';
import { NotDerived, told } from './model-test.ts';
import { holdsOfNew, rulesOf, searchBody } from './row-search.ts';
import { sampleValue } from './sample-values.ts';
import type { ThrowAwayNode } from './throw-away-node.ts';

/** A row that the node has taken. */
export interface SampleRow {
  readonly id: string;
  readonly path: string;
  /** As it was sent. */
  readonly body: JsonObject;
  /** As the node answered. */
  readonly row: Readonly<Record<string, unknown>>;
}

const SAFE_KEY = /^[A-Za-z0-9][A-Za-z0-9.~:-]*$/;
const KEYS_TRIED = 300;
const MOST_TRIED = 20;

/** Makes rows of any model, those that they refer to first. */
export class SampleRows {
  readonly #node: ThrowAwayNode;
  readonly #schema: Schema;
  #count = 10;

  constructor(node: ThrowAwayNode, schema: Schema) {
    this.#node = node;
    this.#schema = schema;
  }

  /** A number that no sample has had. */
  next(): number {
    this.#count += 1;
    return this.#count;
  }

  /**
   * A body that the model takes, with these values.
   *
   * @throws NotDerived where none is found
   */
  async body(model: ModelSchema, given: JsonObject = {}): Promise<JsonObject> {
    return this.#fitted(model, given, await this.#bare(model, given, []));
  }

  /** @throws NotDerived where no row is found that the node takes */
  async create(model: ModelSchema, given: JsonObject = {}): Promise<SampleRow> {
    return this.#created(model, () => this.body(model, given));
  }

  async has({ path }: ModelSchema, id: string): Promise<boolean> {
    return (await this.#node.send('GET', `${path}/${encodeURIComponent(id)}`)).status === 200;
  }

  /** The key of a row that a field may refer to. @throws NotDerived where there can be none */
  async referred(field: FieldSchema): Promise<string> {
    return (await this.#target(field, [])).id;
  }

  /** Best effort: rows that others refer to stay. */
  async remove({ path }: SampleRow): Promise<void> {
    await this.#node.send('DELETE', path);
  }

  /** Samples that are taken already, of a field with few values, are made anew. */
  async #created(model: ModelSchema, make: () => Promise<JsonObject>): Promise<SampleRow> {
    let body = await make();
    let answer = await this.#node.send('POST', model.path, { body });
    for (let tried = 0; tried < MOST_TRIED && answer.status === 409; tried++) {
      body = await make();
      answer = await this.#node.send('POST', model.path, { body });
    }
    const id = answer.json[model.primaryKey];
    if (answer.status !== 201 || typeof id !== 'string') {
      throw new NotDerived(`no sample row of ${model.name} is taken: ${told(answer)}`);
    }
    return { id, path: `${model.path}/${encodeURIComponent(id)}`, body, row: answer.json };
  }

  #fitted(model: ModelSchema, given: JsonObject, body: JsonObject): JsonObject {
    const rules = rulesOf(model);
    const varied = rules.flatMap(({ expression }) => [...expression.reads.self]);
    const free = varied.filter((name) => !Object.hasOwn(given, name));
    const texts = rules.map(({ expression }) => expression.text);
    const found = searchBody(model, body, free, texts, (row) =>
      rules.every((rule) => holdsOfNew(rule, row)),
    );
    if (found !== null) return found;
    throw new NotDerived('no row was found for which the rules of the model hold');
  }

  async #bare(
    model: ModelSchema,
    given: JsonObject,
    above: readonly string[],
  ): Promise<JsonObject> {
    const n = this.next();
    const body: JsonObject = {};
    for (const field of model.fields) {
      const value = given[field.name];
      if (value !== undefined) body[field.name] = value;
      else if (field.computed !== undefined || field.hidden === true) continue;
      else if (field.states !== undefined) body[field.name] = field.states.initial;
      else if (field.name === model.primaryKey) this.#addKey(body, field);
      else if (field.type === 'reference') await this.#refer(body, model, field, above);
      else body[field.name] = sampleValue(field, n);
    }
    return body;
  }

  /** A uuid and a made key come from the node. */
  #addKey(body: JsonObject, key: FieldSchema): void {
    if (key.template !== undefined) keyTemplate(key.template);
    else if (key.type === 'string' || key.required) body[key.name] = this.key(key);
  }

  /** A key that no row has. */
  key(field: FieldSchema): string {
    for (let tried = 0; tried < KEYS_TRIED; tried++) {
      const value = sampleValue(field, this.next());
      if (typeof value === 'string' && SAFE_KEY.test(value)) return value;
    }
    throw new NotDerived(`no key ${field.name} was found that can stand in a URL`);
  }

  /** A reference that may be absent is, where it leads back to a model that is being made. */
  async #refer(
    body: JsonObject,
    model: ModelSchema,
    field: FieldSchema,
    above: readonly string[],
  ): Promise<void> {
    const way = [...above, model.name];
    try {
      body[field.name] = (await this.#target(field, way)).id;
    } catch (error) {
      if (!(error instanceof NotDerived) || field.required) throw error;
    }
  }

  async #target(field: FieldSchema, way: readonly string[]): Promise<SampleRow> {
    const target = this.#schema.models.find(({ name }) => name === field.to);
    if (target === undefined) throw new NotDerived(`there is no model ${field.to}`);
    if (way.includes(target.name)) {
      throw new NotDerived(
        `${[...way, target.name].join(' needs ')}: no such row can be the first`,
      );
    }
    const make = async () => this.#fitted(target, {}, await this.#bare(target, {}, way));
    return this.#created(target, make);
  }
}
