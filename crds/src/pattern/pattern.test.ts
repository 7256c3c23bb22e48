import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compilePattern, refusePattern } from './index.ts';

const LINEAR = [
  '^[A-Z0-9-]+$',
  '^[a-z0-9]+(-[a-z0-9]+)*$',
  '^[A-Z]{3}$',
  '^\\d{4}-\\d{2}-\\d{2}$',
  '^(draft|live|retired)$',
  '^[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}$',
  '^(Jan|Feb|Mar) [0-9]{2} [0-9]{4}$',
  '[a-z]',
  '[A-Z]+',
  'foo|bar',
  '^\\+?[0-9]{7,15}$',
  '^[^@]+@[^@]+$',
  '^.{1,200}$',
  '^[a-z][a-z0-9-]{0,61}[a-z0-9]$',
  '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$',
  '^([0-9]{1,3}\\.){3}[0-9]{1,3}$',
  '^([0-9]{3}[- ]?){2}[0-9]{4}$',
  '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$',
  '^#([0-9a-f]{3}|[0-9a-f]{6})$',
  '^https?://[^ ]+$',
  '^\\p{L}*$',
  '^a\\$',
  '^[\\w.-]+$',
  '^[\\u0041-\\u{5A}\\x61]*$',
  '',
];

for (const pattern of LINEAR) {
  test(`${pattern} is safe on text of any length`, () => {
    assert.equal(refusePattern(pattern), undefined);
  });
}

const NEEDS_LENGTH: [string, number][] = [
  ['^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$', 1024],
  ['[a-z]+$', 1024],
  ['^\\d+\\d+$', 1024],
  ['^a*a*a*$', 256],
  ['.*a.*$', 256],
];

for (const [pattern, longest] of NEEDS_LENGTH) {
  test(`${pattern} is safe on at most ${longest} characters`, () => {
    assert.equal(refusePattern(pattern)?.code, 'unsafe_pattern');
    assert.match(refusePattern(pattern)?.message ?? '', new RegExp(`maxLength: ${longest} `));
    assert.equal(refusePattern(pattern, longest + 1)?.code, 'unsafe_pattern');
    assert.equal(refusePattern(pattern, longest), undefined);
  });
}

const NEVER = [
  '^(a+)+$',
  '^(a*)*$',
  '^(a|a)*$',
  '^(a|aa)+$',
  '^(a?b?)*$',
  '^([a-z]+-?)+$',
  '^(.*a){20}$',
  '(x+x+)+y',
  '^(a{0,3})*$',
  '^(a|a){30}$',
  `^${'(a|a)'.repeat(12)}$`,
  '^(a?){30}$',
  '^((a+)+b)?',
  '(?:(?:(?:(?:ab)?){1,3}){1,3}){1,3}$',
  '^(?=a)b$',
  '^(a)\\1$',
  '^(?<name>a)$',
  `^${'[a-z]{60}'.repeat(8)}$`,
];

for (const pattern of NEVER) {
  test(`${pattern.slice(0, 30)} is refused whatever the length`, () => {
    assert.equal(refusePattern(pattern, 10)?.code, 'unsafe_pattern');
  });
}

test('an expression that JavaScript refuses is named as such', () => {
  assert.deepEqual(refusePattern('[a-'), {
    code: 'invalid_pattern',
    message: 'is not a regular expression: Unterminated character class',
  });
  assert.equal(refusePattern('a\\-b')?.code, 'invalid_pattern');
});

test('a pattern is searched for and counts code points', () => {
  assert.ok(compilePattern('b').test('abc'));
  assert.ok(compilePattern('^.$').test('\u{1F600}'));
});
