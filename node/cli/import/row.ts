/** A value of a row before it is sent. Numbers that a double would change are kept as raw JSON. */
export type RowValue = unknown;

/** One row of the source: its values by column, or why it could not be read. */
export interface Row {
  /** Line in the file where it starts, from 1. */
  readonly line: number;
  /** Position among the rows, from 1. */
  readonly number: number;
  readonly values: Readonly<Record<string, RowValue>> | null;
  readonly problem: string | null;
}

/** Builds the row from the JSON text of one object; numbers keep the digits they were written with. */
export function rowFromJson(text: string, line: number, number: number): Row {
  try {
    const value: unknown = JSON.parse(text, exactNumber);
    if (isRecord(value)) return { line, number, values: value, problem: null };
    return { line, number, values: null, problem: 'the row is not an object' };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { line, number, values: null, problem: `not valid JSON: ${reason}` };
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface SourceContext {
  readonly source?: string;
}

interface RawJson {
  rawJSON(text: string): unknown;
}

/** https://github.com/tc39/proposal-json-parse-with-source, shipped in Node 24. */
function exactNumber(_key: string, value: unknown, context?: SourceContext): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value;
  if (String(value) === context.source) return value;
  const json: unknown = JSON;
  return hasRawJson(json) ? json.rawJSON(context.source) : value;
}

function hasRawJson(json: unknown): json is RawJson {
  return typeof json === 'object' && json !== null && 'rawJSON' in json;
}
