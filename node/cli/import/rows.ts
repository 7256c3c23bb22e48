import { createReadStream } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import { parse } from 'csv-parse';
import { CliError, EXIT, fileReason } from '../cli-error.ts';
import { rowsOfJsonArray } from './json-array.ts';
import { type Row, rowFromJson } from './row.ts';

/** The rows of a source, and whether its values are all text (CSV) and so need their types. */
export interface RowSource {
  readonly rows: AsyncIterable<Row>;
  readonly untyped: boolean;
}

/**
 * Opens a file by its extension: `.json` (an array), `.ndjson`/`.jsonl`, `.csv` (with a header).
 *
 * @throws CliError where the extension is another one or the file cannot be read
 */
export async function openRows(file: string): Promise<RowSource> {
  await access(file, constants.R_OK).catch((error: unknown) => {
    throw new CliError(`cannot read ${file}: ${fileReason(error)}`);
  });
  const extension = extname(file).toLowerCase();
  if (extension === '.json') return { rows: rowsOfJsonArray(textOf(file)), untyped: false };
  if (extension === '.ndjson' || extension === '.jsonl')
    return { rows: ndjson(file), untyped: false };
  if (extension === '.csv') return { rows: csv(file), untyped: true };
  const known = '.json, .ndjson, .jsonl or .csv';
  throw new CliError(`${file}: the format is told by the extension: ${known}`, EXIT.usage);
}

async function* textOf(file: string): AsyncGenerator<string> {
  for await (const chunk of createReadStream(file, { encoding: 'utf8' })) {
    if (typeof chunk === 'string') yield chunk;
  }
}

/** What some programs write before a text; files of the other formats may begin with it, too. */
const BYTE_ORDER_MARK = /^\uFEFF/;

async function* ndjson(file: string): AsyncGenerator<Row> {
  let line = 0;
  let number = 0;
  for await (const text of createInterface({
    input: createReadStream(file),
    crlfDelay: Infinity,
  })) {
    line += 1;
    // Spaces, as trim has them, include the mark.
    if (text.trim() === '') continue;
    number += 1;
    yield rowFromJson(line === 1 ? text.replace(BYTE_ORDER_MARK, '') : text, line, number);
  }
}

interface CsvRecord {
  readonly record: Record<string, string>;
  readonly info: { readonly lines: number; readonly error?: Error };
}

async function* csv(file: string): AsyncGenerator<Row> {
  const parser = parse({
    columns: true,
    info: true,
    bom: true,
    skip_empty_lines: true,
    // A record of another length is a rejected row; it does not end the import.
    relax_column_count: true,
  });
  createReadStream(file)
    .on('error', (error) => parser.destroy(error))
    .pipe(parser);
  let number = 0;
  let line = 2;
  try {
    for await (const item of parser) {
      number += 1;
      if (!isCsvRecord(item)) throw new CliError(`${file}: row ${number} is not a record`);
      yield csvRow(item, line, number);
      line = item.info.lines + 1;
    }
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function csvRow({ record, info }: CsvRecord, line: number, number: number): Row {
  if (info.error === undefined) return { line, number, values: record, problem: null };
  return { line, number, values: null, problem: 'has another number of columns than the header' };
}

function isCsvRecord(item: unknown): item is CsvRecord {
  return typeof item === 'object' && item !== null && 'record' in item && 'info' in item;
}
