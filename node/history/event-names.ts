import type { ModelSchema } from '@lithair/crds';
import type { VersionRecord } from '../ports/index.ts';

type Effect = VersionRecord['effect'];

const WHEN = {
  created: 'create',
  updated: 'update',
  deleted: 'delete',
  overridden: 'override',
} as const;

/**
 * The declared events that a change is, in the order of the model; none where only its default
 * name fits.
 *
 * @param changed names of the fields that an update changed; asked where an event depends on it
 */
export function declaredEvents(
  model: ModelSchema,
  effect: Effect,
  changed: () => readonly string[],
): string[] {
  const fitting = (model.events ?? []).filter(({ when }) => when === WHEN[effect]);
  if (fitting.length === 0) return [];
  const names = fitting.some(({ fields }) => fields !== undefined) ? changed() : [];
  return fitting
    .filter(({ fields }) => fields === undefined || fields.some((field) => names.includes(field)))
    .map(({ type }) => type);
}

/** `ProductCreated`, `ProductUpdated`, `ProductDeleted`; `ProductOverridden` for a write that lost. */
export function defaultEvent(model: string, effect: Effect): string {
  return model + effect.charAt(0).toUpperCase() + effect.slice(1);
}

/**
 * `product:123:create`, with the version behind it unless it is the first; a named event stands
 * with its name.
 */
export function eventId(
  model: string,
  id: string,
  version: number,
  effect: Effect,
  name: string,
): string {
  const operation = name === defaultEvent(model, effect) ? WHEN[effect] : name;
  const suffix = version === 1 ? '' : `:${version}`;
  return `${model.toLowerCase()}:${id}:${operation}${suffix}`;
}
