import fc from 'fast-check';
import type { Request } from './leak-requests.ts';

/** Fields of the rows whose types and rights are random. */
export const NAMES = ['a', 'b', 'c'] as const;

const ALL = ['id', 'owner', 'status', 'rev', 'd', 'e', 'phase', 'until', 'code', ...NAMES] as const;
export const name = fc.constantFrom(...ALL);
const condition = fc
  .tuple(name, fc.constantFrom('', '[ne]', '[gt]', '[lte]', '[in]', '[null]', '[contains]'))
  .chain(([field, operator]) =>
    fc
      .constantFrom(
        '0',
        '1',
        '2,3',
        'v1',
        'live',
        'bob',
        'ann',
        'false',
        'p1',
        'c1',
        'b1',
        '2990-01-01T00:00:00Z',
      )
      .map((value) => `${field}${operator}=${value}`),
  );
export const listing = fc
  .tuple(
    fc.array(condition, { maxLength: 2 }),
    fc.option(fc.tuple(name, fc.boolean()), { nil: null }),
    fc.option(fc.integer({ min: 1, max: 4 }), { nil: null }),
    fc.boolean(),
    fc.option(name, { nil: null }),
    fc.option(fc.tuple(condition, condition), { nil: null }),
  )
  .map(([filters, sort, limit, counts, shown, either]) =>
    [
      ...filters,
      ...(sort === null ? [] : [`sort=${sort[1] ? '-' : ''}${sort[0]}`]),
      ...(limit === null ? [] : [`limit=${limit}`]),
      ...(counts ? ['count=true'] : []),
      ...(shown === null ? [] : [`fields=${shown}`]),
      ...(either === null ? [] : [`or=${either.map((one) => one.replace(',', '')).join(',')}`]),
    ].join('&'),
  )
  .map((query): Request => ({ method: 'GET', path: `?${query}`, options: {} }));
