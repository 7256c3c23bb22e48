import { join } from 'node:path';
import { buildEtcd, EtcdMembers, whyNoEtcd } from './etcd/index.ts';
import { median, quantile, verdict } from './figures.ts';
import { SteadyWriter } from './gaps.ts';
import type { BenchPlan } from './main.ts';
import { LithairMembers } from './members.ts';
import { pause, type ReplicatedSystem } from './replicated-system.ts';

const LITHAIR_PORT = 18201;
const ETCD_PORT = 18211;
const SIZE = 3;
const CALM_MS = 400;
/** Writes that have to be acknowledged before a change counts as over. */
const ENOUGH = 40;
const TRANSFERS_SHARE = 0.3;

/**
 * The time without an acknowledgement that a client sees while the leader is killed (SIGKILL), and
 * while leadership is handed over, with heartbeats of 50 ms and elections after 300 ms; beside
 * three members of etcd with the same timers, in turn.
 */
export async function measureFailover(plan: BenchPlan): Promise<string[]> {
  const systems: ReplicatedSystem[] = [];
  const missing = whyNoEtcd();
  try {
    systems.push(await LithairMembers.start(join(plan.directory, 'lithair'), LITHAIR_PORT, SIZE));
    if (missing === null) {
      const programs = buildEtcd(plan.directory);
      const directory = join(plan.directory, 'etcd');
      systems.push(await EtcdMembers.start(programs, directory, ETCD_PORT, SIZE));
    }
    const kills = await gaps(systems, plan.kills, killed);
    const transfers = await gaps(systems, Math.ceil(plan.kills * TRANSFERS_SHARE), handedOver);
    return [
      ...(missing === null ? [] : [missing]),
      ...lines(`gap, ${plan.kills} leaders killed`, kills, { median: 450, worst: 900 }),
      ...lines('gap, leadership handed over', transfers, { median: 100, worst: null }),
    ];
  } finally {
    await Promise.all(systems.map((system) => system.stop()));
  }
}

function lines(
  name: string,
  [ours = [], theirs]: readonly (readonly number[])[],
  most: { readonly median: number; readonly worst: number | null },
): string[] {
  const shares = [
    { word: 'median', share: 0.5, aim: most.median },
    { word: '90 of 100', share: 0.9, aim: null },
    { word: 'worst', share: 1, aim: most.worst },
  ];
  return shares.map(({ word, share, aim }) =>
    verdict({
      name: `${name}, ${word}`,
      value: quantile(ours, share),
      unit: 'ms',
      target: aim === null ? null : { most: aim },
      ...(theirs === undefined
        ? {}
        : { baseline: { name: 'etcd', value: quantile(theirs, share) } }),
    }),
  );
}

/** Harms each system in turn, so that a machine whose speed drifts treats them alike. */
async function gaps(
  systems: readonly ReplicatedSystem[],
  count: number,
  harm: (system: ReplicatedSystem) => Promise<number>,
): Promise<number[][]> {
  const found = systems.map((): number[] => []);
  for (let round = 1; round <= count; round += 1) {
    for (const [at, system] of systems.entries()) found[at]?.push(await harm(system));
    if (round % 10 === 0) console.log(`  … ${round} of ${count}: ${soFar(systems, found)}`);
  }
  return found;
}

function soFar(systems: readonly ReplicatedSystem[], found: readonly number[][]): string {
  const texts = systems.map(({ name }, at) => {
    const list = found[at] ?? [];
    return `${name} ${median(list).toFixed(0)} ms, worst ${Math.max(...list).toFixed(0)} ms`;
  });
  return texts.join('; ');
}

async function killed(system: ReplicatedSystem): Promise<number> {
  const leader = await system.leader();
  const gapMs = await gapWhile(system, () => system.kill(leader));
  await system.start(leader);
  await pause(CALM_MS);
  return gapMs;
}

async function handedOver(system: ReplicatedSystem): Promise<number> {
  const leader = await system.leader();
  const gapMs = await gapWhile(system, () => system.transfer(leader, (leader + 1) % system.size));
  await pause(CALM_MS);
  return gapMs;
}

async function gapWhile(system: ReplicatedSystem, harm: () => Promise<void>): Promise<number> {
  const writer = new SteadyWriter(system);
  try {
    await pause(CALM_MS);
    await harm();
    const before = writer.count;
    const givesUpMs = performance.now() + 30_000;
    while (writer.count < before + ENOUGH) {
      if (performance.now() > givesUpMs) throw new Error(`${system.name} takes no writes any more`);
      await pause(EVERY_MS);
    }
    return writer.longestGapMs;
  } finally {
    writer.stop();
  }
}

const EVERY_MS = 20;
