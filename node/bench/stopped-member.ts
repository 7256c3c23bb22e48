import { join } from 'node:path';
import { median, verdict } from './figures.ts';
import { load } from './load.ts';
import type { BenchPlan } from './main.ts';
import { LithairMembers } from './members.ts';
import { rssMegabytes } from './processes.ts';
import { eventually } from './replicated-system.ts';

const FIRST_PORT = 18261;
const SIZE = 5;
const CONNECTIONS = 64;
const AIM = 0.9;

/** POST to five members, and with one of them stopped by SIGSTOP, in turn; memory of the leader. */
export async function measureStoppedMember(plan: BenchPlan): Promise<string[]> {
  const directory = join(plan.directory, 'five');
  const members = await LithairMembers.start(directory, FIRST_PORT, SIZE);
  const ratios: number[] = [];
  const rates: { readonly all: number[]; readonly four: number[] } = { all: [], four: [] };
  let rss = 0;
  try {
    await rate(members, plan);
    for (let round = 0; round < plan.rounds; round += 1) {
      const all = await rate(members, plan);
      const stopped = ((await members.leader()) + 1) % SIZE;
      members.signal(stopped, 'SIGSTOP');
      const four = await rate(members, plan).finally(() => members.signal(stopped, 'SIGCONT'));
      rss = Math.max(rss, rssMegabytes(members.pid(await members.leader())));
      await caughtUp(members, stopped);
      rates.all.push(all);
      rates.four.push(four);
      ratios.push(four / all);
    }
  } finally {
    await members.stop();
  }
  return [
    verdict({
      name: 'one of five stopped: ratio to all five',
      value: median(ratios),
      unit: 'ratio',
      target: { least: AIM },
    }),
    `  ${Math.round(median(rates.four))}/s and ${Math.round(median(rates.all))}/s; memory of the leader at most ${rss.toFixed(0)} MB`,
  ];
}

async function rate(members: LithairMembers, plan: BenchPlan): Promise<number> {
  const request = members.write(await members.leader());
  const { requestsPerSecond, failed } = await load(request, CONNECTIONS, plan.seconds, null);
  if (failed > 0) throw new Error(`${failed} requests failed`);
  return requestsPerSecond;
}

async function caughtUp(members: LithairMembers, at: number): Promise<void> {
  const leader = await members.leader();
  await eventually('the stopped member to catch up', async () => {
    const [here, there] = [await members.status(at), await members.status(leader)];
    return here !== null && there !== null && here.applied >= there.commit ? true : null;
  });
}
