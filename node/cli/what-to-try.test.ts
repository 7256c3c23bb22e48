import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { LithairModelSpec } from '@lithair/crds';
import { readModel } from './model-file.ts';
import { Callers } from './model-tests/callers.ts';
import { spokenSpec } from './model-tests/opened-spec.ts';
import { ThrowAwayNode } from './model-tests/throw-away-node.ts';
import { whatToTry } from './what-to-try.ts';

const EXAMPLES = join(import.meta.dirname, '..', '..', 'docs', 'examples');
const URL = 'http://127.0.0.1:8080';

async function specOf(name: string): Promise<LithairModelSpec> {
  const read = await readModel(join(EXAMPLES, name));
  assert.ok(read.ok);
  return read.model.spec;
}

/** Path, whether a key goes with it, and body of the POST that is told. */
function postIn(text: string): { path: string; hasKey: boolean; body: Record<string, string> } {
  const [, path = '', more = '', json = ''] =
    /curl -X POST http:\/\/[^/]+(\S+)(.*)\\\n\s+-d '(.*)'/.exec(text) ?? [];
  return { path, hasKey: more.includes('X-API-Key'), body: JSON.parse(json) };
}

describe('what serve --try tells', () => {
  for (const name of readdirSync(EXAMPLES).filter((each) => each.endsWith('.yaml'))) {
    it(`creates a row of ${name}, with a key where one is needed`, async () => {
      const spec = await specOf(name);
      const told = postIn(whatToTry(spec, URL));
      const callers = new Callers(spec);
      const node = await ThrowAwayNode.start(callers.admitted(spokenSpec(spec)));
      try {
        const key = told.hasKey ? callers.keyOf('everything') : undefined;
        const answer = await node.send('POST', told.path, { body: told.body, key });
        assert.equal(answer.status, 201, answer.text);
      } finally {
        await node.close();
      }
    });
  }

  it('says how a key is made, with a role that may create', async () => {
    const text = whatToTry(await specOf('orders.yaml'), URL);
    assert.match(text, /KEY=\$\(lithair api-key me --role (Shop|Clerk)\)/);
  });

  it('leaves a model alone whose rows must refer to others', async () => {
    const spec = await specOf('shop.yaml');
    const models = spec.models.map((model) => ({
      ...model,
      fields: model.fields.map((field) => ({ ...field, required: true })),
    }));
    const text = whatToTry({ ...spec, models }, URL);
    assert.match(postIn(text).path, /brands/);
  });
});
