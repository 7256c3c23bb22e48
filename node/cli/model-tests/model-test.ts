import type { JsonValue, ModelSchema } from '@lithair/crds';
import type { JsonObject } from '../../ports/index.ts';
import type { SampleRows } from './sample-rows.ts';
import type { Answer, ThrowAwayNode } from './throw-away-node.ts';

/** One rule of a model, and how it is tried. */
export interface ModelTest {
  readonly model: string;
  readonly name: string;
  /** @throws Unmet where the node does otherwise; NotDerived where nothing could be tried */
  run(): Promise<void>;
}

/** A test of one model. */
export function testOf({ name }: ModelSchema, what: string, run: () => Promise<void>): ModelTest {
  return { model: name, name: what, run };
}

/** The node did not do what the model says. */
export class Unmet extends Error {
  override readonly name = 'Unmet';
}

/** There was no row with which a rule could be tried. */
export class NotDerived extends Error {
  override readonly name = 'NotDerived';
}

/** What tests of one model are made with. */
export interface Bench {
  readonly node: ThrowAwayNode;
  readonly rows: SampleRows;
  readonly model: ModelSchema;
}

/** A test that cannot be derived, and why: it is counted as such, never as passed. */
export function underivable(model: ModelSchema, name: string, reason: string): ModelTest {
  return { model: model.name, name, run: () => Promise.reject(new NotDerived(reason)) };
}

/** @throws Unmet unless the answer has one of the statuses */
export function expectStatus(answer: Answer, ...statuses: readonly number[]): void {
  if (statuses.includes(answer.status)) return;
  throw new Unmet(`expected ${statuses.join(' or ')}, got ${told(answer)}`);
}

/** @throws Unmet unless the answer is this problem, about this place where one is given */
export function expectProblem(answer: Answer, status: number, code: string, pointer?: string) {
  const { errors } = answer.json;
  const places = Array.isArray(errors) ? errors.map((error) => memberOf(error, 'pointer')) : [];
  const isThere = pointer === undefined || places.includes(pointer);
  if (answer.status === status && answer.json['code'] === code && isThere) return;
  const at = pointer === undefined ? '' : ` at ${pointer}`;
  throw new Unmet(`expected ${status} ${code}${at}, got ${told(answer)}`);
}

/** @throws Unmet unless two values are the same JSON */
export function expectSame(what: string, actual: unknown, expected: unknown): void {
  const [is, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is !== wanted) throw new Unmet(`${what} is ${is}, not ${wanted}`);
}

export function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

const MOST_TOLD = 300;

export function told({ status, text }: Answer): string {
  return `${status} ${text.length > MOST_TOLD ? `${text.slice(0, MOST_TOLD)}…` : text}`.trim();
}

/** A value in the name of a test: short, on one line. */
export function shown(value: JsonValue | undefined): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 40 ? `${text.slice(0, 37)}… (${text.length})` : text;
}

export function without(body: JsonObject, name: string): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([field]) => field !== name));
}
