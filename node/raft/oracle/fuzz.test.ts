import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseJitter } from '../conformance/jitter.ts';
import { listFiles, OWN_SCRIPTS } from '../conformance/runner.ts';
import { findUpstream } from '../conformance/upstream.ts';
import { fuzz } from './fuzz.ts';
import { GoOracle, ORACLE_JITTER } from './go-oracle.ts';
import { TimeLimitError, withinTime } from './time-limit.ts';

const upstream = findUpstream();
const required = process.env['LITHAIR_REQUIRE_GO'] === '1';
const skip = upstream.found || required ? false : upstream.reason;

describe('random scripts', { skip }, () => {
  const selection = { seed: 1, first: 0, count: 30 };

  it('are answered as by the Go module', () => {
    const outcome = withOracle((oracle) => fuzz(oracle, parseJitter(ORACLE_JITTER), selection));
    assert.equal(outcome.finding, null);
    assert.equal(outcome.passed, 30);
    assert.ok(outcome.stopped.length < 10, `${outcome.stopped.length} of 30 end early`);
  });

  it('on which the Go module does not come to an end are named', () => {
    assert.throws(
      () => withOracle((oracle) => fuzz(oracle, parseJitter(ORACLE_JITTER), selection), 1),
      /script [0-9]+: the Go module did not end within/,
    );
  });

  it('show another election timeout in a smaller script', () => {
    const outcome = withOracle((oracle) => fuzz(oracle, parseJitter('id*5+term*3+1'), selection));
    assert.ok(outcome.failed.length > 0);
    assert.ok((outcome.finding?.smallest.length ?? 99) < 10);
  });
});

describe('the conformance scripts of this package', { skip }, () => {
  it('are answered as by the Go module', () => {
    const texts = listFiles([OWN_SCRIPTS]).map((path) => readFileSync(path, 'utf8'));
    assert.deepEqual(
      withOracle((oracle) => oracle.answerTexts(texts)),
      texts,
    );
  });
});

function endless(): void {
  for (;;);
}

function failing(): void {
  throw new RangeError('as it is');
}

describe('work that does not come to an end', () => {
  it('is stopped and named', () => {
    assert.throws(() => withinTime(50, endless), TimeLimitError);
    assert.equal(
      withinTime(50, () => 7),
      7,
    );
  });

  it('passes on what it throws', () => {
    assert.throws(() => withinTime(50, failing), RangeError);
  });
});

function withOracle<T>(work: (oracle: GoOracle) => T, runTimeoutMs?: number): T {
  assert.ok(upstream.found, 'the Go module is needed');
  const oracle = new GoOracle(upstream, runTimeoutMs);
  try {
    return work(oracle);
  } finally {
    oracle.close();
  }
}
