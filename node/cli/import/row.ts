import { JsonRefusal, readJson } from '../../validation/index.ts';

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
    if (!isRecord(value)) return unreadable(line, number, 'the row is not an object');
    if (keysIn(text) !== keysOf(value)) return unreadable(line, number, refusalOf(text));
    return { line, number, values: value, problem: null };
  } catch {
    return unreadable(line, number, refusalOf(text));
  }
}

function unreadable(line: number, number: number, problem: string): Row {
  return { line, number, values: null, problem };
}

/** What the strict reader has to say of a text that is no JSON, or has a key twice. */
function refusalOf(text: string): string {
  try {
    readJson(text, MAX_DEPTH);
    return 'not valid JSON';
  } catch (error) {
    if (!(error instanceof JsonRefusal)) throw error;
    const place = error.pointer.slice(1);
    return place === '' ? error.message : `${place}: ${error.message}`;
  }
}

const MAX_DEPTH = 1000;

/** Every string of a JSON text; with a colon behind it, it is a key. */
const STRING = /"(?:[^"\\]|\\.)*"(\s*:)?/g;

/** The keys of a JSON text, repeated ones included: `JSON.parse` keeps the last one silently. */
function keysIn(text: string): number {
  let keys = 0;
  for (const [, colon] of text.matchAll(STRING)) if (colon !== undefined) keys += 1;
  return keys;
}

function keysOf(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + keysOf(item), 0);
  if (!isRecord(value) || isRaw(value)) return 0;
  return Object.values(value).reduce((sum: number, item) => sum + 1 + keysOf(item), 0);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface SourceContext {
  readonly source?: string;
}

interface RawJson {
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): boolean;
}

function isRaw(value: unknown): boolean {
  const json: unknown = JSON;
  return hasRawJson(json) && json.isRawJSON(value);
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
