import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ServedApi } from './served-api.ts';

/**
 * What the rows of the leak test may have besides plain values: a state, an end, a value that no
 * other row gets again, and indexes of some of them. Each of it may be for some roles alone.
 */
export interface Lives {
  readonly states: (Closable & { readonly isWritten: boolean }) | null;
  /** Rows expire by a datetime; else deleted rows are kept. */
  readonly ends: Closable | null;
  readonly codes: Closable | null;
  /** The field that a partial index asks for a value; null: there is none. */
  readonly partial: 'a' | 'b' | 'c' | null;
  /** Whether the index is of that field, too. */
  readonly isOfIt: boolean;
}

interface Closable {
  /** Who may read it besides the administrator; null: who may read the row. */
  readonly read: readonly string[] | null;
}

const read = fc.option(fc.subarray(['Clerk', 'Authenticated']), { nil: null });
const closable = fc.option(fc.record({ read }), { nil: null });

export const lives: fc.Arbitrary<Lives> = fc.record({
  states: fc.option(fc.record({ read, isWritten: fc.boolean() }), { nil: null }),
  ends: closable,
  codes: closable,
  partial: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: null }),
  isOfIt: fc.boolean(),
});

const ADMIN = 'Admin';

/** @param isWritten also by those who may not read it */
function permissionsOf({ read: readers }: Closable, isWritten = false) {
  if (readers === null) return {};
  const roles = [...readers, ADMIN];
  // Nobody writes what they may not read: a write of what is there already tells. Of states, none does.
  return { permissions: { read: roles, ...(!isWritten && { write: roles }) } };
}

/** Fields of the model, and what is said of them. */
export function livingFields({ states, ends, codes }: Lives): object[] {
  return [
    ...(states === null ? [] : [{ ...PHASE, ...permissionsOf(states, states.isWritten) }]),
    ...(ends === null ? [] : [{ name: 'until', type: 'datetime', ...permissionsOf(ends) }]),
    ...(codes === null
      ? []
      : [{ name: 'code', type: 'string', index: 'hash', ...permissionsOf(codes) }]),
  ];
}

const PHASE = {
  name: 'phase',
  type: 'enum',
  values: ['p0', 'p1', 'p2'],
  index: 'hash',
  states: {
    initial: 'p0',
    transitions: [
      { from: ['p0'], to: 'p1', event: 'Begun', when: 'self.rev > 0' },
      { from: ['p0', 'p1'], to: 'p2', event: 'Ended', roles: [ADMIN, 'Clerk'] },
    ],
  },
};

/** @param wanted an expression of the value that rows of the partial index have */
export function livingModel({ ends, codes, partial, isOfIt }: Lives, wanted: string) {
  const indexes = [
    ...(codes === null ? [] : [{ fields: ['code'], unique: 'forever' }]),
    ...(partial === null
      ? []
      : [
          { fields: isOfIt ? [partial, 'rev'] : ['rev'], where: `self.${partial} == ${wanted}` },
          { fields: isOfIt ? ['rev', partial] : [partial], where: 'self.status == "live"' },
        ]),
  ];
  return {
    lifecycle: ends === null ? { softDelete: true } : { ttl: { field: 'until' } },
    ...(indexes.length > 0 && { indexes }),
  };
}

/** Whose values a row has in one of the worlds. */
interface Whose {
  readonly isOther: boolean;
  /** Whether the caller may not read the row at all. */
  readonly isHidden: boolean;
  readonly roles: readonly string[];
}

/** What is written to a row last; a code that it had before is given up. */
export function livingValues(
  { states, ends, codes }: Lives,
  at: number,
  values: readonly [number, number],
  whose: Whose,
) {
  const [own, other] = values;
  const isOf = (closed: Closable): boolean =>
    whose.isOther && (whose.isHidden || !reads(closed, whose));
  return {
    ...(states && { phase: `p${(isOf(states) ? other : own) % 3}` }),
    ...(ends && { until: `299${isOf(ends) ? other + 1 : 0}-01-01T00:00:00Z` }),
    ...(codes && { code: isOf(codes) ? `o${at}-${other}` : `c${at}` }),
  };
}

/**
 * The last write of a row that nobody misses: in the other world its time is over with it. Null where
 * rows do not end.
 */
export function lastBreath({ ends }: Lives, isOver: boolean) {
  if (ends === null) return null;
  return { rev: 4, until: isOver ? '2000-01-01T00:00:00Z' : '2990-01-01T00:00:00Z' };
}

/** A code that the row has at first, and gives up. */
export function firstCode({ codes }: Lives, at: number, other: number, whose: Whose) {
  if (codes === null) return {};
  const isOf = whose.isOther && (whose.isHidden || !reads(codes, whose));
  return { code: isOf ? `p${at}-${other}` : `b${at}` };
}

function reads({ read: readers }: Closable, { roles }: Whose): boolean {
  return readers === null || readers.some((role) => roles.includes(role));
}

/** A value that rows have, as expressions write it. */
export function expressedValue(field: { readonly type: string } | undefined): string {
  if (field?.type === 'decimal') return 'decimal("1.5")';
  return field?.type === 'integer' ? '1' : '"v1"';
}

/** Rows that went by themselves took places in the log, as other writes do: there are as many of these. */
export async function level(
  one: ServedApi,
  other: ServedApi,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const make = async (api: ServedApi, name: string, count: number): Promise<void> => {
    const body = Array.from({ length: count }, (_, at) => ({ id: `${name}.${at}`, rev: 1 }));
    const made = await api.send('POST', '/api/fillers/_bulk', { body, headers });
    assert.equal(made.status, 201, made.text);
  };
  for (const api of [one, other]) await make(api, 'first', 1);
  const [here, there] = [one.engine.current, other.engine.current];
  const entries = there.appliedIndex - here.appliedIndex;
  const rest = there.eventSequence - here.eventSequence - (entries - 1);
  for (let at = 0; at < entries; at++) await make(one, `${at}`, at === 0 ? rest : 1);
  assert.equal(here.appliedIndex, there.appliedIndex);
  assert.equal(here.eventSequence, there.eventSequence);
}
