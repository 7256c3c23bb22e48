import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { NodeFileSystem, openDataDirectory } from '../log/index.ts';
import { restoreState, stateHash } from '../state/index.ts';
import { silentLogger } from '../telemetry/index.ts';
import { systemClock, systemRandom } from '../world.ts';
import { stateOfProducts } from './products.ts';

const PRODUCTS = 100_000;

/** Longest time that the event loop did not turn while `work` was under way. */
async function longestPauseMs(work: () => Promise<unknown>): Promise<number> {
  let lastMs = performance.now();
  let longestMs = 0;
  let running = true;
  const turn = (): void => {
    const nowMs = performance.now();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
    if (running) setImmediate(turn);
  };
  setImmediate(turn);
  await work();
  running = false;
  return Math.max(longestMs, performance.now() - lastMs);
}

test(`a snapshot of ${PRODUCTS.toLocaleString('en-US')} products is written in slices and restores whole`, async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'lithair-snapshot-'));
  const world = { fs: new NodeFileSystem(), clock: systemClock, random: systemRandom };
  const directory = await openDataDirectory({ dir, ...world, logger: silentLogger });
  try {
    const state = stateOfProducts(PRODUCTS);
    await directory.writeIdentity({ diskUuid: 'd', name: 'n1', clusterId: 'c', memberId: 1 });
    const log = await directory.openLog();
    const confState = {
      voters: [1],
      learners: [],
      votersOutgoing: [],
      learnersNext: [],
      autoLeave: false,
    };
    await log.bootstrap({ index: 1, term: 1, confState }, [new Uint8Array(1)]);
    const at = { index: state.appliedIndex, term: 1, confState };
    const startedMs = performance.now();
    const pauseMs = await longestPauseMs(() => log.writeSnapshot(at, state.snapshot()));
    const tookMs = performance.now() - startedMs;
    t.diagnostic(`longest pause ${pauseMs.toFixed(1)} ms in a snapshot of ${tookMs.toFixed(0)} ms`);
    assert.ok(pauseMs < tookMs, 'the loop turned while the snapshot was written');
    const restored = await restoreState(log.readSnapshot() ?? []);
    assert.equal(stateHash(restored), stateHash(state));
  } finally {
    await directory.close();
    await rm(dir, { recursive: true, force: true });
  }
});
