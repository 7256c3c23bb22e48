// Every example of docs/model.md is a model, or a part of one, that is accepted.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { validateResource, validateSpec } from './validate.ts';

const text = readFileSync(new URL('../../docs/model.md', import.meta.url), 'utf8');
const EXAMPLES = [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, yaml = '']) => yaml);

const ID = { name: 'id', type: 'uuid', primaryKey: true };
/** What parts of a model speak of that stands around them. */
const AROUND = [
  ID,
  { name: 'email', type: 'string' },
  { name: 'createdAt', type: 'datetime' },
  { name: 'priority', type: 'integer' },
  { name: 'accountNumber', type: 'string' },
  { name: 'total', type: 'integer' },
];
const TOKENS = {
  mode: 'tokens',
  apiKeys: { keys: [{ name: 'ann', sha256: '0'.repeat(64), roles: ['Admin'] }] },
};

type Part = Readonly<Record<string, unknown>>;

function isPart(value: unknown): value is Part {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function partsOf(value: unknown): Part[] {
  const parts: unknown[] = Array.isArray(value) ? value : [value];
  return parts.filter(isPart);
}

/** A whole spec of what an example shows. */
function specOf(yaml: string): Part {
  const value: unknown = parse(
    yaml.replaceAll('[...]', '[{name: id, type: uuid, primaryKey: true}]'),
  );
  const [first = {}] = partsOf(value);
  const hasRights = /permissions|roles|actor/.test(yaml);
  const base = { auth: hasRights ? TOKENS : { mode: 'open' }, ...(isPart(value) ? value : {}) };
  if (isPart(value) && Array.isArray(value['models'])) return withTargets(base, yaml);
  if (isPart(value) && value['indexes'] !== undefined) {
    const fields = [...AROUND, { name: 'status', type: 'string' }];
    return { auth: base.auth, models: [{ name: 'Part', fields, indexes: value['indexes'] }] };
  }
  if (isPart(value)) return { ...base, models: [{ name: 'Part', fields: [ID] }] };
  const models =
    first['fields'] === undefined ? [{ name: 'Part', fields: [...AROUND, first] }] : value;
  return withTargets({ ...base, models }, yaml);
}

/** Models that references of an example lead to, and that it does not show. */
function withTargets(spec: Part, yaml: string): Part {
  const models = partsOf(spec['models']);
  const names = new Set(models.map(({ name }) => name));
  const targets = new Set([...yaml.matchAll(/\bto: ([A-Z]\w*)/g)].map(([, name]) => name));
  const missing = [...targets].filter((name) => !names.has(name));
  return { ...spec, models: [...models, ...missing.map((name) => ({ name, fields: [ID] }))] };
}

function problemsOf(yaml: string): unknown {
  const whole: unknown = parse(yaml);
  const isWhole = isPart(whole) && whole['kind'] !== undefined;
  const checked = isWhole ? validateResource(whole) : validateSpec(specOf(yaml));
  return checked.ok ? [] : checked.problems;
}

describe('the examples of docs/model.md', () => {
  it('are found', () => assert.ok(EXAMPLES.length > 20));

  for (const [at, yaml] of EXAMPLES.entries()) {
    it(`are accepted: ${at + 1}, ${yaml.split('\n')[0]}`, () => {
      // A hash that is cut short so that it fits into a line.
      assert.deepEqual(problemsOf(yaml.replace('1ce4…66cf', 'a'.repeat(64))), []);
    });
  }
});
