import assert from 'node:assert/strict';
import type { Schema } from '@lithair/crds';
import type { JsonObject, ModelReader } from '../../ports/index.ts';
import {
  compileQueries,
  execute,
  type Page,
  type PageForm,
  type Parameter,
  type RowScope,
} from '../index.ts';
import { listed, type SampleList } from './any-model.ts';
import { watchedReader } from './watched-reader.ts';

const ORIGIN = { epoch: 1, index: 1, schemaVersion: 1 };
const ALL = '&limit=1000';

/** Lists of a model, compared with what comparing row by row gives. */
export class CheckedLists {
  readonly #reader: ModelReader;
  readonly #queries;

  constructor(reader: ModelReader, schema: Schema) {
    this.#reader = reader;
    this.#queries = compileQueries(schema, reader.schema);
  }

  /** One page and all pages, counted, joined, and with pauses. */
  async agree(
    rows: readonly JsonObject[],
    list: SampleList,
    limit: number,
    scope: RowScope | null = null,
  ): Promise<void> {
    const wanted = listed(rows, list);
    const text = textOf(list);
    const page = (more: string, form?: PageForm, reader?: ModelReader) =>
      this.#page(text + more, scope, form, reader);
    const whole = await page(ALL);
    assert.deepEqual(idsOf(whole), wanted, text);
    assert.equal((await page(ALL, 'joined')).rows.join(','), whole.rows.join(','), text);
    assert.deepEqual(idsOf(await page(ALL, 'each', pausing(this.#reader))), wanted, text);
    const counted = await page(`&limit=${limit}&count=true`);
    assert.deepEqual(
      [idsOf(counted), counted.total],
      [wanted.slice(0, limit), wanted.length],
      text,
    );
    const pages = await idsOfAll((cursor) => page(`&limit=${limit}${cursor}`), wanted.length);
    assert.deepEqual(pages, wanted, text);
  }

  async #page(
    text: string,
    scope: RowScope | null,
    form: PageForm = 'each',
    reader = this.#reader,
  ): Promise<Page> {
    const query = this.#queries.list(parametersOf(text), scope);
    return await execute(query, () => reader, ORIGIN, undefined, form);
  }
}

function textOf({ conditions, sort }: SampleList): string {
  const order = sort.length === 0 ? [] : [`sort=${sort.join(',')}`];
  return [...conditions.map(({ text }) => text), ...order].join('&');
}

function parametersOf(text: string): Parameter[] {
  const given = text.split('&').filter((each) => each !== '');
  return given.map((each) => {
    const [name = '', value = ''] = each.split('=');
    const parts = value.split(',').map(decodeURIComponent);
    return { name, value: decodeURIComponent(value), parts };
  });
}

async function idsOfAll(pageBehind: (cursor: string) => Promise<Page>, most: number) {
  const found: string[] = [];
  for (let cursor = ''; found.length <= most; ) {
    const page = await pageBehind(cursor);
    found.push(...idsOf(page));
    if (page.next === null) return found;
    cursor = `&cursor=${page.next}`;
  }
  throw new Error('the pages do not end');
}

function idsOf({ rows }: Page): string[] {
  return rows.map((json) => JSON.parse(json).id);
}

/** Seems to read files all the time, for which lists pause. */
function pausing(model: ModelReader): ModelReader {
  let reads = 0;
  return {
    ...watchedReader(model).reader,
    get fileReads() {
      return (reads += 10);
    },
  };
}
