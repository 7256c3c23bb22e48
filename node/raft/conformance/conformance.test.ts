import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DEFAULT_JITTER, parseJitter } from './jitter.ts';
import { listFiles, OWN_SCRIPTS, runFile } from './runner.ts';
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

  it('fails a directive that it does not know, whatever is expected of it', () => {
    const failure = runText('raft-state\n----\nok\n\nunheard-of 1\n----\nunknown command\n');
    assert.match(failure ?? '', /^line 5: unheard-of\n.*unknown directive "unheard-of"/);
  });

  it('fails an option or a key that it does not know', () => {
    assert.match(runText('add-nodes 1 pre-vote=true\n----\n') ?? '', /unknown option "pre-vote"/);
    assert.match(runText('stabilize drop=1\n----\nok\n') ?? '', /unknown key "drop"/);
  });
});

describe('the scripts of this package', () => {
  for (const path of listFiles([OWN_SCRIPTS])) {
    it(`are repeated byte for byte: ${basename(path)}`, () => {
      const { failure } = runFile(path, jitter);
      assert.equal(failure, null, failure ?? '');
    });
  }
});

function lastLine(text: string): string | undefined {
  return text.trimEnd().split('\n').at(-1);
}

describe('the command line', () => {
  const main = fileURLToPath(new URL('main.ts', import.meta.url));
  const run = (...words: string[]) =>
    spawnSync(process.execPath, [main, ...words], { encoding: 'utf8' });

  it('runs every file under the given directories, and counts them in its last line', () => {
    const { status, stdout } = run(OWN_SCRIPTS);
    assert.equal(lastLine(stdout), `${listFiles([OWN_SCRIPTS]).length} passed, 0 failed`);
    assert.equal(status, 0);
  });

  it('names file and line of what fails, and goes on', () => {
    inDirectory((directory) => {
      mkdirSync(join(directory, 'below'));
      writeFileSync(join(directory, 'a.txt'), '# why\n\nunheard-of\n----\nok\n');
      writeFileSync(join(directory, 'below', 'b.txt'), 'raft-state\n----\nok\n');
      const { status, stdout } = run(directory);
      assert.match(stdout, /FAILED .*a\.txt\nline 3: unheard-of\n/);
      assert.equal(lastLine(stdout), '1 passed, 1 failed');
      assert.equal(status, 1);
    });
  });

  it('takes paths from where npm was called, and from its own folder', () => {
    const cwd = fileURLToPath(new URL('..', import.meta.url));
    const options = {
      encoding: 'utf8',
      cwd,
      env: { ...process.env, INIT_CWD: dirname(main) },
    } as const;
    for (const path of ['testdata/figure_8.txt', 'conformance/testdata/figure_8.txt']) {
      assert.equal(spawnSync(process.execPath, [main, path], options).status, 0, path);
    }
  });

  it('takes the election jitter as an expression', () => {
    const script = join(OWN_SCRIPTS, 'election_timeouts.txt');
    assert.equal(run('--election-jitter', 'id*7+term*13', script).status, 0);
    assert.equal(run('--election-jitter', 'id+1', script).status, 1);
    const wrong = run('--election-jitter', 'id*', script);
    assert.deepEqual([wrong.status, wrong.stdout], [2, '']);
    assert.match(wrong.stderr, /jitter expression/);
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
  return inDirectory((directory) => {
    const path = join(directory, 'script.txt');
    writeFileSync(path, text);
    return runFile(path, jitter).failure;
  });
}

function inDirectory<T>(work: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'conformance-'));
  try {
    return work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
