import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { DEFAULT_JITTER, parseJitter } from './jitter.ts';
import { listFiles, runFile } from './runner.ts';
import { findUpstream, UPSTREAM_COUNTS } from './upstream.ts';

const jitter = parseJitter(DEFAULT_JITTER);
const upstream = findUpstream();
const goRequired = process.env['LITHAIR_REQUIRE_GO'] === '1';

describe('the recorded conversations of the upstream implementation', () => {
  if (!upstream.found) {
    it('are available', { skip: goRequired ? false : upstream.reason }, () => {
      assert.fail(upstream.reason);
    });
    return;
  }
  const files = listFiles(upstream.directories);

  for (const path of files) {
    it(`are repeated byte for byte: ${basename(path)}`, () => {
      const { failure } = runFile(path, jitter);
      assert.equal(failure, null, failure ?? '');
    });
  }

  it('are complete', () => {
    const kinds = files.map((path) => runFile(path, jitter).kind);
    for (const [kind, count] of Object.entries(UPSTREAM_COUNTS)) {
      assert.equal(kinds.filter((found) => found === kind).length, count, kind);
    }
  });
});

describe('the runner', () => {
  it('shows the first line that differs', () => {
    const failure = runText('committed cfg=(1) idx=(12)\n----\n     idx\n>     12    (id=1)\n13\n');
    assert.match(failure ?? '', /^- 13$/m);
    assert.match(failure ?? '', /^\+ 12$/m);
  });

  it('fails a file without directives', () => {
    assert.match(runText('# nothing\n') ?? '', /no directive/);
  });

  it('fails a file with a node that does not exist', () => {
    assert.match(runText('campaign 1\n----\nok\n') ?? '', /there is no node 1/);
  });

  it('answers a command that it does not know as the upstream runner does', () => {
    assert.equal(runText('unheard-of\n----\nunknown command\n'), null);
  });
});

describe('a jitter expression', () => {
  it('is taken modulo the election timeout', () => {
    assert.equal(parseJitter('id*7+term*13')(10, 3, 2), (3 * 7 + 2 * 13) % 10);
    assert.equal(parseJitter('(id + 1) * term - 100')(8, 2, 3), 5);
  });

  it('is refused when it is none', () => {
    for (const text of ['', 'id+', 'id(', 'x', '2id', '(term']) {
      assert.throws(() => parseJitter(text), /jitter expression|missing/);
    }
  });
});

function runText(text: string): string | null {
  const directory = mkdtempSync(join(tmpdir(), 'conformance-'));
  try {
    const path = join(directory, 'script.txt');
    writeFileSync(path, text);
    return runFile(path, jitter).failure;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
