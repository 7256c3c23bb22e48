import { targetsOf } from './evidence.ts';
import { keyName } from './key-model.ts';
import { idOf, stampOf } from './row.ts';
import { indexOfToken } from './token.ts';
import type { Call, History, Operation, Result, Row, Try, Violation } from './types.ts';

/** Violations and operations that a picture shows at most, and those around the one at fault. */
const MAX_VIOLATIONS = 20;
const MAX_OPERATIONS = 60;

/**
 * A failed history for a person: every violation, and for the first that is about an aggregate
 * the timeline of that aggregate, one line for each operation, its tries below it where there
 * were several. Operations that the violation names are marked with `>`.
 */
export function pictureOf(history: History, violations: readonly Violation[]): string {
  const shown = violations.slice(0, MAX_VIOLATIONS).map(({ check, message, operations }) => {
    const named = operations.map((operation) => `    ${describe(operation)}`);
    return [`${check}: ${message}`, ...named].join('\n');
  });
  const more = violations.length - shown.length;
  const rest = more > 0 ? [`and ${more} more`] : [];
  const first = violations.find(({ key }) => key !== null);
  const timeline = first === undefined ? [] : ['', ...timelineOf(history, first)];
  return [...shown, ...rest, ...timeline].join('\n');
}

function timelineOf(history: History, { key, operations }: Violation): string[] {
  if (key === null) return [];
  const name = keyName(key.model, key.id);
  const all = history.operations.filter((operation) => concerns(operation, name));
  const last = Math.max(...operations.map((operation) => operation.invoked.order), 0);
  const at = all.findIndex(({ invoked }) => invoked.order >= last);
  const end = at === -1 ? all.length : Math.min(all.length, at + MAX_OPERATIONS / 3);
  const from = Math.max(0, end - MAX_OPERATIONS);
  const lines = all.slice(from, end).flatMap((operation) => {
    const mark = operations.some(({ invoked }) => invoked === operation.invoked) ? '>' : ' ';
    const tries = operation.tries.length > 1 ? operation.tries.map(describeTry) : [];
    return [`${mark} ${describe(operation)}`, ...tries.map((line) => `      ${line}`)];
  });
  const held = history.finalStates.map(({ node, models }) => {
    const there = models.get(key.model)?.get(key.id);
    const what = there === undefined ? 'absent' : `v${there.version} ${shortRow(there.row)}`;
    return `  at the end, node ${node} holds ${what}`;
  });
  return [`${name}, operations ${from + 1} to ${end} of ${all.length}:`, ...lines, ...held];
}

function concerns(operation: Operation, name: string): boolean {
  const { call, result } = operation;
  if (call.kind === 'read') return keyName(call.model, call.id) === name;
  if (targetsOf(operation).includes(name)) return true;
  const rows = result.kind === 'ok' && call.kind !== 'list' ? result.rows : [];
  return rows.some((row) => keyName(call.model, idOf(row)) === name);
}

/** `120..135 ms  c3 put k1 {…} if v4  -> ok v5 @77 {…} (node 2)`. */
function describe(operation: Operation): string {
  const { invoked, completed, client, session, idempotencyKey, call, result, tries } = operation;
  const end = completed === null ? '…' : `${completed.ms}`;
  const who = `c${client}${session === null ? '' : ' in session'}`;
  const key = idempotencyKey === null ? '' : ` key ${idempotencyKey}`;
  const where = tries.length === 1 ? ` (node ${tries[0]?.node})` : ` (${tries.length} tries)`;
  const span = `${invoked.ms}..${end} ms`.padEnd(16);
  return `${span} ${who} ${describeCall(call)}${key} -> ${describeResult(result)}${where}`;
}

function describeTry({ node, sent, answered, result }: Try): string {
  const end = answered === null ? '…' : `${answered.ms}`;
  return `${sent.ms}..${end} ms node ${node} -> ${describeResult(result)}`;
}

function describeCall(call: Call): string {
  switch (call.kind) {
    case 'create':
      return `create ${call.model} ${call.id ?? '(new id)'} ${shortRow(call.body)}`;
    case 'bulk':
      return `bulk ${call.model} ${call.bodies.map(shortRow).join(', ')}`;
    case 'put':
    case 'patch':
      return `${call.kind} ${call.model} ${call.id} ${shortRow(call.body)}${conditionOf(call)}`;
    case 'delete':
      return `delete ${call.model} ${call.id}${conditionOf(call)}`;
    case 'read':
      return `${call.consistency} read ${call.model} ${call.id}${sinceOf(call.minToken)}`;
    case 'list': {
      const { filter } = call;
      const which = filter === null ? '' : ` ${filter.field}=${filter.value}`;
      return `${call.consistency} list ${call.model}${which}${sinceOf(call.minToken)}`;
    }
  }
}

function conditionOf(call: Extract<Call, { kind: 'put' | 'patch' | 'delete' }>): string {
  const absent = call.kind === 'put' && call.onlyIfAbsent ? ' if absent' : '';
  return `${absent}${call.ifMatch === null ? '' : ` if v${call.ifMatch}`}`;
}

function sinceOf(token: string | null): string {
  const index = indexOfToken(token);
  return index === null ? '' : ` since @${index}`;
}

function describeResult(result: Result): string {
  if (result.kind === 'failed') return result.code;
  if (result.kind === 'unknown') return `unknown (${result.reason})`;
  const index = indexOfToken(result.token);
  const parts = [
    'ok',
    ...(result.version === null ? [] : [`v${result.version}`]),
    ...(index === null ? [] : [`@${index}`]),
    ...(result.replayed ? ['replayed'] : []),
    result.rows.length === 0 ? 'no row' : result.rows.map(shortRow).join(', '),
  ];
  return parts.join(' ');
}

/** The stamp says which write it was; the other fields follow for those that look closely. */
function shortRow(row: Row): string {
  const others = Object.entries(row)
    .filter(([name, value]) => name !== 'stamp' && name !== 'id' && value !== null)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `{${[idOf(row), stampOf(row), ...others].filter((part) => part !== '').join(' ')}}`;
}
