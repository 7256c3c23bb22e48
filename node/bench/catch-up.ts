import { join } from 'node:path';
import { verdict } from './figures.ts';
import { load } from './load.ts';
import type { BenchPlan } from './main.ts';
import { LithairMembers } from './members.ts';
import { eventually } from './replicated-system.ts';

const SIZE = 3;
const CONNECTIONS = 64;
const AIM_PER_SECOND = 50_000;
/** So many times longer than other loads: a follower has to be far behind. */
const BEHIND = 5;

const WAYS = [
  { name: 'by the entries of the log', firstPort: 18241, snapshotEvery: 10_000_000 },
  { name: 'by a snapshot', firstPort: 18251, snapshotEvery: 20_000 },
] as const;

/**
 * How fast a follower that was killed comes back once it is started again and the others have gone
 * on: events per second from the first that it applies to the last that there is.
 */
export async function measureCatchUp(plan: BenchPlan): Promise<string[]> {
  const lines: string[] = [];
  for (const way of WAYS) lines.push(...(await caughtUp(plan, way)));
  return lines;
}

async function caughtUp(plan: BenchPlan, way: (typeof WAYS)[number]): Promise<string[]> {
  const { name, firstPort, snapshotEvery } = way;
  const directory = join(plan.directory, `catch-up-${firstPort}`);
  const members = await LithairMembers.start(directory, firstPort, SIZE, {
    store: { snapshotEvery },
  });
  try {
    const leader = await members.leader();
    const follower = (leader + 1) % SIZE;
    const from = (await members.status(follower))?.applied ?? 0;
    await members.kill(follower);
    await load(members.write(leader), CONNECTIONS, BEHIND * plan.seconds, null);
    const to = (await members.status(leader))?.commit ?? 0;
    const startedMs = performance.now();
    members.launch(follower);
    const beganMs = await reached(members, follower, from);
    const endedMs = await reached(members, follower, to - 1);
    const events = to - from;
    const seconds = (endedMs - beganMs) / 1000;
    return [
      verdict({
        name: `catching up ${name}`,
        value: events / seconds,
        unit: '/s',
        target: { least: AIM_PER_SECOND },
      }),
      `  ${events} events behind: ${seconds.toFixed(2)} s, and ${((beganMs - startedMs) / 1000).toFixed(2)} s from the start of the process to the first of them`,
    ];
  } finally {
    await members.stop();
  }
}

/** When a member had applied more than `index`, to 20 ms. */
async function reached(members: LithairMembers, at: number, index: number): Promise<number> {
  return eventually(`member ${at} to apply ${index}`, async () => {
    const status = await members.status(at);
    return status !== null && status.applied > index ? performance.now() : null;
  });
}
