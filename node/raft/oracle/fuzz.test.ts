import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseJitter } from '../conformance/jitter.ts';
import { findUpstream } from '../conformance/upstream.ts';
import { fuzz } from './fuzz.ts';
import { GoOracle, ORACLE_JITTER } from './go-oracle.ts';

const upstream = findUpstream();
const required = process.env['LITHAIR_REQUIRE_GO'] === '1';
const skip = upstream.found || required ? false : upstream.reason;

describe('random scripts', { skip }, () => {
  const selection = { seed: 1, first: 0, count: 30 };

  it('are answered as by the Go module', () => {
    const outcome = withOracle((oracle) => fuzz(oracle, parseJitter(ORACLE_JITTER), selection));
    assert.equal(outcome.finding, null);
    assert.ok(outcome.passed >= 20, `${outcome.passed} of 30 passed`);
  });

  it('show another election timeout in a smaller script', () => {
    const outcome = withOracle((oracle) => fuzz(oracle, parseJitter('id*5+term*3+1'), selection));
    assert.ok(outcome.failed.length > 0);
    assert.ok((outcome.finding?.smallest.length ?? 99) < 10);
  });
});

function withOracle<T>(work: (oracle: GoOracle) => T): T {
  assert.ok(upstream.found, 'the Go module is needed');
  const oracle = new GoOracle(upstream);
  try {
    return work(oracle);
  } finally {
    oracle.close();
  }
}
