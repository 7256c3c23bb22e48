import { execute } from './shell.ts';

/** JSON as kubectl prints it. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** An object to apply; JSON is YAML. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly [more: string]: unknown };
  readonly [part: string]: unknown;
}

/** Runs kubectl against the test cluster and returns what it printed. */
export function kubectl(args: readonly string[], input = '', timeoutMs = 120_000): string {
  return execute('kubectl', args, { input, timeoutMs }).stdout;
}

/** Applies objects in a namespace. */
export function apply(namespace: string, ...objects: readonly Manifest[]): void {
  const items =
    objects.length === 1 ? objects[0] : { apiVersion: 'v1', kind: 'List', items: objects };
  kubectl(['apply', '-n', namespace, '-f', '-'], JSON.stringify(items));
}

/** One object; null where there is none. */
export function get(namespace: string, kind: string, name: string): Json | null {
  const args = ['get', kind, name, '-n', namespace, '-o', 'json', '--ignore-not-found'];
  const output = kubectl(args);
  return output.trim() === '' ? null : parse(output);
}

/** The objects of one or more kinds (`pods,services`), by label where one is given. */
export function list(namespace: string, kinds: string, selector?: string): Json[] {
  const args = ['get', kinds, '-n', namespace, '-o', 'json'];
  const answer = parse(kubectl(selector === undefined ? args : [...args, '-l', selector]));
  const items = at(answer, 'items');
  return Array.isArray(items) ? items : [];
}

/** Merges a patch into an object. */
export function patch(namespace: string, kind: string, name: string, change: unknown): void {
  const body = JSON.stringify(change);
  kubectl(['patch', kind, name, '-n', namespace, '--type', 'merge', '-p', body]);
}

/** Value at a path such as `status.nodes.0.ready`; null where there is none. */
export function at(value: Json, path: string): Json {
  return path.split('.').reduce<Json>((part, step) => {
    if (Array.isArray(part)) return part[Number(step)] ?? null;
    return typeof part === 'object' && part !== null ? (part[step] ?? null) : null;
  }, value);
}

/** Text at a path; empty where there is none. */
export function text(value: Json, path: string): string {
  const found = at(value, path);
  return found === null || typeof found === 'object' ? '' : String(found);
}

/** `status reason: message` of a condition of a LithairModel. */
export function conditionOf(model: Json, type: string): string {
  const conditions = at(model, 'status.conditions');
  const found = (Array.isArray(conditions) ? conditions : []).find(
    (condition) => text(condition, 'type') === type,
  );
  if (found === undefined) return 'absent';
  return `${text(found, 'status')} ${text(found, 'reason')}: ${text(found, 'message')}`;
}

/** `type reason: message` of the Events about a LithairModel, oldest first. */
export function events(namespace: string, name: string): string[] {
  return list(namespace, 'events')
    .filter((event) => text(event, 'involvedObject.kind') === 'LithairModel')
    .filter((event) => text(event, 'involvedObject.name') === name)
    .sort((a, b) => (text(a, 'lastTimestamp') < text(b, 'lastTimestamp') ? -1 : 1))
    .map((event) => `${text(event, 'type')} ${text(event, 'reason')}: ${text(event, 'message')}`);
}

function parse(output: string): Json {
  const value: Json = JSON.parse(output);
  return value;
}
