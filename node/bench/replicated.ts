import { join } from 'node:path';
import { buildEtcd, EtcdMembers, type EtcdPrograms, grpcLoad, whyNoEtcd } from './etcd/index.ts';
import { median, verdict } from './figures.ts';
import { latencies } from './latency.ts';
import { type LoadResult, load } from './load.ts';
import type { BenchPlan } from './main.ts';
import { LithairMembers } from './members.ts';
import { processorSeconds } from './processor-time.ts';
import { syncCosts } from './sync-cost.ts';

const LITHAIR_PORT = 18221;
const ETCD_PORT = 18231;
const SIZE = 3;
const CONNECTIONS = 64;
const LATENCY_ROUNDS = 5;
const LATENCY_REQUESTS = 200;

interface Etcd {
  readonly programs: EtcdPrograms;
  readonly members: EtcdMembers;
}

/** What one load measured: the rate, and the processor time of all members for each write. */
interface Load {
  readonly rate: number;
  readonly processorUs: number;
}

/** Each round of each kind of load. */
interface Rounds {
  readonly ours: Load[];
  readonly gateway: Load[];
  readonly grpc: Load[];
}

/**
 * Durable writes to three members on this machine, all processes on all processors, through the
 * leader: POST beside puts to etcd through its HTTP gateway (the same load) and through gRPC (a
 * load in Go); then what one client waits for, beside what the disk alone takes.
 */
export async function measureReplicated(plan: BenchPlan): Promise<string[]> {
  const missing = whyNoEtcd();
  const ours = await LithairMembers.start(join(plan.directory, 'ours'), LITHAIR_PORT, SIZE);
  let etcd: Etcd | null = null;
  try {
    if (missing === null) {
      const programs = buildEtcd(plan.directory);
      const directory = join(plan.directory, 'etcd-members');
      etcd = { programs, members: await EtcdMembers.start(programs, directory, ETCD_PORT, SIZE) };
    }
    const rounds = await throughput(ours, etcd, plan);
    return [
      ...(missing === null ? [] : [missing]),
      ...throughputLines(rounds),
      ...(await latencyLines(ours, etcd?.members ?? null, plan.directory)),
    ];
  } finally {
    await Promise.all([ours.stop(), etcd?.members.stop()]);
  }
}

async function throughput(
  members: LithairMembers,
  etcd: Etcd | null,
  plan: BenchPlan,
): Promise<Rounds> {
  const rounds: Rounds = { ours: [], gateway: [], grpc: [] };
  // The first round warms up all of them.
  for (let round = 0; round <= plan.rounds; round += 1) {
    const ours = await posted(members, plan);
    const gateway = etcd === null ? null : await posted(etcd.members, plan);
    const grpc = etcd === null ? null : await putOverGrpc(etcd, plan);
    if (round === 0) continue;
    rounds.ours.push(ours);
    if (gateway !== null) rounds.gateway.push(gateway);
    if (grpc !== null) rounds.grpc.push(grpc);
  }
  return rounds;
}

async function posted(system: LithairMembers | EtcdMembers, plan: BenchPlan): Promise<Load> {
  const request = system.write(await system.leader());
  return loaded(system, plan, () => load(request, CONNECTIONS, plan.seconds, null));
}

async function putOverGrpc({ programs, members }: Etcd, plan: BenchPlan): Promise<Load> {
  const endpoint = members.endpoint(await members.leader());
  return loaded(members, plan, () => grpcLoad(programs, endpoint, CONNECTIONS, plan.seconds));
}

async function loaded(
  system: LithairMembers | EtcdMembers,
  plan: BenchPlan,
  run: () => Promise<LoadResult>,
): Promise<Load> {
  const before = processorSeconds(system.pids);
  const { requestsPerSecond, failed } = await run();
  if (failed > 0) throw new Error(`${system.name}: ${failed} writes failed`);
  const seconds = processorSeconds(system.pids) - before;
  const writes = requestsPerSecond * plan.seconds;
  return { rate: requestsPerSecond, processorUs: (seconds / writes) * 1e6 };
}

function throughputLines({ ours, gateway, grpc }: Rounds): string[] {
  const name = `POST to three members, ${CONNECTIONS} connections`;
  const value = rateOf(ours);
  const used = `  processor time of all members for a write: ${usedBy(ours)}`;
  if (gateway.length === 0) return [verdict({ name, value, unit: '/s', target: null }), used];
  const [http, rpc] = [rateOf(gateway), rateOf(grpc)];
  return [
    verdict({
      name,
      value,
      unit: '/s',
      target: { least: http },
      baseline: { name: 'etcd, HTTP', value: http },
    }),
    verdict({
      name: 'the same, beside gRPC',
      value,
      unit: '/s',
      target: null,
      baseline: { name: 'etcd, gRPC', value: rpc },
    }),
    `${used}; etcd ${usedBy(gateway)} over HTTP, ${usedBy(grpc)} over gRPC`,
  ];
}

function rateOf(rounds: readonly Load[]): number {
  return median(rounds.map(({ rate }) => rate));
}

function usedBy(rounds: readonly Load[]): string {
  return `${median(rounds.map(({ processorUs }) => processorUs)).toFixed(0)} µs`;
}

/** Turns of each, so that all see the same disk. */
async function latencyLines(
  members: LithairMembers,
  etcd: EtcdMembers | null,
  directory: string,
): Promise<string[]> {
  const [ours, theirs, syncs]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < LATENCY_ROUNDS; round += 1) {
    syncs.push(...syncCosts(directory, LATENCY_REQUESTS));
    ours.push(...(await latencies(members.write(await members.leader()), 1, LATENCY_REQUESTS)));
    if (etcd === null) continue;
    theirs.push(...(await latencies(etcd.write(await etcd.leader()), 1, LATENCY_REQUESTS)));
  }
  const syncMs = median(syncs);
  const baseline = etcd === null ? {} : { baseline: { name: 'etcd, HTTP', value: median(theirs) } };
  return [
    verdict({
      name: 'write and fdatasync of 512 bytes, median',
      value: syncMs,
      unit: 'ms',
      target: null,
    }),
    verdict({
      name: 'POST at one connection, median',
      value: median(ours),
      unit: 'ms',
      target: { most: 2 * syncMs + 1 },
      ...baseline,
    }),
  ];
}
