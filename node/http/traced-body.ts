import type { ModelSchema } from '@lithair/crds';
import type { Command } from '../ports/index.ts';

/** UTF-16 code units of a body that a trace holds. */
const MAX_LENGTH = 4096;

/**
 * The body of a write as a trace may hold it, in canonical form and cut to a bounded length: without
 * fields that are hidden or encrypted, or that only some may read, since nobody knows who reads traces.
 */
export function tracedBody(command: Command, model: ModelSchema): string {
  const open = new Set(model.fields.filter(isOpen).map(({ name }) => name));
  const shown = shownOf(command, open);
  if (shown === null) return '';
  const text = JSON.stringify(shown);
  return text.length <= MAX_LENGTH ? text : `${text.slice(0, MAX_LENGTH)}…`;
}

/** A computed field is as secret as what it is made of, and nobody sets it. */
function isOpen({
  hidden,
  permissions,
  computed,
  encrypted,
}: ModelSchema['fields'][number]): boolean {
  if (hidden === true || encrypted === true || computed !== undefined) return false;
  return permissions?.read === undefined || permissions.read.includes('Public');
}

function shownOf(command: Command, open: ReadonlySet<string>): unknown {
  switch (command.kind) {
    case 'create':
    case 'replace':
      return onlyOpen(command.body, open);
    case 'createMany':
      return command.bodies.slice(0, MAX_LENGTH).map((body) => onlyOpen(body, open));
    case 'patch':
      return shownPatch(JSON.parse(command.patch), open);
    case 'delete':
    case 'restore':
      return null;
  }
}

function shownPatch(patch: unknown, open: ReadonlySet<string>): unknown {
  if (!Array.isArray(patch)) return onlyOpen(patch, open);
  return patch.flatMap((step: unknown) => shownStep(step, open));
}

/** A step of a JSON Patch (RFC 6902): its pointers begin with the field. */
function shownStep(step: unknown, open: ReadonlySet<string>): unknown[] {
  if (!isRecord(step)) return [];
  const { op, path, from, value } = step;
  const isShown = [path, from].every((pointer) => pointer === undefined || names(pointer, open));
  if (!isShown) return [];
  return [{ op, path, from, value: path === '' ? onlyOpen(value, open) : value }];
}

function names(pointer: unknown, open: ReadonlySet<string>): boolean {
  if (typeof pointer !== 'string') return false;
  const [, field] = pointer.split('/');
  return field === undefined || open.has(field.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function onlyOpen(body: unknown, open: ReadonlySet<string>): unknown {
  if (!isRecord(body)) return {};
  return Object.fromEntries(Object.entries(body).filter(([name]) => open.has(name)));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
