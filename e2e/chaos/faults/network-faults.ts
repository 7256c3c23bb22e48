import { pause } from '../wait.ts';
import { type Fault, last, type Scene } from './fault.ts';

/** Ordered pairs of members. */
type Pairs = readonly (readonly [string, string])[];

/** Splits the members in two; no byte passes between the sides. */
export const partition: Fault = async (scene) => {
  const [side, others] = await sides(scene);
  await blocked(scene, [...pairs(side, others), ...pairs(others, side)]);
  return `${side.join(' ')} from ${others.join(' ')}`;
};

/** What one side sends does not arrive; the other way everything does. */
export const oneWay: Fault = async (scene) => {
  const [side, others] = await sides(scene);
  const outward = scene.random.chance(0.5);
  await blocked(scene, outward ? pairs(side, others) : pairs(others, side));
  return `${outward ? 'from' : 'to'} ${side.join(' ')}`;
};

/** Everything takes long between some members, the same each time or not. */
export const delay: Fault = async (scene) => {
  const { cluster, random } = scene;
  const names = cluster.members.map(({ name }) => name);
  const chosen = pairs(names, names).filter(() => random.chance(0.5));
  const ms = Math.round(random.logarithmic(5, 250));
  const endMs = performance.now() + random.between(1000, 6000);
  while (!scene.over.aborted && performance.now() < endMs) {
    for (const [from, to] of chosen) {
      cluster.mesh.delay(from, to, Math.round(ms * (0.5 + random.fraction())));
    }
    await pause(100);
  }
  for (const [from, to] of chosen) cluster.mesh.delay(from, to, 0);
  return `about ${ms} ms on ${chosen.length} ways`;
};

/**
 * Packets are lost between some members: what they held, and all behind it, arrives once it was
 * sent again.
 */
export const packetLoss: Fault = async (scene) => {
  const { cluster, random } = scene;
  const names = cluster.members.map(({ name }) => name);
  const chosen = pairs(names, names).filter(() => random.chance(0.5));
  const share = random.logarithmic(0.005, 0.15);
  for (const [from, to] of chosen) cluster.mesh.lose(from, to, share);
  try {
    await last(scene, random.between(1000, 6000));
  } finally {
    for (const [from, to] of chosen) cluster.mesh.lose(from, to, 0);
  }
  return `${(share * 100).toFixed(1)} % on ${chosen.length} ways`;
};

/** Connections between members are reset, again and again. */
export const loss: Fault = async (scene) => {
  const { cluster, random } = scene;
  const share = random.logarithmic(0.03, 0.3);
  const endMs = performance.now() + random.between(500, 4000);
  let count = 0;
  while (!scene.over.aborted && performance.now() < endMs) {
    count += cluster.mesh.reset(() => random.chance(share));
    await pause(100);
  }
  return `${count} connections`;
};

/**
 * A minority of the voters and the rest. Where a member does not work anyway, the minority is mostly there, so
 * that a majority goes on; else it has the leader in it half of the time.
 */
async function sides({ cluster, random }: Scene): Promise<[string[], string[]]> {
  const away = cluster.voters.filter(({ impaired }) => impaired).map(({ name }) => name);
  const names = random.shuffled(cluster.voters.map(({ name }) => name));
  const size = random.between(1, Math.floor((names.length - 1) / 2));
  const first = random.chance(0.8) ? away : [];
  if (first.length === 0 && random.chance(0.5)) {
    const leader = await cluster.leader();
    if (leader !== null) first.push(leader.name);
  }
  names.sort((a, b) => Number(first.includes(b)) - Number(first.includes(a)));
  const [few, many] = [names.slice(0, size), names.slice(size)];
  // Learners are on either side.
  for (const { name, role } of cluster.members) {
    if (role === 'learner') (random.chance(0.5) ? few : many).push(name);
  }
  return [few, many];
}

function pairs(from: readonly string[], to: readonly string[]): Pairs {
  return from.flatMap((a) => to.filter((b) => a !== b).map((b) => [a, b] as const));
}

async function blocked(scene: Scene, ways: Pairs): Promise<void> {
  const { mesh } = scene.cluster;
  for (const [from, to] of ways) mesh.block(from, to);
  try {
    await last(scene, scene.random.logarithmic(300, 6000));
  } finally {
    for (const [from, to] of ways) mesh.heal(from, to);
  }
}
