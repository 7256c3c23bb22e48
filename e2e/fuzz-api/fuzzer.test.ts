import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fuzzer } from './fuzzer.ts';

test('an interrupted run ends the fuzzer and takes its directory away', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'lithair-fuzzer-test-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const program = join(directory, 'endless');
  writeFileSync(program, '#!/bin/sh\necho "fuzz-progress: $PWD" >&2\nexec sleep 60\n');
  chmodSync(program, 0o755);

  const stop = new AbortController();
  let scratch = '';
  const { code } = await new Fuzzer(program).run({
    url: 'http://127.0.0.1:1',
    apiKey: null,
    examples: 1,
    seed: 1,
    onProgress: (text) => {
      scratch = text;
      stop.abort();
    },
    signal: AbortSignal.any([stop.signal, AbortSignal.timeout(20_000)]),
  });
  assert.equal(code, -1);
  assert.match(scratch, /lithair-fuzzer-/);
  assert.throws(() => writeFileSync(join(scratch, 'there'), ''), /ENOENT/);
});
