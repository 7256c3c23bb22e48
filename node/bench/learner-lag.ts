import { join } from 'node:path';
import { quantile, verdict } from './figures.ts';
import { SteadyWriter } from './gaps.ts';
import type { BenchPlan } from './main.ts';
import { LithairMembers } from './members.ts';
import { pause } from './replicated-system.ts';

const FIRST_PORT = 18271;
const VOTERS = 3;
const LEARNER = VOTERS;
const SAMPLES = 300;
const EVERY_MS = 10;
const AIM_MS = 100;

/**
 * How long after a write was acknowledged by the leader a learner serves it, while 200 other writes
 * a second go on: a read of that row on the learner that waits for the session token of the write.
 */
export async function measureLearnerLag(plan: BenchPlan): Promise<string[]> {
  const directory = join(plan.directory, 'learner');
  const members = await LithairMembers.start(directory, FIRST_PORT, VOTERS, { learners: 1 });
  const writer = new SteadyWriter(members);
  const samples: number[] = [];
  try {
    const leader = await members.leader();
    for (let n = 0; n < SAMPLES; n += 1) {
      samples.push(await lag(members, leader));
      await pause(EVERY_MS);
    }
  } finally {
    writer.stop();
    await members.stop();
  }
  const shares = [
    { word: 'median', share: 0.5, target: null },
    { word: 'worst', share: 1, target: { most: AIM_MS } },
  ];
  return shares.map(({ word, share, target }) =>
    verdict({
      name: `a learner's lag, ${word} of ${SAMPLES}`,
      value: quantile(samples, share),
      unit: 'ms',
      target,
    }),
  );
}

async function lag(members: LithairMembers, leader: number): Promise<number> {
  const { url, method, body = null } = members.write(leader);
  const headers = { 'content-type': 'application/json' };
  const written = await fetch(url, { method, headers, body });
  const startedMs = performance.now();
  const token = written.headers.get('lithair-index') ?? '';
  const path = written.headers.get('location') ?? '';
  await written.arrayBuffer();
  const read = await fetch(`${members.url(LEARNER)}${path}`, {
    headers: { 'lithair-consistency': 'sequential', 'lithair-min-index': token },
  });
  await read.arrayBuffer();
  if (!written.ok || !read.ok) throw new Error(`answered ${written.status} and ${read.status}`);
  return performance.now() - startedMs;
}
