// Callers of a throw-away node: one for each role that the model names.
import { randomBytes } from 'node:crypto';
import type { LithairModelSpec } from '@lithair/crds';
import { API_KEY_BYTES, apiKeyHash, apiKeyOf } from '../../auth/index.ts';
import { sampleUuid } from './sample-values.ts';

interface Caller {
  readonly subject: string;
  /** Null for nobody in particular. */
  readonly key: string | null;
  readonly roles: readonly string[];
}

/** Who has all roles at once. */
const EVERYTHING = 'everything';

export class Callers {
  /** Public and Authenticated first; empty where everybody may everything. */
  readonly roles: readonly string[];
  readonly #callers = new Map<string, Caller>();

  constructor(spec: LithairModelSpec) {
    const named = rolesIn(spec);
    const isOpen = spec.auth?.mode !== 'tokens';
    this.roles = isOpen ? [] : ['Public', 'Authenticated', ...named];
    if (isOpen) return;
    for (const [at, role] of [...this.roles, EVERYTHING].entries()) {
      if (role === 'Public') continue;
      const roles = role === EVERYTHING ? named : role === 'Authenticated' ? [] : [role];
      const key = apiKeyOf(randomBytes(API_KEY_BYTES));
      this.#callers.set(role, { subject: sampleUuid(0xfff000 + at), key, roles });
    }
  }

  keyOf(role: string): string | undefined {
    return this.#callers.get(role)?.key ?? undefined;
  }

  subjectOf(role: string): string {
    return this.#callers.get(role)?.subject ?? 'anonymous';
  }

  /** The subjects of those who have proved one. */
  get subjects(): readonly string[] {
    return [...this.#callers.values()].map(({ subject }) => subject);
  }

  /** The model with these callers in the place of its own. */
  admitted(spec: LithairModelSpec): LithairModelSpec {
    if (this.roles.length === 0) return spec;
    const keys = [...this.#callers.values()].map(({ subject, key, roles }) => ({
      name: subject,
      sha256: apiKeyHash(key ?? ''),
      roles: [...roles],
    }));
    return { ...spec, auth: { mode: 'tokens', apiKeys: { keys } } };
  }
}

function rolesIn({ models }: LithairModelSpec): string[] {
  const named = models.flatMap(({ permissions = {}, fields }) => {
    const { create = [], read = [], update = [], delete: deleted = [] } = permissions;
    const { history = [], rows = [] } = permissions;
    const ofFields = fields.flatMap((field) => Object.values(field.permissions ?? {}).flat());
    const ofMoves = fields.flatMap(({ states }) => states?.transitions ?? []);
    const ofStates = ofMoves.flatMap(({ roles = [] }) => roles);
    const ofRows = rows.flatMap(({ roles }) => roles);
    return [create, read, update, deleted, history, ofFields, ofStates, ofRows].flat();
  });
  const builtIn = ['Public', 'Authenticated', 'Owner'];
  return [...new Set(named)].filter((role) => !builtIn.includes(role)).toSorted(byText);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}
