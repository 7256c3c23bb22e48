import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VersionRecord } from '../ports/index.ts';
import { type ChainEnd, linkBehind } from './evidence.ts';
import { ChainCheck } from './index.ts';

const MINUTE_MS = 60_000;

/** A chain of versions of one row, one each minute from 0 on. */
function chainOf(length: number): { versions: VersionRecord[]; end: ChainEnd } {
  let end: ChainEnd = { model: 'Product', position: 0, link: '' };
  const versions = Array.from({ length }, (_, at) => {
    const content: Omit<VersionRecord, 'evidence'> = {
      id: 'lamp',
      version: at + 1,
      effect: at === 0 ? 'created' : 'updated',
      events: ['ProductUpdated'],
      sequence: at + 1,
      index: at + 10,
      timeMs: at * MINUTE_MS,
      actor: { subject: 'clerk', method: 'jwt' },
      json: JSON.stringify({ id: 'lamp', price: at }),
      before: at === 0 ? null : JSON.stringify({ id: 'lamp', price: at - 1 }),
      changed: null,
    };
    const evidence = linkBehind(end, content);
    end = { model: 'Product', position: evidence.position, link: evidence.link };
    return { ...content, evidence };
  });
  return { versions, end };
}

const ALL = { expiredToMs: -Infinity, mayBeginLater: false };

function broken(
  versions: readonly VersionRecord[],
  end: ChainEnd,
  bounds: typeof ALL = ALL,
): string | null {
  const check = new ChainCheck('Product');
  for (const version of versions) check.add(version);
  return check.breakUpTo(end, bounds);
}

test('a chain that is whole has no break, in whatever order its versions come', () => {
  const { versions, end } = chainOf(20);
  assert.equal(broken(versions, end), null);
  assert.equal(broken(versions.toReversed().concat(versions), end), null);
  assert.equal(broken([], { model: 'Product', position: 0, link: '' }), null);
});

const CHANGES: [string, Partial<VersionRecord>][] = [
  ['a value', { json: '{"id":"lamp","price":99}' }],
  ['an old value', { before: '{"id":"lamp","price":99}' }],
  ['who', { actor: { subject: 'nobody', method: 'jwt' } }],
  ['when', { timeMs: 1 }],
  ['what it is called', { events: ['ProductCreated'] }],
  ['which row', { id: 'desk' }],
];

for (const [what, change] of CHANGES) {
  test(`a change of ${what} is named`, () => {
    const { versions, end } = chainOf(5);
    const changed = versions.map((version) =>
      version.version === 3 ? { ...version, ...change } : version,
    );
    assert.match(broken(changed, end) ?? '', /^version 3 of Product (lamp|desk) is not what was/);
  });
}

test('a version that was taken out is named, at the begin, in the middle and at the end', () => {
  const { versions, end } = chainOf(5);
  for (const gone of [1, 3, 5]) {
    const left = versions.filter(({ version }) => version !== gone);
    assert.equal(broken(left, end), `event ${gone} in the chain of Product is missing`);
  }
});

test('a whole other chain does not end as the state knows', () => {
  const [one, two] = [chainOf(4), chainOf(4)];
  const end = { ...two.end, link: 'another' };
  assert.match(broken(one.versions, end) ?? '', /^event 4 .* is not the one that/);
});

test('what expired may be gone, and nothing younger', () => {
  const { versions, end } = chainOf(10);
  const bounds = { ...ALL, expiredToMs: 4 * MINUTE_MS };
  assert.equal(broken(versions.slice(5), end, bounds), null);
  assert.equal(broken([...versions.slice(0, 1), ...versions.slice(5)], end, bounds), null);
  const left = versions.filter(({ version }) => version !== 8);
  assert.equal(broken(left, end, bounds), 'event 8 in the chain of Product is missing');
});
