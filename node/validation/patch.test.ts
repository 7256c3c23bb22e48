import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JsonInput } from './json-reader.ts';
import { applyPatch, PatchRefusal, requirePatch } from './patch.ts';

const DOCUMENT = '{"name":"a","tags":["x","y"],"size":{"w":1,"h":2},"a/b":1,"m~n":2,"none":null}';

function json(operations: JsonInput): JsonInput {
  return applyPatch(JSON.parse(DOCUMENT), operations, 'json');
}

/** The code and the pointer of the refusal. */
function refusalOf(operations: JsonInput): string {
  try {
    json(operations);
  } catch (error) {
    if (error instanceof PatchRefusal) return `${error.code} ${error.pointer}`;
    throw error;
  }
  return 'applied';
}

describe('JSON Patch (RFC 6902)', () => {
  for (const [what, operation, expected] of [
    ['adds a field', { op: 'add', path: '/new', value: 1 }, { new: 1 }],
    ['adds before an item', { op: 'add', path: '/tags/1', value: 'z' }, { tags: ['x', 'z', 'y'] }],
    [
      'adds behind the last item',
      { op: 'add', path: '/tags/-', value: 'z' },
      { tags: ['x', 'y', 'z'] },
    ],
    [
      'replaces within an object',
      { op: 'replace', path: '/size/w', value: 9 },
      { size: { w: 9, h: 2 } },
    ],
    ['replaces null, which is a value', { op: 'replace', path: '/none', value: 1 }, { none: 1 }],
    ['removes an item', { op: 'remove', path: '/tags/0' }, { tags: ['y'] }],
    ['removes a field to null', { op: 'remove', path: '/name' }, { name: null }],
    ['copies by value', { op: 'copy', from: '/size', path: '/new' }, { new: { w: 1, h: 2 } }],
    ['moves', { op: 'move', from: '/tags/0', path: '/tags/1' }, { tags: ['y', 'x'] }],
    ['moves to where it is', { op: 'move', from: '/name', path: '/name' }, {}],
    ['reads ~1 as a slash', { op: 'replace', path: '/a~1b', value: 3 }, { 'a/b': 3 }],
    ['reads ~0 as a tilde', { op: 'replace', path: '/m~0n', value: 3 }, { 'm~n': 3 }],
    [
      'tests by value, whatever the order of keys',
      { op: 'test', path: '/size', value: { h: 2, w: 1 } },
      {},
    ],
  ] as const) {
    it(what, () => {
      assert.deepEqual(json([operation as JsonInput]), { ...JSON.parse(DOCUMENT), ...expected });
    });
  }

  for (const [what, operation] of [
    ['a place that is not there', { op: 'replace', path: '/nothing', value: 1 }],
    ['a place below nothing', { op: 'add', path: '/nothing/a', value: 1 }],
    ['a place below a scalar', { op: 'add', path: '/name/a', value: 1 }],
    ['an index behind the end', { op: 'add', path: '/tags/3', value: 1 }],
    ['an index with a leading zero', { op: 'remove', path: '/tags/01' }],
    ['- where an item must be', { op: 'remove', path: '/tags/-' }],
    ['another value than tested', { op: 'test', path: '/name', value: 'b' }],
    ['a move into itself', { op: 'move', from: '/size', path: '/size/w' }],
    ['the removal of the whole', { op: 'remove', path: '' }],
    ['a key of the prototype', { op: 'test', path: '/constructor', value: 1 }],
  ] as const) {
    it(`refuses ${what}`, () =>
      assert.equal(refusalOf([operation as JsonInput]), 'patch_conflict /0'));
  }

  for (const [what, patch, pointer] of [
    ['an unknown operation', [{ op: 'merge', path: '' }], '/0/op'],
    ['an operation without a path', [{ op: 'remove' }], '/0/path'],
    ['a path that is no pointer', [{ op: 'remove', path: 'name' }], '/0/path'],
    ['a wrong escape in a path', [{ op: 'remove', path: '/a~2' }], '/0/path'],
    ['an operation without its value', [{ op: 'add', path: '/a' }], '/0/value'],
    ['a copy from nowhere', [{ op: 'copy', path: '/a' }], '/0/from'],
    ['what is no operation', [null], '/0'],
    ['what is no list', {}, ''],
    [
      'more than 1,000 operations',
      Array.from({ length: 1001 }, () => ({ op: 'remove', path: '/a' })),
      '',
    ],
  ] as const) {
    it(`refuses ${what} before anything is applied`, () => {
      assert.equal(refusalOf(patch as JsonInput), `invalid ${pointer}`);
      assert.throws(() => requirePatch(patch as JsonInput, 'json'), PatchRefusal);
    });
  }

  it('refuses to repeat a long text until memory is gone', () => {
    const long = { op: 'add', path: '/name', value: 'x'.repeat(100_000) };
    const copy = { op: 'copy', from: '/name', path: '/tags/-' };
    const copies = Array.from({ length: 20 }, () => copy);
    assert.equal(refusalOf([long, ...copies.slice(0, 10)]), 'applied');
    assert.equal(refusalOf([long, ...copies]), 'patch_conflict /11');
  });

  it('refuses copies that double until memory is gone', () => {
    const double = { op: 'copy', from: '/size', path: '/size/more' };
    const grow = { op: 'copy', from: '/size', path: '/size/again' };
    assert.equal(
      refusalOf(Array.from({ length: 60 }, (_, at) => (at % 2 === 0 ? double : grow))).split(
        ' ',
      )[0],
      'patch_conflict',
    );
  });
});

describe('JSON Merge Patch (RFC 7396)', () => {
  it('merges objects, replaces everything else, and leaves null for what it takes away', () => {
    const patch = { name: 'b', tags: [], size: { w: null }, none: { deep: { er: 1 } } };
    assert.deepEqual(applyPatch(JSON.parse(DOCUMENT), patch, 'merge'), {
      name: 'b',
      tags: [],
      size: { w: null, h: 2 },
      'a/b': 1,
      'm~n': 2,
      none: { deep: { er: 1 } },
    });
  });

  it('takes __proto__ for a name like any other', () => {
    const merged = applyPatch({ a: 1 }, JSON.parse('{"__proto__":{"polluted":1}}'), 'merge');
    assert.deepEqual(Object.keys(merged ?? {}), ['a', '__proto__']);
    assert.equal(Reflect.get({}, 'polluted'), undefined);
  });

  it('refuses what is no object', () => {
    assert.throws(() => requirePatch([], 'merge'), PatchRefusal);
  });
});
