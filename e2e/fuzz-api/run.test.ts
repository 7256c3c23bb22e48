import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzz } from './run.ts';
import { subjects } from './subjects.ts';

const OPTIONS = { examples: 1, seed: 1 };

test('an interrupted run is no finding, and leaves no node behind', async () => {
  const [subject] = subjects();
  assert.ok(subject);
  const stop = new AbortController();
  let url = '';
  const fuzzer = {
    run: (fuzzing: { url: string }) => {
      url = fuzzing.url;
      stop.abort();
      return Promise.resolve({ code: -1, output: '' });
    },
  };
  await assert.rejects(fuzz(fuzzer, subject, OPTIONS, stop.signal), { name: 'AbortError' });
  await assert.rejects(fetch(`${url}/readyz`));
});
